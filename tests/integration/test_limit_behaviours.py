"""The limits of the exchange against exporters that are drawn at random: nobody who keeps to them is ever refused.

Each seed is a scenario: so many accounts, keys of one user, ways out, intervals, latencies, rules of the exchange,
outages. `FUZZ_SEED=7` plays one seed again, `FUZZ_SECONDS=600` goes on with new ones for that long.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, islice, pairwise, takewhile
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from support.exchange import FAST, Exchange, merged, standing_still
from support.exposition import families_of_text, samples
from support.heard import heard
from support.processes import eventually, get

from exporter.app import App, Options
from exporter.clock import SystemClock
from exporter.config import load

SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", "0"))
ONLY_SEED: Final = os.environ.get("FUZZ_SEED")
SEEDS: Final = 25
AT_ONCE: Final = 6
LONG_ENOUGH: Final = 12.0
"""Seconds after which a crowd has used up what an address may ask in ten, and was let in again."""
CLOCK: Final = SystemClock()
LIMIT_CODES: Final = ("100409", "100410", "109429")
READ_ONLY: Final = "gamma"
NEEDS_THE_RIGHT: Final = ("income", "commission_rate")
OUTAGES: Final[tuple[Mapping[str, object], ...]] = (
    {},
    {"kind": "code", "code": 100500},
    {"kind": "status", "status": 504},
    {"kind": "status", "status": 502, "body": "empty"},
    {"kind": "silent"},
    {"kind": "reset"},
    {"kind": "slow_body", "milliseconds": 100},
    {"kind": "delay", "milliseconds": 700},
    {"kind": "cut"},
)

pytestmark = [pytest.mark.timeout(240 + 2 * SECONDS), pytest.mark.alone]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is played; times in seconds."""

    seed: int
    accounts: int
    keys: int
    """How many keys the first account has: as many accounts of the exporter share its budget."""
    ways_out: int
    intervals: Mapping[str, float]
    history_days: int
    latency: float
    limits: Mapping[str, int]
    outage: Mapping[str, object]
    outage_seconds: float
    restarts: int
    """How often the exchange forgets what it has counted."""

    @property
    def is_crowded(self) -> bool:
        """Whether the address is asked for more than it may have."""
        return self.accounts > 30

    @staticmethod
    def drawn(seed: int) -> Scenario:
        chance = random.Random(seed)
        crowded = chance.random() < 0.2
        keys = 1 if crowded else chance.choice((1, 1, 2, 3))
        strict = {"per_user": chance.choice((3, 4, 5)), "per_user_ms": chance.choice((1000, 1500, 2000))}
        loose = {"per_user": chance.choice((5, 6, 10)), "per_user_ms": chance.choice((500, 1000))}
        # What is stricter than the documents say can only be known from the headers: one call at a time reads them.
        limits = chance.choice((strict, loose, {})) if keys == 1 else chance.choice((loose, {}))
        shortest = 0.7 if crowded else 0.2 if keys == 1 else 0.5
        names = ("balance", "positions") if crowded else ("balance", "positions", "income", "commission_rate")
        return Scenario(
            seed=seed,
            accounts=chance.randint(36, 44) if crowded else chance.randint(1, 8),
            keys=keys,
            ways_out=1 if crowded else chance.randint(1, 3),
            intervals={name: round(chance.uniform(shortest, 1.0 if crowded else 1.5), 2) for name in names},
            history_days=1 if crowded else chance.choice((1, 20, 60)),
            latency=chance.choice((0.0, 0.0, 0.03, 0.15, 0.4)),
            limits={**limits, "code": chance.choice((100410, 109429))},
            outage={} if crowded else chance.choice(OUTAGES),
            outage_seconds=chance.uniform(0.5, 3.0),
            restarts=chance.choice((0, 0, 1, 2)),
        )


@dataclass(frozen=True)
class Verdict:
    scenario: Scenario
    refused: Mapping[str, int]
    unserved: tuple[str, ...]
    calls: int

    @property
    def is_good(self) -> bool:
        return not self.refused and not self.unserved and self.calls > 0

    def __str__(self) -> str:
        return (
            f"FUZZ_SEED={self.scenario.seed} plays it again: refused {dict(self.refused)}, "
            f"never served {self.unserved[:5]}, {self.calls} calls, {self.scenario}"
        )


def configured(folder: Path, exchange: Exchange, scenario: Scenario) -> Path:
    """Write a configuration with an account for every key; what has no interval in the scenario is switched off."""
    accounts, known = [], set()
    for number, login in enumerate(exchange.keys()["accounts"]):
        name = login["name"] if login["name"] not in known else f"{login['name']}-again-{number}"
        known.add(name)
        way = {"source_address": f"127.0.0.{2 + number % scenario.ways_out}"} if scenario.ways_out > 1 else {}
        keys = {"api_key": login["api_key"], "api_secret": login["api_secret"]}
        accounts.append({"name": name, "base_url": exchange.url, **keys, **way})
    collectors: dict[str, object] = {name: {"enabled": False} for name in ("income", "commission_rate")}
    collectors |= {name: {"interval": f"{round(1000 * seconds)}ms"} for name, seconds in scenario.intervals.items()}
    document = {
        "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
        "defaults": merged(FAST, {"timeout": "2s", "collectors": collectors}),
        "accounts": accounts,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


def play(scenario: Scenario, folder: Path) -> Verdict:
    folder.mkdir()
    chance = random.Random(scenario.seed + 1)
    with ExitStack() as stack:
        options = {"accounts": scenario.accounts, "positions": 2, "history_days": scenario.history_days}
        exchange = stack.enter_context(standing_still(**options, seed=scenario.seed))
        for _ in range(scenario.keys - 1):
            exchange.tell("keys", account="alpha")
        exchange.tell("limits", **scenario.limits)
        exchange.tell("latency", milliseconds=round(1000 * scenario.latency))
        config = load(configured(folder, exchange, scenario), environ={})
        app = stack.enter_context(App(config, Options(addresses=("127.0.0.1:0",), process_metrics=False)))
        threading.Event().wait(LONG_ENOUGH if scenario.is_crowded else chance.uniform(0.5, 3.0))
        if scenario.outage:
            fault = {"seconds": scenario.outage_seconds, **scenario.outage}
            exchange.tell("faults", **fault, **chance.choice(({}, {"account": "alpha"}, {"endpoint": "balance"})))
            threading.Event().wait(scenario.outage_seconds)
        refused: dict[str, int] = {}
        for _ in range(scenario.restarts):
            threading.Event().wait(chance.uniform(0.1, 1.0))
            exchange.tell("limits")
        unserved = waited_for(app, CLOCK.now().timestamp())
        calls = exchange.calls()
        refused = {code: calls["refusals"][code] for code in LIMIT_CODES if code in calls["refusals"]}
        return Verdict(scenario, refused, unserved, calls["total"])


def waited_for(app: App, since: float) -> tuple[str, ...]:
    """Wait until every collector that can be served has been since then; return those that were not."""
    waiting: set[str] = set()

    def served() -> bool:
        page = samples(families_of_text(get(f"{app.urls[0]}/metrics")[1]))
        waiting.clear()
        waiting.update(
            " ".join(sorted(dict(labels).values()))
            for name, labels in page
            if name == "bingx_collector_interval_seconds" and not _cannot_be_served(dict(labels))
            if page.get(("bingx_collector_last_success_timestamp_seconds", labels), 0) <= since
        )
        return not waiting

    try:
        eventually(served, seconds=30)
    except AssertionError:
        return tuple(sorted(waiting))
    return ()


def _cannot_be_served(labels: Mapping[str, str]) -> bool:
    return labels["account"] == READ_ONLY and labels["collector"] in NEEDS_THE_RIGHT


def seeds() -> Iterator[int]:
    if ONLY_SEED is not None:
        return iter((int(ONLY_SEED),))
    if not SECONDS:
        return iter(range(SEEDS))
    ends_at = CLOCK.elapsed() + SECONDS
    first = int.from_bytes(os.urandom(4), "big")
    return takewhile(lambda _: CLOCK.elapsed() < ends_at, count(first))


def played(which: Iterator[int], folder: Path) -> Iterator[Verdict]:
    """Play several at once, in a machine's worth of threads."""
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def begin(seed: int) -> Future[Verdict]:
            return pool.submit(play, Scenario.drawn(seed), folder / str(seed))

        under_way = {begin(seed) for seed in islice(which, AT_ONCE)}
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            under_way |= {begin(seed) for seed in islice(which, len(done))}
            yield from (one.result() for one in done)


def test_who_began_clean_is_never_refused_and_everybody_is_served(tmp_path: Path) -> None:
    verdicts: list[Verdict] = []
    with heard("error"):
        for verdict in played(seeds(), tmp_path):
            verdicts.append(verdict)
            if not verdict.is_good:
                sys.stdout.write(f"{verdict}\n")
    sys.stdout.write(f"{len(verdicts)} scenarios, {sum(verdict.calls for verdict in verdicts)} calls\n")
    bad = [str(verdict) for verdict in verdicts if not verdict.is_good]

    assert not bad, "\n".join(bad)


BANS: Final = {
    "user": "rate limited: this endpoint is closed for this user and will be unblocked after {until}",
    "equal errors": "over 20 error code:100202 requests within 480000 ms, please retry after time: {until}",
    "address": "rate limited: your IP is banned and will be unblocked after {until}",
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", BANS)
def test_behind_a_ban_comes_nothing_before_its_end_and_then_one_call_first(
    tmp_path: Path, kind: str, seed: int
) -> None:
    chance = random.Random(f"{kind} {seed}")
    latency, whole = chance.uniform(0.15, 0.4), kind == "address"
    with ExitStack() as stack:
        stack.enter_context(heard("error"))
        exchange = stack.enter_context(standing_still(accounts=6, positions=1, history_days=1))
        exchange.tell("keys", account="alpha")
        fast = {name: chance.uniform(0.4, 0.8) for name in ("balance", "positions", "income", "commission_rate")}
        scenario = Scenario(
            **{**vars(Scenario.drawn(0)), "seed": seed, "ways_out": 1, "intervals": fast, "latency": latency}
        )
        config = load(configured(tmp_path, exchange, scenario), environ={})
        app = stack.enter_context(App(config, Options(addresses=("127.0.0.1:0",), process_metrics=False)))
        assert waited_for(app, 0) == ()
        exchange.tell("latency", milliseconds=round(1000 * latency))
        threading.Event().wait(1)
        until = round(1000 * (CLOCK.now().timestamp() + chance.uniform(2.0, 3.5)))
        message = BANS[kind].format(until=until)
        exchange.tell("faults", kind="code", code=100410, message=message, count=1, account="alpha", endpoint="balance")
        eventually(lambda: [call for call in calls_to(exchange, whole=whole) if call >= until][3:], what="it goes on")
        met = [call for call in exchange.calls(last=5000)["last"] if call["fault"] == "code"]
        arrivals = calls_to(exchange, whole=whole)

    known = met[0]["arrived_milliseconds"] + 1000 * latency + 150  # what was under way may still arrive
    meanwhile = [call for call in arrivals if known < call < until]
    first, second = [call for call in arrivals if call >= until][:2]
    assert len(met) == 1
    assert not meanwhile
    assert second - first >= 1000 * latency - 5
    assert first - until <= 1000 + 800


def calls_to(exchange: Exchange, *, whole: bool) -> list[int]:
    last: list[dict[str, Any]] = exchange.calls(last=5000)["last"]
    meant = [call for call in last if whole or (call["account"], call["endpoint"]) == ("alpha", "balance")]
    return [call["arrived_milliseconds"] for call in meant]


def test_the_scenarios_differ_and_are_what_their_seed_says() -> None:
    drawn = [Scenario.drawn(seed) for seed in range(SEEDS)]

    assert drawn == [Scenario.drawn(seed) for seed in range(SEEDS)]
    assert all(one != other for one, other in pairwise(drawn))
    assert {scenario.keys for scenario in drawn} == {1, 2, 3}
    assert any(scenario.is_crowded for scenario in drawn)
    assert len({str(scenario.outage) for scenario in drawn}) >= 6
