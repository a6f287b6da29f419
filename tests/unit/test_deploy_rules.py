"""The shipped rules, their test cases, the runbook and the Alertmanager configuration agree, and name what exists."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml
from support.alerting import seconds

from exporter.bingx.errors import REASONS
from exporter.bingx.repeats import AT_MOST
from exporter.cli import demo
from exporter.cli.catalogue import entries
from exporter.config.keys import INCOME
from exporter.config.shapes import Key

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
RULE_FILES: Final = sorted((DEPLOY / "prometheus" / "rules").glob("*.yaml"))
CASE_FILES: Final = sorted((DEPLOY / "prometheus" / "tests").glob("*.yaml"))
RUNBOOK: Final = ROOT / "docs" / "runbook.md"
RUNBOOK_BASE: Final = "docs/runbook.md#"
"""The one place that says where the links of the alerts begin; the rules write it out."""

KINDS: Final = {"silent", "edge", "firing", "gap", "restart", "replicas"}
OF_MONEY: Final = {"closed"}
FOREIGN: Final = {
    "up": set[str](),
    "process_start_time_seconds": set[str](),
    "scrape_duration_seconds": set[str](),
    "process_cpu_seconds_total": set[str](),
    "process_resident_memory_bytes": set[str](),
    "ALERTS": {"alertname", "severity", "alertstate"},
    "bingx:limit_override": {"account", "limit"},
}
"""What Prometheus, the client library and the operator bring, and the labels of it that are asked for."""
TARGET: Final = {"job", "instance"}
LABELS_OF_MONEY: Final = {
    "account",
    "asset",
    "symbol",
    "side",
    "margin_mode",
    "position_id",
    "liquidity",
    "income_type",
}


def read(path: Path) -> Any:  # noqa: ANN401 - YAML
    return yaml.safe_load(path.read_text(encoding="utf-8"))


RULES: Final[list[dict[str, Any]]] = [
    rule for path in RULE_FILES for group in read(path)["groups"] for rule in group["rules"]
]
ALERTS: Final = [rule for rule in RULES if "alert" in rule]
ALERT_IDS: Final = [f"{rule['alert']}-{rule['labels']['severity']}" for rule in ALERTS]
RECORDS: Final = {rule["record"] for rule in RULES if "record" in rule}
EVERY_ALERT: Final = pytest.mark.parametrize("alert", ALERTS, ids=ALERT_IDS)


@cache
def known() -> dict[str, set[str]]:
    """Return every series that may be asked for, with its labels."""
    found: dict[str, set[str]] = {}
    for entry in entries():
        names = [entry.name + part for part in ("_bucket", "_count", "_sum")] if entry.type == "histogram" else []
        found |= {name: {*entry.labels, *TARGET, "le"} for name in (entry.name, *names)}
    return found | {name: labels | TARGET for name, labels in FOREIGN.items()} | {name: set[str]() for name in RECORDS}


def parts(expression: Any) -> Iterator[Any]:  # noqa: ANN401 - the parser's own types share no base
    """Go through an expression, the whole first."""
    yield expression
    for name in ("lhs", "rhs", "expr", "param", "vector_selector", "vs"):
        below = getattr(expression, name, None)
        if below is not None and not isinstance(below, str):
            yield from parts(below)
    for argument in getattr(expression, "args", None) or ():
        yield from parts(argument)


def selectors(query: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Find every selector of a query: name and (label, value) of its matchers."""
    for part in parts(promql_parser.parse(query)):
        if isinstance(part, promql_parser.VectorSelector):
            yield part.name or "", [(one.name, one.value) for one in part.matchers.matchers]


def queries_of_the_runbook() -> list[str]:
    text = RUNBOOK.read_text(encoding="utf-8")
    return [
        line
        for block in re.findall(r"^```promql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]


@cache
def sections() -> dict[str, str]:
    """Return the runbook's sections on alerts as title -> text."""
    pieces = re.split(r"^#{2,3} (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title: text for title, text in zip(pieces[1::2], pieces[2::2], strict=True) if title.startswith("Bingx")}


def test_there_is_something_to_check() -> None:
    assert len(ALERTS) >= 43
    assert len(CASE_FILES) >= 10
    assert len(queries_of_the_runbook()) >= len(sections()) >= 37


@EVERY_ALERT
def test_an_alert_says_what_a_person_needs(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "warning", "info"}
    assert alert["labels"]["topic"] in {"money", "trust"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == RUNBOOK_BASE + alert["alert"].lower()
    assert alert["annotations"]["description"].endswith(".")
    assert not alert["annotations"]["summary"].endswith(".")


@EVERY_ALERT
def test_a_text_uses_only_labels_that_the_alert_has(alert: dict[str, Any]) -> None:
    text = " ".join(alert["annotations"].values())
    kept = re.findall(r"by \(([^)]*)\)", alert["expr"])
    named = {name.strip() for names in kept for name in names.split(",")} | LABELS_OF_MONEY
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= named


def test_alerts_and_sections_are_the_same() -> None:
    assert set(sections()) == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("title", sections())
def test_a_section_has_its_four_parts(title: str) -> None:
    text = sections()[title]
    marks = ["**Meaning.**", "**First look.**\n\n```promql\n", "**To do.**", "**What it is not.**"]
    assert sorted(marks, key=text.index) == marks


def test_the_section_on_a_near_liquidation_says_that_its_end_may_be_the_liquidation() -> None:
    text = " ".join(sections()["BingxLiquidationNear"].split())
    assert "closed or liquidated" in text.partition("**To do.**")[2].partition("**What it is not.**")[0]
    assert "[BingxLiquidated](#bingxliquidated)" in text
    looked_at = {name for line in queries_of_the_runbook() if line in text for name, _ in selectors(line)}
    assert {"bingx_collector_success", "bingx_account_balance", "bingx_position_margin"} <= looked_at
    # While the history is read the collector succeeds, and no entry of it counts as new.
    assert "bingx_income_complete" in looked_at
    assert "no alert will tell: also while the history is being read" in text


def test_the_section_on_old_data_tells_of_the_pause_that_no_series_tells_of() -> None:
    """The exporter itself keeps a user silent whose other keys are refused; neither a failure nor a ban shows it."""
    to_do = (
        " ".join(sections()["BingxDataStale"].split()).partition("**To do.**")[2].partition("**What it is not.**")[0]
    )
    assert "no failures and no ban, the exporter holds it back itself" in to_do
    assert f"{AT_MOST} equal errors of other keys" in to_do
    assert {"(#bingxkeyrefused)", "(#bingxrightmissing)", "(status-page.md)"} <= set(re.findall(r"\([^ )]+\)", to_do))


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *queries_of_the_runbook()])
def test_a_query_names_series_and_labels_that_exist(query: str) -> None:
    there = known()
    for name, matchers in selectors(query):
        if not name:
            continue
        assert name in there, name
        allowed = there[name] or LABELS_OF_MONEY | {"limit"}
        assert {label for label, _ in matchers} - allowed - {"__name__"} == set(), name


def test_every_selector_of_a_query_is_found() -> None:
    """The walk through the parser's tree must not pass a branch by, or the tests above prove little."""
    for rule in RULES:
        text = re.sub(r'\{[^}]*\}|"[^"]*"', "", rule["expr"])
        written = re.findall(r"\bbingx[_:][a-z_:0-9]+|\bup\b|\bprocess_\w+", text)
        assert Counter(name for name, _ in selectors(rule["expr"])) == Counter(written), rule


def test_an_evaluation_meets_the_first_zero_of_a_counter_at_any_phase_of_it() -> None:
    """It is scraped after an interval of the scrape at the latest, and evaluated after one of the group."""
    chart = read(DEPLOY / "helm" / "bingx-exporter" / "values.yaml")
    scrapes = [read(DEPLOY / "prometheus" / "prometheus.yaml")["global"]["scrape_interval"]]
    scrapes += [chart[monitor]["interval"] for monitor in ("serviceMonitor", "podMonitor")]
    groups = [group for path in RULE_FILES for group in read(path)["groups"]]
    evaluations = {
        group["interval"]
        for group in groups
        for rule in group["rules"]
        for name, _ in selectors(rule["expr"])
        if re.fullmatch(r"bingx_income_\w+_total", name)
    }
    (default,) = [str(key.default) for key in INCOME.members if isinstance(key, Key) and key.name == "initial_zero"]
    for zero in (default, demo.INCOME["initial_zero"]):
        assert seconds(zero) >= max(map(seconds, scrapes)) + max(map(seconds, evaluations)) > 0
    assert {read(DEPLOY / "prometheus" / "tests" / "first.yaml")["evaluation_interval"]} == evaluations


def test_every_recorded_series_is_used() -> None:
    used = {name for rule in RULES for name, _ in selectors(rule["expr"]) if rule.get("record") != name}
    assert used >= RECORDS


def test_every_limit_is_used_by_one_alert_and_no_other_is_asked_for() -> None:
    set_here = Counter(rule["labels"]["limit"] for rule in RULES if rule.get("record") == "bingx:limit")
    asked = Counter(
        value
        for alert in ALERTS
        for name, matchers in selectors(alert["expr"])
        for label, value in matchers
        if (name, label) == ("bingx:limit", "limit")
    )
    assert asked == set_here
    for rule in RULES:
        if rule.get("record") == "bingx:limit":
            overridden = {value for _, found in selectors(rule["expr"]) for label, value in found if label == "limit"}
            assert overridden == {rule["labels"]["limit"]}


def test_every_reason_of_a_failed_call_has_exactly_one_alert() -> None:
    told = [
        reason
        for alert in ALERTS
        for name, matchers in selectors(alert["expr"])
        for label, value in matchers
        if (name, label) == ("bingx_collector_failures_total", "reason")
        for reason in value.split("|")
    ]
    assert sorted(told) == sorted(REASONS)


def test_no_rule_adds_up_across_assets() -> None:
    money = r"(?:bingx_account_(?!info|series)|bingx_position_(?:value|margin|un)|bingx_income_(?:cred|deb)|:sum|:net1)"
    for rule in RULES:
        for kept in re.findall(rf"\bsum by \(([^)]*)\) \([^()]*{money}", rule["expr"]):
            assert {"account", "asset"} <= {name.strip() for name in kept.split(",")}, rule


@EVERY_ALERT
def test_a_replica_makes_no_second_alert(alert: dict[str, Any]) -> None:
    """What is told of an account comes from recorded series or from an aggregation; of a process, with its address."""
    for name, _ in selectors(alert["expr"]):
        if name.startswith("bingx_"):
            assert re.search(r"\b(?:max|min|sum|count|group|count_values|absent)\b[^{]*" + name, alert["expr"]), name


@cache
def cases() -> dict[str, set[str]]:
    """Return the kinds of cases as alert-severity -> kinds; what a case is stands in the comment above it."""
    found = defaultdict(set)
    for path in CASE_FILES:
        pairs = re.findall(
            r"^ +# (\w+): .+\n.*?ALERTS\{alertname=\"(\w+)\", severity=\"(\w+)\"", path.read_text(), re.MULTILINE
        )
        for kind, alert, severity in pairs:
            found[f"{alert}-{severity}"].add(kind)
    return found


@EVERY_ALERT
def test_an_alert_has_a_case_of_every_kind(alert: dict[str, Any]) -> None:
    wanted = KINDS | (OF_MONEY if alert["labels"]["topic"] == "money" else set())
    assert wanted - cases()[f"{alert['alert']}-{alert['labels']['severity']}"] == set()


def test_in_a_case_of_a_closed_position_of_an_alert_on_money_a_position_leaves_the_page() -> None:
    for path in CASE_FILES:
        for story in re.split(r"^  - name: ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            asked = re.findall(r"^ +# closed: .+\n.*?ALERTS\{alertname=\"(\w+)\"", story, re.MULTILINE)
            if {alert["labels"]["topic"] for alert in ALERTS if alert["alert"] in asked} == {"money"}:
                assert re.search(r"bingx_position_\w+\{.*values: '[^']* stale", story), story.splitlines()[0]


def test_the_whole_text_of_every_alert_is_expected_somewhere() -> None:
    told = set()
    for path in CASE_FILES:
        blocks = re.split(r"^ +alertname: (\w+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for name, text in zip(blocks[1::2], blocks[2::2], strict=True):
            told |= {f"{name}-{severity}" for severity in re.findall(r"exp_labels: .*severity: '(\w+)'", text)}
    assert told == set(ALERT_IDS)


@cache
def alertmanager() -> dict[str, Any]:
    document: dict[str, Any] = read(DEPLOY / "alertmanager" / "alertmanager.yaml")
    return document


def fits(matchers: list[str], labels: dict[str, str]) -> bool:
    for matcher in matchers:
        found = re.fullmatch(r'(\w+)(=~|!=|=)"([^"]*)"', matcher)
        assert found, matcher
        name, operator, value = found.groups()
        has = labels.get(name, "")
        good = {"=": has == value, "!=": has != value, "=~": re.fullmatch(value, has) is not None}[operator]
        if not good:
            return False
    return True


def mutes(source: dict[str, str], target: dict[str, str]) -> bool:
    return any(
        fits(rule["source_matchers"], source)
        and fits(rule["target_matchers"], target)
        and all(source.get(name, "") == target.get(name, "") for name in rule.get("equal", ()))
        for rule in alertmanager()["inhibit_rules"]
    )


def firing(name: str, severity: str, **labels: str) -> dict[str, str]:
    (alert,) = [one for one in ALERTS if (one["alert"], one["labels"]["severity"]) == (name, severity)]
    return {"alertname": name, **alert["labels"], **labels}


BLIND: Final = ("BingxDataStale", "BingxAccountAbsent", "BingxExporterAbsent")


def test_numbers_that_are_old_mute_the_alerts_on_money_of_the_same_account_and_collector() -> None:
    near = firing("BingxLiquidationNear", "page", account="main", symbol="BTC-USDT")
    assert mutes(firing("BingxDataStale", "page", account="main", collector="positions"), near)
    assert not mutes(firing("BingxDataStale", "page", account="main", collector="balance"), near)
    assert not mutes(firing("BingxDataStale", "page", account="other", collector="positions"), near)
    assert mutes(firing("BingxAccountAbsent", "page", account="main"), near)
    assert not mutes(firing("BingxAccountAbsent", "page", account="other"), near)


@EVERY_ALERT
def test_without_an_exporter_all_is_muted_but_events_pages_on_money_and_that(alert: dict[str, Any]) -> None:
    one = {"alertname": alert["alert"], **alert["labels"], "account": "main"}
    money = alert["labels"]["topic"] == "money"
    stays = money and ("collector" not in alert["labels"] or alert["labels"]["severity"] == "page")
    itself = alert["alert"] == "BingxExporterAbsent"
    assert mutes(firing("BingxExporterAbsent", "page"), one) == (not stays and not itself)


@EVERY_ALERT
def test_nothing_mutes_an_alert_of_another_prometheus(alert: dict[str, Any]) -> None:
    common = {"account": "main", "collector": "positions"}
    one = {"alertname": alert["alert"], **common, **alert["labels"], "cluster": "home"}
    for target in ALERTS:
        other = {"alertname": target["alert"], **common, **target["labels"], "cluster": "away"}
        assert not mutes(one, other)


def test_a_page_is_not_kept_waiting_for_another_alert_of_the_account() -> None:
    (page,) = [route for route in alertmanager()["route"]["routes"] if route["receiver"] == "page"]
    assert page["group_interval"] == "15s"


@EVERY_ALERT
def test_nothing_mutes_a_page_but_that_its_numbers_are_old(alert: dict[str, Any]) -> None:
    one = {"alertname": alert["alert"], **alert["labels"], "account": "main"}
    for severity, target in ((target["labels"]["severity"], target) for target in ALERTS):
        muted = mutes(one, {"alertname": target["alert"], **target["labels"], "account": "main"})
        if severity == "page" and muted:
            assert alert["alert"] in BLIND


def test_the_worse_stage_mutes_the_milder_one_of_the_same_position() -> None:
    btc, eth = {"account": "main", "symbol": "BTC-USDT"}, {"account": "main", "symbol": "ETH-USDT"}
    page = firing("BingxRiskRatioHigh", "page", **btc)
    assert mutes(page, firing("BingxRiskRatioHigh", "warning", **btc))
    assert mutes(page, firing("BingxRiskRatioHigh", "info", **btc))
    assert mutes(firing("BingxRiskRatioHigh", "warning", **btc), firing("BingxRiskRatioHigh", "info", **btc))
    assert not mutes(page, firing("BingxRiskRatioHigh", "warning", **eth))
    assert not mutes(page, firing("BingxLiquidationNear", "warning", **btc))
    assert not mutes(firing("BingxRiskRatioHigh", "info", **btc), page)


def test_every_severity_has_a_way_to_a_receiver_that_is_there() -> None:
    document = alertmanager()
    names = {one["name"] for one in document["receivers"]}
    routes = document["route"]["routes"]
    assert {route["receiver"] for route in routes} | {document["route"]["receiver"]} == names
    ways = {
        severity: next((r["receiver"] for r in routes if fits(r["matchers"], {"severity": severity})), "warning")
        for severity in ("page", "warning", "info")
    }
    assert ways == {severity: severity for severity in ("page", "warning", "info")}
