"""From samples to what is watched; pure. What the page does not have is `None`, never a zero."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from exporter.cli.top.reading import PageError
from exporter.cli.top.reasons import last_reasons
from exporter.cli.top.view import Account, Funds, Overview, Position, Trouble
from exporter.model import CollectorName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.cli.top.reading import Sample

    Samples = Mapping[str, Sequence[Sample]]
    """Family -> samples: of the whole page, or of one account."""
    Reasons = Mapping[tuple[str, str], tuple[str, ...]]
    Place = tuple[str, ...]
    """The labels of a position, in the order of `_WHOSE`."""

_BUILD: Final = "bingx_exporter_build_info"
_STARTED: Final = "process_start_time_seconds"
_RELOADED: Final = "bingx_exporter_config_last_reload_successful"
_INFO: Final = "bingx_account_info"
_CUT: Final = "bingx_account_series_cut"
_OPEN: Final = "bingx_positions"
_SUCCESS: Final = "bingx_collector_success"
_LAST_SUCCESS: Final = "bingx_collector_last_success_timestamp_seconds"
_STALE_INTERVALS: Final = 2
_INTERVAL: Final = "bingx_collector_interval_seconds"
_CONSECUTIVE: Final = "bingx_collector_consecutive_failures"
_FAILURES: Final = "bingx_collector_failures_total"
_FUNDS: Final = {
    "equity": "bingx_account_equity",
    "used_margin": "bingx_account_used_margin",
    "unrealized_pnl": "bingx_account_unrealized_pnl",
}
_POSITION: Final = {
    "amount": "bingx_position_amount",
    "value": "bingx_position_value",
    "unrealized_pnl": "bingx_position_unrealized_pnl",
    "entry": "bingx_position_entry_price",
    "mark": "bingx_position_mark_price",
    "liquidation": "bingx_position_liquidation_price",
    "distance": "bingx_position_liquidation_distance_ratio",
    "leverage": "bingx_position_leverage",
}
_WHOSE: Final = ("account", "symbol", "side", "margin_mode", "position_id", "asset")
FAMILIES: Final = frozenset(
    {
        *(_BUILD, _STARTED, _RELOADED, _INFO, _CUT, _OPEN),
        *(_SUCCESS, _LAST_SUCCESS, _INTERVAL, _CONSECUTIVE, _FAILURES),
        *_FUNDS.values(),
        *_POSITION.values(),
    }
)
"""What is read of the page."""


def see(samples: Samples, *, now: float, before: Overview | None = None) -> Overview:
    """Return what the samples show; `before` is what the last page showed, for the reasons of failures.

    `now` is the exporter's time in seconds since 1970. Raises `PageError` if the page is not of this exporter.
    """
    builds = samples.get(_BUILD, ())
    if not builds:
        message = "the page is not of a bingx-exporter"
        raise PageError(message)
    counts = _failed_calls(samples)
    reasons = last_reasons(counts, before)
    positions = _positions(samples)
    reloaded = _only(samples, _RELOADED)
    started = _only(samples, _STARTED)
    parts = _by_account(samples)
    return Overview(
        version=builds[0].label("version"),
        revision=builds[0].label("revision"),
        started=None if started is None else float(started),
        reloaded=None if reloaded is None else bool(reloaded),
        accounts=tuple(_account(part, positions.get(name, []), reasons, now) for name, part in parts.items()),
        positions=tuple(sorted((one for some in positions.values() for one in some), key=_nearness)),
        failed_calls=counts,
    )


def _by_account(samples: Samples) -> dict[str, dict[str, list[Sample]]]:
    parts: dict[str, dict[str, list[Sample]]] = {one.label("account"): {} for one in samples.get(_INFO, ())}
    for family, some in samples.items():
        for sample in some:
            if (name := sample.label("account")) in parts:
                parts[name].setdefault(family, []).append(sample)
    return parts


def _failed_calls(samples: Samples) -> dict[tuple[str, str, str], int]:
    return {
        (one.label("account"), one.label("collector"), one.label("reason")): int(one.value)
        for one in samples.get(_FAILURES, ())
    }


def _account(part: Samples, positions: Sequence[Position], reasons: Reasons, now: float) -> Account:
    info = part[_INFO][0]
    funds, count, cut = _funds(part), _only(part, _OPEN), _only(part, _CUT)
    asked = _by_collector(part, _LAST_SUCCESS)
    shown: dict[str, bool] = {CollectorName.BALANCE: bool(funds), CollectorName.POSITIONS: count is not None}
    return Account(
        name=info.label("account"),
        environment=info.label("environment"),
        funds=funds,
        positions=None if count is None else int(count),
        nearest=min((one.distance for one in positions if one.distance is not None), default=None),
        asked=min((float(asked[one]) for one in shown if shown[one] and one in asked), default=None),
        troubles=_troubles(part, shown, reasons, now),
        cut=0 if cut is None else int(cut),
    )


def _funds(part: Samples) -> tuple[Funds, ...]:
    values: dict[str, dict[str, Decimal]] = {}
    for field, family in _FUNDS.items():
        for one in part.get(family, ()):
            values.setdefault(one.label("asset"), {})[field] = one.value
    return tuple(Funds(asset=asset, **fields) for asset, fields in values.items())


def _troubles(part: Samples, shown: Mapping[str, bool], reasons: Reasons, now: float) -> tuple[Trouble, ...]:
    succeeded, asked = _by_collector(part, _SUCCESS), _by_collector(part, _LAST_SUCCESS)
    failures = _by_collector(part, _CONSECUTIVE)
    account = part[_INFO][0].label("account")
    troubles = []
    for collector, interval in _by_collector(part, _INTERVAL).items():
        good, moment = bool(succeeded.get(collector)), asked.get(collector)
        late = moment is not None and now - float(moment) > _STALE_INTERVALS * float(interval)
        withdrawn = not shown.get(collector, True)
        if good and not (withdrawn and late):
            continue
        failed = collector in succeeded and not good
        troubles.append(
            Trouble(
                collector=collector,
                reasons=reasons.get((account, collector), ()) if failed else (),
                failures=int(failures.get(collector, 0)),
                last_success=None if moment is None else float(moment),
                withdrawn=withdrawn,
            )
        )
    return tuple(troubles)


def _positions(samples: Samples) -> dict[str, list[Position]]:
    values: dict[Place, dict[str, Decimal]] = {}
    for field, family in _POSITION.items():
        for one in samples.get(family, ()):
            values.setdefault(tuple(map(one.label, _WHOSE)), {})[field] = one.value
    found: dict[str, list[Position]] = {}
    for place, fields in values.items():
        account, symbol, side, margin_mode, position_id, asset = place
        found.setdefault(account, []).append(
            Position(
                account=account,
                symbol=symbol,
                side=side,
                margin_mode=margin_mode,
                position_id=position_id,
                asset=asset,
                **fields,
            )
        )
    return found


def _nearness(position: Position) -> tuple[bool, Decimal]:
    """Order by distance, those without one behind all others."""
    return position.distance is None, position.distance or Decimal(0)


def _only(samples: Samples, family: str) -> Decimal | None:
    found = samples.get(family, ())
    return found[0].value if found else None


def _by_collector(part: Samples, family: str) -> dict[str, Decimal]:
    return {one.label("collector"): one.value for one in part.get(family, ())}
