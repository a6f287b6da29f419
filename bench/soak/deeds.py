"""What happens in the simulated world beside its own trading: income rows, positions and prices, by chance.

Owns the choice. Must not make the calls, and grows nothing without end: symbols are few, what is opened is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bench.soak.troubles import Call

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

_AMOUNTS: Final = {"BTC-USDT": "0.01", "ETH-USDT": "0.2", "SOL-USDT": "3", "XRP-USDT": "500", "LINK-USDT": "20"}
_TYPES: Final = ("REALIZED_PNL", "FUNDING_FEE", "TRADING_FEE")
_MOST_OPEN: Final = 2  # of one account, beside those that it has by itself


class Deeds:
    """Draws one deed after the other."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ours: set[str] = set()

    def answered(self, call: Call, answer: Mapping[str, Any]) -> None:
        """Take note of what came of a deed: a position that was opened is to be closed."""
        if call.name == "open":
            self._ours.add(answer["position_id"])

    def draw(self, world: Mapping[str, Any]) -> Call:
        """Return the next deed in a world as it is."""
        account = self._chance.choice(world["accounts"])
        way = self._chance.random()
        if way < 0.6:
            return self._income(account["name"])
        if way < 0.75 and account["positions"]:
            return self._price(account["positions"])
        mine = [one for one in account["positions"] if one["position_id"] in self._ours]
        if mine and (len(mine) == _MOST_OPEN or way < 0.9):
            return self._close(account["name"], self._chance.choice(mine))
        return self._open(account["name"])

    def _income(self, account: str) -> Call:
        """Rows of now or of minutes ago, readable at once or later, alike or not."""
        amount = self._chance.choice((1, -1)) * self._chance.randint(1, 10**9)
        body = {
            "account": account,
            "symbol": self._chance.choice(tuple(_AMOUNTS)),
            "income_type": self._chance.choice(_TYPES),
            "amount": f"{amount}e-6",
            "count": self._chance.choice((1, 1, 2, 5)),
            "identical": self._chance.random() < 0.3,
            "ago_seconds": self._chance.choice((0, 0, 1, 60, 300)),
            "late_seconds": self._chance.choice((0, 0, 5, 40, 100)),
        }
        return Call(name="income", body=body)

    def _price(self, positions: list[Mapping[str, Any]]) -> Call:
        one = self._chance.choice(positions)
        if self._chance.random() < 0.5:
            return Call(name="price", body={"symbol": one["symbol"], "price": None})
        return Call(name="price", body={"symbol": one["symbol"], "price": one["mark_price"]})

    def _open(self, account: str) -> Call:
        symbol, amount = self._chance.choice(tuple(_AMOUNTS.items()))
        body = {"account": account, "symbol": symbol, "side": "LONG", "amount": amount, "isolated": True}
        return Call(name="open", body=body)

    def _close(self, account: str, position: Mapping[str, Any]) -> Call:
        return Call(name="close", body={"account": account, "position_id": position["position_id"]})
