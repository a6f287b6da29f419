"""More than any account can have: the page stays valid, within its limit, and cheap to read twice."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from support.clock import ManualClock
from support.exposition import families_of_openmetrics, families_of_text, samples, series

from exporter.bingx.endpoints import positions
from exporter.bingx.wire import decode
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.page import Page
from exporter.metrics.publisher import Publisher
from exporter.metrics.render import END_OF_OPENMETRICS, Format
from exporter.model import Account, CollectorName, IncomeState, IncomeTotal
from exporter.polling.board import Snapshot

BORN = datetime(2026, 8, 1, tzinfo=UTC)
LIMIT = 20_000
POSITIONS = 10_000
LABEL_SETS = 100_000
SAMPLES = 1 + 1 + 1 + POSITIONS * 11 + LABEL_SETS * 6
"""Who it is, what is cut, how many positions; of each position what `answer` tells and its distance; the counters."""


def answer() -> bytes:
    rows = [
        {
            "symbol": f"C{number}-USDT",
            "positionId": str(number),
            "positionSide": "LONG",
            "isolated": True,
            "positionAmt": "1.5",
            "availableAmt": "1.5",
            "unrealizedProfit": "-0.25",
            "initialMargin": "10",
            "avgPrice": "100",
            "markPrice": "90",
            "liquidationPrice": str(number % 89 + 1),
            "leverage": 10,
            "riskRate": "0.02",
            "positionValue": "135",
        }
        for number in range(POSITIONS)
    ]
    return json.dumps(rows).encode()


def history() -> IncomeState:
    totals = tuple(
        IncomeTotal(
            income_type="FUNDING_FEE",
            symbol=f"C{number}-USDT",
            asset="USDT",
            credited=Decimal(number),
            debited=Decimal(0),
            entries=1,
            created_at=BORN + timedelta(seconds=number),
        )
        for number in range(LABEL_SETS)
    )
    return IncomeState(epoch=BORN, watermark=None, complete=True, baseline_complete=True, totals=totals)


def test_ten_thousand_positions_and_a_hundred_thousand_counters() -> None:
    page = Page(ACCOUNT_SUBJECTS, clock=ManualClock(), series_per_account=LIMIT)
    page.arrange(["main"])
    publisher = Publisher(page)
    publisher.introduce(Account(name="main"), position_id=True)
    read, income = positions.parse(decode(answer())).value, history()

    took = []
    for collector, data in ((CollectorName.POSITIONS, read), (CollectorName.INCOME, income)) * 2:
        began = time.process_time()
        publisher.data_changed("main", collector, Snapshot(data=data, sent_at=0.0, expires_at=2000.0))
        took.append(f"{collector} {time.process_time() - began:.2f} s")
    bodies = []
    for _ in range(2):
        began = time.process_time()
        bodies.append(page.body(Format.OPENMETRICS))
        took.append(f"scrape {(time.process_time() - began) * 1000:.2f} ms")
    print(f"limit {LIMIT}: {', '.join(took)}; {len(bodies[0]) / 1e6:.1f} MB")  # noqa: T201 - figures are read, not asserted

    assert bodies[1] == bodies[0]
    assert page.blocks(Format.OPENMETRICS) is page.blocks(Format.OPENMETRICS)
    assert len(bodies[0]) < LIMIT * 200
    full = samples(families_of_openmetrics((bodies[0] + END_OF_OPENMETRICS).decode()))
    text = samples(families_of_text(page.body(Format.TEXT).decode()))
    assert text == {key: value for key, value in full.items() if not key[0].endswith("_created")}
    per_income = 4  # progress and what re-reading found, watermark aside: it is not known here
    left_off = full[series("bingx_account_series_cut", account="main")]
    assert LIMIT - 100 < len(full) <= LIMIT
    assert len(full) + left_off == SAMPLES + per_income + 2
    assert full[series("bingx_positions", account="main")] == POSITIONS
