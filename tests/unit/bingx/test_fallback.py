"""The rule by which calls go to the second host, and back."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.bingx.errors import (
    ERRORS,
    BingxError,
    CallTimeout,
    ConnectionFailed,
    HttpServerError,
    InvalidKey,
    MalformedResponse,
    NameNotResolved,
    TlsFailed,
    TooLarge,
    Truncated,
)
from exporter.bingx.fallback import (
    UNANSWERED_CALLS,
    UNANSWERED_SECONDS,
    UNREACHED_CALLS,
    UNREACHED_SECONDS,
    Outcome,
    Rule,
    Standing,
    outcome_of,
)

LOST = (Outcome.UNREACHED, Outcome.UNANSWERED)


def stale() -> ConnectionFailed:
    error = ConnectionFailed()
    error.stale = True
    return error


def fail(rule: Rule, outcome: Outcome, *moments: float, probe: bool = False) -> Standing:
    for at in moments:
        rule.of_first(outcome, probe=probe, sent_at=at, now=at)
    return rule.standing


def standing(rule: Rule) -> Standing:
    return rule.standing


def fallen() -> Rule:
    rule = Rule()
    fail(rule, Outcome.UNREACHED, 0, 2, 4)
    fail(rule, Outcome.UNREACHED, 4, probe=True)
    rule.of_fallback(good=True)
    assert rule.standing is Standing.FALLBACK
    return rule


@pytest.mark.parametrize(
    ("error", "replied", "outcome"),
    [
        (None, True, Outcome.ANSWERED),
        (HttpServerError(), True, Outcome.ANSWERED),
        (MalformedResponse(), True, Outcome.GARBLED),
        (TlsFailed(), False, Outcome.GARBLED),
        (Truncated(), False, Outcome.GARBLED),
        (TooLarge(), False, Outcome.GARBLED),
        (NameNotResolved(), False, Outcome.UNREACHED),
        (ConnectionFailed(), False, Outcome.UNREACHED),
        (CallTimeout(), False, Outcome.UNANSWERED),
        (stale(), False, Outcome.NOTHING),
        (InvalidKey("cannot be sent"), False, Outcome.NOTHING),
        (MalformedResponse("a fault of ours"), False, Outcome.NOTHING),
    ],
)
def test_what_the_end_of_a_call_says_of_its_host(error: BingxError | None, replied: bool, outcome: Outcome) -> None:
    assert outcome_of(error, replied=replied) is outcome


@pytest.mark.parametrize("error", ERRORS)
def test_no_error_that_came_as_an_answer_counts_against_the_host(error: type[BingxError]) -> None:
    assert outcome_of(error(), replied=True) not in LOST


def test_calls_without_a_connection_raise_a_doubt_when_there_are_enough_for_long_enough() -> None:
    assert fail(Rule(), Outcome.UNREACHED, *[0.0] * 50) is Standing.FIRST
    assert fail(Rule(), Outcome.UNREACHED, 0, UNREACHED_SECONDS) is Standing.FIRST
    assert fail(Rule(), Outcome.UNREACHED, 0, 1, UNREACHED_SECONDS - 0.1) is Standing.FIRST
    assert fail(Rule(), Outcome.UNREACHED, 0, 1, UNREACHED_SECONDS) is Standing.DOUBTED


def test_calls_without_an_answer_take_longer() -> None:
    assert fail(Rule(), Outcome.UNANSWERED, 0, 1, UNANSWERED_SECONDS - 0.1) is Standing.FIRST
    assert fail(Rule(), Outcome.UNANSWERED, 0, 1, UNANSWERED_SECONDS) is Standing.DOUBTED
    rule = Rule()
    fail(rule, Outcome.UNREACHED, 0, 1)
    assert fail(rule, Outcome.UNANSWERED, UNREACHED_SECONDS) is Standing.FIRST


@pytest.mark.parametrize("answer", [Outcome.ANSWERED, Outcome.GARBLED])
def test_one_answer_to_anybody_in_between_begins_the_count_anew(answer: Outcome) -> None:
    rule = Rule()
    fail(rule, Outcome.UNREACHED, 0, 1, 2)
    rule.of_first(answer, probe=False, sent_at=2, now=3)
    assert fail(rule, Outcome.UNREACHED, 4, 5) is Standing.FIRST


def test_a_call_that_was_under_way_when_another_was_answered_proves_nothing() -> None:
    rule = Rule()
    rule.of_first(Outcome.ANSWERED, probe=False, sent_at=8, now=9)
    for _ in range(10):
        rule.of_first(Outcome.UNANSWERED, probe=True, sent_at=8.9, now=100)
    assert rule == Rule(_answered_at=9)


def test_only_the_question_for_the_time_confirms_a_doubt() -> None:
    rule = Rule()
    assert fail(rule, Outcome.UNREACHED, 0, 2, 4, 6, 8) is Standing.DOUBTED
    assert fail(rule, Outcome.UNREACHED, 9, probe=True) is Standing.SILENT


def test_the_second_host_is_used_once_it_has_answered_well_and_the_first_has_not() -> None:
    rule = Rule()
    for before in (Standing.FIRST, Standing.DOUBTED):
        rule.of_fallback(good=True)
        assert standing(rule) is before
        rule.doubt()
    fail(rule, Outcome.UNANSWERED, 9, probe=True)
    rule.of_fallback(good=False)
    assert standing(rule) is Standing.DOUBTED
    fail(rule, Outcome.UNANSWERED, 19, probe=True)
    rule.of_fallback(good=True)
    assert standing(rule) is Standing.FALLBACK


def test_an_answer_of_the_first_host_leads_back_and_a_broken_one_does_not() -> None:
    rule = fallen()
    for outcome in (Outcome.GARBLED, Outcome.UNREACHED, Outcome.UNANSWERED, Outcome.NOTHING):
        rule.of_first(outcome, probe=True, sent_at=30, now=30)
        assert standing(rule) is Standing.FALLBACK
    rule.of_fallback(good=False)
    assert standing(rule) is Standing.FALLBACK
    rule.of_first(Outcome.ANSWERED, probe=True, sent_at=40, now=40)
    assert standing(rule) is Standing.FIRST
    assert fail(rule, Outcome.UNREACHED, 41, 42) is Standing.FIRST


@dataclass(frozen=True)
class Event:
    """A call that ended: `outcome` at the first host, or (`None`) how the second one took the question for its time."""

    outcome: Outcome | None
    good: bool
    probe: bool
    took: float
    later: float


EVENTS = st.builds(
    Event,
    outcome=st.sampled_from((None, *Outcome, *LOST, *LOST)),
    good=st.booleans(),
    probe=st.booleans(),
    took=st.sampled_from((0.0, 1.0, 5.0)),
    later=st.sampled_from((0.0, 1.0, 3.0, 10.0)),
)


@given(st.lists(EVENTS, max_size=40))
def test_calls_are_where_the_history_says(events: list[Event]) -> None:
    """Whatever happens: never on the second host without enough silence, and never after an answer of the first."""
    rule, now, answered_at, moved = Rule(), 100.0, float("-inf"), False
    lost: list[tuple[Outcome, float, bool]] = []
    for event in events:
        now += event.later
        sent_at = now - event.took
        if event.outcome is None:
            rule.of_fallback(good=event.good)
        else:
            rule.of_first(event.outcome, probe=event.probe, sent_at=sent_at, now=now)
        if event.outcome in (Outcome.ANSWERED, Outcome.GARBLED):
            answered_at, lost = now, []
        elif event.outcome in LOST and sent_at >= answered_at:
            lost.append((event.outcome, sent_at, event.probe))
        if event.outcome is Outcome.ANSWERED:
            assert rule.standing is Standing.FIRST
        if rule.standing is Standing.FALLBACK and not moved:
            unreached = [sent for outcome, sent, _ in lost if outcome is Outcome.UNREACHED]
            assert event.outcome is None
            assert event.good
            assert any(probe for *_, probe in lost)
            assert (len(unreached) >= UNREACHED_CALLS and now - min(s for _, s, _ in lost) >= UNREACHED_SECONDS) or (
                len(lost) >= UNANSWERED_CALLS and now - min(s for _, s, _ in lost) >= UNANSWERED_SECONDS
            )
        moved = rule.standing is Standing.FALLBACK
