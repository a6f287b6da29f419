"""The exchange's reading of parameters: which are known, what they may be, and what holds if they are not given.

Owns the checks that end in 100421 and 109400. An empty value counts as not given: the exchange's own samples send some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.simulator.income_book import DAY_MS, IncomeQuestion
from exporter.simulator.refusals import bad_parameter, bad_timestamp, unknown_symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.simulator.endpoints import Endpoint

_DEFAULT_WINDOW_MS: Final = 5_000
_DEFAULT_SPAN_MS: Final = 7 * DAY_MS
_DEFAULT_LIMIT: Final = 100
_MOST_ROWS: Final = 1_000
_LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeRules:
    """What the exchange does not document about income, and a test may therefore choose.

    `empty_as_null` sends `null` instead of `[]` where there is no row; `longest_span_ms` refuses longer windows.
    """

    start_inclusive: bool = True
    end_inclusive: bool = True
    empty_as_null: bool = True
    longest_span_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What exists: tells symbols and income types that can be asked for from those that cannot."""

    symbol: Callable[[str], bool]
    income_type: Callable[[str], bool]


def check_names(endpoint: Endpoint, parameters: Mapping[str, str]) -> None:
    """Raise `Refused` for a parameter that the endpoint does not know."""
    for name in parameters:
        if name not in endpoint.parameters:
            detail = f"the parameter {name!r} is unknown"
            raise bad_parameter(detail)


def check_time(parameters: Mapping[str, str], *, now_ms: int) -> None:
    """Raise `Refused` unless the timestamp is within the receive window of the exchange's clock."""
    if not parameters.get("timestamp"):
        detail = "it is missing"
        raise bad_timestamp(detail)
    timestamp = _number(parameters, "timestamp") or 0
    window = _number(parameters, "recvWindow") or _DEFAULT_WINDOW_MS
    if window > _DEFAULT_WINDOW_MS:
        detail = f"a recvWindow is at most {_DEFAULT_WINDOW_MS} ms"
        raise bad_timestamp(detail)
    if abs(now_ms - timestamp) > window:
        detail = f"it is not within {window} ms of the server time {now_ms}"
        raise bad_timestamp(detail)


def read_symbol(parameters: Mapping[str, str], known: Known) -> str | None:
    """Return the symbol asked for, or `None`; raises `Refused` for a malformed or unknown one."""
    symbol = parameters.get("symbol")
    if not symbol:
        return None
    if not all(symbol.partition("-")):
        detail = "a symbol is written like BTC-USDT"
        raise bad_parameter(detail)
    if not known.symbol(symbol):
        raise unknown_symbol(symbol)
    return symbol


def read_income(
    parameters: Mapping[str, str], *, known: Known, rules: IncomeRules, now_ms: int
) -> IncomeQuestion | None:
    """Return the question asked, or `None` where the exchange answers with nothing: a start without an end."""
    start, end = _number(parameters, "startTime"), _number(parameters, "endTime")
    limit = _number(parameters, "limit")
    limit = _DEFAULT_LIMIT if limit is None else limit
    if not 1 <= limit <= _MOST_ROWS:
        detail = f"limit is 1 to {_MOST_ROWS}"
        raise bad_parameter(detail)
    symbol, income_type = read_symbol(parameters, known), _income_type(parameters, known)
    if start is not None and end is None:
        return None
    end = now_ms if end is None else end
    start = end - _DEFAULT_SPAN_MS if start is None else start
    _check_span(start, end, rules)
    return IncomeQuestion(
        start_ms=start,
        end_ms=end,
        limit=limit,
        start_inclusive=rules.start_inclusive,
        end_inclusive=rules.end_inclusive,
        income_type=income_type,
        symbol=symbol,
        asset=parameters.get("currency") or None,
    )


def _check_span(start: int, end: int, rules: IncomeRules) -> None:
    if start > end:
        detail = "startTime is later than endTime"
        raise bad_parameter(detail)
    if rules.longest_span_ms is not None and end - start > rules.longest_span_ms:
        detail = f"the time span is longer than {rules.longest_span_ms} ms"
        raise bad_parameter(detail)


def _income_type(parameters: Mapping[str, str], known: Known) -> str | None:
    income_type = parameters.get("incomeType")
    if income_type and not known.income_type(income_type):
        detail = f"the incomeType {income_type!r} is unknown"
        raise bad_parameter(detail)
    return income_type or None


def _number(parameters: Mapping[str, str], name: str) -> int | None:
    text = parameters.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        detail = f"{name} is a whole number"
        raise bad_parameter(detail)
    return int(text)
