"""What an account has done before the simulated exchange starts.

Owns the past, all of it drawn from the seed: funding every eight hours, round trips, a transfer a week, and the
opening of the positions an account starts with.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from exporter.simulator.account import Account, Entry, Fill, Order
from exporter.simulator.cast import profile, stakes
from exporter.simulator.chance import stream
from exporter.simulator.income_book import FUNDING_FEE, REALIZED_PNL, TRADING_FEE, TRANSFER

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from exporter.simulator.income_book import IncomeRow
    from exporter.simulator.market import Contract, Market
    from exporter.simulator.options import Options

NOTIONAL: Final = (1_500, 4_000)
"""What a position is worth when it is opened, from and to, in quote units."""

FUNDING_DELAY: Final = (46, 60)
"""How many seconds after the settlement a funding row is stamped, from and to."""

_DAY: Final = 86_400
_FUNDING_INTERVAL: Final = 8 * 3_600


def settle(name: str, *, options: Options, market: Market, start: int) -> Account:
    """Build an account with all of its past, as it stands in the second `start`."""
    assets = ("VST",) if options.environment == "vst" else ("USDT", "USDC")
    deposit = Decimal(25_000 + 2_500 * options.positions)
    opening = {asset: deposit if _uses(name, asset) else Decimal(0) for asset in assets}
    chance = stream(options.seed, name, "past", start)
    account = Account(
        profile(options.seed, name),
        opening=opening,
        chance=stream(options.seed, name, "ids"),
        lateness=options.lateness,
    )
    account.book_past(
        _past_rows(account, market, chance, span=(start - options.history_days * _DAY, start), options=options)
    )
    _open_stakes(account, market, chance, start=start, count=options.positions)
    return account


def _uses(name: str, asset: str) -> bool:
    return asset != "USDC" or name != "beta"


def _past_rows(
    account: Account, market: Market, chance: random.Random, *, span: tuple[int, int], options: Options
) -> Iterator[IncomeRow]:
    begin, end = span
    traded = [contract for contract in market if account.opening.get(contract.asset)]
    for second in range(begin - begin % _FUNDING_INTERVAL + _FUNDING_INTERVAL, end - 3_600, _FUNDING_INTERVAL):
        yield _past_funding(account, market, chance, contract=chance.choice(traded), second=second)
    for _ in range(round(options.history_days * options.history_trades_per_day)):
        yield from _round_trip(account, market, chance, contract=chance.choice(traded), span=span)
    for second in range(begin + _DAY, end - _DAY, 7 * _DAY):
        row = Entry(income_type=TRANSFER, amount=Decimal(chance.randrange(-500, 1_000)), info="")
        yield account.past_row(row, symbol="", asset=traded[0].asset, second=second)


def _past_funding(
    account: Account, market: Market, chance: random.Random, *, contract: Contract, second: int
) -> IncomeRow:
    worth = chance.randrange(*NOTIONAL) * chance.choice((1, -1))
    amount = -worth * market.funding_rate(contract, second)
    entry = Entry(income_type=FUNDING_FEE, amount=amount, info="Funding Fee")
    second += chance.randint(*FUNDING_DELAY)
    return account.past_row(entry, symbol=contract.symbol, asset=contract.asset, second=second)


def _round_trip(
    account: Account, market: Market, chance: random.Random, *, contract: Contract, span: tuple[int, int]
) -> Iterator[IncomeRow]:
    opened, closed = sorted(chance.randrange(span[0], span[1] - 300) for _ in range(2))
    first, last = (market.mark(contract, second) for second in (opened, closed))
    amount = contract.lots_worth(chance.randrange(*NOTIONAL), first)
    sign = chance.choice((1, -1))
    rows = (
        (opened, TRADING_FEE, Fill(price=first, second=opened).fee(amount), "Position opening fee"),
        (closed, TRADING_FEE, Fill(price=last, second=closed).fee(amount), "Position closing fee"),
        (closed, REALIZED_PNL, (last - first) * amount * sign, "Close Long" if sign > 0 else "Close Short"),
    )
    for second, income_type, income, info in rows:
        entry = Entry(income_type=income_type, amount=income, info=info)
        yield account.past_row(entry, symbol=contract.symbol, asset=contract.asset, second=second)


def _open_stakes(account: Account, market: Market, chance: random.Random, *, start: int, count: int) -> None:
    for number, stake in enumerate(stakes(account.profile.name, market, count=count, chance=chance)):
        contract = market.contract(stake.symbol)
        second = start - chance.randrange(600, 5 * 3_600)
        price = market.mark(contract, second)
        order = Order(
            contract=contract,
            side=stake.side,
            isolated=stake.isolated,
            leverage=stake.leverage,
            amount=contract.lots_worth(chance.randrange(*NOTIONAL), price),
            held=2 * number < count,
        )
        position = account.open(order, Fill(price=price, second=second))
        if number == 1:
            position.locked = (position.amount / 2).quantize(contract.lot)
