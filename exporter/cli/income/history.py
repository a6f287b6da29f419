"""When a counter of the past needs a sample, so that a query over the blocks sees every entry; pure.

A sample at t is what all entries up to and including t add up to. A series has one

- at every multiple of the step, so that Prometheus' lookback of five minutes always finds one, and the ends of a
  period that are such multiples have a sample exactly there;
- at each change, and a millisecond before it, so that a period that begins between two steps misses no increment;
- at the last such multiple before its first change, so that this one is an increment, too, and at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Value = TypeVar("Value")
Sample: TypeAlias = tuple[int, Value]


class Span(Struct, frozen=True, kw_only=True):
    """A stretch of the past, both ends included, and the distance of its regular samples; all in milliseconds."""

    start_ms: int
    end_ms: int
    step_ms: int

    @classmethod
    def of(cls, start_ms: int, end_ms: int, step_ms: int) -> Span:
        """Return the span that begins at the last multiple of the step before `start_ms`."""
        return cls(start_ms=_step_before(start_ms, step_ms), end_ms=end_ms, step_ms=step_ms)


def samples(changes: Iterable[Sample[Value]], span: Span, *, before: Value, born: bool) -> Iterator[Sample[Value]]:
    """Yield the samples of a counter in strictly ascending order of time.

    `changes` are the moments and new values in ascending order, all within the span; a value that repeats is no
    change, but the first of them begins the series, unless it was `born` before the span.
    """
    value, last, step = before, -1, span.step_ms
    due = span.start_ms if born else None
    for at, new in changes:
        due = _step_before(at, step) if due is None else due
        for regular in range(due, at, step):
            yield regular, value
            last, due = regular, regular + step
        if new == value:
            continue
        if last < at - 1:
            yield at - 1, value
        yield at, new
        last, value = at, new
        due = due + step if due == at else due
    if due is None:
        return
    for regular in range(due, span.end_ms + 1, step):
        yield regular, value
        last = regular
    if last < span.end_ms:
        yield span.end_ms, value


def _step_before(at: int, step: int) -> int:
    return (at - 1) // step * step
