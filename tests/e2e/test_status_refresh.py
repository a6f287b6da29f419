"""A refresh of the status page in a real browser touches what has changed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from e2e.browsing import Visit, chromium, visit
from msgspec import structs
from playwright.sync_api import Browser, Page, Route, expect
from playwright.sync_api import TimeoutError as NotYetError

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
)

pytestmark = pytest.mark.timeout(120)

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
NAMES = ("alpha", "beta", "gamma")

# Marks every element below #main, and listens to all that happens to the line of alpha.
MARK = """() => {
  window.elements = new Map([...document.querySelectorAll('#main *')].map(one => [one, one.outerHTML]));
  window.touches = 0;
  const watch = new MutationObserver(records => { touches += records.length; });
  watch.observe(document.querySelector('#accounts [data-key=alpha]'),
                { subtree: true, childList: true, attributes: true, characterData: true });
}"""
SELECT = """css => {
  const text = document.querySelector(css).firstChild;
  getSelection().setBaseAndExtent(text, text.length, text, 0);
  return getSelection().toString();
}"""
# The elements that came, and how often the line of alpha was touched.
CAME = """() => [
  [...document.querySelectorAll('#main *')].filter(one => !elements.has(one)).map(one => one.outerHTML),
  [...elements.keys()].filter(one => !one.isConnected).map(one => elements.get(one)),
  touches,
]"""
KEYS = "id => [...document.querySelectorAll(`#${id} [data-key]`)].map(line => line.dataset.key)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@dataclass
class Refreshed:
    """An open page, and the body that it gets whenever it asks for itself."""

    visit: Visit
    body: str

    @property
    def page(self) -> Page:
        return self.visit.page

    def answer(self, route: Route) -> None:
        route.fulfill(body=self.body, content_type="text/html; charset=utf-8")

    def then(self, status: Status) -> None:
        """Let it refresh itself, and find `status`."""
        self.body = StatusPage().render(status).html
        time = self.page.locator(f".lead time[datetime='{status.now.isoformat()}']")
        for _ in range(5):  # one of them may fall into a refresh that is under way
            self.page.clock.run_for(5_000)
            with suppress(NotYetError):
                time.wait_for(timeout=1_000)
                return
        expect(time).to_be_attached()

    def table(self, name: str) -> list[dict[str, Any]]:
        return self.visit.table(name)


@contextmanager
def shown(browser: Browser, status: Status) -> Iterator[Refreshed]:
    """Open the page of `status`."""
    page = StatusPage()
    site = Site(
        metrics={"text/plain": tuple},
        landing=lambda: page.render(status),
        healthy=lambda: None,
        ready=lambda: None,
    )
    server = WebServer(site, addresses=["127.0.0.1:0"])
    server.bind()
    server.start()
    try:
        with visit(browser, server.urls[0], clock=True, viewport={"width": 900, "height": 400}) as opened:
            seen = Refreshed(opened, page.render(status).html)
            seen.page.route("**/", seen.answer)
            yield seen
            assert (opened.complaints, opened.strays) == ([], [])
    finally:
        server.stop(2)


def account(name: str, equity: int) -> AccountLine:
    funds = FundsLine(asset="USDT", equity=Decimal(equity), used_margin=Decimal(1), unrealized_pnl=Decimal(0))
    return AccountLine(
        name=name,
        environment="live",
        labels={},
        funds=(funds,),
        no_funds=None,
        positions=1,
        nearest=Decimal("0.25"),
        no_positions=None,
        age_seconds=1,
        troubles=(),
        assets_left_off=1,
    )


def position(name: str, symbol: str, distance: str = "0.25") -> PositionLine:
    return PositionLine(
        account=name,
        symbol=symbol,
        side="long",
        margin_mode="cross",
        position_id="",
        asset="USDT",
        amount=Decimal(1),
        value=Decimal(100),
        unrealized_pnl=Decimal(0),
        entry=Decimal(100),
        mark=Decimal(100),
        liquidation=Decimal(75),
        distance=Decimal(distance),
        leverage=Decimal(5),
    )


def call(name: str, next_seconds: float) -> CallLine:
    return CallLine(
        account=name,
        collector="balance",
        health=Health.GOOD,
        reason="",
        age_seconds=1,
        interval_seconds=10,
        next_seconds=next_seconds,
        remaining=5,
        blocked_seconds=None,
    )


def status(*, turn: int = 0, equity: int = 200, positions: Sequence[PositionLine] = (), calls: int = 0) -> Status:
    """Return the page of a turn: five seconds after the one before, `calls` of the collectors asked since."""
    turns = [*NAMES[calls:], *NAMES[:calls]]
    return Status(
        version="1",
        revision="abc",
        description="",
        now=NOON + timedelta(seconds=5 * turn),
        started_at=NOON - timedelta(days=12),
        illness=None,
        collectors=3,
        failing=0,
        metrics="/metrics",
        links={},
        accounts=(account("alpha", 100), account("beta", equity), account("gamma", 300)),
        positions=Section(lines=tuple(positions)),
        incomes=Section(lines=tuple(IncomeLine(account=name, absent="timeout") for name in NAMES)),
        calls=Section(lines=tuple(call(name, at) for at, name in enumerate(turns))),
    )


def test_what_has_not_changed_is_not_touched_and_keeps_selection_focus_and_scroll(browser: Browser) -> None:
    positions = [position("alpha", "BTC-USDT"), position("beta", "ETH-USDT")]
    with shown(browser, status(positions=positions)) as seen:
        page = seen.page
        page.evaluate(MARK)
        chosen = page.evaluate(SELECT, "#accounts [data-key=alpha] data")
        page.evaluate("document.querySelector('#accounts [data-key=alpha] a').focus(); scrollTo(0, 222)")

        for turn, equity in enumerate((201, 202), 1):
            seen.then(status(turn=turn, equity=equity, positions=positions))

        assert page.evaluate(CAME) == [[], [], 0]
        assert page.locator("#accounts [data-key=beta] data").first.text_content() == "202.00"
        assert chosen == page.evaluate("getSelection().toString()") == "100.00"
        assert page.evaluate("[document.activeElement.closest('tbody').dataset.key, scrollY]") == ["alpha", 222]


def test_lines_that_come_go_and_change_places_leave_the_others_as_they_are(browser: Browser) -> None:
    btc, eth, sol, new = (position("alpha", f"{coin}-USDT") for coin in ("BTC", "ETH", "SOL", "NEW"))
    with shown(browser, status(positions=[btc, eth, sol])) as seen:
        page = seen.page
        page.evaluate(MARK)
        chosen = page.evaluate(SELECT, "#positions [data-key*='SOL-USDT'] bdi")

        seen.then(status(turn=1, positions=[sol, eth, btc]))
        came, gone, _ = page.evaluate(CAME)
        assert (came, gone) == ([], [])
        assert [row["name"] for row in seen.table("positions")] == ["SOL-USDT", "ETH-USDT", "BTC-USDT"]
        assert chosen == page.evaluate("getSelection().toString()") == "SOL-USDT"

        seen.then(status(turn=2, positions=[new, sol, btc]))
        came, gone, _ = page.evaluate(CAME)
        assert all("NEW-USDT" in line for line in came if line.startswith("<tr"))
        assert [line.count("<tr") for line in (*came, *gone) if line.startswith("<tr")] == [1, 1]
        assert [row["name"] for row in seen.table("positions")] == ["NEW-USDT", "SOL-USDT", "BTC-USDT"]
        assert chosen == page.evaluate("getSelection().toString()")


def test_a_selection_outlives_a_change_of_its_text(browser: Browser) -> None:
    with shown(browser, status(positions=[position("alpha", "BTC-USDT")])) as seen:
        seen.page.evaluate(SELECT, "#accounts [data-key=beta] data")
        seen.then(status(turn=1, equity=55555, positions=[position("alpha", "BTC-USDT")]))
        assert seen.page.evaluate("getSelection().toString()") == "55,555"
        seen.then(status(turn=2, equity=1, positions=[position("alpha", "BTC-USDT")]))
        assert seen.page.evaluate("getSelection().toString()") == "1.00"


def test_the_page_stays_where_it_is_while_its_calls_take_turns(browser: Browser) -> None:
    positions = [position("alpha", f"C{number}-USDT") for number in range(12)]
    with shown(browser, status(positions=positions)) as seen:
        seen.page.evaluate(MARK)
        seen.page.evaluate("document.querySelector('#calls tbody tr').scrollIntoView()")
        before = seen.page.evaluate("scrollY")
        assert before > 400
        for turn in (1, 2):
            seen.then(status(turn=turn, positions=positions, calls=turn))
            assert seen.page.evaluate(CAME)[:2] == [[], []]
            assert seen.page.evaluate(KEYS, "calls") == [f"{name} balance" for name in (*NAMES[turn:], *NAMES[:turn])]
            assert seen.page.evaluate("scrollY") == before


def test_in_whatever_order_lines_come_the_page_shows_them_as_they_were_sent(browser: Browser) -> None:
    """Equal lines among them: keys say which element may stay, and never what is shown."""
    random = Random(4)
    pool = [position("alpha", f"C{number}-USDT", f"0.{number + 1}") for number in range(8)]
    with shown(browser, status(positions=pool)) as seen:
        for turn in range(1, 61):
            some = (
                random.choices(pool, k=random.randrange(10)) if turn % 2 else random.sample(pool, random.randrange(9))
            )
            changed = [structs.replace(one, mark=Decimal(random.randrange(1, 99))) for one in some]
            seen.then(status(turn=turn, positions=changed))
            shown_now = [(row["name"], row["cells"]["Mark"]["value"]) for row in seen.table("positions")]
            assert shown_now == [(one.symbol, f"{one.mark}.0") for one in changed]
