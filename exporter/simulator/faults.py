"""Which faults are switched on, for whom, and for how long.

Owns the list of living faults. What a fault does to an answer is `corruption`'s affair.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from exporter.simulator.endpoints import Name

_LARGEST = 1 << 30


class FaultKind(StrEnum):
    """What can go wrong; the manual says what each does."""

    CODE = "code"
    STATUS = "status"
    HTML = "html"
    EMPTY = "empty"
    CUT = "cut"
    CUT_CHUNKED = "cut_chunked"
    NOT_JSON = "not_json"
    NUL_BYTES = "nul_bytes"
    WRONG_TYPES = "wrong_types"
    INFINITE = "infinite"
    NEW_FIELD = "new_field"
    HUGE = "huge"
    GZIP_BOMB = "gzip_bomb"
    SILENT = "silent"
    SLOW_HEADERS = "slow_headers"
    SLOW_BODY = "slow_body"
    RESET = "reset"
    DELAY = "delay"


CodeShape = Literal[
    "service", "no_data", "data_null", "text_code", "empty_message", "inner_json", "success_false", "debug_message"
]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault as it is asked for: `None` means every account, every endpoint, any number of times, for ever.

    `seconds` is how long it lasts on the exchange's clock; `milliseconds` is the delay, or the pause between two
    bytes; `size` is in bytes, unpacked.
    """

    kind: FaultKind
    account: str | None = None
    endpoint: Name | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    code: int = 100500
    message: str = "service is busy, please try again later"
    shape: CodeShape = "service"
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 502
    body: Literal["html", "empty", "json"] = "html"
    milliseconds: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 1_000
    size: Annotated[int, msgspec.Meta(ge=1, le=_LARGEST)] = 64 << 20


@dataclass(slots=True, kw_only=True)
class _Living:
    fault: Fault
    until_ms: float | None
    left: int | None

    def fits(self, account: str | None, endpoint: Name, now_ms: int) -> bool:
        fault = self.fault
        return (
            (fault.account is None or fault.account == account)
            and (fault.endpoint is None or fault.endpoint == endpoint)
            and not self.is_over(now_ms)
        )

    def is_over(self, now_ms: int) -> bool:
        return self.left == 0 or (self.until_ms is not None and now_ms >= self.until_ms)


class Faults:
    """The living faults, oldest first; the first that fits a call is the one it meets."""

    def __init__(self) -> None:
        self._living: list[_Living] = []

    def add(self, fault: Fault, *, now_ms: int) -> None:
        """Switch a fault on."""
        until_ms = None if fault.seconds is None else now_ms + fault.seconds * 1000
        self._living.append(_Living(fault=fault, until_ms=until_ms, left=fault.count))

    def clear(self) -> None:
        """Switch all of them off."""
        self._living.clear()

    def take(self, account: str | None, endpoint: Name, *, now_ms: int) -> Fault | None:
        """Return the fault that a call meets, and count it; `None` if it meets none."""
        self._living = [living for living in self._living if not living.is_over(now_ms)]
        for living in self._living:
            if living.fits(account, endpoint, now_ms):
                if living.left is not None:
                    living.left -= 1
                return living.fault
        return None

    def living(self, *, now_ms: int) -> tuple[Fault, ...]:
        """Return the faults that are on."""
        return tuple(living.fault for living in self._living if not living.is_over(now_ms))
