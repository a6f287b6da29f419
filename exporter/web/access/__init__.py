"""The web configuration file: TLS, passwords, headers and the rate limit of the port, in the format of Prometheus.

`Access` is all that the server needs. Nothing here knows a route or a metric, and nothing here listens.
"""

from __future__ import annotations

from exporter.web.access.access import Access
from exporter.web.access.problems import WebConfigError

__all__ = ["Access", "WebConfigError"]
