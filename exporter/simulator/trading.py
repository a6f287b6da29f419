"""What an account does from the start on: its own trading, its funding, and its liquidations.

Owns when something happens and what. Everything is drawn from the seed in the order of time, so that it does not
matter in which steps time passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.simulator.account import Account, Fill, Order
from exporter.simulator.chance import stream
from exporter.simulator.past import FUNDING_DELAY, NOTIONAL
from exporter.simulator.positions import LONG, SIDES, Position, is_liquidated

if TYPE_CHECKING:
    from exporter.simulator.market import Contract, Market
    from exporter.simulator.options import Options

_NEVER: Final = 1 << 60
_MAKER_SHARE: Final = 0.3
_OPENING_SHARE: Final = 0.3
_ISOLATED_SHARE: Final = 0.5


class Trading:
    """What an account does from `start` on; `run` moves it forward, never back."""

    def __init__(self, account: Account, *, options: Options, market: Market, start: int) -> None:
        self._account = account
        self._market = market
        self._options = options
        self._chance = stream(options.seed, account.profile.name, "trading", start)
        self._delays = stream(options.seed, account.profile.name, "funding", start)
        self._next_trade = self._after(start)
        self._next_funding = self._funding_after(start)

    def run(self, until: int) -> None:
        """Let everything happen that happens up to and in the second `until`."""
        while (second := min(self._next_trade, self._next_funding)) <= until:
            self._sweep(second)
            if second == self._next_funding:
                self._fund(second)
                self._next_funding = self._funding_after(second)
            else:
                self._trade(second)
                self._next_trade = self._after(second)
        self._sweep(until)

    def _after(self, second: int) -> int:
        interval = self._options.trade_interval
        if not interval or not self._options.positions:
            return _NEVER
        return second + max(1, round(self._chance.expovariate(1 / interval)))

    def _funding_after(self, second: int) -> int:
        interval = self._options.funding_interval
        if not interval:
            return _NEVER
        settled = (second // interval + 1) * interval
        return settled + min(self._delays.randint(*FUNDING_DELAY), interval // 2)

    def _sweep(self, second: int) -> None:
        for position in list(self._account.positions.values()):
            if is_liquidated(position, self._market.mark(position.contract, second)):
                self._account.liquidate(position, second=second)

    def _fund(self, second: int) -> None:
        for position in self._account.positions.values():
            mark = self._market.mark(position.contract, second)
            rate = self._market.funding_rate(position.contract, second)
            self._account.fund(position, mark=mark, rate=rate, second=second)

    def _trade(self, second: int) -> None:
        free = [position for position in self._account.positions.values() if not position.held]
        crowded = len(self._account.positions) > self._options.positions
        if not free or (not crowded and self._chance.random() < _OPENING_SHARE):
            self._open_another(second)
        else:
            self._change(self._chance.choice(free), second)

    def _fill(self, contract: Contract, second: int) -> Fill:
        maker = self._chance.random() < _MAKER_SHARE
        return Fill(price=self._market.mark(contract, second), second=second, maker=maker)

    def _change(self, position: Position, second: int) -> None:
        fill = self._fill(position.contract, second)
        half = (position.amount / 2).quantize(position.contract.lot)
        what = self._chance.choice(("close", "halve", "grow"))
        if what == "close" or half < position.contract.lot:
            self._account.reduce(position, position.amount, fill)
        elif what == "halve" or position.amount * fill.price > NOTIONAL[1]:
            self._account.reduce(position, half, fill)
        else:
            self._account.grow(position, half, fill)

    def _open_another(self, second: int) -> None:
        traded = [contract for contract in self._market if self._account.opening.get(contract.asset)]
        contract = self._chance.choice(traded)
        fill = self._fill(contract, second)
        order = Order(
            contract=contract,
            side=self._side(contract),
            isolated=self._chance.random() < _ISOLATED_SHARE and not self._account.profile.one_way,
            leverage=self._chance.choice((2, 3, 5)),
            amount=contract.lots_worth(self._chance.randrange(*NOTIONAL), fill.price),
        )
        self._account.open(order, fill)

    def _side(self, contract: Contract) -> str:
        side = self._chance.choice(SIDES)
        if self._account.profile.one_way:
            same = [held.side for held in self._account.positions.values() if held.contract is contract]
            return same[0] if same else LONG
        return side
