"""A crowd that asks for more than the exchange allows one address, or one user."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace
from support.exchange import Exchange, standing_still
from support.exposition import Series, families_of_text, samples, series
from support.heard import heard
from support.processes import eventually, get

from exporter.app import App, Options
from exporter.bingx.limits import RULES, Scope
from exporter.config import load
from exporter.polling.pace import usable

pytestmark = [pytest.mark.timeout(120), pytest.mark.alone]

CROWD = 90
ALLOWED = usable(RULES, Scope.ADDRESS)
FAST = {"balance": {"interval": "1s"}, "positions": {"interval": "1s"}}
QUIET: Mapping[str, Any] = {"income": {"enabled": False}, "commission_rate": {"enabled": False}}


def written(folder: Path, exchange: Exchange, *, accounts: int | None = None) -> Path:
    logins = exchange.keys()["accounts"][:accounts]
    document = {
        "defaults": {"timeout": "5s", "collectors": {**QUIET, **FAST}},
        "accounts": [
            {
                "name": f"a{number}",
                "api_key": login["api_key"],
                "api_secret": login["api_secret"],
                "base_url": exchange.url,
            }
            for number, login in enumerate(logins)
        ],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


@contextmanager
def polling(path: Path) -> Iterator[App]:
    options = Options(addresses=("127.0.0.1:0",), process_metrics=False)
    with App(load(path, environ={}), replace(options, reread=lambda: load(path, environ={}))) as app:
        yield app


def page(app: App) -> dict[Series, float]:
    return samples(families_of_text(get(f"{app.urls[0]}/metrics")[1]))


def fresh(app: App) -> int:
    found = page(app)
    return sum(series("bingx_positions", account=f"a{number}") in found for number in range(CROWD))


def refused(exchange: Exchange) -> int:
    refusals: Mapping[str, int] = exchange.calls()["refusals"]
    return sum(refusals.get(code, 0) for code in ("100409", "100410", "109429"))


def test_a_crowd_is_spaced_out_evenly_within_what_an_address_may_ask(tmp_path: Path) -> None:
    with standing_still(accounts=CROWD, positions=1, history_days=0) as exchange:
        exchange.tell("latency", milliseconds=50)
        with heard() as lines, polling(written(tmp_path, exchange)) as app:
            eventually(lambda: fresh(app) == CROWD, seconds=30, what="everybody has been asked")
            found = page(app)
            for collector in FAST:
                interval = found[series("bingx_collector_interval_seconds", account="a7", collector=collector)]
                assert interval == pytest.approx(CROWD / ALLOWED)
            before = found[series("bingx_api_requests_total", endpoint="positions")]
            for _ in range(14):
                threading.Event().wait(1)
                assert fresh(app) == CROWD
            after = page(app)[series("bingx_api_requests_total", endpoint="positions")]

        assert refused(exchange) == 0
        assert after - before > 0.9 * 14 * ALLOWED
        (told,) = (line for line in lines.getvalue().splitlines() if "More is asked by one address" in line)
        assert f"accounts={CROWD} " in told
        assert f"accounts_that_fit={int(ALLOWED)} addresses_needed=4" in told


def test_those_who_come_with_a_reload_and_those_who_go_change_the_pace_of_all(tmp_path: Path) -> None:
    with standing_still(accounts=CROWD, positions=1, history_days=0) as exchange:
        with polling(written(tmp_path, exchange, accounts=20)) as app:
            eventually(lambda: fresh(app) == 20, seconds=20, what="the first twenty have been asked")
            first = series("bingx_collector_interval_seconds", account="a0", collector="positions")
            assert page(app)[first] == 1.0

            written(tmp_path, exchange)
            app.ask_for_reload()
            eventually(lambda: fresh(app) == CROWD, seconds=30, what="the others have been asked")
            assert page(app)[first] == pytest.approx(CROWD / ALLOWED)

            written(tmp_path, exchange, accounts=10)
            app.ask_for_reload()
            eventually(lambda: page(app)[first] == 1.0, seconds=20, what="there is room again")
            for _ in range(5):
                threading.Event().wait(1)
                assert fresh(app) == 10

        assert refused(exchange) == 0


@pytest.mark.parametrize("latency", [0, 150])
def test_many_keys_of_one_user_that_start_together_ask_no_more_than_he_may(tmp_path: Path, latency: int) -> None:
    with standing_still(accounts=5, positions=1, history_days=0) as exchange:
        for _ in range(15):
            exchange.tell("keys", account="alpha")
        exchange.tell("latency", milliseconds=latency)
        with polling(written(tmp_path, exchange)) as app:
            eventually(lambda: fresh(app) == 20, seconds=40, what="every key has been used")
            threading.Event().wait(4)
            found = page(app)

        assert refused(exchange) == 0
        shared = found[series("bingx_collector_interval_seconds", account="a0", collector="balance")]
        assert shared == pytest.approx(16 / usable(RULES, Scope.USER))
        alone = series("bingx_collector_interval_seconds", account="a1", collector="balance")
        assert found[alone] == 1.0


def test_positions_go_on_where_nobody_will_say_whose_key_it_is(tmp_path: Path) -> None:
    with standing_still(accounts=12, positions=1, history_days=0) as exchange:
        exchange.tell("faults", kind="status", status=503, endpoint="balance")
        with polling(written(tmp_path, exchange)) as app:
            eventually(lambda: fresh(app) == 12, seconds=10, what="every account shows its positions")
