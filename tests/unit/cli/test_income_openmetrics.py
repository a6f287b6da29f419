"""The exposition of the past, read back with the strict parser of another house."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from support.clock import ManualClock
from support.exposition import families_of_openmetrics

from exporter.cli.income.asking import NoIncome
from exporter.cli.income.openmetrics import Exposition, timestamp
from exporter.cli.income.past import past_of, span_of
from exporter.cli.income.spool import Spool
from exporter.ledger import TAIL, AccountBook, Ledger, Window, open_ledger
from exporter.model import IncomeEntry, from_milliseconds, to_milliseconds

FillBook = Callable[..., AccountBook]
NOW = ManualClock().now()
STEP = timedelta(hours=6)


def entry(at: datetime, amount: str, **labels: str) -> IncomeEntry:
    known = {"income_type": "FUNDING_FEE", "symbol": "BTC-USDT", "asset": "USDT", "tran_id": "", "info": ""}
    return IncomeEntry(time=at, amount=Decimal(amount), trade_id="", **{**known, **labels})


def exposition(
    *books: AccountBook,
    since: datetime | None = None,
    until: datetime | None = None,
    labels: Sequence[tuple[str, str]] = (),
) -> str:
    with Spool() as spool:
        pasts = [past_of(book, span_of(book, since=since, until=until, step=STEP), spool, now=NOW) for book in books]
        return b"".join(Exposition(pasts=pasts, spool=spool, labels=labels).pieces()).decode()


def series_of(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[int, float]]]:
    found: dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[int, float]]] = defaultdict(list)
    families: dict[str, Metric] = families_of_openmetrics(text)
    for family in families.values():
        for sample in family.samples:
            assert sample.timestamp is not None
            at_ms = round(float(sample.timestamp) * 1000)
            found[sample.name, frozenset(sample.labels.items())].append((at_ms, sample.value))
    return found


def test_the_text_has_the_families_of_the_page_one_after_the_other(fill: FillBook) -> None:
    alpha = fill([entry(NOW - timedelta(days=1, hours=1), "-0.25"), entry(NOW - timedelta(hours=7), "1.5")])
    beta = fill([entry(NOW - timedelta(days=2), "3", symbol="", income_type="TRANSFER")], name='be"ta')

    lines = exposition(alpha, beta, labels=[("job", "bingx")], since=NOW - timedelta(days=3)).splitlines()

    assert [line.split()[2] for line in lines if line.startswith("# TYPE")] == [
        "bingx_income_credited",
        "bingx_income_debited",
        "bingx_income_entries",
    ]
    assert lines[-1] == "# EOF"
    first = [line for line in lines if line.startswith("bingx_income_credited_total")]
    block = '{account="alpha",asset="USDT",symbol="BTC-USDT",income_type="FUNDING_FEE",job="bingx"}'
    assert first[:4] == [
        f"bingx_income_credited_total{block} 0.0 1793383200",
        f"bingx_income_credited_total{block} 0.0 1793404800",
        f"bingx_income_credited_total{block} 0.0 1793426400",
        f"bingx_income_credited_total{block} 0.0 1793448000",
    ]
    assert f"bingx_income_credited_total{block} 0.0 1793465999.999" in first
    assert f"bingx_income_credited_total{block} 1.5 1793466000" in first
    assert 'account="be\\"ta",asset="USDT",income_type="TRANSFER",job="bingx"' in first[-1]


moments = st.integers(0, 12 * 86_400).map(lambda seconds: NOW - timedelta(days=12) + timedelta(seconds=seconds))
amounts = st.decimals(min_value=-1000, max_value=1000, places=8).map(str)
entries = st.builds(
    entry,
    st.one_of(moments, st.sampled_from([NOW - timedelta(days=3), NOW - timedelta(days=3, milliseconds=1)])),
    amounts,
    symbol=st.sampled_from(["BTC-USDT", "MØTH-USDT", ""]),
    income_type=st.sampled_from(["FUNDING_FEE", "TRADING_FEE"]),
    asset=st.sampled_from(["USDT", "USDC"]),
)


@settings(max_examples=12)
@given(rows=st.lists(entries, max_size=25), since=st.one_of(st.none(), moments))
def test_any_history_reads_back_ascending_and_as_what_its_entries_add_up_to(
    rows: list[IncomeEntry], since: datetime | None
) -> None:
    with TemporaryDirectory() as folder, open_ledger(f"sqlite:///{Path(folder) / 'l.db'}", ManualClock()) as ledger:
        book = ledger.account("alpha", since=NOW - timedelta(days=13))
        window = Window(book.epoch, NOW)
        inside = [row for row in rows if row.time in window]
        book.record_window(window, inside, cursor=NOW, baseline_complete=True)
        begin = since if since is not None and since < NOW - TAIL else None
        found = series_of(exposition(book, since=begin))
        if begin is None:
            parts: dict[object, list[tuple[int, float]]] = defaultdict(list)
            cut = NOW - timedelta(days=3)
            for text in (exposition(book, until=cut), exposition(book, since=cut)):
                for key, samples in series_of(text).items():
                    parts[key] = sorted({*parts[key], *samples})
            assert {key: dict(samples) | dict(parts[key]) for key, samples in found.items()} == {
                key: dict(samples) for key, samples in parts.items()
            }

    end_ms = to_milliseconds(NOW - TAIL)
    for (name, labels), samples in found.items():
        assert all(one[0] < two[0] and one[1] <= two[1] for one, two in pairwise(samples))
        assert samples[-1][0] == end_ms
        mine = [row for row in inside if labels_of(row) == labels]
        for at_ms, value in samples:
            assert value == float(counted(name, [row for row in mine if to_milliseconds(row.time) <= at_ms]))
    early = {labels_of(row) for row in inside if row.time <= NOW - TAIL}
    assert {labels for _, labels in found} == early


def labels_of(row: IncomeEntry) -> frozenset[tuple[str, str]]:
    labels = {"account": "alpha", "asset": row.asset, "symbol": row.symbol, "income_type": row.income_type}
    return frozenset((name, value) for name, value in labels.items() if value)


def counted(name: str, rows: list[IncomeEntry]) -> Decimal | int:
    if "entries" in name:
        return len(rows)
    sign = 1 if "credited" in name else -1
    return sum((sign * row.amount for row in rows if sign * row.amount > 0), Decimal(0))


def test_a_long_history_goes_through_the_spool(fill: FillBook) -> None:
    times = [NOW - timedelta(days=1) + timedelta(seconds=n) for n in range(700)]
    book = fill([entry(at, "0.001", tran_id=str(n)) for n, at in enumerate(times)])

    found = series_of(exposition(book))

    (samples,) = [samples for (name, _), samples in found.items() if "credited" in name]
    assert samples[-1][1] == 0.7
    assert len(samples) > 700


def test_the_past_goes_on_from_what_has_been_compacted(fill: FillBook) -> None:
    old, new = NOW - timedelta(days=15), NOW - timedelta(days=2)
    book = fill([entry(old, "5"), entry(old, "-1", symbol="OLD-USDT"), entry(new, "0.5")])
    book.compact(NOW - timedelta(days=10))

    found = series_of(exposition(book))

    values = {labels: samples for (name, labels), samples in found.items() if "credited" in name}
    assert book.compacted_until is not None
    assert [value for _, value in values[labels_of(entry(new, "0.5"))]][0::10000] == [5.0]
    assert values[labels_of(entry(new, "0.5"))][-1][1] == 5.5
    assert {value for _, value in values[labels_of(entry(old, "-1", symbol="OLD-USDT"))]} == {0.0}
    assert min(at for at, _ in values[labels_of(entry(new, "0.5"))]) >= to_milliseconds(book.compacted_until)


def test_the_past_ends_before_the_first_page_by_the_time_that_rows_may_be_late(
    fill: FillBook, clock: ManualClock
) -> None:
    book = fill([entry(NOW - timedelta(days=1), "1")])
    clock.advance(86_400)

    assert span_of(book, since=None, until=None, step=STEP).end_ms == to_milliseconds(NOW - TAIL)
    until = NOW - timedelta(minutes=1)
    assert span_of(book, since=None, until=until, step=STEP).end_ms == to_milliseconds(until)
    assert span_of(book, since=None, until=clock.now(), step=STEP).end_ms == to_milliseconds(book.cursor)


def test_a_history_that_has_not_been_read_completely_is_not_written(ledger: Ledger, clock: ManualClock) -> None:
    book = ledger.account("alpha", since=NOW - timedelta(days=20))
    window = Window(book.epoch, NOW - timedelta(days=5))
    book.record_window(window, [entry(NOW - timedelta(days=6), "1")], cursor=window.end)

    with pytest.raises(NoIncome, match="has not been read completely"):
        span_of(book, since=None, until=None, step=STEP)


@given(st.integers(0, 4_000_000_000_000))
def test_a_timestamp_is_read_back_as_the_same_millisecond_by_cutting_and_by_rounding(at_ms: int) -> None:
    text = timestamp(at_ms)

    assert int(float(text) * 1000) == at_ms == round(float(text) * 1000)
    assert from_milliseconds(at_ms) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
