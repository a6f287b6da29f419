"""The market: which contracts are traded and what their mark price is at any second.

Owns contracts and prices. A price is a pure function of seed, scenario and second, so that nothing depends on how
often or in which steps somebody looks; only a price pinned by hand overrides it. Must not know any account.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from exporter.simulator.chance import signed_fraction, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.simulator.scenarios import Scenario

# Seconds between two support points, and the swing as a fraction. All of them together stay below 4 %, so that no
# position of leverage 10 or less is liquidated on a calm day.
_OCTAVES: Final = ((15, 0.0006), (120, 0.0020), (1_800, 0.0060), (21_600, 0.0100), (172_800, 0.0200))

_FUNDING_RATE_STEP: Final = Decimal("0.000001")
_FUNDING_RATE_MIDDLE: Final = 50
_FUNDING_RATE_SPREAD: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A perpetual contract; `tick` is the step of its price, `lot` the step of an amount in base coin."""

    symbol: str
    base: str
    asset: str
    price: Decimal
    tick: Decimal
    lot: Decimal

    def lots_worth(self, notional: int, price: Decimal) -> Decimal:
        """Return the amount that is worth about `notional` at a price, in whole lots, one at least."""
        return max(round(notional / price / self.lot), 1) * self.lot


_LISTED: Final = (
    ("BTC-USDT", "61000", "0.1", "0.0001"),
    ("ETH-USDT", "2500", "0.01", "0.01"),
    ("SOL-USDT", "150", "0.001", "0.1"),
    ("BTC-USDC", "61010", "0.1", "0.0001"),
    ("MØTH-USDT", "0.02150", "0.00001", "1"),
    ("XRP-USDT", "0.6", "0.0001", "1"),
    ("ADA-USDT", "0.45", "0.0001", "1"),
    ("LTC-USDT", "70", "0.01", "0.01"),
    ("LINK-USDT", "12", "0.001", "0.1"),
    ("AVAX-USDT", "28", "0.001", "0.1"),
    ("DOT-USDT", "5", "0.001", "0.1"),
    ("ETH-USDC", "2501", "0.01", "0.01"),
)


def contracts(environment: str) -> tuple[Contract, ...]:
    """Return what is traded; on `vst` the same symbols with every margin in VST."""
    return tuple(_contract(environment, *row) for row in _LISTED)


def _contract(environment: str, symbol: str, price: str, tick: str, lot: str) -> Contract:
    base, _, quote = symbol.partition("-")
    asset = "VST" if environment == "vst" else quote
    return Contract(symbol=symbol, base=base, asset=asset, price=Decimal(price), tick=Decimal(tick), lot=Decimal(lot))


class Market:
    """Mark prices and funding rates of all contracts; `start` is the second in which the scenario begins."""

    def __init__(self, *, seed: int, scenario: Scenario, environment: str, start: int) -> None:
        self._scenario = scenario
        self._start = start
        self._contracts = {contract.symbol: contract for contract in contracts(environment)}
        self._seeds = {base: stream(seed, "price", base).getrandbits(64) for base in self._bases()}
        self._pinned: dict[str, Decimal] = {}
        self._latest: dict[str, tuple[int, Decimal]] = {}

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._contracts.values())

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._contracts

    def contract(self, symbol: str) -> Contract:
        """Return a contract by its symbol; raises `KeyError` for one that is not traded."""
        return self._contracts[symbol]

    def mark(self, contract: Contract, second: int) -> Decimal:
        """Return the mark price at a second since 1970, in quote units, rounded to the tick."""
        pinned = self._pinned.get(contract.symbol)
        if pinned is not None:
            return pinned
        known = self._latest.get(contract.symbol)
        if known is None or known[0] != second:
            known = (second, self._drawn(contract, second))
            self._latest[contract.symbol] = known
        return known[1]

    def pin(self, symbol: str, price: Decimal | None) -> None:
        """Hold a price, or let it go again with `None`; raises `KeyError` for an unknown symbol."""
        self.contract(symbol)
        if price is None:
            self._pinned.pop(symbol, None)
        else:
            self._pinned[symbol] = price

    def funding_rate(self, contract: Contract, second: int) -> Decimal:
        """Return the rate of the settlement at a second, as a fraction: mostly positive, at most 0.015 %."""
        chance = signed_fraction(self._seeds[contract.base], second, 7)
        return (_FUNDING_RATE_MIDDLE + round(chance * _FUNDING_RATE_SPREAD)) * _FUNDING_RATE_STEP

    def _bases(self) -> set[str]:
        return {contract.base for contract in self._contracts.values()}

    def _drawn(self, contract: Contract, second: int) -> Decimal:
        swing = self._scenario.restlessness * _wander(self._seeds[contract.base], second)
        factor = (1.0 + swing) * self._scenario.price_factor(second - self._start)
        return round(float(contract.price / contract.tick) * factor) * contract.tick


def _wander(seed: int, second: int) -> float:
    total = 0.0
    for octave, (period, swing) in enumerate(_OCTAVES):
        index, into = divmod(second, period)
        weight = into / period
        weight = weight * weight * (3.0 - 2.0 * weight)
        here, there = signed_fraction(seed, octave, index), signed_fraction(seed, octave, index + 1)
        total += swing * (here + (there - here) * weight)
    return total
