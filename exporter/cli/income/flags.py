"""The flags of `bingx-exporter income …`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from exporter.config.values import BadValue, parse_label_name, parse_label_value, parse_since, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

INCOME_COMMANDS: Final = {
    "totals": "print what the ledger adds up to",
    "verify": "add up every entry and compare with the totals that are kept",
    "export": "fetch the exchange's own workbook of the fund flow",
    "reconcile": "compare the exchange's workbook with the ledger, row by row",
    "backfill": "write the past of the counters as OpenMetrics, for `promtool tsdb create-blocks-from openmetrics`",
}


def add_income_flags(parser: argparse.ArgumentParser, *common: Callable[[argparse.ArgumentParser], None]) -> None:
    """Give `income` its commands; each of them gets the `common` flags, too."""
    commands = parser.add_subparsers(dest="income_command", metavar="COMMAND", required=True)
    by_name = {
        name: commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
        for name, text in INCOME_COMMANDS.items()
    }
    for one in by_name.values():
        for add in common:
            add(one)
    _totals(by_name["totals"])
    _format(by_name["verify"], "table", "json")
    _export(by_name["export"])
    _reconcile(by_name["reconcile"])
    _backfill(by_name["backfill"])


def _totals(parser: argparse.ArgumentParser) -> None:
    _account(parser, "only this account (default: all of the configuration)")
    parser.add_argument("--since", type=_moment, metavar="TIME", help="only entries from then on; " + _TIMES)
    parser.add_argument(
        "--by", choices=("type", "symbol", "day"), help="one row for each of these (default: for each series)"
    )
    _format(parser, "table", "json", "csv")


def _export(parser: argparse.ArgumentParser) -> None:
    _account(parser, "whose fund flow", required=True)
    _period(parser, required=True)
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write; - is standard output")
    _format(parser, "xlsx", "csv", "json")


def _reconcile(parser: argparse.ArgumentParser) -> None:
    _account(parser, "only this account (default: all of the configuration)")
    _period(parser, required=False)
    _format(parser, "table", "json")


def _backfill(parser: argparse.ArgumentParser) -> None:
    _account(parser, "only this account (default: all of the configuration)")
    parser.add_argument("--since", type=_moment, metavar="TIME", help="begin then (default: the epoch); " + _TIMES)
    parser.add_argument(
        "--until",
        type=_moment,
        metavar="TIME",
        help="end then (default: ten minutes before the exporter first showed these counters)",
    )
    parser.add_argument(
        "--step",
        type=_step,
        default=_STEP,
        metavar="DURATION",
        help="one sample in each of these beside those at changes, 1s to 1d; Prometheus looks back 5m (default 5m)",
    )
    parser.add_argument(
        "--label",
        dest="labels",
        type=_label,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a label that Prometheus adds when it scrapes, such as job=bingx; may be given again",
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write; - is standard output")


def _account(parser: argparse.ArgumentParser, text: str, *, required: bool = False) -> None:
    parser.add_argument("--account", required=required, metavar="NAME", help=text)


def _period(parser: argparse.ArgumentParser, *, required: bool) -> None:
    default = "" if required else " (default: the last 7 days)"
    parser.add_argument("--from", dest="start", type=_moment, required=required, metavar="TIME", help=_TIMES + default)
    parser.add_argument(
        "--to", dest="end", type=_moment, required=required, metavar="TIME", help=_TIMES + ", exclusive" + default
    )


def _format(parser: argparse.ArgumentParser, *forms: str) -> None:
    parser.add_argument("--format", choices=forms, default=forms[0], help="default: %(default)s")


_TIMES: Final = "a date, a time (RFC 3339, UTC unless it says otherwise), or how long ago (7d, now)"


_STEP: Final = timedelta(minutes=5)
_OWN_LABELS: Final = frozenset({"asset", "symbol", "income_type"})


def _step(text: str) -> timedelta:
    """Read the distance of regular samples."""
    try:
        return timedelta(seconds=seconds("1s", "1d")(text))
    except BadValue as error:
        message = f"{text!r} {error.message}; {error.hint}".removesuffix("; ")
        raise argparse.ArgumentTypeError(message) from error


def _label(text: str) -> tuple[str, str]:
    """Read a label and its value."""
    name, equals, value = text.partition("=")
    try:
        label = parse_label_name(name), parse_label_value(value)
    except BadValue as error:
        message = f"{text!r} {error.message}; {error.hint}".removesuffix("; ")
        raise argparse.ArgumentTypeError(message) from error
    if not equals or not value or name in _OWN_LABELS:
        message = f"{text!r} is not NAME=VALUE with a name that the counters do not have yet"
        raise argparse.ArgumentTypeError(message)
    return label


def _moment(text: str) -> datetime | timedelta:
    """Read a moment, or a span before now; `now` is no span at all."""
    if text == "now":
        return timedelta(0)
    try:
        return parse_since(text)
    except BadValue as error:
        message = f"{text!r} {error.message}; {error.hint}"
        raise argparse.ArgumentTypeError(message) from error


def resolve(moment: datetime | timedelta, *, now: datetime) -> datetime:
    """Return the moment that a flag means: a span is counted back from `now`."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) else now - moment
