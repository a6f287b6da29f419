"""What goes wrong at the exchange: drawn by chance, every kind before any kind again.

Owns the deck of troubles, as control calls of the simulated exchange. Must not make the calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.simulator.faults import FaultKind

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping, Sequence

_ENDPOINTS: Final = ("balance", "positions", "income", "commission_rate", "server_time", None)
_LONGEST_SECONDS: Final = 8.0
_NEAR_SECONDS: Final = 4.0
_FAR_SECONDS: Final = 20.0
_FAR_SHARE: Final = 0.1
_LARGE: Final = (17 << 20, 48 << 20)
_CODES: Final[tuple[Mapping[str, object], ...]] = (
    {"code": 100500},
    {"code": 100500, "shape": "no_data"},
    {"code": 100500, "shape": "data_null"},
    {"code": 100503, "shape": "empty_message"},
    {"code": 109500, "shape": "debug_message"},
    {"code": 0, "shape": "success_false"},
    {"code": 80012, "shape": "inner_json"},
    {"code": 100413, "shape": "text_code"},
    {"code": 100001, "message": "signature mismatch"},
    {"code": 100419, "message": "your current request IP does not match"},
    {"code": 100004, "message": "permission denied"},
    {"code": 100421, "message": "timestamp is invalid"},
    {"code": 109400, "message": "invalid parameters"},
    {"code": 101484, "message": "the account needs identification"},
    {"code": 999999, "message": "nobody knows this one"},
)
_STATUSES: Final[tuple[Mapping[str, object], ...]] = (
    *({"status": status} for status in (302, 403, 404, 418, 429, 500, 502, 503, 504)),
    {"status": 500, "body": "empty"},
    {"status": 503, "body": "json", "code": 999999, "message": "no"},
    {"status": 401, "body": "json", "code": 100413, "message": "no"},
)
_BANS: Final = ("this endpoint will be unblocked after {until}", "your IP is banned until {until}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A control call."""

    name: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that goes wrong: the call that begins it, and the one that ends it after `seconds`, if one does."""

    kind: str
    begin: Call
    end: Call | None = None
    seconds: float = 0.0


class Troubles:
    """A shuffled deck that is dealt to its end and shuffled again, so that the first round has every kind."""

    def __init__(self, chance: random.Random, accounts: Sequence[str]) -> None:
        self._chance = chance
        self._accounts = accounts
        self._dealt = self._deal()

    def draw(self, *, now_milliseconds: int) -> Trouble:
        """Return the next trouble, at that time on the exchange's clock."""
        return next(self._dealt)(now_milliseconds)

    def _deal(self) -> Iterator[Callable[[int], Trouble]]:
        plain = [kind for kind in FaultKind if kind not in {FaultKind.CODE, FaultKind.STATUS}]
        while True:
            deck: list[Callable[[int], Trouble]] = [self._fault(str(kind), {"kind": kind}) for kind in plain]
            deck += [self._fault(f"code {more['code']}", {"kind": FaultKind.CODE, **more}) for more in _CODES]
            deck += [self._fault(f"status {more['status']}", {"kind": FaultKind.STATUS, **more}) for more in _STATUSES]
            deck += [self._ban(text) for text in _BANS]
            deck += [self._clock, self._clock, self._whitelist, self._latency]
            self._chance.shuffle(deck)
            yield from deck

    def _fault(self, name: str, fault: Mapping[str, object]) -> Callable[[int], Trouble]:
        return lambda _: Trouble(
            kind=name, begin=Call(name="faults", body={**fault, **self._aim(), **self._size(fault)})
        )

    def _aim(self) -> dict[str, object]:
        """Return where a fault strikes and how long: mostly one endpoint of one account."""
        endpoint = self._chance.choice(_ENDPOINTS)
        everybody = endpoint == "server_time" or self._chance.random() < 0.2
        aim: dict[str, object] = {"seconds": round(self._chance.uniform(0.5, _LONGEST_SECONDS), 3)}
        if self._chance.random() < 0.5:
            aim["count"] = self._chance.randint(1, 3)
        if endpoint is not None:
            aim["endpoint"] = endpoint
        return aim if everybody else {**aim, "account": self._chance.choice(self._accounts)}

    def _size(self, fault: Mapping[str, object]) -> dict[str, object]:
        match fault["kind"]:
            case FaultKind.HUGE | FaultKind.GZIP_BOMB:
                return {"size": self._chance.randint(*_LARGE), "count": 2}
            case FaultKind.SLOW_HEADERS | FaultKind.SLOW_BODY:
                return {"milliseconds": self._chance.choice((1, 20, 100))}
            case FaultKind.DELAY:
                return {"milliseconds": self._chance.randint(50, 3000)}
        return {}

    def _ban(self, text: str) -> Callable[[int], Trouble]:
        def ban(now_milliseconds: int) -> Trouble:
            until = now_milliseconds + self._chance.randint(500, 6000)
            fault = {"kind": FaultKind.CODE, "code": 100410, "message": text.format(until=until)}
            return Trouble(kind="ban", begin=Call(name="faults", body={**fault, **self._aim(), "count": 1}))

        return ban

    def _clock(self, _: int) -> Trouble:
        """Mostly what the exchange bears: a refused timestamp is an error like another, and 15 silence a user."""
        most = _FAR_SECONDS if self._chance.random() < _FAR_SHARE else _NEAR_SECONDS
        offset = round(self._chance.uniform(-most, most), 3)
        return self._lasting("clock", Call(name="clock", body={"offset_seconds": offset}), {"offset_seconds": 0})

    def _whitelist(self, _: int) -> Trouble:
        account = self._chance.choice(self._accounts)
        begin = Call(name="whitelist", body={"account": account, "addresses": ["192.0.2.1"]})
        return self._lasting("whitelist", begin, {"account": account, "addresses": None})

    def _latency(self, _: int) -> Trouble:
        begin = Call(name="latency", body={"milliseconds": self._chance.randint(50, 1500)})
        return self._lasting("latency", begin, {"milliseconds": 0})

    def _lasting(self, kind: str, begin: Call, back: Mapping[str, object]) -> Trouble:
        seconds = self._chance.uniform(1, _LONGEST_SECONDS)
        return Trouble(kind=kind, begin=begin, end=Call(name=begin.name, body=back), seconds=seconds)


def healing(accounts: Sequence[str]) -> list[Call]:
    """Return the calls after which nothing is wrong any more, bans of the exchange included."""
    return [
        Call(name="faults/clear", body={}),
        Call(name="clock", body={"offset_seconds": 0}),
        Call(name="latency", body={"milliseconds": 0}),
        Call(name="limits", body={}),
        *(Call(name="whitelist", body={"account": name, "addresses": None}) for name in accounts),
    ]
