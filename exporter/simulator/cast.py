"""Who trades on the simulated exchange: the three accounts of the demo, and any number of others.

Owns names, ids, keys and the positions that everybody starts with. Pure: everything follows from seed and number.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from exporter.simulator.account import Profile
from exporter.simulator.chance import digits, stream
from exporter.simulator.positions import LONG, SHORT, SIDES

if TYPE_CHECKING:
    import random

    from exporter.simulator.market import Market

_ALPHABET: Final = string.ascii_letters + string.digits
_KEY_LENGTH: Final = 86
_SECRET_LENGTH: Final = 88
_LEVERAGES: Final = (2, 3, 4, 5, 8, 10)


@dataclass(slots=True, kw_only=True)
class Key:
    """An API key of an account, with the rights it carries and the addresses it may be used from (`None` is any)."""

    name: str
    account: str
    user_id: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    read: bool = True
    trade: bool = True
    withdraw: bool = False
    addresses: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """A position that an account starts with."""

    symbol: str
    side: str
    isolated: bool
    leverage: int


_ALPHA: Final = (
    Stake(symbol="BTC-USDT", side=LONG, isolated=False, leverage=10),
    Stake(symbol="BTC-USDT", side=SHORT, isolated=True, leverage=5),
    Stake(symbol="SOL-USDT", side=LONG, isolated=True, leverage=4),
    Stake(symbol="BTC-USDC", side=LONG, isolated=False, leverage=5),
    Stake(symbol="MØTH-USDT", side=SHORT, isolated=False, leverage=3),
)
_BETA: Final = (
    Stake(symbol="ETH-USDT", side=LONG, isolated=True, leverage=4),
    Stake(symbol="ETH-USDT", side=LONG, isolated=True, leverage=8),
    Stake(symbol="SOL-USDT", side=SHORT, isolated=True, leverage=5),
    Stake(symbol="BTC-USDT", side=SHORT, isolated=True, leverage=6),
    Stake(symbol="ADA-USDT", side=LONG, isolated=True, leverage=3),
)
_GAMMA: Final = (
    Stake(symbol="BTC-USDT", side=LONG, isolated=False, leverage=3),
    Stake(symbol="XRP-USDT", side=SHORT, isolated=False, leverage=5),
    Stake(symbol="LINK-USDT", side=LONG, isolated=False, leverage=4),
)
_NAMED: Final = ("alpha", "beta", "gamma")
_FIRST_STAKES: Final = (_ALPHA, _BETA, _GAMMA)


def account_name(number: int) -> str:
    """Return the name of the account with that number, counted from 0."""
    return _NAMED[number] if number < len(_NAMED) else f"account-{number + 1:04d}"


def profile(seed: int, name: str) -> Profile:
    """Return what the account of that name is like."""
    chance = stream(seed, name, "profile")
    user_id, short_uid = digits(chance, 19), digits(chance, 8)
    match name:
        case "alpha":
            return Profile(name=name, user_id=user_id, short_uid=short_uid, frozen_margin=Decimal("25.0000"))
        case "beta":
            return Profile(
                name=name,
                user_id=user_id,
                short_uid=short_uid,
                old_spelling=True,
                blank_unused=True,
                separate_isolated=True,
            )
        case "gamma":
            return Profile(name=name, user_id=user_id, short_uid=short_uid, one_way=True)
    old = chance.random() < 0.5  # noqa: PLR2004 - one in two
    return Profile(name=name, user_id=user_id, short_uid=short_uid, old_spelling=old, separate_isolated=True)


def new_key(seed: int, owner: Profile, number: int = 0) -> Key:
    """Return key `number` of an account; those of `gamma` may only read, those of `beta` withdraw as well."""
    chance = stream(seed, owner.name, "key", number)
    name = owner.name if number == 0 else f"{owner.name}-key-{number + 1}"
    return Key(
        name=name,
        account=owner.name,
        user_id=owner.user_id,
        api_key=_token(chance, _KEY_LENGTH),
        api_secret=_token(chance, _SECRET_LENGTH),
        trade=owner.name != "gamma",
        withdraw=owner.name == "beta",
    )


def stakes(name: str, market: Market, *, count: int, chance: random.Random) -> list[Stake]:
    """Return the `count` positions an account starts with; those of the demo's accounts come first."""
    known = dict(zip(_NAMED, _FIRST_STAKES, strict=True)).get(name, ())
    more = [_stake(market, number, chance, one_way=name == "gamma") for number in range(len(known), count)]
    return [*known[:count], *more]


def _stake(market: Market, number: int, chance: random.Random, *, one_way: bool) -> Stake:
    symbols = [contract.symbol for contract in market]
    lap, place = divmod(number, len(symbols))
    # Two laps give every symbol both sides once; from then on only isolated positions stay apart.
    isolated = chance.random() < 0.5 or lap >= len(SIDES)  # noqa: PLR2004 - one in two
    side = SIDES[(place if one_way else place + lap) % len(SIDES)]
    return Stake(symbol=symbols[place], side=side, isolated=isolated, leverage=chance.choice(_LEVERAGES))


def _token(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(_ALPHABET, k=length))
