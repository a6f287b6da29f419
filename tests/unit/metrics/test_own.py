"""The exporter's own instruments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from support.exposition import Series, families_of_openmetrics, families_of_text, samples, series

from exporter.metrics.own import OwnMetrics
from exporter.metrics.printing import Printed, lines_of
from exporter.metrics.render import END_OF_OPENMETRICS, Format

HASH = "bingx_exporter_config_hash"
TURN = "bingx_exporter_scheduler_last_turn_timestamp_seconds"
WEB = "bingx_exporter_web_config_last_reload_successful"
RESTARTS = "bingx_exporter_thread_restarts_total"


def rendered(own: OwnMetrics, exposition: Format = Format.TEXT) -> Mapping[Series, float]:
    page = own.render(exposition)
    if exposition is Format.OPENMETRICS:
        return samples(families_of_openmetrics((page + END_OF_OPENMETRICS).decode()))
    return samples(families_of_text(page.decode()))


@pytest.mark.parametrize("exposition", Format)
def test_what_is_not_known_has_no_sample(own_metrics: OwnMetrics, exposition: Format) -> None:
    page = rendered(own_metrics, exposition)

    assert series(HASH) not in page
    assert series(TURN) not in page
    assert {HASH, TURN} <= own_metrics.catalogue().keys()


@pytest.mark.parametrize("exposition", Format)
def test_the_last_turn_is_asked_for_at_each_rendering(exposition: Format) -> None:
    turns = iter([None, 1_760_000_000.25, 1_760_000_001.5])
    own = OwnMetrics(version="1", revision="r", endpoints=(), process=False, last_turn=lambda: next(turns))

    assert series(TURN) not in rendered(own, exposition)
    assert rendered(own, exposition)[series(TURN)] == 1_760_000_000.25
    assert rendered(own, exposition)[series(TURN)] == 1_760_000_001.5


@pytest.mark.parametrize("exposition", Format)
def test_whether_the_web_configuration_can_be_used_is_asked_for_at_each_rendering(exposition: Format) -> None:
    answers = iter([None, True, False])
    own = OwnMetrics(version="1", revision="r", endpoints=(), process=False, web_config=lambda: next(answers))

    assert series(WEB) not in rendered(own, exposition)
    assert rendered(own, exposition)[series(WEB)] == 1
    assert rendered(own, exposition)[series(WEB)] == 0


@pytest.mark.parametrize("exposition", Format)
def test_the_hash_of_the_configuration_is_exact(own_metrics: OwnMetrics, exposition: Format) -> None:
    own_metrics.configured(float(2**48 - 1))

    assert rendered(own_metrics, exposition)[series(HASH)] == 2**48 - 1


@pytest.mark.parametrize("exposition", Format)
def test_it_says_which_shard_it_is_and_without_shards_that_it_is_the_only_one(
    own_metrics: OwnMetrics, exposition: Format
) -> None:
    info, shards = "bingx_exporter_shard_info", series("bingx_exporter_total_shards")
    alone = rendered(own_metrics, exposition)
    own_metrics.sharded(number=2, total=3)
    page = rendered(own_metrics, exposition)

    assert (alone[series(info, shard="0", total_shards="1")], alone[shards]) == (1, 1)
    assert (page[series(info, shard="2", total_shards="3")], page[shards]) == (1, 3)
    assert [key for key in page if key[0] == info] == [series(info, shard="2", total_shards="3")]


def test_restarts_of_every_watched_thread_start_at_zero(own_metrics: OwnMetrics) -> None:
    own_metrics.restarted("web")

    page = rendered(own_metrics)
    assert {thread: page[series(RESTARTS, thread=thread)] for thread in ("reload", "scheduler", "web")} == {
        "reload": 0,
        "scheduler": 0,
        "web": 1,
    }


calls = st.one_of(
    st.tuples(st.just("called"), st.sampled_from(["balance", "income", "new"]), st.floats(0, 40)),
    st.tuples(st.just("waited"), st.sampled_from(["balance", "income", "new"]), st.floats(0, 40)),
    st.tuples(st.just("drifted"), st.sampled_from(["balance", "new"]), st.sampled_from(["unknown_field", "bad_value"])),
    st.tuples(st.just("ledger_failed"), st.sampled_from(["locked", "full"])),
    st.tuples(st.just("configured"), st.integers(0, 2**48 - 1)),
    st.tuples(st.just("restarted"), st.sampled_from(["web", "reload"])),
)


@given(st.lists(st.one_of(calls, st.sampled_from(Format), st.none()), max_size=20))
def test_the_lines_are_those_that_the_library_writes_anew(story: list[Any]) -> None:
    own = OwnMetrics(version="1", revision="r", endpoints=["balance", "income"], process=False)
    for step in (*story, *Format):
        if step is None:
            own.reloaded(at=None)
        elif isinstance(step, Format):
            assert own.render(step) == lines_of(own._registry, step)
        else:
            getattr(own, step[0])(*step[1:])


@pytest.mark.parametrize("exposition", Format)
def test_a_change_while_the_lines_are_written_is_seen_by_the_next_who_asks(exposition: Format) -> None:
    class Slow:
        value = 1

        def collect(self) -> Iterator[Metric]:
            yield GaugeMetricFamily("test", "A test.", value=self.value)
            self.value += 1
            printed.changed()  # by another thread, after the value was read

    printed = Printed(Slow())

    assert b"test 1.0\n" in printed.render(exposition)
    assert b"test 2.0\n" in printed.render(exposition)


def test_lines_that_nothing_changed_are_not_written_again() -> None:
    printed = Printed(Counter("test", "A test.", registry=None))

    assert printed.render(Format.TEXT) is printed.render(Format.TEXT)
