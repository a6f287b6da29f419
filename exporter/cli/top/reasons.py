"""Why the last call of a collector failed, as far as the page tells; pure.

The page says how often calls have failed by reason, not which reason was the last one. Between two pages it is the one
that grew; in a first page it is known only where there is a single one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.cli.top.view import Overview

    Collector = tuple[str, str]
    """Account and collector."""
    Counts = Mapping[tuple[str, str, str], int]
    """Failed calls by account, collector and reason."""


def last_reasons(counts: Counts, before: Overview | None) -> dict[Collector, tuple[str, ...]]:
    """Return for each collector that ever failed the reason of its last failure, or those that it may have been.

    `before` is what the last page showed.
    """
    known = {} if before is None else before.failed_calls
    grown: dict[Collector, list[str]] = {}
    possible: dict[Collector, list[str]] = {}
    for (account, collector, reason), count in counts.items():
        possible.setdefault((account, collector), []).append(reason)
        # Fewer than before: the exporter has been started again, and counts anew.
        if before is not None and count != known.get((account, collector, reason), 0):
            grown.setdefault((account, collector), []).append(reason)
    told = {} if before is None else _told(before)
    return {one: tuple(grown.get(one) or told.get(one) or reasons) for one, reasons in possible.items()}


def _told(before: Overview) -> dict[Collector, tuple[str, ...]]:
    return {
        (account.name, trouble.collector): trouble.reasons
        for account in before.accounts
        for trouble in account.troubles
        if trouble.reasons
    }
