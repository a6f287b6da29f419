"""Rows that come again are not parsed again, and nobody can tell from what is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.bingx.endpoints import income
from exporter.bingx.endpoints.income import LIMIT, IncomeReading
from exporter.bingx.envelope import unwrap
from exporter.bingx.errors import BingxError
from exporter.bingx.paths import Endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence


def row(number: int, *, more: str = "", info: str = '"Funding Fee"', amount: str = '"-0.10"') -> str:
    return (
        f'{{"symbol":"ETH-USDT","incomeType":"FUNDING_FEE","income":{amount},"asset":"USDT","info":{info},'
        f'"time":{1789831260000 + 1000 * number},"tranId":"t{number}","tradeId":null{more}}}'
    )


BODY = '{"code":0,"msg":"","data":[%s]}'
ROWS = (
    *(row(number) for number in range(5)),
    row(1, amount='"-0.1"'),
    row(2, amount="-0.25"),
    row(3, info='"a \\"quoted\\" },{ and [brackets]"'),
    row(3, info='"\\u00e4\\ud83d\\ude00"'),
    row(4, more=',"fooBar":[{"a":[1,2]}]'),
    row(4, more=',"fooBar":1,"bazQux":{"x":"]"}'),
    row(5, more=',"time":1789831260000'),
    row(5, info="7"),
    row(5, info='"' + "x" * 600 + '"'),
    row(6, more=',"fooBar":"' + "y" * 2000 + '"'),
    " " + row(0) + "\n",
)
ODD_ROWS = (
    row(0, amount='"abc"'),
    row(0, amount="1e999"),
    row(0, amount="1e999999"),
    row(0, more=',"time":1'),
    row(0, info='"\udcff"'),  # a byte that is no UTF-8
    row(0, info='"\\ud800"'),
    row(0, info='"\0"'),
    row(0, more=","),
    row(0)[:-1],
    row(0) + row(1),
    "7",
    "null",
    "[]",
    "{}",
    "",
    '{"a":' * 600 + "1" + "}" * 600,
)
ODD_BODIES = (
    ' { "code" : 0 , "data" : [ %s ] , "timestamp" : 1789831260000 } ',
    '{"code":"0","success":true,"data":[%s],"msg":"all is [well]"}',
    '\ufeff{"code":0,"data":[%s]}',
    '\0{"code":0,"data":[%s]}',
    '{"code":100500,"msg":"busy","data":[%s]}',
    '{"code":0,"success":false,"data":[%s]}',
    '{"data":[%s]}',
    "[%s]",
    '{"code":0,"data":{"rows":[%s]}}',
    '{"code":0,"data":[[%s]]}',
    '{"code":0,"data":[%s],"data":[]}',
    '{"code":0,"data":[%s],"data":{}}',
    '{"code":0,"data":[],"data":[%s]}',
    '{"code":0,"msg":[%s],"data":[]}',
    '{"code":0,"msg":[%s]}',
    '{"code":0,"msg":"\\"data\\":[","data":[%s]}',
    '{"code":0,"msg":"\udcff","data":[%s]}',
    '{"code":0,"data":[%s]',
    '{"code":0,"data":"[%s]"}',
    '{"code":0,"data":[%s]]}',
    '{"code":0,"data":[%s]}]',
    '{"code":0,"data":%s}',
)


def body(rows: Sequence[str], around: str = BODY) -> bytes:
    return (around % ",".join(rows)).encode(errors="surrogateescape")


def outcome(reading: IncomeReading | None, status: int, answer: bytes) -> object:
    """Return all that can be told from an answer: entries and drift, or the error with all that it says."""
    try:
        if reading is None:
            return income.parse(unwrap(status, answer, endpoint=Endpoint.INCOME))
        return reading.read(status, answer)
    except BingxError as error:
        return type(error), str(error), vars(error)


answers = st.tuples(
    st.sampled_from([200] * 8 + [201, 500]),
    st.builds(
        body,
        st.lists(st.sampled_from(ROWS) | st.sampled_from(ROWS + ODD_ROWS), max_size=7),
        st.just(BODY) | st.just(BODY) | st.sampled_from(ODD_BODIES),
    ),
)


@given(st.lists(answers, min_size=1, max_size=6))
def test_a_reading_says_of_every_answer_what_reading_it_afresh_says(several: list[tuple[int, bytes]]) -> None:
    reading = IncomeReading()
    for status, answer in several:
        assert outcome(reading, status, answer) == outcome(None, status, answer)


@pytest.mark.parametrize("around", [BODY, *ODD_BODIES])
@pytest.mark.parametrize("odd", ["", *ODD_ROWS])
def test_what_is_out_of_the_ordinary_is_judged_the_same_before_and_after_a_good_answer(around: str, odd: str) -> None:
    reading = IncomeReading()
    for rows in ([ROWS[0], odd], ROWS[:3], [*ROWS[:3], odd], ROWS[:3], ROWS[:2]):
        answer = body(rows, around)
        assert outcome(reading, 200, answer) == outcome(None, 200, answer)
        assert outcome(reading, 200, body(ROWS[:3])) == outcome(None, 200, body(ROWS[:3]))


def test_rows_that_come_again_are_the_same_objects_wherever_they_stand() -> None:
    reading = IncomeReading()
    first = reading.read(200, body(ROWS[:4])).value
    second = reading.read(200, body([ROWS[4], ROWS[3], ROWS[1], ROWS[1]], ' {"code":0,"data":[%s]}')).value

    assert [entry.tran_id for entry in second] == ["t4", "t3", "t1", "t1"]
    assert [id(entry) for entry in second[1:]] == [id(first[3]), id(first[1]), id(first[1])]


def test_the_same_answer_is_read_once() -> None:
    reading = IncomeReading()

    assert reading.read(200, body(ROWS[:4])) is reading.read(200, body(ROWS[:4]))


def test_an_answer_that_was_good_is_refused_when_it_comes_with_a_bad_status() -> None:
    reading = IncomeReading()
    reading.read(200, body(ROWS[:4]))

    assert outcome(reading, 503, body(ROWS[:4])) == outcome(None, 503, body(ROWS[:4]))


def test_only_the_rows_of_the_last_answer_are_kept() -> None:
    reading = IncomeReading()
    (entry,) = reading.read(200, body([ROWS[0]])).value
    reading.read(200, body([ROWS[1]]))
    (again,) = reading.read(200, body([ROWS[0]])).value

    assert again == entry
    assert again is not entry


@pytest.mark.parametrize(
    "rows", [[row(number) for number in range(LIMIT + 1)], [row(0, more=',"more":"' + "x" * 1024 + '"')]]
)
def test_an_answer_that_is_larger_than_any_of_the_exchange_is_read_and_not_kept(rows: list[str]) -> None:
    reading = IncomeReading()
    parsed = reading.read(200, body(rows))

    assert len(parsed.value) == len(rows)
    assert reading.read(200, body(rows)).value[0] is not parsed.value[0]
