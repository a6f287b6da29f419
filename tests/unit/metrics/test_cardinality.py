"""docs/cardinality.md says how many series there are; here they are counted on a page of the real families."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from support.clock import ManualClock
from support.exposition import families_of_openmetrics, families_of_text, samples

from exporter.bingx.paths import Endpoint
from exporter.cli.flags import parse
from exporter.metrics import api
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.own import OwnMetrics
from exporter.metrics.page import Exposition, Page
from exporter.metrics.publisher import Publisher
from exporter.metrics.render import Format
from exporter.model import (
    Account,
    Balance,
    Balances,
    CollectorName,
    CommissionRate,
    IncomeDifference,
    IncomeReconciliation,
    IncomeState,
    IncomeTotal,
    KeyPermissions,
    MarginMode,
    PollStatus,
    Position,
    Side,
)
from exporter.polling.board import Snapshot
from exporter.polling.income import TYPES_OF_A_POSITION

DOCS: Final = Path(__file__).resolve().parents[3] / "docs"
PAGE: Final = (DOCS / "cardinality.md").read_text(encoding="utf-8")
PERFORMANCE: Final = (DOCS / "performance.md").read_text(encoding="utf-8")
NOW: Final = datetime(2026, 9, 19, 8, 0, tzinfo=UTC)
LATER: Final = 2000.0
BY_DEFAULT: Final = (
    CollectorName.POSITIONS,
    CollectorName.BALANCE,
    CollectorName.INCOME,
    CollectorName.COMMISSION_RATE,
)
GOOD: Final = PollStatus(interval_seconds=5, succeeded=True, last_success_at=NOW, duration_seconds=0.125)


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    text = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (.+)\|$", text, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows[1:]]


def whole(text: str) -> int:
    return int(text.replace(",", ""))


COUNTED: Final = {row[0]: whole(row[1]) for row in table("How many series")}


def funds(asset: str) -> Balance:
    amount = Decimal("1520.4410")
    return Balance(
        asset=asset,
        balance=amount,
        equity=amount,
        unrealized_pnl=amount,
        realized_pnl=amount,
        available_margin=amount,
        used_margin=amount,
        frozen_margin=amount,
    )


def position(number: int) -> Position:
    """Make a position whose numbers have little in common with those of the next one."""
    drawn = Random(number)

    def amount(digits: int) -> Decimal:
        return Decimal(drawn.randrange(10**7)).scaleb(-digits)

    return Position(
        position_id=f"21000000000000000{number:02}",
        symbol=f"C{number % 20:03}-USDT",
        asset="USDT",
        side=drawn.choice(list(Side)),
        margin_mode=MarginMode.ISOLATED,
        amount=amount(4),
        available_amount=amount(4),
        value=amount(4),
        unrealized_pnl=-amount(4),
        realized_pnl=amount(4),
        initial_margin=amount(4),
        margin=amount(4),
        entry_price=amount(2),
        mark_price=amount(2),
        liquidation_price=amount(2) + 1,
        leverage=Decimal(10),
        risk_ratio=amount(7),
        pnl_ratio=-amount(7),
        max_margin_reduction=amount(4),
        updated_at=NOW,
    )


def total(symbol: str) -> IncomeTotal:
    return IncomeTotal(
        income_type="FUNDING_FEE",
        symbol=symbol,
        asset="USDT",
        credited=Decimal(1),
        debited=Decimal(1),
        entries=2,
        created_at=NOW,
    )


class Desk:
    """A page with any number of accounts that have everything, each as large as it is told."""

    def __init__(self, *names: str) -> None:
        self.page = Page(ACCOUNT_SUBJECTS, clock=ManualClock())
        self.page.arrange(names)
        self.publisher = Publisher(self.page)
        self.budgets: list[api.Budget] = []

    def show(
        self,
        name: str,
        *,
        assets: int = 0,
        positions: Iterable[Position] = (),
        income: int = 0,
        collectors: Iterable[CollectorName] = BY_DEFAULT,
        status: PollStatus = GOOD,
    ) -> None:
        polled = tuple(collectors)
        data: dict[CollectorName, object] = {
            CollectorName.BALANCE: Balances(user_id="1", assets=tuple(funds(f"A{one}") for one in range(assets))),
            CollectorName.POSITIONS: tuple(positions),
            CollectorName.COMMISSION_RATE: CommissionRate(maker=Decimal("0.0002"), taker=Decimal("0.0005")),
            CollectorName.INCOME: IncomeState(
                epoch=NOW,
                watermark=NOW,
                complete=True,
                baseline_complete=True,
                totals=tuple(total(f"C{one:03}-USDT") for one in range(income)),
            ),
        }
        self.publisher.introduce(Account(name=name), position_id=False)
        self.publisher.statuses_changed(name, dict.fromkeys(polled, status))
        rights = KeyPermissions(read=True, trade=True, withdraw=False, transfer=False, spot=False, ip_restricted=True)
        self.publisher.permissions_changed(name, rights, LATER)
        for collector, answer in data.items():
            self.publisher.data_changed(name, collector, Snapshot(data=answer, sent_at=0.0, expires_at=LATER))
        self.budgets += [api.Budget(account=name, endpoint=one, remaining=5, blocked_until=None) for one in polled]

    def body(self, form: Format = Format.OPENMETRICS) -> bytes:
        return Exposition(self.page, live=((api.BUDGET, lambda: self.budgets),), own=lambda _: b"")(form)

    def count(self) -> int:
        return len(samples(families_of_openmetrics(self.body().decode())))


def counted(**changes: Any) -> int:  # noqa: ANN401 - what Desk.show takes
    desk = Desk("main")
    desk.show("main", **changes)
    return desk.count()


def test_every_line_of_the_page_is_what_is_counted() -> None:
    bare = counted()
    found = {
        "an account": bare,
        "an asset in its wallet": counted(assets=1) - bare,
        "an open position": counted(positions=[position(1)]) - bare,
        "an open position without a liquidation price": counted(
            positions=[position(1)._replace(liquidation_price=Decimal(0))]
        )
        - bare,
        "a label set of income": counted(income=1) - bare,
        "a symbol that was ever held": len(TYPES_OF_A_POSITION) * (counted(income=1) - bare),
        "a reason for which a collector has failed": (counted(status=replace(GOOD, failures={"timeout": 1})) - bare)
        // len(BY_DEFAULT),
        "the reconciliation, if switched on": counted(collectors=CollectorName) - bare,
        "a type and asset that it compares": of_a_comparison(),
        "the exporter itself": len(of_the_exporter()),
    }
    assert found == COUNTED


def of_a_comparison() -> int:
    desk = Desk("main")
    desk.show("main")
    before = desk.count()
    same = IncomeDifference(income_type="TRANSFER", asset="USDT", amount=Decimal(0), rows=0)
    answer = IncomeReconciliation(differences=(same,))
    desk.publisher.data_changed(
        "main", CollectorName.RECONCILIATION, Snapshot(data=answer, sent_at=0.0, expires_at=LATER)
    )
    return desk.count() - before


def of_the_exporter() -> dict[Any, float]:
    own = OwnMetrics(version="1", revision="", endpoints=Endpoint, process=False, last_turn=lambda: 1.0)
    own.configured(1.0)
    own.reloaded(at=1.0)
    offset = api.ClockOffset(host="open-api.bingx.com", seconds=0.1)
    page = Exposition(Page((), clock=ManualClock()), live=((api.OFFSET, lambda: (offset,)),), own=own.render)
    return samples(families_of_openmetrics(page(Format.OPENMETRICS).decode()))


def test_the_text_format_has_half_of_the_series_of_income() -> None:
    desk = Desk("main")
    desk.show("main", income=1)
    found = samples(families_of_text(desk.body(Format.TEXT).decode()))
    assert desk.count() - len(found) == COUNTED["a label set of income"] // 2


def test_the_examples_add_up() -> None:
    shown = table("Examples")
    assert len(shown) >= 4
    for row in shown:
        accounts, assets, positions, symbols, series = map(whole, row[:5])
        of_one = (
            COUNTED["an account"]
            + assets * COUNTED["an asset in its wallet"]
            + positions * COUNTED["an open position"]
            + symbols * COUNTED["a symbol that was ever held"]
        )
        assert series == accounts * of_one + COUNTED["the exporter itself"], row


def test_the_limit_that_the_page_names_is_the_default() -> None:
    limit = parse([]).series_per_account
    assert f"`--limit.series-per-account` ({limit:,}" in PAGE


@pytest.fixture(scope="module")
def large() -> Desk:
    """Fifty accounts with twenty positions each."""
    names = [f"account-{number:04}" for number in range(50)]
    desk = Desk(*names)
    for number, name in enumerate(names):
        desk.show(name, assets=2, positions=map(position, range(20 * number, 20 * number + 20)), income=30)
    return desk


@pytest.mark.parametrize("form", list(Format))
def test_the_sizes_are_those_of_a_page(large: Desk, form: Format) -> None:
    body = large.body(form)
    read = families_of_openmetrics if form is Format.OPENMETRICS else families_of_text
    count = len(samples(read(body.decode())))
    found = {"plain": len(body) / count, "gzip": len(gzip.compress(body, 1)) / count}
    rows = {row[0]: (whole(row[1]), whole(row[2])) for row in table("What a series costs")}
    plain, packed = rows["OpenMetrics" if form is Format.OPENMETRICS else "text"]
    assert found == {"plain": pytest.approx(plain, rel=0.1), "gzip": pytest.approx(packed, rel=0.25)}


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (r"after one account has changed takes about ([\d.]+) ms", "bingx-exporter"),
        (r"rendering costs about ([\d.]+) ms", "rendered and put on the page"),
        (r"one account of 20 positions an exporter takes ([\d.]+) MiB", "1 account of 20 positions"),
        (r"with a thousand ([\d.]+) MiB", "1000 accounts, measured once"),
    ],
)
def test_what_it_costs_is_what_was_measured(said: str, line: str) -> None:
    """Within a third: a new run of the benchmarks need not change the page."""
    told = re.search(said, " ".join(PAGE.split()))
    measured = re.search(rf"^\| {re.escape(line)} \| ([\d.]+) \|", PERFORMANCE, re.MULTILINE)
    assert told is not None
    assert measured is not None
    assert float(told[1]) == pytest.approx(float(measured[1]), rel=0.33)
