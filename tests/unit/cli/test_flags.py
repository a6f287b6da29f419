"""What the words of a command line mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exporter.cli.configuration import collector_switches
from exporter.cli.flags import parse
from exporter.cli.income.flags import resolve
from exporter.model import CollectorName

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_without_a_command_it_runs() -> None:
    assert parse([]).command == "run"
    assert parse(["--config.file=x.yaml"]).config_file == "x.yaml"


def test_collectors_that_no_flag_names_are_left_to_the_file() -> None:
    assert collector_switches(parse([])) == {}
    assert collector_switches(parse(["--no-collector.income", "--collector.balance"])) == {
        CollectorName.BALANCE: True,
        CollectorName.INCOME: False,
    }


def test_defaults_can_be_switched_off_at_once() -> None:
    switches = collector_switches(parse(["--collector.disable-defaults", "--collector.positions"]))

    assert switches == {name: name is CollectorName.POSITIONS for name in CollectorName}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:00:00+08:00", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_moment_or_how_long_ago(text: str, moment: datetime) -> None:
    flags = parse(["income", "export", "--account=a", f"--from={text}", "--to=now", "--out=-"])

    assert resolve(flags.start, now=NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "0d", "2026-13-01"])
def test_a_time_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["income", "export", "--account=a", f"--from={text}", "--to=now", "--out=-"])

    assert ended.value.code == 2
    assert "--from" in capsys.readouterr().err
