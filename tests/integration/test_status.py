"""The status page beside the metrics, in a running exporter: what leaves one leaves the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from html import unescape
from pathlib import Path

import pytest
import yaml
from support.exchange import Exchange, standing_still
from support.processes import eventually, get

from exporter.app import App, Options
from exporter.app.status import reporter
from exporter.config import load
from exporter.web.place import placed

from .conftest import Running

pytestmark = pytest.mark.timeout(90)

Start = Callable[..., Running]


def table(running: Running, name: str) -> str:
    status, text = get(running.url + "/")
    assert status == 200, text
    found = re.search(rf'<div class="scroll" id="{name}".*?</table>', text, re.DOTALL)
    return "" if found is None else unescape(found[0])


def values(text: str) -> int:
    return text.count("<data ")


def earn(exchange: Exchange) -> None:
    """Let alpha receive something today, however young the day is."""
    exchange.tell("income", account="alpha", count=1, income_type="FUNDING_FEE", symbol="BTC-USDT")


def has_income(running: Running) -> bool:
    return "TRANSFER" in table(running, "income") or "FUNDING_FEE" in table(running, "income")


def test_before_the_first_answer_there_are_only_dashes(exchange: Exchange, start: Start) -> None:
    exchange.tell("faults", kind="silent")
    running = start(timeout="20s")

    assert values(table(running, "accounts")) == 0
    assert "not asked yet" in table(running, "accounts")
    assert table(running, "positions") == ""


def test_what_is_stale_is_withdrawn_with_its_reason_and_comes_back(exchange: Exchange, start: Start) -> None:
    running = start()
    eventually(lambda: running.readiness() == 200, what="ready")
    eventually(lambda: values(table(running, "positions")), what="positions are shown")
    before = values(table(running, "accounts"))
    assert before > 10

    exchange.tell("faults", kind="code", code=100500)
    eventually(lambda: not values(table(running, "accounts")), what="everything is withdrawn")
    assert not any(key[0].startswith(("bingx_position", "bingx_account_equity")) for key in running.page())
    accounts = table(running, "accounts")
    assert re.search(r"failed: exchange_\w+, last answer \d+ s ago", accounts)
    assert table(running, "positions") == ""
    assert values(table(running, "income")) == 0

    exchange.tell("faults/clear")
    eventually(lambda: values(table(running, "accounts")) == before, what="everything is back")


def test_a_switched_off_collector_says_so(start: Start) -> None:
    running = start(collectors={"balance": {"enabled": False}, "income": {"enabled": False}})
    eventually(lambda: values(table(running, "positions")), what="positions are shown")

    assert "switched off" in table(running, "accounts")
    assert table(running, "income") == ""
    assert "No account counts income." in get(running.url + "/")[1]
    assert "Nothing was received" not in get(running.url + "/")[1]
    assert ">balance<" not in table(running, "calls")


def test_separate_positions_are_lines_of_their_own_if_the_metrics_keep_them_apart(start: Start) -> None:
    running = start(collectors={"positions": {"position_id": True}})
    eventually(lambda: running.readiness() == 200, what="ready")

    shown = eventually(lambda: table(running, "positions").count('role="row"') - 1, what="positions")
    assert shown == sum(key[0] == "bingx_position_amount" for key in running.page())
    for name, labels in running.page():
        if name == "bingx_position_amount":
            assert dict(labels)["position_id"] in table(running, "positions")
    assert not re.search(r">\d+ positions<", table(running, "positions"))


def test_a_key_of_somebody_else_shows_nothing_of_the_one_before(exchange: Exchange, tmp_path: Path) -> None:
    path = exchange.config(tmp_path)
    options = Options(addresses=("127.0.0.1:0",), process_metrics=False, reread=partial(load, path, environ={}))
    with App(load(path, environ={}), options) as app:
        running = Running(app)
        eventually(lambda: values(table(running, "positions")), what="positions are shown")
        eventually(lambda: len(hours_of(app, "alpha")) == 2, what="the last hour of alpha is drawn")
        exchange.tell("faults", kind="silent")
        document = yaml.safe_load(path.read_text())
        first, second = document["accounts"][:2]
        for key in ("api_key_file", "api_secret_file"):
            first[key] = second[key]
        path.write_text(yaml.safe_dump(document))
        assert app._reloader is not None
        assert app._reloader.request() is None

        def of_alpha() -> str:
            return table(running, "accounts").split(">alpha<")[1].split("</tbody>")[0]

        assert not any(key[0] == "bingx_positions" and ("account", "alpha") in key[1] for key in running.page())
        eventually(lambda: not values(of_alpha()), seconds=1.5, what="the funds of alpha are withdrawn")
        assert ">alpha<" not in table(running, "positions")
        assert "over the last hour" not in of_alpha()
        assert hours_of(app, "alpha") == []
        assert hours_of(app, "beta")

        document["accounts"] = [one for one in document["accounts"] if one["name"] != "beta"]
        path.write_text(yaml.safe_dump(document))
        assert app._reloader.request() is None
        assert hours_of(app, "beta") == []


def hours_of(app: App, account: str) -> list[object]:
    hours = (app._trends.equity(account, "USDT"), app._trends.distance(account))
    return [hour for hour in hours if hour.points]


def test_an_account_that_counts_no_income_says_so_beside_one_that_does(exchange: Exchange, tmp_path: Path) -> None:
    path = exchange.config(tmp_path)
    document = yaml.safe_load(path.read_text())
    document["accounts"][1]["collectors"] = {"income": {"enabled": False}}
    path.write_text(yaml.safe_dump(document))
    earn(exchange)
    with App(load(path, environ={}), Options(addresses=("127.0.0.1:0",), process_metrics=False)) as app:
        running = Running(app)
        eventually(lambda: has_income(running), what="income is shown")
        (beta,) = [row for row in table(running, "income").split("<tr") if ">beta<" in row]
        assert "switched off" in beta
        assert values(beta) == 0
        assert "Nothing was received" not in beta


def test_an_account_that_is_just_leaving_is_not_on_the_page(start: Start) -> None:
    running = start()
    eventually(lambda: values(table(running, "positions")), what="positions are shown")
    running.app._scheduler.stop(5)
    running.app._board.close("alpha")

    eventually(lambda: ">alpha<" not in table(running, "accounts"), what="alpha has left")
    assert ">beta<" in table(running, "accounts")


def test_links_follow_the_prefix_and_the_external_address(exchange: Exchange, tmp_path: Path) -> None:
    place = placed(route_prefix="/in", external_url="https://example.com/out")
    options = Options(addresses=("127.0.0.1:0",), telemetry_path="/m", place=place, process_metrics=False)
    with App(load(exchange.config(tmp_path), environ={}), options) as app:
        status, text = get(app.urls[0] + "/in/")

    assert status == 200
    assert re.findall(r'<a href="(/[^"]*)"', text) == [
        "/out/m",
        "/out/-/ready",
        "/out/-/healthy",
        "/out/config",
        "/out/sd",
    ]


def test_a_long_list_is_cut_and_the_cut_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reporter, "_MOST_LINES", 3)
    with standing_still(history_days=1) as exchange:
        options = Options(addresses=("127.0.0.1:0",), process_metrics=False)
        with App(load(exchange.config(tmp_path), environ={}), options) as app:
            running = Running(app)
            eventually(lambda: table(running, "positions").count('scope="row"') == 3, what="three positions")
            text = get(running.url + "/")[1]

    assert re.search(r"\d+ more positions are not shown here", text)
    assert re.search(r"\d+ more collectors are not shown here", text)


def test_a_line_of_several_positions_says_how_many_they_are(
    exchange: Exchange, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start()

    def positions() -> int:
        names = re.findall(r'<th role="rowheader" scope="row">.*?</th>', table(running, "positions"))
        told = [re.search(r">(\d+) positions<", name) for name in names]
        left_off = re.search(r"([\d,]+) more positions are not shown", get(running.url + "/")[1])
        return sum(int(one[1]) if one else 1 for one in told) + (int(left_off[1]) if left_off else 0)

    def of_the_accounts() -> int:
        counts = re.findall(r'data-label="Positions"><data value="(\d+)"', table(running, "accounts"))
        return sum(map(int, counts)) if len(counts) == 3 else 0

    held = eventually(of_the_accounts, what="every account has answered")
    assert table(running, "positions").count(">2 positions<") == 1
    assert positions() == held
    monkeypatch.setattr(reporter, "_MOST_LINES", 2)
    assert positions() == held


def test_income_waits_for_the_whole_history(exchange: Exchange, start: Start) -> None:
    earn(exchange)
    exchange.tell("latency", milliseconds=400)
    running = start()

    eventually(lambda: "the history is being read" in table(running, "income"), what="the baseline is being read")
    exchange.tell("latency", milliseconds=0)
    eventually(lambda: has_income(running), what="income is shown")
