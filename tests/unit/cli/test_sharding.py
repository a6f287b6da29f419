"""Which shard the flags mean, by number or by the name of the pod, and which of them are refused."""

from __future__ import annotations

import socket

import pytest

from exporter.cli.flags import parse
from exporter.cli.sharding import POD_NAME
from exporter.config.shard import Shard

EVERY_COMMAND = pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["check"],
        ["income", "totals"],
        ["income", "verify"],
        ["income", "reconcile"],
        ["income", "backfill", "--out=-"],
        ["income", "export", "--account=a", "--from=7d", "--to=now", "--out=-"],
    ],
    ids=" ".join,
)


@pytest.fixture(autouse=True)
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(POD_NAME, raising=False)


@EVERY_COMMAND
def test_without_the_flags_there_is_one_shard(command: list[str]) -> None:
    assert parse(command).shard == Shard()


@EVERY_COMMAND
def test_a_shard_is_named_by_its_number_and_how_many_there_are(command: list[str]) -> None:
    assert parse([*command, "--shard=2", "--total-shards=3"]).shard == Shard(number=2, total=3)


@pytest.mark.parametrize("name", ["bingx-exporter-2", "desk-7-2"])
def test_a_pod_is_the_shard_at_the_end_of_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POD_NAME, name)

    assert parse(["--shard=auto", "--total-shards=3"]).shard == Shard(number=2, total=3)


@pytest.mark.parametrize("name", ["exporter-1", "exporter-1.exporters.monitoring.svc"])
def test_without_the_variable_the_name_of_the_host_tells_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)

    assert parse(["--shard=auto", "--total-shards=3"]).shard == Shard(number=1, total=3)


def test_the_variable_goes_before_the_name_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "node-7")
    monkeypatch.setenv(POD_NAME, "exporter-0")

    assert parse(["--shard=auto", "--total-shards=3"]).shard == Shard(number=0, total=3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--shard=1"], "--shard=1 --total-shards=1: there is no shard 1 of 1"),
        (["--shard=3", "--total-shards=3"], "there is no shard 3 of 3: they are counted from 0"),
        (["--total-shards=3"], "--total-shards=3 needs --shard"),
        (["--shard=-1", "--total-shards=3"], "'-1' is neither"),
        (["--shard=one", "--total-shards=3"], "'one' is neither"),
        (["--shard=", "--total-shards=3"], "'' is neither"),
        (["--shard=٣", "--total-shards=4"], "is neither"),
        (["--shard=0", "--total-shards=0"], "'0' is no whole number"),
        (["--shard=0", "--total-shards=1e3"], "'1e3' is no whole number"),
        (["--shard=auto", "--total-shards=2"], "the variable POD_NAME, 'exporter-2': there is no shard 2 of 2"),
        (["--shard=auto"], "the variable POD_NAME, 'exporter-2': there is no shard 2 of 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_makes_no_shard_is_refused_as_a_bad_flag(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(POD_NAME, "exporter-2")
    with pytest.raises(SystemExit) as ended:
        parse(words)

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("name", ["exporter", "exporter2", "exporter-2-abc", "exporter-", "2"])
def test_a_pod_without_a_number_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(POD_NAME, name)
    with pytest.raises(SystemExit) as ended:
        parse(["--shard=auto", "--total-shards=3"])

    assert ended.value.code == 2
    assert f"{name!r}: it does not end in a dash and a number" in capsys.readouterr().err
