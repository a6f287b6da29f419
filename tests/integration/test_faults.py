"""Every line of docs/faults.md, played to one running exporter at the same time: an account for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from support.exchange import standing_still
from support.exposition import series

from exporter.app import App, Options
from exporter.bingx.codes import error_for
from exporter.config import load

from .drill import (
    INTERVALS,
    SOUND,
    Case,
    Drill,
    Play,
    Stage,
    configuration,
    everything_logged,
    gauge_is_there,
    pin_to_another_user,
    places,
)

pytestmark = [pytest.mark.timeout(120), pytest.mark.alone]

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
BIG: Final = 17 << 20


def fault(kind: str, *, collector: str = "balance", **more: Any) -> tuple[Play, ...]:  # noqa: ANN401 - JSON
    return (Play(fault={"kind": kind, **more}, collector=collector),)


def code(number: int, message: str = "no", **more: Any) -> tuple[Play, ...]:  # noqa: ANN401 - JSON
    return fault("code", code=number, message=message, **more)


def status(number: int, body: str = "html", **more: Any) -> tuple[Play, ...]:  # noqa: ANN401 - JSON
    return fault("status", status=number, body=body, **more)


def elsewhere(way: str) -> tuple[Play, ...]:
    return (Play(elsewhere=way),)


PLAYS: Final[Mapping[str, tuple[Play, ...]]] = {
    "The name of the host does not resolve": elsewhere("no_name"),
    "Nothing listens: the connection is refused": elsewhere("refused"),
    "The connection is reset before an answer": fault("reset"),
    "No connection comes about in time": elsewhere("full"),
    "TLS is expected and something else answers": elsewhere("no_tls"),
    "The certificate is not trusted": elsewhere("untrusted"),
    "The TLS handshake does not end": elsewhere("endless_handshake"),
    "The name of the proxy does not resolve": elsewhere("proxy_without_name"),
    "The proxy is not there": elsewhere("proxy_gone"),
    "The proxy refuses the tunnel, with 407 or another status": (
        *elsewhere("proxy_refuses_407"),
        *elsewhere("proxy_refuses_502"),
    ),
    "The proxy says nothing": elsewhere("proxy_silent"),
    "Not a byte of an answer comes": fault("silent"),
    "The head drips in, byte by byte": fault("slow_headers", milliseconds=50),
    "The body drips in, byte by byte": fault("slow_body", milliseconds=50),
    "The right answer comes, after `timeout`": fault("delay", milliseconds=1500),
    "The body ends before its announced length": fault("cut"),
    "A chunked body lacks its last chunk": fault("cut_chunked"),
    "The body is larger than 16 MiB": fault("huge", size=BIG),
    "A packed body unpacks to more than 16 MiB": fault("gzip_bomb", size=BIG),
    "Status 200 without a body": fault("empty"),
    "Status 200 with a web page": fault("html"),
    "The JSON breaks off": fault("not_json"),
    "Lists in place of texts, objects in place of numbers": (
        *fault("wrong_types"),
        *fault("wrong_types", collector="positions"),
    ),
    "An infinite number that cannot be done without, such as an amount": fault("infinite", collector="positions"),
    "An infinite number that may be missing, such as an equity": fault("infinite"),
    "NUL bytes between the JSON's": fault("nul_bytes"),
    "A field that nobody knows": fault("new_field"),
    "Status 403, as the exchange's firewall answers": status(403),
    "Status 418": status(418, "empty"),
    "Status 429": status(429, "empty"),
    "Status 500 without a body": status(500, "empty"),
    "Status 502 with a web page": status(502),
    "Status 504 with a web page": status(504),
    "Status 404 with a web page": status(404),
    "A redirect; it is not followed": status(302),
    "Status 401 with code 100413 in it: the code counts": status(401, "json", code=100413, message="no"),
    "Status 503 with a code in it that nobody knows: the status counts": status(503, "json", code=999999, message="no"),
    "A limit whose text names its end": code(100410, "this endpoint will be unblocked after {until}", count=1),
    "`over 20 error code` in the text of any code": code(100202, "over 20 error code:100202 requests within 480000 ms"),
    "`rate limit` in the text of a code that nobody knows": code(999999, "the rate limit is exceeded"),
    "Code 80001 or 100421, `busy` in its text": (*code(80001, "service is busy"), *code(100421, "system busy")),
    "Code 80012 or 109500, `not exist` or `later than` in its text": (
        *code(80012, "startTime is later than endTime"),
        *code(109500, "the symbol does not exist"),
    ),
    "Code 80012 with the JSON of another code in its text: that code counts": code(80012, shape="inner_json"),
    "Code 109400, `timestamp` in its text": code(109400, "timestamp is invalid"),
    "A code that nobody knows": code(999999),
    'The code as a text, `"100413"`': code(100413, shape="text_code"),
    "A code with an empty text": code(100500, shape="empty_message"),
    "A code with `data: {}`": code(100500, shape="service"),
    "A code with `data: null`": code(100500, shape="data_null"),
    "A code without `data`": code(100500, shape="no_data"),
    "A code with `debugMsg`": code(100500, shape="debug_message"),
    "Code 0 with `success: false`": code(0, shape="success_false"),
    "Code 0 with `data: {}` for balance or fee rates": code(0),
    "Code 0 with `data: {}` or `null` for positions or income: there are none": (
        *code(0, collector="positions"),
        *code(0, collector="positions", shape="data_null"),
    ),
    "Code 0 without `data`": code(0, shape="no_data"),
    "The key is another user's than the one whose income the ledger holds": (Play(collector="income"),),
}


def table(*header: str) -> list[list[str]]:
    """Return the rows of every table on the page that has such a header."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
        if tuple(cells[: len(header)]) == header:
            inside = True
        elif cells and inside:
            found.append(cells)
        elif not line.startswith("|"):
            inside = False
    return found


def family_of(failure: str) -> list[int]:
    """Return the codes of a line that is nothing but codes."""
    return [int(number) for number in re.findall(r"\d+", failure)] if re.fullmatch(r"Code [\d, ]+", failure) else []


def plays_of(failure: str) -> tuple[Play, ...]:
    family = family_of(failure)
    return code(family[0]) if family else PLAYS[failure]


ROWS: Final = {failure: reason.strip("`") for failure, reason in table("failure", "`reason`")}
REASONS: Final = {row[0].strip("`"): row[1:] for row in table("`reason`", "gauges")}


def cases() -> tuple[Case, ...]:
    numbers = count(1)
    return tuple(
        Case(
            account=f"account-{next(numbers):03d}",
            failure=failure,
            reason=reason,
            play=play,
            effect=REASONS.get(reason, ()),
        )
        for failure, reason in ROWS.items()
        for play in plays_of(failure)
    )


CASES: Final = cases()
EVERY: Final = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.account[-3:]} {case.failure[:60]}")


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    folder = tmp_path_factory.mktemp("drill")
    with ExitStack() as stack:
        many = {"accounts": len(CASES) + len(SOUND), "positions": 2, "history_days": 1, "limits": False}
        exchange = stack.enter_context(standing_still(**many))
        elsewhere = stack.enter_context(places())
        path = configuration(folder, exchange, CASES, elsewhere.settings)
        pin_to_another_user(folder, CASES)
        stream = stack.enter_context(everything_logged())
        config = load(path, environ={})
        app = stack.enter_context(App(config, Options(addresses=("127.0.0.1:0",), process_metrics=False)))
        yield Stage(app, config, exchange, CASES).play(elsewhere, stream)


def test_every_line_of_the_page_is_played() -> None:
    families = {failure for failure in ROWS if family_of(failure)}
    assert len(families) > len(REASONS) / 2
    assert set(ROWS) == set(PLAYS) | families
    assert {reason for reason in ROWS.values() if reason != "none"} == set(REASONS)


def test_every_code_of_a_family_has_its_reason() -> None:
    for failure, reason in ROWS.items():
        for number in family_of(failure):
            assert error_for(number, "").reason == reason, number


@EVERY
def test_the_reason_is_the_one_that_the_page_says(drill: Drill, case: Case) -> None:
    last = drill.pages[-1][1]
    reasons = {
        (dict(labels)["collector"], dict(labels)["reason"])
        for name, labels in last
        if name == "bingx_collector_failures_total" and ("account", case.account) in labels
    }
    own = {reason for collector, reason in reasons if collector == case.play.collector}
    assert own == (set() if case.reason == "none" else {case.reason})
    success = last[series("bingx_collector_success", account=case.account, collector=case.play.collector)]
    assert success == (1 if case.reason == "none" else 0)


@EVERY
def test_what_cannot_be_renewed_leaves_the_page_and_nothing_else_does(drill: Drill, case: Case) -> None:
    for collector in case.gauges:
        assert not gauge_is_there(drill.pages[-1][1], case.account, collector), collector
    if case.play.elsewhere or case.play.collector == "income":
        return
    kept = {"balance", "positions"} - set(case.gauges)
    absent = {"balance"} if "may be missing" in case.failure else set()
    for collector in kept - absent:
        assert all(gauge_is_there(page, case.account, collector) for _, page in drill.pages), collector


@EVERY
def test_nothing_is_shown_that_is_older_than_stale_after(drill: Drill, case: Case) -> None:
    for at, page in drill.pages:
        for collector in ("balance", "positions", "income"):
            if gauge_is_there(page, case.account, collector):
                last = series(
                    "bingx_collector_last_success_timestamp_seconds", account=case.account, collector=collector
                )
                assert at - page[last] <= 3 * INTERVALS[collector] + 0.01


@EVERY
def test_calls_thin_out_as_the_page_says(drill: Drill, case: Case) -> None:
    if case.reason == "none":
        return
    least, most = case.calls
    first, last = drill.pages[0][1], drill.pages[-1][1]
    failed = series(
        "bingx_collector_failures_total", account=case.account, collector=case.play.collector, reason=case.reason
    )
    assert last[failed] - first.get(failed, 0) <= most
    if not case.play.fault:
        return
    outcomes = drill.outcomes[case.account][case.play.collector]
    met = sum(times for outcome, times in outcomes.items() if outcome.startswith("fault "))
    assert least <= last[failed]
    if "reset" not in case.failure:  # a reset on a kept connection is asked again at once, and is no failure
        assert met - last[failed] in {0, 1}  # one may be under way


def test_a_named_end_is_waited_out(drill: Drill) -> None:
    first, *others = drill.ban_calls
    assert first < drill.until_milliseconds
    assert others
    assert min(others) >= drill.until_milliseconds


def test_sound_accounts_never_notice(drill: Drill) -> None:
    for _, page in drill.pages:
        for account in SOUND:
            assert page[series("bingx_up", account=account)] == 1
            assert all(gauge_is_there(page, account, collector) for collector in ("balance", "positions"))
    assert not [
        labels
        for name, labels in drill.after
        if name == "bingx_collector_failures_total" and dict(labels)["account"] in SOUND
    ]


@pytest.mark.parametrize("where", ["the pages", "the reprs", "the log"])
def test_no_secret_is_anywhere(drill: Drill, where: str) -> None:
    text = drill.texts[where]
    assert len(text) > 1000
    assert [secret[:4] for secret in drill.secrets if secret in text] == []
    assert re.findall(r"(?i)signature=(?!<)\S+", text) == []
    assert re.findall(r"\b[0-9a-f]{64}\b", text) == []


def test_the_sweep_has_seen_what_it_looks_for(drill: Drill) -> None:
    """A log without the library's lines, or a proxy that got no password, would prove nothing."""
    assert "urllib3" in drill.texts["the log"]
    assert "A call failed" in drill.texts["the log"]
    assert len(drill.secrets) == 2 * (len(CASES) + len(SOUND)) + 2
