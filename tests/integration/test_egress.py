"""Each egress address, a source address or a proxy, has a budget of its own: the exchange's journal is witness."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.exchange import Exchange, standing_still
from support.processes import eventually, needed

from bench.references import tinyproxy
from exporter.app import App, Options
from exporter.config import load

pytestmark = [pytest.mark.alone, pytest.mark.timeout(180)]

PER_ADDRESS = 40  # polled every second: a third more than the exchange takes from one address
ALLOWED = 300
SECONDS = 10
POSITIONS_ONLY: Mapping[str, Any] = {
    "balance": {"enabled": False},
    "positions": {"interval": "1s"},
    "income": {"enabled": False},
    "commission_rate": {"enabled": False},
}
Way = Mapping[str, str]


@pytest.fixture
def crowded() -> Iterator[Exchange]:
    with standing_still(accounts=4 * PER_ADDRESS, positions=1, history_days=0) as exchange:
        yield exchange


@pytest.fixture(params=["source_address", "proxy"])
def ways(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[int], list[Way]]]:
    """Return so many ways out, each from another address of loopback."""
    with ExitStack() as proxies:
        kind, taken = request.param, iter(range(2, 250))
        if kind == "proxy":
            needed(tinyproxy.PROGRAM)

        def some(count: int) -> list[Way]:
            addresses = [f"127.0.0.{next(taken)}" for _ in range(count)]
            if kind == "source_address":
                return [{kind: address} for address in addresses]
            return [{kind: proxies.enter_context(tinyproxy.serve(address, tmp_path))} for address in addresses]

        yield some


def config(exchange: Exchange, folder: Path, ways: Sequence[Way]) -> Path:
    path = exchange.config(folder)
    document = yaml.safe_load(path.read_text())
    document["defaults"] = {"collectors": POSITIONS_ONLY}
    accounts = document["accounts"] = document["accounts"][: PER_ADDRESS * len(ways)]
    for number, account in enumerate(accounts):
        account.update(ways[number % len(ways)])
    path.write_text(yaml.safe_dump(document))
    return path


def answered(exchange: Exchange) -> Counter[str]:
    """Return how many calls the exchange has answered in the last stretch of time, by address."""
    calls = exchange.calls(last=5000)["last"]
    since = calls[-1]["arrived_milliseconds"] - SECONDS * 1000
    return Counter(
        one["address"]
        for one in calls
        if one["endpoint"] == "positions" and one["code"] == 0 and one["arrived_milliseconds"] > since
    )


@pytest.mark.parametrize("count", [1, 2, 4])
def test_as_many_times_as_many_calls_get_through_by_as_many_addresses_and_none_is_refused(
    count: int, crowded: Exchange, ways: Callable[[int], list[Way]], tmp_path: Path
) -> None:
    chosen = config(crowded, tmp_path, ways(count))

    def used_up() -> Counter[str] | None:
        calls = answered(crowded)
        assert calls.total() >= 0.9 * count * ALLOWED, calls
        assert min(calls.values()) >= 0.85 * max(calls.values()), "they share the work alike"
        return calls

    with App(load(chosen, environ={}), Options(addresses=("127.0.0.1:0",))):
        # A machine that others use as well may lose a stretch: calls take longer then, and their slots with them.
        calls = eventually(used_up, seconds=90, what="what is allowed is used up")
        time.sleep(SECONDS / 2)  # noqa: TID251 - time in which whoever goes on too fast is refused

    assert len(calls) == count
    assert max(calls.values()) <= ALLOWED
    assert crowded.calls(last=0)["refusals"] == {}
