"""The status page in a real browser: it says what the metrics say, and nothing that a name holds comes alive."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.browsing import CONTRAST, Visit, chromium, visit
from playwright.sync_api import Browser, expect
from support.exchange import Exchange, standing_still
from support.exposition import Series, families_of_text, samples, series
from support.processes import Exporter, eventually, exporter, get

from exporter.web.server import Site, WebServer
from exporter.web.status import (
    AccountLine,
    CallLine,
    FundsLine,
    Health,
    IncomeLine,
    PositionLine,
    Section,
    Status,
    StatusPage,
    Trouble,
)

pytestmark = pytest.mark.timeout(120)

LOCAL = "--web.listen-address=127.0.0.1:0"
HOSTILE = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(2)</script>{{ 7*7 }}"
SLOW = {"stale_after": "10m", "collectors": {"balance": {"interval": "5s"}, "positions": {"interval": "5s"}}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def still() -> Iterator[Exchange]:
    with standing_still() as exchange:
        yield exchange


@pytest.fixture(scope="module")
def running(still: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter of a world that stands still, one of whose accounts has a hostile name."""
    folder = tmp_path_factory.mktemp("status")
    config = still.config(folder)
    document = yaml.safe_load(config.read_text())
    document["accounts"][1]["name"] = HOSTILE
    document["accounts"][1]["labels"] = {"desk": SCRIPT}
    config.write_text(yaml.safe_dump(document))
    with exporter(f"--config.file={config}", LOCAL, folder=folder) as process:
        process.ready()
        eventually(lambda: "bingx_income_complete" in process.page(), what="income is read")
        yield process


def metrics(process: Exporter) -> dict[Series, float]:
    return samples(families_of_text(process.page()))


def same(cell: Mapping[str, Any], expected: float | None) -> bool:
    """Tell whether a cell has this value, and reads like it; `None` is a value that the metrics do not have."""
    if expected is None:
        return cell["value"] is None
    shown = float(cell["text"].replace(",", "").replace("\N{MINUS SIGN}", "-").replace("%", "e-2").replace(" ", ""))
    return float(cell["value"]) == expected and shown == pytest.approx(expected, abs=0.0051, rel=1e-3)


ACCOUNT_COLUMNS = {
    "Equity": "bingx_account_equity",
    "Margin used": "bingx_account_used_margin",
    "Unrealised PnL": "bingx_account_unrealized_pnl",
}
POSITION_COLUMNS = {
    "To liquidation": "bingx_position_liquidation_distance_ratio",
    "Liquidation": "bingx_position_liquidation_price",
    "Mark": "bingx_position_mark_price",
    "Entry": "bingx_position_entry_price",
    "Amount": "bingx_position_amount",
    "Value": "bingx_position_value",
    "Unrealised PnL": "bingx_position_unrealized_pnl",
    "Leverage": "bingx_position_leverage",
}


def test_every_account_shows_what_the_metrics_say(browser: Browser, running: Exporter) -> None:
    expected = metrics(running)
    with visit(browser, running.url) as seen:
        rows = seen.table("accounts")

    assert {row["name"] for row in rows} == {"alpha", HOSTILE, "gamma"}
    funds = {(row["name"], row["cells"]["Asset"]["text"]) for row in rows}
    assert funds >= {(labels["account"], labels["asset"]) for labels in labels_of(expected, "bingx_account_equity")}
    for row in rows:
        for column, name in ACCOUNT_COLUMNS.items():
            key = series(name, account=row["name"], asset=row["cells"]["Asset"]["text"])
            assert same(row["cells"][column], expected.get(key)), (row, column)
    for row in rows:
        if "Positions" in row["cells"]:
            assert same(row["cells"]["Positions"], expected[series("bingx_positions", account=row["name"])])
            distances = [
                value
                for (name, labels), value in expected.items()
                if name == POSITION_COLUMNS["To liquidation"] and ("account", row["name"]) in labels
            ]
            assert same(row["cells"]["Nearest liquidation"], min(distances, default=None))


def test_every_position_shows_what_the_metrics_say_nearest_first(browser: Browser, running: Exporter) -> None:
    expected = metrics(running)
    with visit(browser, running.url) as seen:
        rows = seen.table("positions")

    assert len(rows) == len(labels_of(expected, "bingx_position_amount"))
    for row in rows:
        names = {"symbol": row["name"], "side": row["side"], "margin_mode": row["mode"], "asset": row["asset"]}
        for column, name in POSITION_COLUMNS.items():
            key = series(name, account=row["cells"]["Account"]["text"], **names)
            assert same(row["cells"][column], expected.get(key)), (row, column)
    distances = [row["cells"]["To liquidation"]["value"] for row in rows]
    known = [float(distance) for distance in distances if distance is not None]
    assert known == sorted(known)
    assert distances[len(known) :] == [None] * (len(distances) - len(known))


def labels_of(found: Mapping[Series, float], name: str) -> list[dict[str, str]]:
    return [dict(labels) for other, labels in found if other == name]


def test_collectors_that_fail_say_why_and_come_first(browser: Browser, running: Exporter) -> None:
    with visit(browser, running.url) as seen:
        calls, incomes = seen.table("calls"), seen.table("income")
        account = seen.page.locator("#accounts tbody", has=seen.page.get_by_text("gamma", exact=True)).inner_text()

    failing = calls[:2]
    assert {(one["cells"]["Account"]["text"], one["name"]) for one in failing} == {
        ("gamma", "income"),
        ("gamma", "commission_rate"),
    }
    assert all("permission_denied" in one["cells"]["State"]["text"] for one in failing)
    assert all("good" in one["cells"]["State"]["text"] for one in calls[2:])
    assert account.count("permission_denied") == 2
    absent = next(row for row in incomes if row["cells"]["Account"]["text"] == "gamma")
    assert "permission_denied" in absent["cells"]["Income"]["text"]


def test_income_of_the_day_is_what_came_since_midnight(browser: Browser, running: Exporter, still: Exchange) -> None:
    def net() -> dict[str, Decimal]:
        with visit(browser, running.url) as seen:
            return {
                row["name"]: Decimal(row["cells"]["Net"]["value"])
                for row in seen.table("income")
                if row["cells"]["Account"]["text"] == "alpha" and row["cells"].get("Asset", {}).get("text") == "USDT"
            }

    before = net().get("GTD_PRICE", Decimal(0))
    still.tell("income", account="alpha", income_type="GTD_PRICE", amount="12.5", count=2, apart_seconds=0)

    eventually(lambda: net().get("GTD_PRICE", Decimal(0)) - before == 25, seconds=40, what="income is on the page")


def test_nothing_complains_and_nothing_else_is_asked(browser: Browser, running: Exporter) -> None:
    for scheme in ("light", "dark"):
        with visit(browser, running.url, color_scheme=scheme, clock=True) as seen:
            with seen.page.expect_response(running.url + "/"):
                seen.page.clock.run_for(5_500)
            expect(seen.page.locator("#lost")).to_be_hidden()
        assert (seen.complaints, seen.strays) == ([], [])


def test_hostile_names_stay_text(browser: Browser) -> None:
    page = StatusPage()
    server = WebServer(
        Site(
            metrics={"text/plain": tuple},
            landing=lambda: page.render(hostile()),
            healthy=lambda: None,
            ready=lambda: None,
        ),
        addresses=["127.0.0.1:0"],
    )
    server.bind()
    server.start()
    try:
        with visit(browser, server.urls[0], clock=True) as seen:
            assert_harmless(seen)
            with seen.page.expect_response(server.urls[0] + "/"):
                seen.page.clock.run_for(5_500)
            assert_harmless(seen)
    finally:
        server.stop(2)


def assert_harmless(seen: Visit) -> None:
    assert (seen.complaints, seen.strays) == ([], [])
    assert seen.page.locator("img, iframe, main script").count() == 0
    assert seen.table("positions")[0]["name"] == HOSTILE
    assert "49" not in seen.page.locator("main").inner_text()
    assert seen.page.get_by_text(SCRIPT).count() >= 4


def hostile() -> Status:
    number = Decimal(1)
    return Status(
        version=SCRIPT,
        revision=HOSTILE,
        description=SCRIPT,
        now=datetime(2026, 11, 1, tzinfo=UTC),
        started_at=datetime(2026, 10, 31, tzinfo=UTC),
        illness=SCRIPT,
        collectors=1,
        failing=1,
        metrics="/metrics",
        links={"/metrics": HOSTILE},
        accounts=(
            AccountLine(
                name=HOSTILE,
                environment=SCRIPT,
                labels={"desk": HOSTILE, "a": '" onmouseover="alert(3)'},
                funds=(FundsLine(asset=SCRIPT, equity=number, used_margin=None, unrealized_pnl=number),),
                no_funds=None,
                positions=None,
                nearest=None,
                no_positions=SCRIPT,
                age_seconds=None,
                troubles=(Trouble(collector=HOSTILE, health=Health.FAILED, reason=SCRIPT),),
            ),
        ),
        positions=Section(
            lines=(
                PositionLine(
                    account=HOSTILE,
                    symbol=HOSTILE,
                    side="long",
                    margin_mode=SCRIPT,
                    position_id=HOSTILE,
                    asset=SCRIPT,
                    amount=number,
                    value=number,
                    unrealized_pnl=number,
                    entry=number,
                    mark=number,
                    liquidation=number,
                    distance=number,
                    leverage=number,
                ),
            )
        ),
        incomes=Section(
            lines=(
                IncomeLine(
                    account=HOSTILE, income_type=SCRIPT, asset=HOSTILE, credited=number, debited=number, entries=1
                ),
                IncomeLine(account=HOSTILE, absent=SCRIPT),
            )
        ),
        calls=Section(
            lines=(
                CallLine(
                    account=HOSTILE,
                    collector="income",
                    health=Health.FAILED,
                    reason=SCRIPT,
                    age_seconds=1,
                    interval_seconds=1,
                    next_seconds=None,
                    remaining=1,
                    blocked_seconds=3,
                ),
            )
        ),
    )


def _as_of(document: str) -> str:
    """Return the moment that the page names as its own; it may be that of the start, which stands there as well."""
    (moment,) = re.findall(r'<p class="lead .*?<time [^>]*>([^<]+)</time>', document, re.DOTALL)
    return str(moment)


def test_it_refreshes_itself_and_keeps_focus_and_scroll(browser: Browser, running: Exporter, still: Exchange) -> None:
    with visit(browser, running.url, clock=True, viewport={"width": 900, "height": 500}) as seen:
        page = seen.page
        page.evaluate("window.mark = 1; document.getElementById('positions').focus(); scrollTo(0, 321)")
        page.evaluate("document.getElementById('positions').scrollLeft = 40")
        as_of = page.locator(".lead time").inner_text()
        still.tell("income", account="alpha", amount="1")
        eventually(lambda: _as_of(get(running.url + "/")[1]) != as_of, what="the page is a later one")
        with page.expect_response(running.url + "/"):
            page.clock.run_for(5_500)
        expect(page.locator(".lead time")).not_to_have_text(as_of)

        kept = page.evaluate(
            "[window.mark, document.activeElement.id, scrollY, document.getElementById('positions').scrollLeft]"
        )
        assert kept == [1, "positions", 321, 40]


def test_numbers_are_withdrawn_when_the_exporter_falls_silent(
    browser: Browser, still: Exchange, tmp_path: Path
) -> None:
    config = still.config(tmp_path)
    with (
        exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process,
        visit(browser, process.ready(), clock=True) as seen,
    ):
        process.end(signal.SIGTERM)
        seen.page.clock.run_for(5_500)
        expect(seen.page.locator("#lost")).to_have_text("The exporter does not answer; trying again.")
        expect(seen.page.locator("#accounts")).to_be_visible()
        seen.page.clock.run_for(15_000)
        expect(seen.page.locator("#lost")).to_contain_text("the numbers are withdrawn")
        expect(seen.page.locator("#accounts")).to_be_hidden()


def test_numbers_are_withdrawn_fifteen_seconds_after_the_last_answer(browser: Browser, running: Exporter) -> None:
    with visit(browser, running.url, clock=True) as seen:
        with seen.page.expect_response(running.url + "/"):
            seen.page.clock.run_for(5_300)
        seen.page.route("**/*", lambda _: None)  # the next one is never answered
        seen.page.wait_for_timeout(500)
        for _ in range(26):  # time goes on by itself, too, on a busy machine for a second or so
            seen.page.clock.run_for(490)
        expect(seen.page.locator("#accounts")).to_be_visible()
        seen.page.wait_for_timeout(200)
        seen.page.clock.run_for(3_400)
        expect(seen.page.locator("#accounts")).to_be_hidden(timeout=1_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_fits_and_can_be_read(browser: Browser, running: Exporter, scheme: str, width: int) -> None:
    size = {"width": width, "height": 800}
    with visit(browser, running.url, color_scheme=scheme, viewport=size) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        contrast, text = seen.page.evaluate(CONTRAST)
        assert contrast >= 4.5, text
        background = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(251, 250, 248)") == (scheme == "light")


def test_the_keyboard_reaches_every_table_and_link(browser: Browser, running: Exporter) -> None:
    with visit(browser, running.url) as seen:
        reached = []
        for _ in range(12):
            seen.page.keyboard.press("Tab")
            reached.append(
                seen.page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href')")
            )
        outlined = seen.page.evaluate(
            "document.getElementById('calls').focus() ?? getComputedStyle(document.activeElement).outlineStyle"
        )

    links = ["/metrics", "/-/ready", "/-/healthy", "/config", "/sd"]
    assert reached[: 5 + len(links)] == ["#main", "accounts", "positions", "income", "calls", *links]
    assert outlined == "solid"


@pytest.mark.parametrize("width", [360, 1280])
def test_a_screen_reader_hears_tables_headings_and_pictures(browser: Browser, running: Exporter, width: int) -> None:
    with visit(browser, running.url, viewport={"width": width, "height": 800}) as seen:
        heard = seen.page.locator("body").aria_snapshot()

    for line in (
        'heading "bingx-exporter" [level=1]',
        "main:",
        'region "Accounts"',
        'table "Open positions, nearest to liquidation first"',
        'rowheader "BTC-USDT',
        'columnheader "Unrealised PnL"',
        'navigation "Other pages"',
    ):
        assert line in heard, heard
    assert "away, far" in heard
    assert "over the last hour: lowest" in heard


def test_without_script_the_page_is_whole_and_loads_itself_anew(browser: Browser, running: Exporter) -> None:
    with visit(browser, running.url, java_script_enabled=False) as seen:
        expect(seen.page.locator("#positions tbody tr").first).to_be_visible()
        assert seen.page.locator("meta[http-equiv=refresh]").get_attribute("content") == "5"
