"""The counters of the past as an OpenMetrics text with timestamps: the families and labels of the page, line by line.

Families stand one after the other, in each of them the accounts, in these the series, and a series ascends in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.cli.income.history import samples
from exporter.metrics.income import TOTALS
from exporter.metrics.render import END_OF_OPENMETRICS, Format, header, label_block, number
from exporter.model import EPOCH, IncomeTotal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.cli.income.past import Label, Past
    from exporter.cli.income.spool import Spool, Track
    from exporter.ledger import Sums
    from exporter.metrics.family import Family

_SECOND: Final = 1000
_LINES: Final = 1000


class Exposition(Struct, frozen=True, kw_only=True):
    """What is written: the past of each account, and labels that Prometheus would add when it scrapes."""

    pasts: Sequence[Past]
    spool: Spool
    labels: Sequence[tuple[str, str]] = ()

    def pieces(self) -> Iterator[bytes]:
        """Yield the text, a series at a time."""
        for family in TOTALS.families:
            yield header(family, Format.OPENMETRICS)
            for past in self.pasts:
                for label, track in past.tracks.items():
                    yield from self._series(family, past, label, track)
        yield END_OF_OPENMETRICS

    def _series(self, family: Family[IncomeTotal], past: Past, label: Label, track: Track) -> Iterator[bytes]:
        values = (past.account, *label)
        block = label_block((*zip((*TOTALS.common, *TOTALS.labels), values, strict=True), *self.labels))
        start = f"{family.name}{block} "

        def value(sums: Sums) -> str:
            amount = family.value(_total(label, sums))
            return "" if amount is None else number(amount)

        changes = ((at_ms, value(sums)) for at_ms, sums in self.spool.changes(track))
        lines = samples(changes, past.span, before=value(track.before), born=track.before.entries > 0)
        yield from _batches(f"{start}{text} {timestamp(at_ms)}\n" for at_ms, text in lines)


def timestamp(at_ms: int) -> str:
    """Write milliseconds as the shortest text of seconds that Prometheus reads back as these milliseconds.

    It multiplies a float by 1000 and cuts off the rest, so that a fraction may need another digit behind it.
    """
    seconds, rest = divmod(at_ms, _SECOND)
    if not rest:
        return str(seconds)
    text = f"{seconds}.{rest:03}"
    return text if int(float(text) * _SECOND) == at_ms else f"{text}1"


def _total(label: Label, sums: Sums) -> IncomeTotal:
    asset, symbol, income_type = label
    return IncomeTotal(
        income_type=income_type,
        symbol=symbol,
        asset=asset,
        credited=sums.credited,
        debited=sums.debited,
        entries=sums.entries,
        created_at=EPOCH,
    )


def _batches(lines: Iterable[str]) -> Iterator[bytes]:
    batch: list[str] = []
    for line in lines:
        batch.append(line)
        if len(batch) == _LINES:
            yield "".join(batch).encode("utf-8", "replace")
            batch.clear()
    yield "".join(batch).encode("utf-8", "replace")
