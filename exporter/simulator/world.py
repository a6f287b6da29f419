"""The world of the simulated exchange: its clock, its market, its accounts, and the passing of time.

Owns the state and how it moves. Time is the calendar's plus an offset; an account is built when somebody first asks
for it and is brought up to the present whenever somebody looks. Not thread-safe: one thread owns a world. Must not
know HTTP, rules or limits.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from exporter.simulator.cast import Key, account_name, new_key, profile
from exporter.simulator.market import Market
from exporter.simulator.past import settle
from exporter.simulator.portfolio import Portfolio, portfolio
from exporter.simulator.scenarios import scenario
from exporter.simulator.trading import Trading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exporter.clock import Clock
    from exporter.simulator.account import Account
    from exporter.simulator.income_book import IncomeRow
    from exporter.simulator.options import Options

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class World:
    """Everything that is true on the exchange, as `options` and the calls since have made it."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self.options = options
        self._clock = clock
        self._offset_ms = 0
        self._frozen_at: int | None = None
        self._start = self._latest = self.now_ms() // 1000
        self.scenario = scenario(options.scenario)
        self.market = Market(
            seed=options.seed, scenario=self.scenario, environment=options.environment, start=self._start
        )
        self._keys = {key.api_key: key for key in self._first_keys()}
        self._living: dict[str, tuple[Account, Trading]] = {}

    def now_ms(self) -> int:
        """Return what the exchange's clock says, in milliseconds since 1970."""
        return (self._clock.now() - _EPOCH) // _MILLISECOND + self._offset_ms

    def second(self) -> int:
        """Return the second up to which everything has happened: it stands still when frozen and never goes back."""
        if self._frozen_at is None:
            self._latest = max(self._latest, self.now_ms() // 1000)
            return self._latest
        return self._frozen_at

    @property
    def elapsed(self) -> int:
        """Return the seconds since the scenario began."""
        return self.second() - self._start

    @property
    def frozen(self) -> bool:
        """Tell whether the world stands still."""
        return self._frozen_at is not None

    def advance(self, seconds: int) -> None:
        """Let `seconds` pass at once, on the clock and in the world, also when it is frozen."""
        self._offset_ms += seconds * 1000
        if self._frozen_at is not None:
            self._frozen_at += seconds
            self._latest = self._frozen_at

    def set_offset(self, offset_ms: int) -> None:
        """Put the clock so far ahead of the calendar; put back, the world waits until the clock has caught up."""
        self._offset_ms = offset_ms

    def freeze(self) -> None:
        """Let the world stand still: prices, trading, and what becomes readable. The clock goes on."""
        self._frozen_at = self.second()

    def thaw(self) -> None:
        """Let the world go on; it catches up with the clock."""
        self._frozen_at = None

    def pin(self, symbol: str, price: Decimal | None) -> None:
        """Hold a price, or let it go with `None`; raises `KeyError` for an unknown symbol.

        What happened until now happened at the old price, what happens from now on at the new one.
        """
        self.market.contract(symbol)
        self._all_to_the_present()
        self.market.pin(symbol, price)
        self._all_to_the_present()

    def all_keys(self) -> tuple[Key, ...]:
        """Return every API key, in the order in which they were made."""
        return tuple(self._keys.values())

    def key(self, api_key: str) -> Key | None:
        """Return the key with that text, or `None` if there is no such key."""
        return self._keys.get(api_key)

    def add_key(self, name: str) -> Key:
        """Make one more key for an account; raises `KeyError` for an unknown name."""
        number = len(self.keys_of(name))
        key = new_key(self.options.seed, profile(self.options.seed, name), number)
        self._keys[key.api_key] = key
        return key

    def keys_of(self, name: str) -> tuple[Key, ...]:
        """Return the keys of an account; raises `KeyError` for an unknown name."""
        found = tuple(key for key in self._keys.values() if key.account == name)
        if not found:
            raise KeyError(name)
        return found

    def names(self) -> tuple[str, ...]:
        """Return the names of all accounts."""
        return tuple(account_name(number) for number in range(self.options.accounts))

    def account(self, name: str) -> Account:
        """Return an account as it is now; raises `KeyError` for an unknown name."""
        if name not in self._living:
            self._living[name] = self._settled(name)
        account, trading = self._living[name]
        trading.run(self.second())
        return account

    def portfolio(self, name: str) -> Portfolio:
        """Return what an account is worth now."""
        second = self.second()
        return portfolio(self.account(name), lambda contract: self.market.mark(contract, second))

    def readable(self, name: str) -> list[IncomeRow]:
        """Return the income rows of an account that can be read by now, oldest first, expired ones too."""
        now_ms = self.second() * 1000
        return [row for row in self.account(name).book.rows if row.visible_ms <= now_ms]

    def describe(self) -> Mapping[str, object]:
        """Return the state of the clock and the scenario, for the control pages."""
        return {
            "seed": self.options.seed,
            "scenario": self.options.scenario,
            "environment": self.options.environment,
            "now_milliseconds": self.now_ms(),
            "second": self.second(),
            "elapsed_seconds": self.elapsed,
            "offset_seconds": self._offset_ms / 1000,
            "frozen": self.frozen,
        }

    def _first_keys(self) -> list[Key]:
        seed = self.options.seed
        return [new_key(seed, profile(seed, name)) for name in self.names()]

    def _settled(self, name: str) -> tuple[Account, Trading]:
        self.keys_of(name)
        account = settle(name, options=self.options, market=self.market, start=self._start)
        return account, Trading(account, options=self.options, market=self.market, start=self._start)

    def _all_to_the_present(self) -> None:
        for name in self.names():
            self.account(name)
