"""The soak is a judge: a short one passes, and whatever is wrong with pages or process fails it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.exchange import Exchange
from support.exposition import Series, series
from support.world import expected_gauges, expected_income, is_income

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where `bench` lies

from bench import processes
from bench.soak import judge, verdict
from bench.soak.exporter import Exporter, Order, Vitals
from bench.soak.growth import FEWEST, floor, growth
from bench.soak.peers import BadPageError, Page, scrape
from bench.soak.soak import Plan, Soak
from bench.soak.troubles import Troubles
from bench.soak.world import simulated
from exporter.clock import SystemClock
from exporter.simulator.faults import Fault, FaultKind

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
World = Mapping[str, Any]
SAMPLES = 2 * FEWEST
GROWTH = {"resident memory, MiB", "threads", "descriptors", "threads at rest", "descriptors at rest"}
INTERVALS = {"balance": 10.0, "positions": 5.0, "commission_rate": 60.0}


@pytest.fixture
def world(exchange: Exchange) -> World:
    exchange.tell("rights", account="gamma", read=True, trade=True)
    found: World = exchange.world()
    return found


def health(world: World, sent: datetime) -> dict[Series, float]:
    found: dict[Series, float] = {}
    for account in world["accounts"]:
        for collector, interval in INTERVALS.items():
            labels = {"account": account["name"], "collector": collector}
            found[series("bingx_collector_last_success_timestamp_seconds", **labels)] = sent.timestamp()
            found[series("bingx_collector_interval_seconds", **labels)] = interval
    return found


def true_page(world: World, *, sent: datetime = NOW - timedelta(seconds=1)) -> Page:
    """Return a page as a perfect exporter would write it at NOW."""
    samples = {**expected_gauges(world), **expected_income(world), **health(world, sent)}
    counters = frozenset(key for key in samples if is_income(key))
    return Page(asked_at=NOW, seconds=0.01, samples=samples, counters=counters)


def changed(page: Page, changes: Mapping[Series, float | None]) -> Page:
    samples = {key: value for key, value in {**page.samples, **changes}.items() if value is not None}
    return replace(page, samples=samples, counters=frozenset(key for key in samples if is_income(key)))


def everything(page: Page, world: World) -> dict[str, list[str]]:
    since = NOW - timedelta(seconds=30)
    found = {
        "stale": list(judge.stale(page)),
        "untrue": list(judge.untrue(page, world, since=since)),
        "excessive": list(judge.excessive(page, world)),
        "differences": list(judge.differences(page, world)),
    }
    return {kind: texts for kind, texts in found.items() if texts}


def first(page: Page, name: str, **labels: str) -> Series:
    return min((key for key in page.samples if key[0] == name and labels.items() <= dict(key[1]).items()), key=repr)


def test_a_short_soak_passes_and_says_what_it_could_not_judge() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak", "--minutes=0.25", "--seed=3", "--accounts=3", "--format=json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["passed"] is True
    assert {check["name"] for check in told["checks"] if check["holds"] is None} == GROWTH
    assert all(told["done"][what] > 0 for what in (*verdict.LOOKED_AT, "deeds", "rude visits"))
    assert told["healed_seconds"] is not None
    assert len(told["vitals"]) > 10


def test_a_true_page_is_not_found_fault_with(world: World) -> None:
    page = true_page(world)
    assert everything(page, world) == {}
    assert judge.compared(page, since=NOW - timedelta(seconds=30)) > 100
    assert judge.compared(page, since=NOW) == 0


def test_a_price_that_is_not_the_exchanges_is_found(world: World) -> None:
    page = true_page(world)
    key = first(page, "bingx_position_mark_price")
    found = everything(changed(page, {key: page.samples[key] * 1.0001}), world)
    assert set(found) == {"untrue", "differences"}


def test_an_answer_from_before_the_standstill_is_no_fault_until_it_is_old(world: World) -> None:
    page = true_page(world)
    key = first(page, "bingx_position_mark_price")
    wrong = changed(page, {key: page.samples[key] * 2})
    assert list(judge.untrue(wrong, world, since=NOW)) == []


def test_a_closed_position_that_is_still_shown_is_found(world: World) -> None:
    page = true_page(world)
    ghost = series("bingx_position_amount", account="alpha", asset="USDT", symbol="GONE-USDT", side="long")
    assert set(everything(changed(page, {ghost: 1.0}), world)) == {"untrue", "differences"}


def test_a_position_that_is_missing_beside_others_is_found(world: World) -> None:
    page = true_page(world)
    key = first(page, "bingx_position_amount")
    assert set(everything(changed(page, {key: None}), world)) == {"untrue", "differences"}


def test_a_collector_without_gauges_is_no_fault_before_the_end(world: World) -> None:
    page = true_page(world)
    absent = {key: None for key in page.samples if judge.collector_of(key[0]) == "positions"}
    assert set(everything(changed(page, absent), world)) == {"differences"}


def test_an_entry_counted_twice_is_found(world: World) -> None:
    page = true_page(world)
    key = first(page, "bingx_income_entries_total")
    assert set(everything(changed(page, {key: page.samples[key] + 1}), world)) == {"excessive", "differences"}


def test_an_entry_that_is_lost_is_found_at_the_end(world: World) -> None:
    page = true_page(world)
    key = first(page, "bingx_income_entries_total")
    assert set(everything(changed(page, {key: page.samples[key] - 1}), world)) == {"differences"}


def test_income_that_was_never_there_is_found(world: World) -> None:
    page = true_page(world)
    labels = {"account": "alpha", "asset": "USDT", "income_type": "ADL", "symbol": "GONE-USDT"}
    made_up = {series(f"bingx_income_{field}_total", **labels): 1.0 for field in ("credited", "entries")}
    assert set(everything(changed(page, made_up), world)) == {"excessive", "differences"}


def test_gauges_past_three_intervals_are_found(world: World) -> None:
    assert list(judge.stale(true_page(world, sent=NOW - timedelta(seconds=15)))) == []
    found = list(judge.stale(true_page(world, sent=NOW - timedelta(seconds=16))))
    assert len(found) == len(world["accounts"])
    assert all("positions" in text for text in found)


def test_counters_that_fall_or_vanish_are_found(world: World) -> None:
    page, memory = true_page(world), judge.Memory()
    entries, credited = first(page, "bingx_income_entries_total"), first(page, "bingx_income_credited_total")
    assert list(memory.look(page)) == []
    wrong = changed(page, {entries: page.samples[entries] - 1, credited: None})
    assert sorted(kind for kind, _ in memory.look(wrong)) == ["a counter fell", "a counter vanished"]


def test_after_a_restart_only_income_has_to_go_on(world: World) -> None:
    page, memory = true_page(world), judge.Memory()
    calls = series("bingx_api_requests_total", endpoint="balance")
    before = replace(page, samples={**page.samples, calls: 7.0}, counters=page.counters | {calls})
    entries = first(page, "bingx_income_entries_total")
    assert list(memory.look(before)) == []
    memory.restarted()
    after = changed(page, {entries: page.samples[entries] - 1})
    assert [kind for kind, _ in memory.look(after)] == ["a counter fell"]


def after_a_reload(seconds: float, **changes: float | None) -> list[str]:
    """Return what is found on a page so long after a reload was asked for; `changes` are to what it should say."""
    order = Order(at=NOW - timedelta(seconds=seconds), fee_seconds={"alpha": 4.0, "beta": 3.95})
    said = {"successful": 1.0, "at": order.at.timestamp() + 0.5, "alpha": 4.0, "beta": 3.95, **changes}
    reloaded, interval = "bingx_exporter_config_last_reload", "bingx_collector_interval_seconds"
    keys = {
        "successful": series(f"{reloaded}_successful"),
        "at": series(f"{reloaded}_success_timestamp_seconds"),
        **{name: series(interval, account=name, collector="commission_rate") for name in order.fee_seconds},
    }
    samples = {keys[name]: value for name, value in said.items() if value is not None}
    page = Page(asked_at=NOW, seconds=0.01, samples=samples, counters=frozenset())
    assert judge.is_due(page, order) == (seconds > judge.RELOAD_SECONDS)
    assert not judge.is_due(page, None)
    return list(judge.unheeded(page, order))


def test_a_reload_that_was_done_is_not_found_fault_with() -> None:
    assert after_a_reload(9) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"at": NOW.timestamp() - 60},
        {"at": None},
        {"successful": 0.0},
        {"successful": None},
        {"beta": 4.0},
        {"alpha": None},
    ],
)
def test_a_reload_without_effect_is_found(changes: Mapping[str, float | None]) -> None:
    assert len(after_a_reload(9, **changes)) == 1


def test_a_reload_has_some_seconds_but_none_to_fail() -> None:
    assert after_a_reload(7, at=NOW.timestamp() - 60, beta=4.0) == []
    assert len(after_a_reload(1, successful=0.0)) == 1


class Deaf(Exporter):
    """Does not hear of a SIGHUP."""

    def hang_up(self) -> None:
        """Send nothing."""


def test_an_exporter_that_is_deaf_to_reloads_fails(tmp_path: Path) -> None:
    clock, plan = SystemClock(), Plan(minutes=0.02, seed=1, restarts=False, patience_seconds=60)
    with simulated(accounts=2, seed=1, clock=clock) as world, closing(Deaf(world.exchange, tmp_path, clock)) as one:
        evidence = Soak(plan, world, one, clock, print).run()
    assert set(evidence.wrong) == {"a reload without effect"}, evidence.texts
    assert evidence.done["pages after a reload"] > 0


def test_a_traceback_in_the_log_is_told_by_its_line(tmp_path: Path) -> None:
    exporter = Exporter(processes.Exchange("http://127.0.0.1:1", ()), tmp_path, SystemClock())
    assert exporter.tracebacks() == []
    line = 'time=2026-11-22T12:00:00Z level=ERROR msg="It broke" exc="Traceback (most recent call last):\\n  File"'
    (tmp_path / "log-1").write_text(f"time=2026-11-22T11:59:59Z level=INFO msg=before\n{line}\n")
    (tmp_path / "log-2").write_text("time=x\nTraceback (most recent call last):\n  File\nRuntimeError: why\n")
    assert exporter.tracebacks() == [
        'time=2026-11-22T12:00:00Z level=ERROR msg="It broke" exc="',
        "Traceback (most recent call last):\n  File\nRuntimeError: why\n",
    ]


class Answering(BaseHTTPRequestHandler):
    """Answers every question with the server's own page."""

    def do_GET(self) -> None:
        body: bytes = self.server.page  # type: ignore[attr-defined]  # put there by the fixture
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("page", ["a{b=1} 2\n", "a 1\na 1\n", "a 1\nb\n", 'a{b="c} 1\n'])
def test_a_page_that_cannot_be_read_is_no_page(served: HTTPServer, page: str) -> None:
    served.page = page.encode()  # type: ignore[attr-defined]  # for the handler
    with pytest.raises(BadPageError):
        scrape(f"http://127.0.0.1:{served.server_port}", SystemClock(), random.Random(1))


def vitals(number: int, **more: float) -> Vitals:
    noise = number % 3
    plain = {"resident_mib": 70.0 + noise / 10, "threads": 12 + noise, "descriptors": 30 + noise}
    together: dict[str, Any] = {**plain, **{name: plain[name] + extra for name, extra in more.items()}}
    return Vitals(at_seconds=float(number), cpu_seconds=number / 10, ledger_mib=1.0, **together)


def sound() -> verdict.Evidence:
    return verdict.Evidence(
        wrong={},
        done=dict.fromkeys(verdict.LOOKED_AT, 10),
        texts={},
        vitals=[vitals(number) for number in range(SAMPLES)],
        rest=(vitals(0), vitals(1)),
        scrapes=[0.01, 0.02],
        healed_seconds=3.0,
        one_process=True,
    )


def failing(evidence: verdict.Evidence) -> list[str]:
    found = verdict.checks(evidence)
    names = [check.name for check in found if check.holds is False]
    assert verdict.passed(found) is not bool(names)
    assert verdict.table(found, evidence).endswith("FAILED" if names else "PASSED")
    assert json.loads(verdict.as_json(found, evidence))["passed"] is not bool(names)
    return names


def test_sound_evidence_passes() -> None:
    assert failing(sound()) == []
    assert all(check.holds for check in verdict.checks(sound()))


@pytest.mark.parametrize(
    ("quantity", "name", "a_sample"),
    [
        ("resident_mib", "resident memory, MiB", 0.02),
        ("threads", "threads", 0.03),
        ("descriptors", "descriptors", 0.05),
    ],
)
def test_a_slow_leak_fails(quantity: str, name: str, a_sample: float) -> None:
    leaking = [vitals(number, **{quantity: number * a_sample}) for number in range(SAMPLES)]
    assert failing(replace(sound(), vitals=leaking)) == [name]


def test_a_step_that_stays_fails_and_peaks_that_pass_do_not() -> None:
    step = [vitals(number, resident_mib=6.0 * (number > SAMPLES * 0.7)) for number in range(SAMPLES)]
    assert failing(replace(sound(), vitals=step)) == ["resident memory, MiB"]
    peaks = [vitals(number, resident_mib=40.0 * (number % 10 == 0)) for number in range(SAMPLES)]
    assert failing(replace(sound(), vitals=peaks)) == []


def test_threads_that_come_and_go_with_hanging_calls_are_no_leak_and_those_that_stay_are() -> None:
    busy = [vitals(number, threads=12 * (number // 10 % 3 > 0) * number / SAMPLES) for number in range(SAMPLES)]
    assert failing(replace(sound(), vitals=busy)) == []
    assert failing(replace(sound(), rest=(vitals(0), vitals(0, threads=4)))) == ["threads at rest"]
    assert failing(replace(sound(), rest=(vitals(0), vitals(0, descriptors=7)))) == ["descriptors at rest"]


@pytest.mark.parametrize("kind", [*verdict.WRONGS, "a kind that nobody has listed"])
def test_a_single_fault_fails_and_is_told(kind: str) -> None:
    evidence = replace(sound(), wrong={kind: 1}, texts={kind: ["what it was"]})
    assert failing(evidence) == [kind]
    assert "what it was" in verdict.table(verdict.checks(evidence), evidence)


@pytest.mark.parametrize("what", verdict.LOOKED_AT)
def test_a_judge_who_has_seen_nothing_does_not_pass(what: str) -> None:
    assert failing(replace(sound(), done={**sound().done, what: 0})) == [what]


@pytest.mark.parametrize("scrapes", [[0.01, 5.0], []])
def test_a_slow_scrape_fails_and_so_does_none(scrapes: Sequence[float]) -> None:
    assert failing(replace(sound(), scrapes=scrapes)) == ["slowest scrape, s"]


def test_too_few_samples_tell_nothing() -> None:
    assert growth([1.0] * (FEWEST - 1), typical=floor, share=0.0, least=0.0) is None
    assert growth([1.0] * FEWEST, typical=floor, share=0.0, least=0.0) is not None


def test_every_kind_of_fault_comes_in_the_first_round_and_is_one_that_the_exchange_knows() -> None:
    troubles = Troubles(random.Random(5), ["alpha", "beta"])
    drawn = [troubles.draw(now_milliseconds=0) for _ in range(60)]
    faults = [msgspec.convert(dict(one.begin.body), Fault) for one in drawn if one.begin.name == "faults"]
    assert {fault.kind for fault in faults} == set(FaultKind)
    assert {"clock", "whitelist", "latency", "ban"} <= {one.kind for one in drawn}
    assert all(fault.seconds is not None for fault in faults)
    assert all((one.end is None) == (one.begin.name == "faults") for one in drawn)
