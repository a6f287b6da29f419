"""Any answer of the exchange: an error of the tree, or numbers on a page that every reader understands."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import ManualClock
from support.exposition import families_of_openmetrics, families_of_text, samples
from support.mutations import as_json, mutated, values

from exporter.bingx.endpoints import (
    balance,
    commission_rate,
    income,
    income_export,
    permissions,
    positions,
    server_time,
)
from exporter.bingx.envelope import unwrap
from exporter.bingx.errors import BingxError
from exporter.bingx.paths import Endpoint
from exporter.bingx.wire import Parsed
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.page import Page
from exporter.metrics.publisher import Publisher
from exporter.metrics.render import END_OF_OPENMETRICS, Format
from exporter.model import CollectorName, IncomeEntry, IncomeState, IncomeTotal, KeyPermissions
from exporter.polling.board import Snapshot

FUZZ = settings.get_profile("fuzz")
FIXTURES = Path(__file__).parents[1] / "fixtures" / "bingx"
PARSERS: Mapping[Endpoint, Callable[[object], Parsed[Any]]] = {
    Endpoint.BALANCE: balance.parse,
    Endpoint.POSITIONS: positions.parse,
    Endpoint.INCOME: income.parse,
    Endpoint.COMMISSION_RATE: commission_rate.parse,
    Endpoint.PERMISSIONS: permissions.parse,
    Endpoint.SERVER_TIME: server_time.parse,
}
COLLECTORS = {
    Endpoint.BALANCE: CollectorName.BALANCE,
    Endpoint.POSITIONS: CollectorName.POSITIONS,
    Endpoint.INCOME: CollectorName.INCOME,
    Endpoint.COMMISSION_RATE: CollectorName.COMMISSION_RATE,
}
RECORDED = tuple(
    (max((endpoint for endpoint in Endpoint if path.name.startswith(endpoint)), key=len), json.loads(path.read_text()))
    for path in sorted(FIXTURES.glob("*.json"))
)
NOW = datetime(2026, 11, 1, tzinfo=UTC)

statuses = st.sampled_from([200, 200, 200, 201, 301, 400, 403, 418, 429, 500, 503])
wholes = st.fixed_dictionaries(
    {}, optional={"code": st.just(0) | values, "msg": values, "data": values, "success": values, "timestamp": values}
)


def read(endpoint: Endpoint, status: int, body: bytes) -> object:
    """Read an answer as the client does; `None` for an error of the tree, and nothing else may come."""
    try:
        if endpoint is Endpoint.INCOME_EXPORT:
            return income_export.parse(body, status=status)
        parsed = PARSERS[endpoint](unwrap(status, body, endpoint=endpoint))
    except BingxError as error:
        line = str(error)
        assert line.isprintable()
        assert len(line) < 1000
        return None
    assert all(drift.path.isprintable() and len(drift.path) < 100 for drift in parsed.drift)
    assert len(parsed.drift) <= 32
    value: object = parsed.value
    return value


def numbers(model: object) -> Iterator[object]:
    if isinstance(model, tuple):
        for item in model:
            yield from numbers(item)
    elif is_dataclass(model):
        for one in fields(model):
            yield from numbers(getattr(model, one.name))
    else:
        yield model


def check(endpoint: Endpoint, model: object) -> None:
    """Show what was read, and hold the two formats against each other."""
    for number in numbers(model):
        assert not isinstance(number, float)
        assert not isinstance(number, Decimal) or number.is_finite()
    for by_id in (False, True):
        page = shown(endpoint, model, by_id=by_id)
        text = samples(families_of_text(page.body(Format.TEXT).decode("utf-8")))
        full = samples(families_of_openmetrics((page.body(Format.OPENMETRICS) + END_OF_OPENMETRICS).decode("utf-8")))
        assert all(math.isfinite(value) for value in full.values())
        assert text == {key: value for key, value in full.items() if not key[0].endswith("_created")}


def shown(endpoint: Endpoint, model: object, *, by_id: bool) -> Page:
    page = Page(ACCOUNT_SUBJECTS, clock=ManualClock())
    page.arrange(["main"])
    publisher = Publisher(page)
    if isinstance(model, KeyPermissions):
        publisher.permissions_changed("main", model, 2000.0)
    elif endpoint in COLLECTORS:
        publisher._by_id = {"main": by_id}
        data = added_up(model) if endpoint is Endpoint.INCOME and isinstance(model, tuple) else model
        publisher.data_changed("main", COLLECTORS[endpoint], Snapshot(data=data, sent_at=0.0, expires_at=2000.0))
    return page


def added_up(entries: tuple[IncomeEntry, ...]) -> IncomeState:
    sums: dict[tuple[str, str, str], list[Decimal]] = {}
    for entry in entries:
        sums.setdefault((entry.income_type, entry.symbol, entry.asset), []).append(entry.amount)
    totals = tuple(
        IncomeTotal(
            income_type=income_type,
            symbol=symbol,
            asset=asset,
            credited=sum((amount for amount in amounts if amount > 0), Decimal(0)),
            debited=-sum((amount for amount in amounts if amount < 0), Decimal(0)),
            entries=len(amounts),
            created_at=NOW,
        )
        for (income_type, symbol, asset), amounts in sums.items()
    )
    return IncomeState(epoch=NOW, watermark=NOW, complete=True, baseline_complete=True, totals=totals)


@pytest.mark.parametrize("endpoint", Endpoint)
@settings(FUZZ, max_examples=FUZZ.max_examples // 2)
@given(statuses, st.binary() | st.text(alphabet='{}[]":,0123456789.eE-+ntrfalsu\\ud8').map(str.encode))
def test_any_bytes(endpoint: Endpoint, status: int, body: bytes) -> None:
    model = read(endpoint, status, body)
    if model is not None:
        check(endpoint, model)


@pytest.mark.parametrize("endpoint", PARSERS)
@settings(FUZZ)
@given(statuses, values | wholes, st.booleans())
def test_any_json(endpoint: Endpoint, status: int, tree: object, ascii_only: bool) -> None:
    model = read(endpoint, status, as_json(tree, ascii_only=ascii_only))
    if model is not None:
        check(endpoint, model)


@settings(FUZZ, max_examples=FUZZ.max_examples * 4)
@given(st.sampled_from(RECORDED).flatmap(lambda one: st.tuples(st.just(one[0]), mutated(one[1]))), st.booleans())
def test_a_recorded_answer_with_something_else_in_it(answer: tuple[Endpoint, object], ascii_only: bool) -> None:
    endpoint, tree = answer
    model = read(endpoint, 200, as_json(tree, ascii_only=ascii_only))
    if model is not None:
        check(endpoint, model)


@settings(FUZZ)
@given(st.sampled_from(RECORDED), st.floats(0, 1), st.binary(max_size=3), st.booleans())
def test_a_recorded_answer_with_damaged_bytes(
    answer: tuple[Endpoint, object], place: float, junk: bytes, cut: bool
) -> None:
    endpoint, tree = answer
    body = as_json(tree, ascii_only=False)
    at = round(place * len(body))
    model = read(endpoint, 200, body[:at] + junk + (b"" if cut else body[at + len(junk) :]))
    if model is not None:
        check(endpoint, model)


@pytest.mark.parametrize(("endpoint", "tree"), RECORDED)
def test_what_was_recorded_is_read(endpoint: Endpoint, tree: object) -> None:
    """Else all of the above would prove nothing."""
    model = read(endpoint, 200, as_json(tree, ascii_only=True))
    assert model is not None
    check(endpoint, model)
