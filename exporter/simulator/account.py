"""One simulated account: its wallets, positions and fund flow, and the deeds that change them.

Owns the books: every change of a wallet is an income row, so that a wallet is always its opening plus the sum of its
rows. Must not know prices beyond those it is handed, nor when something happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from exporter.simulator.chance import digits
from exporter.simulator.income_book import (
    FUNDING_FEE,
    INSURANCE_CLEAR,
    REALIZED_PNL,
    TRADING_FEE,
    IncomeBook,
    IncomeRow,
)
from exporter.simulator.positions import LONG, Position

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping

    from exporter.simulator.market import Contract

MAKER_RATE: Final = Decimal("0.0002")
TAKER_RATE: Final = Decimal("0.0005")

_EIGHT_DECIMALS: Final = Decimal("0.00000001")
_ID_MIDDLE: Final = 310


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an account is like; `old_spelling` and `blank_unused` choose how its balance page looks on the wire."""

    name: str
    user_id: str
    short_uid: str
    old_spelling: bool = False
    blank_unused: bool = False
    one_way: bool = False
    separate_isolated: bool = False
    frozen_margin: Decimal = Decimal("0.0000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to open: `amount` in base coin. A `held` position is left alone by the account's own trading."""

    contract: Contract
    side: str
    isolated: bool
    leverage: int
    amount: Decimal
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """At which price and in which second an order was filled, and whether it had waited in the book."""

    price: Decimal
    second: int
    maker: bool = False

    def fee(self, amount: Decimal) -> Decimal:
        """Return the commission as an income: negative."""
        return -self.price * amount * (MAKER_RATE if self.maker else TAKER_RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row about to be booked; everything about ids and lateness is still open."""

    income_type: str
    amount: Decimal
    info: str


class Account:
    """Wallets, positions and income of one user; `lateness` is the span of seconds before a row can be read."""

    def __init__(
        self, profile: Profile, *, opening: Mapping[str, Decimal], chance: random.Random, lateness: tuple[int, int]
    ) -> None:
        self.profile = profile
        self.opening = dict(opening)
        self.wallet = dict(opening)
        self.positions: dict[str, Position] = {}
        self.book = IncomeBook()
        self._chance = chance
        self._lateness = lateness
        self._sequence = 1_000_000

    def open(self, order: Order, fill: Fill) -> Position:
        """Open a position, or add to the one that it merges with, and pay the fee."""
        position = self._merges_with(order)
        if position is None:
            position = self._new_position(order, fill)
            self.positions[position.position_id] = position
        else:
            self._average_in(position, order.amount, fill)
        self._pay_opening_fee(position, order.amount, fill)
        return position

    def grow(self, position: Position, amount: Decimal, fill: Fill) -> None:
        """Add to a position and pay the fee."""
        self._average_in(position, amount, fill)
        self._pay_opening_fee(position, amount, fill)

    def reduce(self, position: Position, amount: Decimal, fill: Fill) -> None:
        """Close a part of a position, or all of it if `amount` is not smaller; fee and profit carry one stamp."""
        amount = min(amount, position.amount)
        fee = self._rounded(fill.fee(amount))
        profit = self._rounded(position.profit_at(fill.price, amount))
        info = "Close Long" if position.side == LONG else "Close Short"
        rows = [
            Entry(income_type=TRADING_FEE, amount=fee, info="Position closing fee"),
            Entry(income_type=REALIZED_PNL, amount=profit, info=info),
        ]
        self._enter(position.contract, fill.second, rows)
        position.realised += fee + profit
        position.amount -= amount
        position.locked = min(position.locked, position.amount)
        position.updated_ms = fill.second * 1000
        if not position.amount:
            del self.positions[position.position_id]

    def fund(self, position: Position, *, mark: Decimal, rate: Decimal, second: int) -> None:
        """Settle the funding of a position: at a positive rate longs pay and shorts receive."""
        paid = self._rounded(-position.sign * position.amount * mark * rate)
        if paid:
            self._enter(position.contract, second, [Entry(income_type=FUNDING_FEE, amount=paid, info="Funding Fee")])
            position.realised += paid

    def liquidate(self, position: Position, *, second: int) -> None:
        """Take an isolated position away, and all of its initial margin with it."""
        loss = -self._rounded(position.initial_margin)
        self._enter(position.contract, second, [Entry(income_type=INSURANCE_CLEAR, amount=loss, info="Liquidation")])
        del self.positions[position.position_id]

    def past_row(self, entry: Entry, *, symbol: str, asset: str, second: int) -> IncomeRow:
        """Compose a row of its own for `book_past`; a row of the wallet (without a symbol) belongs to no trade."""
        head, trade_id = self._event(second)
        return self._row(entry, symbol=symbol, asset=asset, second=second, ids=(head, trade_id if symbol else ""))

    def book_past(self, rows: Iterable[IncomeRow]) -> None:
        """Book many rows at once."""
        rows = list(rows)
        self.book.extend(rows)
        for row in rows:
            self.wallet[row.asset] = self.wallet.get(row.asset, Decimal(0)) + row.amount

    def add_row(self, row: IncomeRow) -> None:
        """Book one row as it is and move the wallet of its asset."""
        self.book.add(row)
        self.wallet[row.asset] = self.wallet.get(row.asset, Decimal(0)) + row.amount

    def wallets_after(self, rows: Iterable[IncomeRow]) -> list[Decimal]:
        """Return what the wallet of each row's asset held right after that row."""
        wallet, after = dict(self.opening), dict[int, Decimal]()
        for row in self.book.rows:
            wallet[row.asset] = after[id(row)] = wallet.get(row.asset, Decimal(0)) + row.amount
        return [after[id(row)] for row in rows]

    def next_ids(self, second: int) -> tuple[str, str]:
        """Return a `tranId` and a `tradeId` shaped like the exchange's own."""
        head, trade_id = self._event(second)
        return self._next_id(head), trade_id

    def _merges_with(self, order: Order) -> Position | None:
        if order.isolated and self.profile.separate_isolated:
            return None
        wanted = (order.contract.symbol, order.side, order.isolated)
        for position in self.positions.values():
            if (position.contract.symbol, position.side, position.isolated) == wanted:
                return position
        return None

    def _new_position(self, order: Order, fill: Fill) -> Position:
        return Position(
            position_id=digits(self._chance, 19),
            contract=order.contract,
            side=order.side,
            isolated=order.isolated,
            leverage=order.leverage,
            amount=order.amount,
            entry=fill.price,
            created_ms=fill.second * 1000,
            updated_ms=fill.second * 1000,
            held=order.held,
        )

    @staticmethod
    def _average_in(position: Position, amount: Decimal, fill: Fill) -> None:
        cost = position.amount * position.entry + amount * fill.price
        position.amount += amount
        position.entry = (cost / position.amount).quantize(position.contract.tick)
        position.updated_ms = fill.second * 1000

    def _pay_opening_fee(self, position: Position, amount: Decimal, fill: Fill) -> None:
        fee = self._rounded(fill.fee(amount))
        entry = Entry(income_type=TRADING_FEE, amount=fee, info="Position opening fee")
        self._enter(position.contract, fill.second, [entry])
        position.realised += fee

    def _enter(self, contract: Contract, second: int, entries: list[Entry]) -> None:
        ids = self._event(second)
        for entry in entries:
            self.add_row(self._row(entry, symbol=contract.symbol, asset=contract.asset, second=second, ids=ids))

    def _row(self, entry: Entry, *, symbol: str, asset: str, second: int, ids: tuple[str, str]) -> IncomeRow:
        head, trade_id = ids
        return IncomeRow(
            time_ms=second * 1000,
            visible_ms=(second + self._chance.randint(*self._lateness)) * 1000,
            income_type=entry.income_type,
            symbol=symbol,
            asset=asset,
            amount=self._rounded(entry.amount),
            info=entry.info,
            tran_id=self._next_id(head),
            trade_id=trade_id,
        )

    def _event(self, second: int) -> tuple[str, str]:
        head = f"{second * 1000}{digits(self._chance, 6)}"
        return head, self._next_id(head)

    def _next_id(self, head: str) -> str:
        self._sequence += 1
        return f"{head}_{_ID_MIDDLE}_{self._sequence}"

    @staticmethod
    def _rounded(amount: Decimal) -> Decimal:
        return amount.quantize(_EIGHT_DECIMALS)
