"""`bingx-exporter income backfill`: the past of the income counters, for Prometheus to take in as blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.cli.income.asking import NoIncome, ask, refuse_empty
from exporter.cli.income.books import chosen
from exporter.cli.income.flags import resolve
from exporter.cli.income.openmetrics import Exposition
from exporter.cli.income.output import output
from exporter.cli.income.past import past_of, span_of
from exporter.cli.income.spool import Spool
from exporter.logs import get_logger
from exporter.model import from_milliseconds

if TYPE_CHECKING:
    from argparse import Namespace

    from exporter.cli.income.history import Span
    from exporter.clock import Clock
    from exporter.ledger import AccountBook, Ledger


def command(flags: Namespace) -> int:
    """Write the past of the counters; return 0, or 1 with no file changed."""
    return ask(flags, lambda ledger, clock, _: _backfill(flags, ledger, clock))


def _backfill(flags: Namespace, ledger: Ledger, clock: Clock) -> int:
    books = chosen(ledger, flags.account, shard=flags.shard)
    refuse_empty(books)
    spans = _spans(flags, books, clock)
    with Spool() as spool:
        pasts = [past_of(book, span, spool, now=clock.now()) for book, span in spans]
        with output(flags.out) as file:
            for piece in Exposition(pasts=pasts, spool=spool, labels=flags.labels).pieces():
                file.write(piece)
    for past in pasts:
        get_logger(__name__).info(
            "The past of the counters has been written",
            account=past.account,
            series=len(past.tracks),
            first=from_milliseconds(past.span.start_ms),
            last=from_milliseconds(past.span.end_ms),
        )
    return 0


def _spans(flags: Namespace, books: tuple[AccountBook, ...], clock: Clock) -> list[tuple[AccountBook, Span]]:
    """Return the books that have a past; one that has none is no reason to keep the others from theirs."""
    now = clock.now()
    since, until = (None if moment is None else resolve(moment, now=now) for moment in (flags.since, flags.until))
    spans, missing = [], []
    for book in books:
        try:
            spans.append((book, span_of(book, since=since, until=until, step=flags.step)))
        except NoIncome as reason:
            missing.append(str(reason))
    if not spans:
        raise NoIncome("\n".join(missing))
    for text in missing:
        get_logger(__name__).warning(text)
    return spans
