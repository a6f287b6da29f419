"""Who hears of calls and of the ledger while the exporter runs, and passes it on to the exporter's own metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from exporter.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.bingx.paths import Endpoint
    from exporter.bingx.wire import Drift
    from exporter.metrics.own import OwnMetrics

_MOST_DRIFTS_TOLD: Final = 1000


class CallObserver(Struct):
    """Tells the exporter's own metrics of calls to the exchange."""

    own: OwnMetrics
    seen: set[tuple[Endpoint, str, str]] = field(default_factory=set)

    def called(self, endpoint: Endpoint, seconds: float, reason: str | None) -> None:
        """Count a call; failures are counted per account, where they are dealt with."""
        del reason
        self.own.called(endpoint, seconds)

    def drifted(self, endpoint: Endpoint, drift: Drift) -> None:
        """Count a drift, and tell of each kind once; the exchange fills this memory, so it has a bound."""
        self.own.drifted(endpoint, drift.kind)
        known = (endpoint, drift.kind, drift.path)
        if known not in self.seen and len(self.seen) < _MOST_DRIFTS_TOLD:
            self.seen.add(known)
            get_logger(__name__).warning(
                "The exchange changed an answer", endpoint=str(endpoint), kind=drift.kind, path=drift.path
            )


class LedgerObserver(Struct, frozen=True):
    """Passes on how the ledgers fare: a failure by its reason, and the share of an account's history that was read."""

    ledger_failed: Callable[[str], None]
    history_read: Callable[[str, float], None]
