"""The control calls under `/_sim/`: how a test or a demo looks behind the scenes and moves them.

Owns the routes, each a line in one table. These paths never touch the exchange's own, are not signed, not limited and
not recorded, and no fault hits them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec

from exporter.simulator import control_calls as calls
from exporter.simulator.faults import Fault
from exporter.simulator.limits import LimitRules
from exporter.simulator.messages import Reply, Request, json_reply
from exporter.simulator.options import Options
from exporter.simulator.parameters import IncomeRules
from exporter.simulator.staging import StagingError, add_income, close_out, open_up, pin
from exporter.simulator.truth import Span, expected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.simulator.cast import Key
    from exporter.simulator.exchange import Exchange

PREFIX: Final = "/_sim/"

_DEFAULT_LAST: Final = 50
_LONGEST_NUMBER: Final = 18
_FIXED_OPTIONS: Final = {"host", "port"}

Fields = dict[str, object]
_Rules = TypeVar("_Rules", Options, LimitRules, IncomeRules)


class ControlError(Exception):
    """A control call that cannot be done; the text says why, `status` is that of the answer."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Route:
    """A control call: `act` takes the exchange and the request, and returns the answer's fields."""

    method: str
    name: str
    summary: str
    act: Callable[[Exchange, Request], Fields]


def is_control(request: Request) -> bool:
    """Tell whether a request is for the control calls."""
    return request.path.startswith(PREFIX)


def control(exchange: Exchange, request: Request) -> Reply:
    """Do a control call; what is wrong with it comes back as `{"error": …}` with a status of 400, 404 or 405."""
    try:
        route = _route(request)
        return json_reply(route.act(exchange, request))
    except ControlError as error:
        return json_reply({"error": str(error)}, status=error.status)
    except (StagingError, msgspec.ValidationError, msgspec.DecodeError) as error:
        return json_reply({"error": str(error)}, status=400)


def _route(request: Request) -> Route:
    name = request.path.removeprefix(PREFIX)
    routes = [route for route in ROUTES if route.name == name]
    if not routes:
        message = f"there is no control call {name!r}; GET {PREFIX} lists them"
        raise ControlError(message, status=404)
    for route in routes:
        if route.method == request.method:
            return route
    message = f"{name!r} wants {' or '.join(route.method for route in routes)}"
    raise ControlError(message, status=405)


_BodyType = TypeVar("_BodyType", bound=msgspec.Struct)


def _read(request: Request, body_type: type[_BodyType]) -> _BodyType:
    return msgspec.json.decode(request.body or b"{}", type=body_type)


def _changed(rules: _Rules, request: Request) -> _Rules:
    given = msgspec.json.decode(request.body or b"{}", type=dict[str, object])
    current = asdict(rules)
    for name in given:
        if name not in current:
            message = f"there is no {name!r}; there are {', '.join(current)}"
            raise ControlError(message)
    return msgspec.convert(current | given, type=type(rules))


def _query(request: Request, *known: str) -> Mapping[str, str]:
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    for name in query:
        if name not in known:
            message = f"there is no {name!r}; there are {', '.join(known)}"
            raise ControlError(message)
    return query


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        message = f"{name} is a whole number"
        raise ControlError(message)
    return int(text)


def _keys_of(exchange: Exchange, name: str) -> tuple[Key, ...]:
    if name not in exchange.world.names():
        message = f"there is no account {name!r}"
        raise ControlError(message, status=404)
    return exchange.world.keys_of(name)


def _index(exchange: Exchange, _: Request) -> Fields:
    listed = [{"method": route.method, "path": PREFIX + route.name, "summary": route.summary} for route in ROUTES]
    return {**exchange.world.describe(), "calls": listed}


def _world(exchange: Exchange, request: Request) -> Fields:
    query = _query(request, "account", "since", "until")
    name = query.get("account")
    names = exchange.world.names()
    if name is not None:
        _keys_of(exchange, name)
        names = (name,)
    return expected(exchange.world, names, Span(since_ms=_number(query, "since"), until_ms=_number(query, "until")))


def _accounts(exchange: Exchange, _: Request) -> Fields:
    return {"accounts": [asdict(account) for account in exchange.accounts()]}


def _calls(exchange: Exchange, request: Request) -> Fields:
    last = _number(_query(request, "last"), "last")
    return exchange.journal.describe(last=_DEFAULT_LAST if last is None else last)


def _options(exchange: Exchange, _: Request) -> Fields:
    return asdict(exchange.options)


def _reset(exchange: Exchange, request: Request) -> Fields:
    options = _changed(exchange.options, request)
    if any(getattr(options, name) != getattr(exchange.options, name) for name in _FIXED_OPTIONS):
        message = "host and port cannot change while the exchange runs"
        raise ControlError(message)
    exchange.reset(options)
    return _accounts(exchange, request)


def _seed(exchange: Exchange, request: Request) -> Fields:
    exchange.reset(replace(exchange.options, seed=_read(request, calls.Seed).seed))
    return _accounts(exchange, request)


def _advance(exchange: Exchange, request: Request) -> Fields:
    exchange.world.advance(_read(request, calls.Advance).seconds)
    return dict(exchange.world.describe())


def _clock(exchange: Exchange, request: Request) -> Fields:
    exchange.world.set_offset(round(_read(request, calls.ClockOffset).offset_seconds * 1000))
    exchange.limits.forget()
    return dict(exchange.world.describe())


def _freeze(exchange: Exchange, request: Request) -> Fields:
    _read(request, calls.Nothing)
    exchange.world.freeze()
    return dict(exchange.world.describe())


def _thaw(exchange: Exchange, request: Request) -> Fields:
    _read(request, calls.Nothing)
    exchange.world.thaw()
    return dict(exchange.world.describe())


def _price(exchange: Exchange, request: Request) -> Fields:
    return pin(exchange.world, _read(request, calls.Price))


def _open(exchange: Exchange, request: Request) -> Fields:
    return open_up(exchange.world, _read(request, calls.Open))


def _close(exchange: Exchange, request: Request) -> Fields:
    return close_out(exchange.world, _read(request, calls.CloseOut))


def _income(exchange: Exchange, request: Request) -> Fields:
    return add_income(exchange.world, _read(request, calls.Income))


def _show_faults(exchange: Exchange, _: Request) -> Fields:
    return {"faults": list(exchange.faults.living(now_ms=exchange.world.now_ms()))}


def _add_fault(exchange: Exchange, request: Request) -> Fields:
    fault = _read(request, Fault)
    if fault.account is not None:
        _keys_of(exchange, fault.account)
    exchange.faults.add(fault, now_ms=exchange.world.now_ms())
    return _show_faults(exchange, request)


def _clear_faults(exchange: Exchange, request: Request) -> Fields:
    exchange.faults.clear()
    return _show_faults(exchange, request)


def _limits(exchange: Exchange, request: Request) -> Fields:
    exchange.limits.rules = _changed(exchange.limits.rules, request)
    exchange.limits.forget()
    return asdict(exchange.limits.rules)


def _rules(exchange: Exchange, request: Request) -> Fields:
    exchange.venue.income_rules = _changed(exchange.venue.income_rules, request)
    return asdict(exchange.venue.income_rules)


def _latency(exchange: Exchange, request: Request) -> Fields:
    milliseconds = _read(request, calls.Latency).milliseconds
    exchange.latency_seconds = milliseconds / 1000
    return {"milliseconds": milliseconds}


def _rights(exchange: Exchange, request: Request) -> Fields:
    wanted = _read(request, calls.Rights)
    for key in _keys_of(exchange, wanted.account):
        key.read, key.trade = wanted.read, wanted.trade
    return {"account": wanted.account, "read": wanted.read, "trade": wanted.trade}


def _whitelist(exchange: Exchange, request: Request) -> Fields:
    wanted = _read(request, calls.Whitelist)
    for key in _keys_of(exchange, wanted.account):
        key.addresses = None if wanted.addresses is None else frozenset(wanted.addresses)
    return {"account": wanted.account, "addresses": wanted.addresses}


def _more_keys(exchange: Exchange, request: Request) -> Fields:
    name = _read(request, calls.MoreKeys).account
    _keys_of(exchange, name)
    exchange.world.add_key(name)
    return _accounts(exchange, request)


ROUTES: Final = (
    Route("GET", "", "these calls, and the state of the clock", _index),
    Route("GET", "world", "the exact values that a reader of the wire has to arrive at", _world),
    Route("GET", "accounts", "names, keys and secrets to log in with", _accounts),
    Route("GET", "calls", "what was asked: counts, refusals, and the last calls", _calls),
    Route("GET", "options", "how the exchange is set up", _options),
    Route("GET", "faults", "the faults that are on", _show_faults),
    Route("POST", "reset", "begin anew; any option may be given", _reset),
    Route("POST", "seed", "begin anew with another seed", _seed),
    Route("POST", "advance", "let seconds pass at once", _advance),
    Route("POST", "clock", "put the exchange's clock ahead of the calendar, or behind", _clock),
    Route("POST", "freeze", "let prices, trading and income stand still", _freeze),
    Route("POST", "thaw", "let them go on", _thaw),
    Route("POST", "price", "hold a price, or let it go", _price),
    Route("POST", "open", "open a position", _open),
    Route("POST", "close", "close a position, or a part of it", _close),
    Route("POST", "income", "add income rows", _income),
    Route("POST", "faults", "switch a fault on", _add_fault),
    Route("POST", "faults/clear", "switch all faults off", _clear_faults),
    Route("DELETE", "faults", "switch all faults off", _clear_faults),
    Route("POST", "limits", "change the limits; any rule may be given", _limits),
    Route("POST", "rules", "change how income is answered; any rule may be given", _rules),
    Route("POST", "latency", "hold every answer back", _latency),
    Route("POST", "rights", "change what the keys of an account may do", _rights),
    Route("POST", "whitelist", "change from where the keys of an account may be used", _whitelist),
    Route("POST", "keys", "make one more key for an account", _more_keys),
)
