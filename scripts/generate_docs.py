"""Writes the generated pages of docs/ from the program, so that they cannot differ from it.

`python scripts/generate_docs.py` writes docs/metrics.md, docs/configuration.md, docs/faults.md, docs/cli.md and
deploy/config.schema.json; with `--check` it only compares, names the pages that differ, and exits 1 if there are any.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli_docs import render as cli_page  # type: ignore[import-not-found]  # it lies beside this file
from config_schema import render as config_schema  # type: ignore[import-not-found]  # the same
from configuration_docs import render as configuration_page  # type: ignore[import-not-found]  # the same
from faults_docs import render as faults_page  # type: ignore[import-not-found]  # the same

from exporter.bingx.errors import ERRORS
from exporter.bingx.paths import Endpoint
from exporter.cli.catalogue import entries, markdown
from exporter.ledger import DOCUMENTED_TYPES, LedgerError
from exporter.model import CollectorName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exporter.bingx.errors import BingxError

ROOT: Final = Path(__file__).resolve().parent.parent

INTRODUCTION: Final = """\
# Metrics

<!-- Written by scripts/generate_docs.py; change the families in exporter/metrics/ instead. -->

Every metric that the exporter has. `bingx-exporter metrics` prints the same list, as a table or as JSON; what to ask of
it in PromQL is in the [README](../README.md#metrics).

## How to read them

- **Names** begin with `bingx_`. Beside them are the usual `process_*` and `python_*`, which
  `--web.disable-exporter-metrics` leaves out.
- **`account`** is the name from the configuration. No label holds a key or the text of an error, and an id of the
  exchange only if `position_id` is switched on. A label without a value is left out, as `symbol` is where income
  belongs to no symbol.
- **Money** is in units of the label `asset`: do not add it up across assets. Prices are in the quote unit of the
  symbol. A ratio is a fraction, 0.05 is five per cent. Nothing is rounded before it is written here.
- **Right or absent.** What the exchange left out or wrote as an empty text has no sample, nor has a liquidation price
  of 0, which is how it writes that there is none. A gauge of 0 is a 0 at the exchange.
- **Fresh or absent.** Gauges of a collector leave the page when its last good answer is older than `stale_after`
  (three intervals, unless configured otherwise), counted from the moment at which that answer was asked for. They come
  back with the next one. A closed position is gone at the next scrape. No sample carries a timestamp.
- **Merged positions.** Positions that share asset, symbol, side and margin mode are one series, unless `position_id` is
  switched on. Amounts, values, margins and PnL add up, and a sum with an unknown part is absent; prices are weighted by
  amount; the liquidation price is the one nearest to the mark; the risk ratio is the highest; leverage is the common
  one, else value over initial margin.
- **Counters** stay on the page whatever fails. Those of income are totals of the ledger: they go on after a restart,
  and every entry is in them exactly once. They appear when the whole history since the epoch has been read. A label set
  that is new after that shows 0 for `initial_zero` before it moves, so that `increase()` sees its first entry too.
  A failure counter appears with its first failure; `bingx_collector_consecutive_failures` is there before it.
- **Names** of symbols, assets and income types are shown as the exchange sends them. One with control characters or of
  more than 200 characters is refused with its call: a cut or cleaned name could become another's.
- **Bounded.** `--limit.series-per-account` bounds the samples of one account. Income counters give way first, the
  newest before the oldest, then positions, the farthest from liquidation first; a row is there whole or not at all.
  `bingx_account_series_cut` says how many samples are missing; `bingx_positions` is true all the same.
- **Formats**: OpenMetrics 1.0 where it is asked for, as Prometheus does, else the text format 0.0.4. In OpenMetrics the
  income counters also tell when they were created.
"""


def render_metrics() -> str:
    """Return docs/metrics.md."""
    return "\n".join([INTRODUCTION, markdown(entries()), _label_values()])


def _label_values() -> str:
    ledger = LedgerError.__subclasses__()
    return "\n".join(
        [
            "## Values of labels",
            "",
            f"- `collector`: {_listed(CollectorName)}.",
            f"- `endpoint`: {_listed(Endpoint)}.",
            "- `side`: `long`, `short`. `margin_mode`: `cross`, `isolated`. `liquidity`: `maker`, `taker`.",
            f"- `income_type`: {_listed(DOCUMENTED_TYPES)}, and whatever else the exchange sends.",
            "- `kind` of a drift: `unknown_field`, `bad_value`.",
            "",
            "### `reason` of a failed call",
            "",
            "The list is closed. The log and `bingx-exporter check` say the same words, with what the exchange said.",
            "",
            *_reasons((error.reason, error, error.mend) for error in ERRORS),
            "",
            "### `reason` of a ledger failure",
            "",
            *_reasons((error.reason, error, error.mend) for error in ledger),
            "",
        ]
    )


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _reasons(rows: Iterable[tuple[str, type[BingxError | LedgerError], str]]) -> Iterable[str]:
    yield "| reason | what happened | what to do |"
    yield "|---|---|---|"
    for reason, error, mend in rows:
        meaning, _, _ = (inspect.getdoc(error) or "").partition("\n")
        yield f"| `{reason}` | {_sentence(meaning.partition(';')[0])} | {_sentence(mend)} |"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].removesuffix(".") + "."


PAGES: Final[Mapping[Path, Callable[[], str]]] = {
    ROOT / "docs" / "metrics.md": render_metrics,
    ROOT / "docs" / "configuration.md": configuration_page,
    ROOT / "docs" / "faults.md": faults_page,
    ROOT / "docs" / "cli.md": cli_page,
    ROOT / "deploy" / "config.schema.json": config_schema,
}


def main() -> int:
    """Write the pages, or compare them; return the exit code."""
    compare = "--check" in sys.argv[1:]
    differing = [path for path, render in PAGES.items() if not path.is_file() or path.read_text("utf-8") != render()]
    for path in differing:
        if compare:
            print(f"{path.relative_to(ROOT)} is out of date: run make docs", file=sys.stderr)
        else:
            path.write_text(PAGES[path](), encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if compare and differing else 0


if __name__ == "__main__":
    sys.exit(main())
