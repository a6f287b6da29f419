"""What `/sd` tells Prometheus' http_sd: one target group per account; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.web.place import Place


def target_groups(accounts: Iterable[str], *, target: str, place: Place, scheme: str | None) -> bytes:
    """Return the JSON of http_sd: each account is the probe of one `target`; `scheme` is told if it is known.

    Each gets an `instance` of its own: targets that differ in their parameters only would write the same `up`.
    """
    secure = {} if scheme is None else {"__scheme__": scheme}
    groups = [
        {
            "targets": [target],
            "labels": {
                "__metrics_path__": place.link("/probe"),
                "__param_account": account,
                "instance": f"{target}/{account}",
                **secure,
            },
        }
        for account in accounts
    ]
    return json.dumps(groups, ensure_ascii=False).encode()
