"""The bodies of the control calls: what may be said in each, checked on the way in.

Owns names, types and bounds; an unknown field is an error. Must not know what a call does.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

_LONGEST_ADVANCE = 366 * 86_400
_MOST_ROWS = 100_000

Positive = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of a control call."""


class Nothing(Body):
    """No fields."""


class Seed(Body):
    """A new seed."""

    seed: int


class Advance(Body):
    """Whole seconds to let pass."""

    seconds: Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_ADVANCE)]


class ClockOffset(Body):
    """How far the exchange's clock is ahead of the calendar."""

    offset_seconds: float


class Price(Body):
    """A price to hold, or `null` to let it go."""

    symbol: str
    price: Decimal | None


class Open(Body):
    """A position to open at `price`, or at the mark."""

    account: str
    symbol: str
    side: Literal["LONG", "SHORT"]
    amount: Decimal
    leverage: Annotated[int, msgspec.Meta(ge=1, le=125)] = 5
    isolated: bool = True
    price: Decimal | None = None


class CloseOut(Body):
    """A position to close at `price` or at the mark, whole or in part."""

    account: str
    position_id: str
    amount: Decimal | None = None
    price: Decimal | None = None


class Income(Body):
    """Income rows to add: the first `ago_seconds` before now, each further one `apart_seconds` earlier.

    They can be read `late_seconds` from now on; `identical` gives all of them the same ids.
    """

    account: str
    count: Annotated[int, msgspec.Meta(ge=1, le=_MOST_ROWS)] = 1
    income_type: str = "REALIZED_PNL"
    symbol: str = "BTC-USDT"
    asset: str = "USDT"
    amount: Decimal = Decimal(1)
    info: str = ""
    ago_seconds: Whole = 0
    apart_seconds: Whole = 0
    late_seconds: Whole = 0
    identical: bool = False
    tran_id: str | None = None
    trade_id: str | None = None


class Latency(Body):
    """How long every answer is held back."""

    milliseconds: Annotated[int, msgspec.Meta(ge=0, le=600_000)]


class Rights(Body):
    """What the keys of an account may do."""

    account: str
    read: bool
    trade: bool


class Whitelist(Body):
    """From which addresses the keys of an account may be used; `null` is from any."""

    account: str
    addresses: list[str] | None


class MoreKeys(Body):
    """An account that gets one more key."""

    account: str
