"""The document of the status page, from plain values."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

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
    Trend,
    Trouble,
)

VOID = {"meta", "link", "rect", "path"}
ACCOUNT = AccountLine(
    name="main",
    environment="vst",
    labels={"desk": "a"},
    funds=(
        FundsLine(
            asset="USDT",
            equity=Decimal("1000.5"),
            used_margin=Decimal(100),
            unrealized_pnl=Decimal(-3),
            trend=Trend(points=(1000.0, 1000.5)),
        ),
        FundsLine(asset="USDC", equity=None, used_margin=None, unrealized_pnl=None),
    ),
    no_funds=None,
    positions=1,
    nearest=Decimal("0.0441"),
    no_positions=None,
    age_seconds=3,
    troubles=(Trouble(collector="income", health=Health.FAILED, reason="timeout"),),
)
POSITION = PositionLine(
    account="main",
    symbol="BTC-USDT",
    side="long",
    margin_mode="cross",
    position_id="",
    asset="USDT",
    amount=Decimal("0.5"),
    value=None,
    unrealized_pnl=Decimal(0),
    entry=Decimal(60_000),
    mark=Decimal(61_000),
    liquidation=Decimal(58_310),
    distance=Decimal("0.0441"),
    leverage=Decimal(5),
)
CALL = CallLine(
    account="main",
    collector="income",
    health=Health.FAILED,
    reason="timeout",
    age_seconds=None,
    interval_seconds=60,
    next_seconds=0,
    remaining=4,
    blocked_seconds=None,
)
STATUS = Status(
    version="1.2.3",
    revision="abc",
    description="An exporter.",
    now=datetime(2026, 11, 1, 0, 1, tzinfo=UTC),
    started_at=datetime(2026, 11, 1, tzinfo=UTC),
    illness=None,
    collectors=4,
    failing=1,
    metrics="/m",
    links={"/m": "the metrics"},
    accounts=(ACCOUNT,),
    positions=Section(lines=(POSITION,)),
    incomes=Section(lines=(IncomeLine(account="main", absent="timeout"),)),
    calls=Section(lines=(CALL,)),
)


class Reader(HTMLParser):
    """Reads a page, and refuses one whose elements do not close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs), attrs
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page(status: Status = STATUS) -> str:
    return StatusPage().render(status).html


def text(**changes: object) -> str:
    return Reader(page(replace(STATUS, **changes))).text


def test_everything_is_on_the_page() -> None:
    shown = text()

    for words in (
        "Working",
        "Running for 1 min since 2026-11-01 00:00:00 UTC",
        "1 in trouble",
        "1 without a good answer",
        "Nearest liquidation 4.4 % main , BTC-USDT long",
        "1.2.3 abc",
        "main vst desk=a USDT 1,000.50",
        "100.00 9.9 %",
        "\N{MINUS SIGN}3.00",
        "3 s old income failed timeout",
        "58,310",
        "/m the metrics",
    ):
        assert words in shown


def test_what_is_not_known_is_a_dash_with_a_word_for_those_who_hear_it() -> None:
    row = page().split("USDC")[1].split("</tr>")[0]
    assert row.count('<span aria-hidden="true">\N{EN DASH}</span><span class="unseen">unknown</span>') == 3
    assert "<data" not in row


def test_an_absent_answer_shows_no_number_and_says_why() -> None:
    absent = replace(
        ACCOUNT,
        funds=(),
        no_funds="stale: last answer 45 s ago",
        positions=None,
        nearest=None,
        no_positions="failed: dns",
    )
    shown = (
        page(replace(STATUS, accounts=(absent,), positions=Section())).split('id="accounts"')[1].split("</table>")[0]
    )

    assert "<data" not in shown
    assert "stale: last answer 45 s ago" in shown
    assert "failed: dns" in shown


def test_no_liquidation_price_is_not_an_unknown_one() -> None:
    none = replace(POSITION, liquidation=Decimal(0), distance=None)
    assert "no liquidation price none" in text(positions=Section(lines=(none,)))
    assert "unknown \N{EN DASH} unknown" in text(positions=Section(lines=(replace(none, liquidation=None),)))


def test_an_empty_house_says_so() -> None:
    shown = text(accounts=(replace(ACCOUNT, funds=(), troubles=()),), positions=Section(), incomes=Section(), failing=0)
    for words in (
        "none in trouble",
        "no asset was ever used",
        "No open position is known.",
        "No account counts income.",
    ):
        assert words in shown


def test_a_day_without_income_is_no_dash() -> None:
    lines = (IncomeLine(account="main", entries=0), IncomeLine(account="other", absent="switched off"))
    status = replace(STATUS, incomes=Section(lines=lines))
    quiet, off = page(status).split('id="income"')[1].split("</table>")[0].split("<tr")[2:]

    assert "Nothing was received or paid yet today." in quiet
    assert "\N{EN DASH}" not in quiet
    assert "\N{EN DASH}" in off
    assert "switched off" in off


def test_income_that_was_read_a_while_ago_says_when() -> None:
    assert "as of" not in text().split("Income today")[1]
    shown = text(incomes_as_of=datetime(2026, 11, 1, 0, 0, 30, tzinfo=UTC))
    assert "Income today since midnight UTC, as of 2026-11-01 00:00:30 UTC" in shown


def test_assets_that_are_not_shown_are_counted() -> None:
    account = replace(ACCOUNT, assets_left_off=1042)
    assert "USDC and 1,042 more in the metrics" in text(accounts=(account,))
    assert "more in" not in text()


def labels_of(account: AccountLine) -> list[str]:
    return re.findall(r'aria-label="([^"]* over the last hour[^"]*)"', page(replace(STATUS, accounts=(account,))))


def test_a_trend_is_told_in_the_words_of_the_numbers_beside_it() -> None:
    bitcoin = replace(ACCOUNT.funds[0], asset="BTC", equity=Decimal("0.0042"), trend=Trend(points=(0.0042, 1e22)))
    account = replace(ACCOUNT, funds=(bitcoin,), nearest=None, trend=Trend(points=(None, 0.03, 0.25, *[None] * 57)))

    assert labels_of(account) == [
        "Equity over the last hour: lowest 0.0042, highest 1.0000e+22 BTC",
        "Nearest liquidation over the last hour: lowest 3.0 %, highest 25.0 %",
    ]


def test_what_is_left_off_is_counted() -> None:
    assert "1,234 more positions are not shown here" in text(positions=Section(lines=(POSITION,), left_off=1234))


def test_an_illness_comes_first() -> None:
    assert "the scheduler has died as of" in text(illness="the scheduler has died")


def test_next_calls_are_told() -> None:
    for changes, words in (
        ({"next_seconds": 0.0}, "1 min now 4"),
        ({"next_seconds": 12.3}, "in 12 s"),
        ({"next_seconds": None}, "waits for another call"),
        ({"blocked_seconds": 30.0}, "held for 30 s"),
        ({"blocked_seconds": 0.1}, "1 min now 4"),
    ):
        assert words in text(calls=Section(lines=(replace(CALL, **changes),)))


def test_trends_are_left_out_with_many_accounts() -> None:
    many = replace(STATUS, accounts=(ACCOUNT,) * 101)
    assert 'class="trend"' in page()
    assert 'class="trend"' not in page(many)
    assert "the lines of the last hour are left out" in Reader(page(many)).text


def test_only_its_own_style_and_script_may_run() -> None:
    document = StatusPage().render(STATUS)

    for kind in ("style", "script"):
        (inside,) = re.findall(f"<{kind}>(.*?)</{kind}>", document.html, re.DOTALL)
        digest = b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in document.security_policy
    assert document.security_policy.startswith("default-src 'none'; ")
    assert "unsafe" not in document.security_policy
    assert not re.search(r'(?:src|href)="(?!/m|#main|data:,)', document.html)


@settings(max_examples=15)
@given(st.text(min_size=1, max_size=30) | st.sampled_from(["<b>", '"><script>', "{{ 1 }}", "' onx='", "&amp;"]))
def test_names_never_become_elements(name: str) -> None:
    account = replace(
        ACCOUNT,
        name=name,
        environment=name,
        labels={name: name},
        troubles=(Trouble(collector=name, health=Health.FAILED, reason=name),),
    )
    position = replace(POSITION, account=name, symbol=name, margin_mode=name, position_id=name, asset=name)
    status = replace(STATUS, version=name, accounts=(account,), positions=Section(lines=(position,)), illness=name)
    plain = replace(
        status,
        version="x",
        illness="x",
        accounts=(replace(account, name="x", environment="x", labels={"x": "x"}),),
        positions=Section(
            lines=(replace(position, account="x", symbol="x", margin_mode="x", position_id="x", asset="x"),)
        ),
    )
    assert Reader(page(status)).seen == Reader(page(plain)).seen
