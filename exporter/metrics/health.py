"""Health families: whether the numbers beside them can be had at all, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from exporter.metrics.family import Family, Kind, Labelled, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.model import CollectorName, PollStatus

    Statuses: TypeAlias = Mapping[CollectorName, PollStatus]


def _up(statuses: Statuses) -> Iterable[Labelled[bool]]:
    tried = [status.succeeded for status in statuses.values() if status.succeeded is not None]
    return (((), any(tried)),) if tried else ()


UP: Final[Subject[Statuses, bool]] = Subject(
    name="up",
    source="the polling",
    rows=_up,
    families=(
        Family(
            name="bingx_up",
            help="Whether the last call of any collector of the account succeeded (1 = yes, 0 = no).",
            value=int,
        ),
    ),
)


def _collectors(statuses: Statuses) -> Iterable[Labelled[PollStatus]]:
    return (((name,), status) for name, status in statuses.items())


COLLECTOR: Final[Subject[Statuses, PollStatus]] = Subject(
    name="collector",
    source="the polling",
    labels=("collector",),
    rows=_collectors,
    families=(
        Family(
            name="bingx_collector_success",
            help="Whether the last call of the collector succeeded (1 = yes, 0 = no); absent before the first.",
            value=lambda status: None if status.succeeded is None else int(status.succeeded),
        ),
        Family(
            name="bingx_collector_last_success_timestamp_seconds",
            help="When the request of the last successful call was sent, in seconds since 1970.",
            value=lambda status: None if status.last_success_at is None else status.last_success_at.timestamp(),
            unit="seconds",
        ),
        Family(
            name="bingx_collector_interval_seconds",
            help="Time between two polls of the collector, as it is in force.",
            value=lambda status: status.interval_seconds,
            unit="seconds",
        ),
        Family(
            name="bingx_collector_duration_seconds",
            help="How long the last call of the collector took, from sending to decoded.",
            value=lambda status: status.duration_seconds,
            unit="seconds",
        ),
        Family(
            name="bingx_collector_consecutive_failures",
            help="Failed calls since the last successful one.",
            value=lambda status: status.consecutive_failures,
        ),
    ),
)


def _failures(statuses: Statuses) -> Iterable[Labelled[int]]:
    return (((name, reason), count) for name, status in statuses.items() for reason, count in status.failures.items())


FAILURES: Final[Subject[Statuses, int]] = Subject(
    name="collector_failures",
    source="the polling",
    labels=("collector", "reason"),
    rows=_failures,
    families=(
        Family(
            name="bingx_collector_failures_total",
            help="Failed calls of the collector by reason; a reason appears with its first failure.",
            kind=Kind.COUNTER,
            value=lambda count: count,
        ),
    ),
)


def _whole(samples: int) -> Iterable[Labelled[int]]:
    return (((), samples),)


CUT: Final[Subject[int, int]] = Subject(
    name="cut",
    source="the page",
    rows=_whole,
    families=(
        Family(
            name="bingx_account_series_cut",
            help="Samples of the account that `--limit.series-per-account` keeps off the page, counted when its data "
            "last came; 0 when all are there.",
            value=lambda samples: samples,
        ),
    ),
)
