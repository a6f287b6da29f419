"""The story of an alert, from a price at the exchange to a message, by the rules and configuration that are shipped.

Two exporters show three accounts. All prices fall as far as in the scenario `drawdown`; the exchange goes silent; it
answers again; the prices come back. Beside the shipped chain there are two with a flaw: an Alertmanager that mutes
nothing, and a Prometheus whose limit for one account is out of reach. Owns who is started and what happens when; what
came of it is judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from exporter.clock import SystemClock
from exporter.simulator.scenarios import scenario
from support.alerting import (
    Message,
    Webhook,
    alertmanager,
    alertmanager_config,
    prometheus_config,
    webhook,
    without_inhibition,
)
from support.exchange import Exchange, standing_still
from support.processes import Exporter, Prometheus, eventually, exporter, prometheus_with

CLOCK: Final = SystemClock()
LOCAL: Final = "--web.listen-address=127.0.0.1:0"
NEAR: Final = {"alertname": "BingxLiquidationNear", "account": "alpha", "symbol": "SOL-USDT", "severity": "page"}
STALE: Final = {"alertname": "BingxDataStale", "account": "alpha", "collector": "positions"}
OUT_OF_REACH: Final = """\
groups:
  - name: my-limits
    interval: 1s
    rules:
      - record: bingx:limit_override
        labels: {account: alpha, limit: liquidation_distance_page}
        expr: vector(0.01)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What came to the three webhooks, when what happened, and what the servers said in between."""

    shipped: tuple[Message, ...]
    unmuted: tuple[Message, ...]
    out_of_reach: tuple[Message, ...]
    fell: float
    cut: float
    healed: float
    risen: float
    replicas: float
    known: list[dict[str, Any]]
    hidden: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the story is played on."""

    exchange: Exchange
    shipped: Webhook
    unmuted: Webhook
    out_of_reach: Webhook
    prometheus: Prometheus
    alerts_of_shipped: Callable[[], list[dict[str, Any]]]
    hidden: frozenset[str]


def two_exporters(exchange: Exchange, folder: Path, running: ExitStack) -> list[Exporter]:
    """Start two exporters with a ledger each, which begin at one date."""
    since = (CLOCK.now() - timedelta(days=10)).strftime("%Y-%m-%d")
    started = []
    for number in range(2):
        home = folder / f"replica-{number}"
        home.mkdir()
        config = exchange.config(home, collectors={"income": {"since": since}})
        started.append(running.enter_context(exporter(f"--config.file={config}", LOCAL, folder=home)))
    for process in started:
        process.ready()
        eventually(partial(has_its_baselines, process), what="two baselines", seconds=30)
    return started


def has_its_baselines(process: Exporter) -> bool:
    """Tell whether it has read the income of the two accounts whose keys may."""
    return process.log.count("The income history has been read") == 2


def prometheus_of(
    folder: Path, exporters: Sequence[Exporter], alertmanagers: Sequence[str], local: str = ""
) -> AbstractContextManager[Prometheus]:
    """Run a Prometheus with the shipped rules, and with rules of the operator's own if there are any."""
    config = prometheus_config(
        folder, exporters=[urlsplit(process.url).netloc for process in exporters], alertmanagers=alertmanagers
    )
    if local:
        (folder / "local" / "limits.yaml").write_text(local, "utf-8")
    return prometheus_with(config, folder)


def is_set_up(server: Prometheus, limit: float) -> bool:
    """Tell whether the limit is in force and the position is seen."""
    limits = server.query('bingx:limit{account="alpha",limit="liquidation_distance_page"}')
    held = server.query('bingx:position_liquidation_distance_ratio:held{account="alpha",symbol="SOL-USDT"}')
    return list(limits.values()) == [limit] and len(held) == 1


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Start everything in `folder`, and wait until limits and numbers are where the alerts look for them."""
    with ExitStack() as running:
        # Neither exporter knows of the other's calls, and here they are on one address and poll every second.
        exchange = running.enter_context(standing_still(scenario="drawdown", limits=False))
        shipped, unmuted, out_of_reach = (running.enter_context(webhook()) for _ in range(3))
        config = alertmanager_config(shipped)
        first = running.enter_context(alertmanager(config, folder / "shipped"))
        second = running.enter_context(
            alertmanager(without_inhibition(alertmanager_config(unmuted)), folder / "unmuted")
        )
        third = running.enter_context(alertmanager(alertmanager_config(out_of_reach), folder / "out-of-reach"))
        both = two_exporters(exchange, folder, running)
        chain = running.enter_context(prometheus_of(folder / "chain", both, [first.address, second.address]))
        other = running.enter_context(prometheus_of(folder / "other", both, [third.address], OUT_OF_REACH))
        eventually(lambda: is_set_up(chain, 0.1) and is_set_up(other, 0.01), what="limits and numbers are there")
        yield Stage(
            exchange=exchange,
            shipped=shipped,
            unmuted=unmuted,
            out_of_reach=out_of_reach,
            prometheus=chain,
            alerts_of_shipped=first.alerts,
            hidden=secrets_of(exchange),
        )


def secrets_of(exchange: Exchange) -> frozenset[str]:
    """Return every key, every secret and every user id."""
    keys = exchange.keys()["accounts"]
    users = [account["user_id"] for account in exchange.world()["accounts"]]
    assert len(keys) == len(users) == 3
    return frozenset([*users, *(key[part] for key in keys for part in ("api_key", "api_secret"))])


def all_fall(exchange: Exchange) -> tuple[float, list[str]]:
    """Let every price fall as far as the scenario does in five minutes, and return when, and which."""
    positions = [position for account in exchange.world()["accounts"] for position in account["positions"]]
    prices = {position["symbol"]: Decimal(position["mark_price"]) for position in positions}
    left = 1 - Decimal(str(scenario("drawdown").fall))
    fell = CLOCK.elapsed()
    for symbol in sorted(prices, key=lambda symbol: symbol != NEAR["symbol"]):
        exchange.tell("price", symbol=symbol, price=str(prices[symbol] * left))
    return fell, list(prices)


def tells(status: str = "firing", **labels: str) -> Callable[[Message], object]:
    """Return what asks of a message whether it tells of such an alert."""
    return lambda message: message.alerts(status=status, **labels)


def played(stage: Stage) -> Story:
    """Play it. Who waits in vain goes on: what is missing is for the tests to say."""
    exchange, server = stage.exchange, stage.prometheus
    seen = server.query('count(bingx_position_liquidation_distance_ratio{account="alpha",symbol="SOL-USDT"})')
    fell, symbols = all_fall(exchange)
    for hook in (stage.shipped, stage.unmuted):
        hook.wait_for(tells(**NEAR), since=fell, seconds=20)
    eventually(lambda: server.query('ALERTS{alertname="BingxLiquidated",alertstate="firing"}'), what="a liquidation")
    # It counts refusals, of which there are fewer and fewer, and none while nothing answers.
    eventually(lambda: server.query('ALERTS{alertname="BingxRightMissing"}'), seconds=60, what="a right is missed")

    exchange.tell("faults", kind="silent")
    cut = CLOCK.elapsed()
    for hook in (stage.shipped, stage.unmuted):
        for account in ("alpha", "beta", "gamma"):
            hook.wait_for(tells(**{**STALE, "account": account}), since=cut, seconds=110)
    known = stage.alerts_of_shipped()

    exchange.tell("faults/clear")
    healed = CLOCK.elapsed()
    stage.shipped.wait_for(tells("resolved", **STALE), since=healed, seconds=40)
    stage.shipped.wait_for(tells(**NEAR), since=healed, seconds=20)

    risen = CLOCK.elapsed()
    for symbol in symbols:
        exchange.tell("price", symbol=symbol, price=None)
    stage.shipped.wait_for(tells("resolved", **NEAR), since=risen, seconds=30)
    return Story(
        shipped=stage.shipped.messages,
        unmuted=stage.unmuted.messages,
        out_of_reach=stage.out_of_reach.messages,
        fell=fell,
        cut=cut,
        healed=healed,
        risen=risen,
        replicas=seen[frozenset()],
        known=known,
        hidden=stage.hidden,
    )
