"""`bingx-exporter income verify`: do the entries add up to the totals that the ledger keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from exporter.cli.income.asking import ask, refuse_empty
from exporter.cli.income.books import chosen
from exporter.cli.income.layout import money, print_table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from exporter.ledger import Difference, Ledger, Sums

_COLUMNS: Final = (
    *("account", "asset", "type", "symbol"),
    *("recorded credited", "entered credited", "recorded debited", "entered debited"),
    *("recorded entries", "entered entries"),
)
_NUMBERS: Final = 6
_CAPTIONS: Final = 2


def command(flags: Namespace) -> int:
    """Print whether all series agree, or each that does not; return 0 or 1."""
    return ask(flags, lambda ledger, _clock, _config: _verify(flags, ledger))


def _verify(flags: Namespace, ledger: Ledger) -> int:
    books = chosen(ledger, None, shard=flags.shard)
    refuse_empty(books)
    sizes = [size for book in books if (size := len(book.totals()))]
    differences = [one for one in ledger.verify() if flags.shard.owns(one.account)]
    if flags.format == "json":
        print(json.dumps(_document(sum(sizes), len(sizes), differences), indent=2))
    elif differences:
        print_table(_COLUMNS, [_cells(one) for one in differences], numbers=_NUMBERS, captions=_CAPTIONS)
        print(f"\n{len(differences)} of {_counted(sum(sizes), len(sizes))} disagree.")
    else:
        print(f"{_counted(sum(sizes), len(sizes))} agree.")
    return 1 if differences else 0


def _counted(series: int, accounts: int) -> str:
    return f"{series} series of {accounts} account{'' if accounts == 1 else 's'}"


def _cells(one: Difference) -> tuple[str | int, ...]:
    recorded, entered = one.recorded, one.entered
    return (
        *(one.account, one.asset, one.income_type, one.symbol),
        *(money(recorded.credited), money(entered.credited), money(recorded.debited), money(entered.debited)),
        *(recorded.entries, entered.entries),
    )


def _document(series: int, accounts: int, differences: Sequence[Difference]) -> dict[str, Any]:
    return {
        "accounts": accounts,
        "series": series,
        "differences": [
            {
                "account": one.account,
                "asset": one.asset,
                "type": one.income_type,
                "symbol": one.symbol,
                "recorded": _sums(one.recorded),
                "entered": _sums(one.entered),
            }
            for one in differences
        ],
    }


def _sums(sums: Sums) -> dict[str, str | int]:
    return {"credited": money(sums.credited), "debited": money(sums.debited), "entries": sums.entries}
