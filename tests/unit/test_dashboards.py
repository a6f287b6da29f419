"""The committed dashboards: made from their sources, of metrics that there are, and whole to Grafana's own library."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import promql_parser as promql
import pytest
import yaml

from exporter.cli.catalogue import entries
from exporter.metrics.own import OwnMetrics

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # on import: a newer schema exists
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models import dashboard as model
    from grafana_foundation_sdk.models import prometheus, units

ROOT: Final = Path(__file__).resolve().parents[2]
FILES: Final = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
SUBSTITUTES: Final = {"$__rate_interval": "1m", "$__range": "1h", "$account": "a", "$asset": "b", "$symbol": "c"}
OF_THE_SCRAPE: Final = {"job", "instance"}
PLAIN_METRICS: Final = {"scrape_duration_seconds", "scrape_samples_scraped"}
PARTS: Final = {"histogram": ("_bucket", "_sum", "_count")}
MAY_BE_RAW: Final = {"bingx_exporter_build_info", "bingx_collector_last_success_timestamp_seconds"}
Catalogue = dict[str, set[str]]


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text("utf-8")))


def panels(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in panels(board):
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


@pytest.fixture
def catalogue() -> Catalogue:
    """Return every name that a query may have, and its labels."""
    own = OwnMetrics(version="", revision="", endpoints=()).catalogue()
    found: Catalogue = {name: set() for name in PLAIN_METRICS} | {name: set(one[1]) for name, one in own.items()}
    for entry in entries():
        labels = set(entry.labels)
        found[entry.name] = labels
        for part in PARTS.get(str(entry.type), ()):
            found[entry.name + part] = labels | {"le"}
    return found


def parsed(expr: str) -> promql.Expr:
    for variable, value in SUBSTITUTES.items():
        expr = expr.replace(variable, value)
    return promql.parse(expr)


def nodes(node: Any, *, summed: bool = False) -> Iterator[tuple[Any, bool]]:  # noqa: ANN401 - any kind of expression
    """Return every part of an expression, and whether it stands inside an aggregation."""
    yield node, summed
    summed = summed or isinstance(node, promql.AggregateExpr)
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None:
            yield from nodes(child, summed=summed)
    for child in getattr(node, "args", ()):
        yield from nodes(child, summed=summed)


def faults(expr: str, catalogue: Catalogue) -> list[str]:
    """Return what is wrong with an expression: unknown names and labels, replicas or assets that would be mixed."""
    found: list[str] = []
    known: set[str] = set(OF_THE_SCRAPE)
    kept: set[str] = set()
    for node, summed in nodes(parsed(expr)):
        if isinstance(node, promql.VectorSelector):
            labels = catalogue.get(node.name or "")
            if labels is None:
                found.append(f"there is no metric {node.name}")
                continue
            known |= labels
            asked = {matcher.name for matcher in node.matchers.matchers}
            found += [f"{node.name} has no label {label}" for label in asked - labels - OF_THE_SCRAPE]
            if "asset" in labels and "asset" not in asked:
                found.append(f"{node.name} mixes assets")
            if not summed and node.name not in MAY_BE_RAW:
                found.append(f"{node.name} shows every replica")
        if isinstance(node, promql.AggregateExpr) and node.modifier:
            kept |= set(node.modifier.labels)
        if isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
            kept |= set(node.modifier.matching.labels)
    return found + [f"no metric here has the label {label}" for label in kept - known]


def test_there_are_four_dashboards() -> None:
    assert [path.stem for path in FILES] == ["bingx-account", "bingx-exporter", "bingx-income", "bingx-overview"]


def test_the_files_are_what_the_sources_write(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.grafana.dashboards", f"--out={tmp_path}"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        path.name: path.read_text("utf-8") for path in FILES
    }, "make dashboards writes them anew"


def test_the_runbook_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = "https://wiki.example.org/runbook"
    command = [sys.executable, "-m", "deploy.grafana.dashboards", f"--out={tmp_path}", f"--runbook={elsewhere}"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    (variable,) = [
        one for one in read(tmp_path / "bingx-overview.json")["templating"]["list"] if one["query"] == elsewhere
    ]
    assert (variable["name"], variable["current"]["value"]) == ("runbook", elsewhere)


def test_every_query_asks_for_what_there_is(board: dict[str, Any], catalogue: Catalogue) -> None:
    found = {where: wrong for where, expr in expressions(board) if (wrong := faults(expr, catalogue))}
    assert found == {}


@pytest.mark.parametrize(
    ("expr", "fault"),
    [
        ("max by (account) (bingx_upp)", "there is no metric bingx_upp"),
        ('max by (account) (bingx_up{acount="a"})', "bingx_up has no label acount"),
        ("max by (acount) (bingx_up)", "no metric here has the label acount"),
        ("sum by (account) (bingx_account_equity)", "bingx_account_equity mixes assets"),
        ("bingx_up", "bingx_up shows every replica"),
    ],
)
def test_a_query_for_what_there_is_not_is_found(expr: str, fault: str, catalogue: Catalogue) -> None:
    assert fault in faults(expr, catalogue)


def test_legends_name_labels_that_the_query_keeps(board: dict[str, Any]) -> None:
    for panel in panels(board):
        for target in panel["targets"]:
            asked = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            kept = {
                label
                for node, _ in nodes(parsed(target["expr"]))
                if isinstance(node, promql.AggregateExpr) and node.modifier
                for label in node.modifier.labels
            }
            assert asked <= kept, f"{panel['title']}: {target['legendFormat']}"


def test_columns_are_those_that_the_queries_give(board: dict[str, Any]) -> None:
    """What a table renames, orders and colours is a label that all its queries keep, or the value of one of them."""
    for panel in panels(board):
        if panel["type"] != "table":
            continue
        outer = [parsed(target["expr"]) for target in panel["targets"]]
        values = {f"Value #{target['refId']}" for target in panel["targets"]}
        merge, organize = panel["transformations"]
        assert (merge["id"], organize["id"]) == ("merge", "organize")
        renamed = organize["options"]["renameByName"]
        labels = renamed.keys() - values
        assert values <= renamed.keys()
        assert list(organize["options"]["indexByName"].values()) == list(range(len(renamed)))
        assert organize["options"]["indexByName"].keys() == renamed.keys()
        for expr in outer:
            kept = [
                set(node.modifier.labels)
                for node, _ in nodes(expr)
                if getattr(node, "op", None) and hasattr(node.modifier, "labels")
            ]
            assert any(labels <= one for one in kept), f"{panel['title']}: {labels}"
        assert {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]} == set(renamed.values())


def test_panels_do_not_overlap_and_fill_their_rows(board: dict[str, Any]) -> None:
    def cells(panel: Mapping[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}

    for one, other in combinations(board["panels"], 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])
    repeated = [panel for panel in panels(board) if panel.get("repeat")]
    bottom = max(panel["gridPos"]["y"] for panel in board["panels"])
    assert all(panel["gridPos"]["y"] == bottom for panel in repeated), "copies push down what is below"
    taken = sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in board["panels"])
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    missing = sum(12 * panel["gridPos"]["h"] for panel in repeated)
    assert taken + missing == 24 * height


def test_ids_are_fixed_and_unique() -> None:
    boards = [read(path) for path in FILES]
    assert [board["uid"] for board in boards] == [path.stem for path in FILES]
    assert len({board["title"] for board in boards}) == len(FILES)
    for board in boards:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)


def test_every_panel_says_what_it_shows(board: dict[str, Any]) -> None:
    known = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}
    for panel in panels(board):
        where = panel["title"]
        assert len(panel["description"]) > 30, where
        assert "mpty" in panel["description"] or "Gaps" in panel["description"] or "0: none" in panel["description"], (
            where
        )
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, where
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"]), where
        assert panel["fieldConfig"]["defaults"]["unit"] in known, where
        assert panel["targets"], where


def test_every_money_column_and_panel_names_its_asset(board: dict[str, Any]) -> None:
    for panel in panels(board):
        money = panel["fieldConfig"]["defaults"]["unit"] == "locale"
        assert not money or "$asset" in panel["title"], panel["title"]


def test_colours_are_names_of_the_palette(board: dict[str, Any]) -> None:
    """Named colours have a shade for the light theme and one for the dark theme, hexadecimal ones do not."""
    assert not re.search(r'"#[0-9a-fA-F]{3,8}"|rgb\(', json.dumps(board))


def test_variables_that_are_used_are_declared_and_those_shown_are_used(board: dict[str, Any]) -> None:
    declared = {one["name"]: one for one in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps([board["panels"], board["annotations"], board["templating"]])))
    shown = {name for name, one in declared.items() if one["hide"] == 0}
    assert used <= declared.keys() | {"datasource"}
    assert shown <= used
    assert set(declared) == {"datasource", "account", "asset", "symbol", "runbook"}
    assert (declared["account"]["multi"], declared["symbol"]["multi"]) == (True, True)
    assert (declared["asset"]["multi"], declared["asset"]["includeAll"]) == (False, False), "assets are never summed"
    text = json.dumps(board)
    assert not re.search(r'(account|symbol)=\\"\$', text), "a variable of several values is matched as an expression"
    assert not re.search(r'asset=~\\"\$', text)


def test_links_keep_variables_and_time(board: dict[str, Any]) -> None:
    (link,) = board["links"]
    assert (link["type"], link["tags"], link["includeVars"], link["keepTime"]) == ("dashboards", ["bingx"], True, True)
    assert "bingx" in board["tags"]
    uids = {path.stem for path in FILES}
    for url in re.findall(r'"url": "(/d/[^"]+)"', json.dumps(board)):
        assert re.match(r"/d/([\w-]+)\?", url)
        assert url.split("/")[2].split("?")[0] in uids
        assert "${datasource:queryparam}" in url
        assert "${__url_time_range}" in url


def test_links_to_the_runbook_lead_to_sections_of_alerts() -> None:
    sections = set(re.findall(r"^### (\w+)$", (ROOT / "docs" / "runbook.md").read_text("utf-8"), re.MULTILINE))
    linked: set[str] = set()
    for path in FILES:
        for panel in panels(read(path)):
            for link in panel.get("links", ()):
                alert = link["title"].removeprefix("Runbook: ")
                assert link["url"] == f"${{runbook}}#{alert.lower()}"
                linked.add(alert)
    assert linked <= sections
    assert sections - linked <= {"BingxAddressNotAllowed", "BingxAccountRefused", "BingxDeleveraged"}


def limits_of_the_rules() -> dict[str, float]:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules/limits.yaml").read_text("utf-8"))
    found = {}
    for rule in rules["groups"][0]["rules"]:
        if rule["record"] == "bingx:limit":
            found[rule["labels"]["limit"]] = float(rule["expr"].rsplit("bingx:accounts * ", 1)[1].strip(" )\n"))
    return found


def marks(panel: Mapping[str, Any], column: str = "") -> list[float]:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    for override in panel["fieldConfig"]["overrides"] if column else ():
        if override["matcher"]["options"] == column:
            (steps,) = [one["value"]["steps"] for one in override["properties"] if one["id"] == "thresholds"]
    return [step["value"] for step in steps if step["value"] is not None]


@pytest.mark.parametrize(
    ("file", "title", "column", "limits"),
    [
        ("overview", "Nearest liquidation", "", ("liquidation_distance_page", "liquidation_distance_warning")),
        ("overview", "Highest risk ratio", "", ("risk_ratio_info", "risk_ratio_warning", "risk_ratio_page")),
        ("overview", "Accounts ($asset)", "Margin used", ("margin_used_warning",)),
        ("overview", "Accounts ($asset)", "Leverage", ("concentration_warning",)),
        ("overview", "Accounts ($asset)", "Loss", ("unrealized_loss_warning", "unrealized_loss_page")),
        ("account", "Positions ($asset)", "Distance", ("liquidation_distance_page", "liquidation_distance_warning")),
        ("account", "Positions ($asset)", "Risk", ("risk_ratio_info", "risk_ratio_warning", "risk_ratio_page")),
    ],
)
def test_colours_change_where_the_alerts_fire(file: str, title: str, column: str, limits: tuple[str, ...]) -> None:
    rules = limits_of_the_rules()
    found = [panel for panel in panels(read(ROOT / f"deploy/grafana/bingx-{file}.json")) if panel["title"] == title]
    assert found
    for panel in found:
        assert marks(panel, column) == [rules[name] for name in limits]


@pytest.mark.parametrize(
    ("file", "title", "alert", "limit"),
    [
        ("overview", "Overdue", "BingxDataStale", r"collector_interval_seconds.* \+ ([0-9]+)"),
        ("exporter", "Scheduler", "BingxSchedulerStuck", r"> ([0-9]+)$"),
        ("exporter", "Held back for", "BingxBanInForce", r"> ([0-9]+)$"),
        ("exporter", "Clock", "BingxClockOff", r"> ([0-9]+)$"),
        ("income", "Behind", "BingxIncomeBehind", r"> ([0-9]+) \+ 3 "),
    ],
)
def test_colours_change_where_the_alerts_on_trust_fire(file: str, title: str, alert: str, limit: str) -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules/trust.yaml").read_text("utf-8"))
    exprs = [one["expr"] for group in rules["groups"] for one in group["rules"] if one.get("alert") == alert]
    found = re.search(limit, exprs[0].strip(), re.MULTILINE)
    assert found
    (panel,) = [one for one in panels(read(ROOT / f"deploy/grafana/bingx-{file}.json")) if one["title"] == title]
    assert marks(panel)[-1] == float(found[1])


def test_an_empty_panel_of_bans_does_not_say_that_nobody_waits() -> None:
    """Pauses that the exporter makes by itself are in no series."""
    found = panels(read(ROOT / "deploy/grafana/bingx-exporter.json"))
    (panel,) = [one for one in found if one["title"] == "Held back for"]
    assert panel["fieldConfig"]["defaults"]["noValue"] == "no ban"
    assert "pauses of the exporter's own are on the status page" in panel["description"]


def lost(given: Any, got: Any, where: str = "") -> list[str]:  # noqa: ANN401 - JSON
    """Return the paths of what is in `given` and not, or not equal, in `got`."""
    if isinstance(given, dict) and isinstance(got, dict):
        return [path for key, value in given.items() for path in lost(value, got.get(key), f"{where}.{key}")]
    if isinstance(given, list) and isinstance(got, list) and len(given) == len(got):
        return [
            path
            for number, pair in enumerate(zip(given, got, strict=True))
            for path in lost(*pair, f"{where}[{number}]")
        ]
    return [] if given == got else [where]


def parts(board: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Return each part of a dashboard with the class that knows it; some the class of the whole passes on unread."""
    yield model.Dashboard, board
    for variable in board["templating"]["list"]:
        yield model.VariableModel, variable
    for annotation in board["annotations"]["list"]:
        yield model.AnnotationQuery, annotation
    for link in board["links"]:
        yield model.DashboardLink, link
    for panel in panels(board):
        yield model.Panel, panel
        for kind, name in ((model.DashboardLink, "links"), (model.DataTransformerConfig, "transformations")):
            for part in panel.get(name, ()):
                yield kind, part
        for target in panel["targets"]:
            yield prometheus.Dataquery, target


def test_grafanas_library_knows_every_key(board: dict[str, Any]) -> None:
    register_default_plugins()
    for kind, given in parts(board):
        got = json.loads(json.dumps(kind.from_json(given), cls=JSONEncoder))
        assert lost(given, got) == [], kind.__name__


def test_a_key_that_grafana_does_not_know_is_found(board: dict[str, Any]) -> None:
    register_default_plugins()
    panel = panels(board)[0]
    for holder in (panel, panel["options"], panel["fieldConfig"]["defaults"], panel["targets"][0]):
        holder["colour"] = "red"
    got = json.loads(json.dumps(model.Dashboard.from_json(board), cls=JSONEncoder))
    assert len(lost(board, got)) == 4
