"""What `check`, `metrics` and `income export` print, to the letter."""

from __future__ import annotations

import json

import pytest

from exporter.app.checkup import Finding
from exporter.cli import check
from exporter.cli.catalogue import Entry, table
from exporter.cli.check import advice, table_of
from exporter.cli.income import layout
from exporter.cli.income.layout import print_rows, print_sentence
from exporter.cli.income.sheets import as_json
from exporter.cli.table import plain

FINDINGS = [
    Finding(account="alpha", endpoint="balance", outcome="works"),
    Finding(
        account="alpha", endpoint="income", outcome="permission_denied", detail="code 100004: \x1b[2Jno", mend="do x"
    ),
    Finding(account="beta", endpoint="balance", outcome="dns", detail="no such host", mend="do y"),
    Finding(account="beta", endpoint="income", outcome="permission_denied", detail="code 100004: no", mend="do x"),
    Finding(account="beta", endpoint="positions", outcome="dns", detail="no such host", mend="do y"),
]


def test_check_in_a_pipe_has_a_line_for_each_call_with_all_of_it() -> None:
    assert plain(table_of(FINDINGS, width=None)) == (
        "account  endpoint   outcome            detail\n"
        "alpha    balance    works\n"
        "alpha    income     permission_denied  code 100004: \\x1b[2Jno\n"
        "beta     balance    dns                no such host\n"
        "beta     income     permission_denied  code 100004: no\n"
        "beta     positions  dns                no such host"
    )


def test_check_on_a_terminal_names_an_account_once_and_folds_details() -> None:
    assert plain(table_of(FINDINGS, width=52)) == (
        "account  endpoint   outcome            detail\n"
        "alpha    balance    works\n"
        "         income     permission_denied  code 100004:\n"
        "                                       \\x1b[2Jno\n"
        "beta     balance    dns                no such host\n"
        "         income     permission_denied  code 100004:\n"
        "                                       no\n"
        "         positions  dns                no such host"
    )


def test_each_advice_is_given_once_and_says_for_whom() -> None:
    assert advice(FINDINGS) == ["alpha, beta: income: do x.", "beta: balance, positions: do y."]


def test_only_outcomes_have_a_colour() -> None:
    spans = [
        (line.plain[span.start : span.end].strip(), str(span.style))
        for line in table_of(FINDINGS, width=80)[1:]
        for span in line.spans
    ]

    assert set(spans) <= {("works", "green"), ("permission_denied", "red"), ("dns", "red")}


def test_the_catalogue_is_a_line_for_each_metric_in_a_pipe_and_a_paragraph_on_a_terminal() -> None:
    entries = (Entry(name="bingx_up", type="gauge", labels=("account",), help="Whether it is up.", source="polling"),)

    assert plain(table(entries, width=None)) == (
        "metric    type   labels   meaning\nbingx_up  gauge  account  Whether it is up."
    )
    assert plain(table(entries, width=20)) == "bingx_up  gauge\n    account\n    Whether it is\n    up."


@pytest.mark.parametrize("width", range(36, 46))
def test_a_command_in_a_sentence_is_not_broken_within_its_name(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(layout, "width_of_terminal", lambda: width)
    print_sentence("gamma: nothing has been read; `bingx-exporter check` says whether the key may.")

    assert "bingx-exporter" in capsys.readouterr().out


@pytest.mark.parametrize("width", range(48, 60))
def test_a_command_in_an_advice_is_not_broken_within_its_name(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "width_of_terminal", lambda: width)
    mend = "ask for the right, then run `bingx-exporter check`"
    check._print([Finding(account="alpha", endpoint="income", outcome="dns", mend=mend)], [])

    assert "bingx-exporter" in capsys.readouterr().out


def test_an_export_as_json_keeps_heads_and_cells_as_they_are() -> None:
    told = json.loads(as_json(["Time", "Amount", "Amount"], [["2026-11-22", "-0.10", None], ["x", "1", "Ø"]]))

    assert told == {"heads": ["Time", "Amount", "Amount"], "rows": [["2026-11-22", "-0.10", None], ["x", "1", "Ø"]]}


def test_json_is_ascii_so_that_no_character_in_it_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("json", ["type"], [["T\x9b31m\u202e\udc80"]], numbers=0)
    printed = capsys.readouterr().out

    assert printed.isascii()
    assert json.loads(printed) == [{"type": "T\x9b31m\u202e\udc80"}]
    assert as_json(["\u202e"], [["\udc80"]]).isascii()
