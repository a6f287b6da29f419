"""How long an answer is believed, and what the screen is told when there is none."""

from __future__ import annotations

from argparse import Namespace

import pytest
from unit.cli.watched import NOW, account, seen

from exporter.cli.target import Target
from exporter.cli.top.command import print_once
from exporter.cli.top.live import scene_of
from exporter.cli.top.watch import Sight

SIGHT = Sight(asked_since=50, overview=seen(*account("a")), asked_at=100, exporter_time=NOW)


def test_an_answer_is_believed_for_an_interval_and_the_time_of_a_question() -> None:
    assert SIGHT.is_fresh(107, interval=2)
    assert not SIGHT.is_fresh(107.1, interval=2)
    assert scene_of(SIGHT, url="u", elapsed=107.1, interval=2).failure == "it does not answer"
    assert scene_of(SIGHT, url="u", elapsed=107, interval=2).failure == ""


def test_ages_are_counted_on_the_clock_of_the_exporter() -> None:
    assert scene_of(SIGHT, url="u", elapsed=103, interval=2).now == NOW + 3


def test_before_the_first_answer_silence_counts_from_the_start() -> None:
    scene = scene_of(Sight(asked_since=50, failure="refused"), url="u", elapsed=57, interval=2)

    assert (scene.overview, scene.failure, scene.silent) == (None, "refused", 7)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:10066", "http://127.0.0.1:10066"),
        ("https://host/prefix/", "https://host/prefix"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ],
)
def test_a_url_is_read_with_its_prefix(url: str, target: str) -> None:
    assert str(Target.of(url)) == target


@pytest.mark.parametrize(
    "url", ["host:1", "ftp://host", "http://", "http://h?x=1", "http://h#x", "http://u:p@h", "http://a b", "http://h:x"]
)
def test_what_is_no_url_of_an_exporter_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Target.of(url)


@pytest.mark.parametrize("form", ["table", "json"])
def test_what_took_too_long_to_read_is_not_printed(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = Namespace(url="u", interval=2, format=form)
    assert SIGHT.overview is not None

    assert print_once(SIGHT, SIGHT.overview, flags, elapsed=107) == 0
    assert capsys.readouterr().out
    assert print_once(SIGHT, SIGHT.overview, flags, elapsed=108) == 1
    assert capsys.readouterr() == ("", "bingx-exporter: u: it took 8 s to read its page, too long to be of now\n")
