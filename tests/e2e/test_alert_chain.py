"""From a price at the exchange to a message: exporter, Prometheus and Alertmanager, as they are shipped but faster.

The story of `support.alert_story` is played once, and every test looks at what was told in it. The copies are the
shipped files with other addresses, and with every waiting time (`for`, `interval`, `group_wait` …) divided by fifteen.
Ranges and thresholds in expressions are as shipped. The exporters poll every second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
import yaml
from support.alert_story import NEAR, STALE, Story, played, staged
from support.alerting import (
    ALERTMANAGER,
    FACTOR,
    OF_ALERTMANAGER,
    OF_PROMETHEUS,
    OF_RULES,
    PROMETHEUS,
    RULES,
    Message,
    Webhook,
    alertmanager_config,
    prometheus_config,
    seconds,
    waits,
)

from exporter.config.keys import BALANCE, POSITIONS
from exporter.config.shapes import Group, Key

pytestmark = [pytest.mark.timeout(300), pytest.mark.alone]

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
POLL: Final = 1.0
PATIENCE: Final = 2.0
"""Seconds for everything that is not a wait: calls, evaluations, processes that share two cores."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    with staged(tmp_path_factory.mktemp("chain")) as stage:
        return played(stage)


def by_default(collector: Group) -> float:
    """Return how often an exporter polls if nobody says otherwise, in seconds."""
    (text,) = [key.default for key in collector.members if isinstance(key, Key) and key.name == "interval"]
    return seconds(str(text))


def promise(alert: str) -> float:
    """Return the seconds from a number at the exchange to the first page on it, by what the files say."""
    return POLL + waits(alert, "page", factor=FACTOR).from_a_number


def first(messages: Sequence[Message], *, since: float, **labels: str) -> Message:
    found = next((one for one in messages if one.at >= since and one.alerts(status="firing", **labels)), None)
    assert found is not None, f"nothing was told of {labels}"
    return found


def firing(messages: Sequence[Message], path: str, **labels: str) -> list[Message]:
    return [message for message in messages if message.path == path and message.alerts(status="firing", **labels)]


def told_while_stale(messages: Sequence[Message], story: Story) -> list[tuple[str, str, str]]:
    """Return the alerts on money that lean on a poll of which it had been told that it is stale."""
    stale: set[tuple[str, str]] = set()
    found = []
    for message in messages:
        if not story.cut <= message.at < story.healed:
            continue
        for alert in message.alerts(status="firing", alertname="BingxDataStale"):
            stale.add((alert["labels"]["account"], alert["labels"]["collector"]))
        for alert in message.alerts(topic="money"):
            labels = alert["labels"]
            if (labels["account"], labels.get("collector", "")) in stale:
                found.append((labels["account"], labels["symbol"], labels["severity"]))
    return found


def changes(path: Path, copy: str, names: frozenset[str]) -> dict[str, set[float]]:
    """Compare a copy with the file: what was shortened how much by name; everything else has to be equal."""
    factors: dict[str, set[float]] = {}

    def compare(old: object, new: object, name: str) -> None:
        if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
            for key in old:
                compare(old[key], new[key], str(key))
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            for one, other in zip(old, new, strict=True):
                compare(one, other, name)
        elif name in names:
            factors.setdefault(name, set()).add(round(seconds(str(old)) / seconds(str(new)), 1))
        else:
            assert old == new, name

    compare(yaml.safe_load(path.read_text("utf-8")), yaml.safe_load(copy), "")
    return factors


def test_the_copies_differ_from_the_shipped_files_in_addresses_and_by_one_factor(tmp_path: Path) -> None:
    config = prometheus_config(tmp_path / "chain", exporters=["exporter:10066"], alertmanagers=["alertmanager:9093"])
    assert changes(PROMETHEUS, config, OF_PROMETHEUS) == {name: {FACTOR} for name in OF_PROMETHEUS}
    shortened: set[str] = set()
    for path in RULES.glob("*.yaml"):
        factors = changes(path, (tmp_path / "chain" / "rules" / path.name).read_text("utf-8"), OF_RULES)
        assert set().union(*factors.values()) == {FACTOR}
        shortened |= factors.keys()
    assert shortened == OF_RULES
    copy = alertmanager_config(Webhook("http://replace-me.invalid"))
    assert changes(ALERTMANAGER, copy, OF_ALERTMANAGER) == {name: {FACTOR} for name in OF_ALERTMANAGER}


def test_a_drawdown_pages_within_the_time_that_the_files_promise(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    page = first(story.shipped, since=0, **NEAR)
    took, promised = page.at - story.fell, promise("BingxLiquidationNear")
    with capsys.disabled():
        print(f"\nprice to page: {took:.2f} s; the files promise {promised:.2f} s")  # noqa: T201 - figures are read, not asserted
    assert page.path == "/page"
    assert 0 < took < promised + PATIENCE


def test_nothing_pages_before_the_price_falls(story: Story) -> None:
    early = [message for message in (*story.shipped, *story.unmuted) if message.at < story.fell]
    assert [message.text for message in early if message.path == "/page"] == []


def test_the_page_says_whose_position_it_is_how_near_and_where_to_read_on(story: Story) -> None:
    (alert,) = first(story.shipped, since=0, **NEAR).body["alerts"]
    assert alert["labels"] == {
        **NEAR,
        "asset": "USDT",
        "side": "long",
        "margin_mode": "isolated",
        "topic": "money",
        "collector": "positions",
    }
    summary = alert["annotations"]["summary"]
    assert re.fullmatch(r"alpha: SOL-USDT long is only 5\.\d+% from liquidation", summary)
    assert alert["annotations"]["runbook_url"] == "docs/runbook.md#bingxliquidationnear"


def test_every_alert_that_is_told_leads_to_its_section_of_the_runbook(story: Story) -> None:
    runbook = (DOCS / "runbook.md").read_text("utf-8")
    sections = {f"docs/runbook.md#{name.lower()}" for name in re.findall(r"^### (\w+)$", runbook, re.MULTILINE)}
    alerts = [alert for message in story.shipped for alert in message.body["alerts"]]
    assert {alert["annotations"]["runbook_url"] for alert in alerts} <= sections
    assert all(alert["annotations"]["runbook_url"].endswith(alert["labels"]["alertname"].lower()) for alert in alerts)


def test_two_replicas_page_once(story: Story) -> None:
    assert story.replicas == 2
    stale = first(story.shipped, since=story.cut, account="alpha", alertname="BingxDataStale")
    (page,) = [message for message in firing(story.shipped, "/page", account="alpha") if message.at < stale.at]
    assert len(page.alerts(**NEAR)) == len(page.body["alerts"]) == 1


def test_no_message_repeats_the_one_before_it(story: Story) -> None:
    """Many times `group_interval` passes in the story, and not once `repeat_interval`."""
    last: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for message in story.shipped:
        group = (message.path, message.body["groupKey"])
        said = {(alert["fingerprint"], alert["status"]) for alert in message.body["alerts"]}
        assert last.get(group) != said, message.text
        last[group] = said
    assert story.risen - story.fell > 5 * waits("BingxLiquidationNear", "page", factor=FACTOR).group_interval


def test_a_worse_stage_mutes_the_milder_one(story: Story) -> None:
    mild = {**NEAR, "severity": "warning"}
    assert firing(story.shipped, "/warning", **mild) == []
    assert firing(story.unmuted, "/warning", **mild)


def test_an_outage_pages_that_the_data_is_stale(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an account that was quiet after `group_wait`, of another within `group_interval`."""
    waited = waits("BingxDataStale", "page", factor=FACTOR)
    told = 3 * POLL + 60 + waited.from_an_age
    quiet = {"alertname": "BingxDataStale", "account": "gamma"}
    took = first(story.shipped, since=story.cut, **quiet, severity="page").at - story.cut
    with capsys.disabled():
        print(f"\noutage to page: {took:.2f} s; the files promise {told:.2f} s")  # noqa: T201 - figures are read, not asserted
    assert 3 * POLL + 60 < took < told + PATIENCE
    for account in ("alpha", "beta", "gamma"):
        page = first(story.shipped, since=story.cut, **{**STALE, "account": account, "severity": "page"})
        assert page.at - story.cut < told + waited.group_interval + PATIENCE


def test_an_outage_mutes_the_alerts_on_money_that_lean_on_its_numbers(story: Story) -> None:
    first(story.shipped, since=story.cut, **STALE)
    assert told_while_stale(story.shipped, story) == []
    near = [alert["status"] for alert in story.known if NEAR.items() <= alert["labels"].items()]
    assert [(status["state"], bool(status["inhibitedBy"])) for status in near] == [("suppressed", True)]


def test_without_the_inhibit_rules_they_would_be_told_all_the_same(story: Story) -> None:
    assert ("alpha", "SOL-USDT", "page") in told_while_stale(story.unmuted, story)


def test_an_outage_does_not_mute_what_has_happened(story: Story) -> None:
    stale = first(story.shipped, since=story.cut, **{**STALE, "account": "beta"})
    assert stale.alerts(status="firing", alertname="BingxLiquidated", account="beta", symbol="ETH-USDT")


def test_a_recovery_resolves_the_outage_and_speaks_of_the_money_again(story: Story) -> None:
    recovered = [message for message in story.shipped if message.at >= story.healed and message.alerts(**STALE)]
    assert [alert["status"] for message in recovered for alert in message.alerts(**STALE)][-1:] == ["resolved"]
    assert first(story.shipped, since=story.healed, **NEAR).at < story.risen


def test_a_price_that_comes_back_resolves_the_page(story: Story) -> None:
    after = [message for message in story.shipped if message.at >= story.risen and message.alerts(**NEAR)]
    told = [alert["status"] for message in after for alert in message.alerts(**NEAR)]
    assert told[-1] == "resolved"
    assert "firing" not in told[told.index("resolved") :], "what has ended does not come back by itself"


def test_an_account_whose_limit_is_out_of_reach_is_not_paged_for(story: Story) -> None:
    """The limit is set as an operator sets it; the milder stage, and the other account, show that the chain works."""
    assert firing(story.out_of_reach, "/page", **NEAR) == []
    assert firing(story.out_of_reach, "/warning", **{**NEAR, "severity": "warning"})
    assert firing(story.out_of_reach, "/page", **{**NEAR, "account": "beta", "symbol": "ETH-USDT"})


def test_no_message_carries_a_secret(story: Story) -> None:
    everything = "".join(message.text for message in (*story.shipped, *story.unmuted, *story.out_of_reach))
    assert "BingxRightMissing" in everything
    assert [hidden for hidden in story.hidden if hidden in everything] == []


def test_the_page_on_alerting_says_the_times_that_the_files_give() -> None:
    page = (DOCS / "alerting.md").read_text("utf-8")
    rows = re.findall(r"^\| (Bingx\w+) \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    assert {alert for alert, _, _ in rows} >= {"BingxLiquidationNear", "BingxDataStale"}
    polls = {"balance": by_default(BALANCE), "positions": by_default(POSITIONS)}
    for alert, severity, cells in rows:
        found = waits(alert, severity)
        known = 3 * polls["positions"] + 60 if alert == "BingxDataStale" else polls[found.collector] + found.scrape
        parts = [known, found.from_an_age - found.pending - found.group_wait, found.pending, found.group_wait]
        assert [float(cell) for cell in cells.replace(" s", "").split(" | ")] == [*parts, sum(parts)], (alert, severity)
        assert f"up to {found.group_interval:g} s" in page
