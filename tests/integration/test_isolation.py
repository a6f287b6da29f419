"""Two hundred accounts in one exporter, and three quarters of them cannot be reached: the others never notice.

One drill after the other, each with an exporter and an exchange of its own that treats the sick accounts in another way
at every endpoint: it never answers, it answers a byte at a time, it resets the connection. The limits of the exchange
are on. Not at the same time: the ages are those of an exporter that has a processor to itself.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from support.exchange import Exchange, standing_still
from support.exposition import Series, families_of_text, samples, series
from support.heard import heard
from support.processes import eventually, get

from exporter.app import App, Options
from exporter.clock import SystemClock
from exporter.config import load

pytestmark = [pytest.mark.timeout(180), pytest.mark.alone]

ACCOUNTS: Final = 200
SICK: Final = 150
INTERVAL: Final = 10.0
TIMEOUT: Final = 2.0
STALE_INTERVALS: Final = 1.5
TROUBLE_SECONDS: Final = 16.5
LONGEST_PAUSE: Final = 20.0
"""After three failures in a row, which is as far as one gets in this time: 5, 10, 20 seconds."""
A_MOMENT: Final = 1.0
COLLECTORS: Final = ("balance", "positions")
VARIANTS: Final[Mapping[str, Mapping[str, object]]] = {
    "silent": {"kind": "silent"},
    "dripping": {"kind": "slow_body", "milliseconds": 200},
    "reset": {"kind": "reset"},
}
CLOCK: Final = SystemClock()
_LAST_SUCCESS: Final = re.compile(
    r'^bingx_collector_last_success_timestamp_seconds\{account="([^"]+)",collector="(\w+)"\} (\S+)$', re.MULTILINE
)
_FRESH_GAUGE: Final = {
    "balance": re.compile(r'^bingx_account_equity\{account="([^"]+)"', re.MULTILINE),
    "positions": re.compile(r'^bingx_positions\{account="([^"]+)"', re.MULTILINE),
}


@dataclass(frozen=True)
class Glance:
    """One look at a running exporter."""

    at: float
    seconds: float
    page: str
    health: int

    def ages(self) -> dict[tuple[str, str], float]:
        return {
            (account, collector): self.at - float(value)
            for account, collector, value in _LAST_SUCCESS.findall(self.page)
        }

    def shown(self, collector: str) -> set[str]:
        return set(_FRESH_GAUGE[collector].findall(self.page))


@dataclass
class Stage:
    """An exchange, an exporter, and what was seen of them."""

    variant: str
    exchange: Exchange
    app: App
    names: Sequence[str]
    began_at: float = 0.0
    healed_after: float = 0.0
    most_threads: int = 0
    glances: list[Glance] = field(default_factory=list)
    calls: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sick(self) -> Sequence[str]:
        # In between the others, as it would be: polls are spread in the order of the accounts.
        return [name for number, name in enumerate(self.names) if number % 4 != 0]

    @property
    def sound(self) -> Sequence[str]:
        return self.names[::4]

    def look(self) -> Glance:
        url = self.app.urls[0]
        asked = CLOCK.elapsed()
        at = CLOCK.now().timestamp()
        _, page = get(f"{url}/metrics")
        return Glance(at=at, seconds=CLOCK.elapsed() - asked, page=page, health=get(f"{url}/-/healthy")[0])

    def is_well(self) -> bool:
        page = self.look()
        return all(page.shown(collector) >= set(self.names) for collector in COLLECTORS)

    def totals(self) -> dict[Series, float]:
        return samples(families_of_text(self.glances[-1].page))


def tell(text: str) -> None:
    """Say what was measured; `pytest -s` shows it."""
    sys.stdout.write(f"{text}\n")


def settings() -> dict[str, object]:
    slow, off = {"interval": f"{INTERVAL:.0f}s"}, {"enabled": False}
    collectors = {"balance": slow, "positions": slow, "commission_rate": {"interval": "30s"}, "income": off}
    return {"timeout": f"{TIMEOUT:.0f}s", "stale_after": STALE_INTERVALS, "collectors": collectors}


@pytest.fixture(scope="module", params=VARIANTS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        stack.enter_context(heard("error"))
        stage = begin(stack, request.param, tmp_path_factory.mktemp(request.param))
        eventually(stage.is_well, seconds=60, what="every account is read")
        threading.Event().wait(INTERVAL)  # from the crowd of the start to polls that are spread
        stage.began_at = CLOCK.now().timestamp()
        for name in stage.sick:
            stage.exchange.tell("faults", account=name, **VARIANTS[stage.variant])
        watch(stage)
        heal(stage)
        yield stage


def begin(stack: ExitStack, variant: str, folder: Path) -> Stage:
    exchange = stack.enter_context(standing_still(accounts=ACCOUNTS, positions=1, history_days=1))
    config = load(exchange.config(folder, **settings()), environ={})
    app = stack.enter_context(App(config, Options(addresses=("127.0.0.1:0",), process_metrics=False)))
    return Stage(variant=variant, exchange=exchange, app=app, names=[account.name for account in config.accounts])


def watch(stage: Stage) -> None:
    """Look at the exporter again and again while the trouble lasts."""
    ends_at = CLOCK.elapsed() + TROUBLE_SECONDS
    while CLOCK.elapsed() < ends_at:
        stage.glances.append(stage.look())
        stage.most_threads = max(stage.most_threads, threading.active_count())
        threading.Event().wait(0.3)


def heal(stage: Stage) -> None:
    stage.exchange.tell("faults/clear")
    ended_at = CLOCK.now().timestamp()
    eventually(stage.is_well, seconds=LONGEST_PAUSE + 2 * INTERVAL, what="every account is well again")
    stage.healed_after = CLOCK.now().timestamp() - ended_at
    stage.calls = stage.exchange.calls(last=5000)


def test_nothing_of_a_sound_account_is_older_than_an_interval_and_a_timeout(stage: Stage) -> None:
    sound = set(stage.sound)

    ages = [(age, *key) for glance in stage.glances for key, age in glance.ages().items() if key[1] in COLLECTORS]
    worst = max(entry for entry in ages if entry[1] in sound)

    tell(f"{stage.variant}: the worst age is {worst[0]:.2f} s ({worst[1]}, {worst[2]})")
    assert stage.glances[-1].at - stage.glances[0].at >= 15
    assert worst[0] <= INTERVAL + TIMEOUT
    for glance in stage.glances:
        assert all(glance.shown(collector) >= sound for collector in COLLECTORS)


def test_the_exchange_was_asked_for_every_sound_account_in_time(stage: Stage) -> None:
    arrivals: dict[tuple[str, str], list[float]] = {(name, what): [] for name in stage.sound for what in COLLECTORS}
    for call in stage.calls["last"]:
        if (call["account"], call["endpoint"]) in arrivals and call["code"] == 0:
            arrivals[call["account"], call["endpoint"]].append(call["arrived_milliseconds"] / 1000)

    gaps = [
        after - before for times in arrivals.values() for before, after in pairwise(times) if after > stage.began_at
    ]

    tell(f"{stage.variant}: the longest gap is {max(gaps):.2f} s in {len(gaps)} calls")
    assert len(gaps) >= 2 * len(stage.sound)
    assert max(gaps) <= INTERVAL + TIMEOUT


def test_the_exporter_is_healthy_and_answers_at_once(stage: Stage) -> None:
    glances = stage.glances

    tell(f"{stage.variant}: the slowest scrape took {max(glance.seconds for glance in glances):.3f} s")
    assert {glance.health for glance in glances} == {200}
    assert max(glance.seconds for glance in glances) < 1


def test_what_cannot_be_read_leaves_the_page_when_it_is_stale_and_not_before(stage: Stage) -> None:
    sick, limit = set(stage.sick), STALE_INTERVALS * INTERVAL
    for glance in stage.glances:
        ages = glance.ages()
        for collector in COLLECTORS:
            shown = glance.shown(collector)
            for name in sick:
                age = ages[name, collector]
                if age < limit - A_MOMENT:
                    assert name in shown, (name, age)
                if age > limit + A_MOMENT:
                    assert name not in shown, (name, age)
    gone = [sick - stage.glances[-1].shown(collector) for collector in COLLECTORS]
    assert gone == [sick, sick]


def test_everybody_is_well_again_within_a_pause_and_a_refresh(stage: Stage) -> None:
    tell(f"{stage.variant}: healed after {stage.healed_after:.1f} s")
    assert stage.healed_after <= LONGEST_PAUSE + INTERVAL


def test_the_limits_were_kept_meanwhile(stage: Stage) -> None:
    refusals = stage.calls["refusals"]

    assert not {"100410", "109429", "100409"} & refusals.keys()


def test_no_sound_account_ever_failed(stage: Stage) -> None:
    page, sound = stage.totals(), set(stage.sound)

    failed = {
        dict(labels)["account"]
        for name, labels in page
        if name == "bingx_collector_failures_total" and dict(labels)["collector"] in COLLECTORS
    }
    assert failed == set(stage.sick)
    assert all(page[series("bingx_up", account=name)] == 1 for name in sound)


def test_the_threads_are_bounded(stage: Stage) -> None:
    calls_of_an_account = len(COLLECTORS) + 3  # fees, rights, and the clock of the host
    others = 20

    tell(f"{stage.variant}: at most {stage.most_threads} threads")
    assert stage.most_threads <= ACCOUNTS * calls_of_an_account + others
