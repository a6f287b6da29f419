"""Grafana's library, imported in one place: it warns on import that a newer schema exists, which few servers read yet.

Must hold nothing of our own.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import common as common_parts
    from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.variants import Dataquery
    from grafana_foundation_sdk.models import common
    from grafana_foundation_sdk.models import dashboard as model
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

__all__ = [
    "Builder",
    "Dataquery",
    "JSONEncoder",
    "PromQueryFormat",
    "QueryEditorMode",
    "common",
    "common_parts",
    "dashboard",
    "model",
    "prometheus",
    "stat",
    "table",
    "timeseries",
]
