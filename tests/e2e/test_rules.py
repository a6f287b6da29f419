"""The shipped rules and configurations, by the programs that will read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml
from support.processes import needed

ROOT: Final = Path(__file__).resolve().parents[2]
PROMETHEUS: Final = ROOT / "deploy" / "prometheus"
CASE_FILES: Final = sorted((PROMETHEUS / "tests").glob("*.yaml"))
MUTATIONS: Final = {
    "a threshold": ("limits.yaml", "bingx:accounts * 0.25", "bingx:accounts * 0.2499", "accounts.yaml"),
    "below becomes at most": ("money.yaml", "  < on (account)", "  <= on (account)", "positions.yaml"),
    "a shorter time": ("money.yaml", "for: 15m", "for: 12m", "cost.yaml"),
    "a join on another label": (
        "money.yaml",
        "unless on (account) bingx_positions",
        "unless on (account, symbol) bingx_positions",
        "positions.yaml",
    ),
    "a replica counted twice": (
        "money.yaml",
        "max by (account, asset, income_type) (sum without (symbol)",
        "sum by (account, asset, income_type) (sum without (symbol)",
        "cost.yaml",
    ),
    "a deposit counted the wrong way": (
        "money.yaml",
        "  + (bingx:account_transfers",
        "  - (bingx:account_transfers",
        "equity.yaml",
    ),
    "a replica that hides another": ("trust.yaml", "time() - max by", "time() - min by", "freshness.yaml"),
    "a reason that is not told": ("trust.yaml", "timeout|connection|dns", "timeout|dns", "reasons.yaml"),
    "an hour where it is a day": ("trust.yaml", "bingx_account_info[1d]", "bingx_account_info[1h]", "day.yaml"),
    "an event by the address of its page": (
        "money.yaml",
        "max by (account, asset, symbol, income_type, epoch)",
        "max by (account, asset, symbol, income_type, epoch, instance)",
        "income.yaml",
    ),
    "an event of two ledgers": (
        "money.yaml",
        "max by (account, asset, symbol, income_type, epoch)",
        "max by (account, asset, symbol, income_type)",
        "income.yaml",
    ),
    "a divisor that lets what is left be all": (
        "money.yaml",
        "or last_over_time(bingx:account_equity:held[10m] offset 1h),",
        "or bingx:account_equity_expected,",
        "equity.yaml",
    ),
    "a shard counted once for each exporter": (
        "trust.yaml",
        "group by (job, shard)",
        "group by (job, shard, instance)",
        "shards.yaml",
    ),
    "half of a pair taken for a double": (
        "trust.yaml",
        "count by (job, replica, shard)",
        "count by (job, shard)",
        "shards.yaml",
    ),
    "replicas without shards taken for doubles": ("trust.yaml", '{total_shards!="1"}', "", "shards.yaml"),
    "shards of other jobs": (
        "trust.yaml",
        "count by (job) (group by (job, total_shards)",
        "count(group by (total_shards)",
        "shards.yaml",
    ),
    "an override that does not count": ("limits.yaml", 'account!=""', 'account="nobody"', "limits.yaml"),
}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [needed("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=240
    )


def test_promtool_finds_no_fault_in_the_rules() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted((PROMETHEUS / "rules").glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_configuration_and_finds_its_rules() -> None:
    done = promtool("check", "config", PROMETHEUS / "prometheus.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 rule files found" in done.stdout


@pytest.mark.timeout(300)
@pytest.mark.parametrize("cases", CASE_FILES, ids=lambda path: path.stem)
def test_every_case_holds(cases: Path) -> None:
    done = promtool("test", "rules", cases)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_cases_notice(mutation: str, tmp_path: Path) -> None:
    """A rule that is changed on purpose fails a case; else the cases would prove nothing."""
    changed, old, new, cases = MUTATIONS[mutation]
    for folder in ("rules", "tests"):
        (tmp_path / folder).mkdir()
    for path in (PROMETHEUS / "rules").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert path.name != changed or old in text
        (tmp_path / "rules" / path.name).write_text(text.replace(old, new) if path.name == changed else text)
    (tmp_path / "tests" / cases).write_text((PROMETHEUS / "tests" / cases).read_text(encoding="utf-8"))
    done = promtool("test", "rules", tmp_path / "tests" / cases)
    assert "FAILED" in done.stdout + done.stderr
    assert done.returncode == 1


def test_one_line_lets_every_alert_lead_to_a_copy_of_the_runbook(tmp_path: Path) -> None:
    """The line stands in docs/alerting.md; it changes the links, and nothing else."""
    (line,) = re.findall(r"^sed -i '.*runbook.*$", (ROOT / "docs" / "alerting.md").read_text("utf-8"), re.MULTILINE)
    shutil.copytree(PROMETHEUS / "rules", tmp_path / "rules")
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, timeout=30)
    links = 0
    for path in sorted((PROMETHEUS / "rules").glob("*.yaml")):
        wanted = yaml.safe_load(path.read_text("utf-8"))
        for rule in (rule for group in wanted["groups"] for rule in group["rules"] if "alert" in rule):
            annotations = rule["annotations"]
            annotations["runbook_url"] = f"https://wiki/bingx-runbook#{rule['alert'].lower()}"
            links += 1
        assert yaml.safe_load((tmp_path / "rules" / path.name).read_text("utf-8")) == wanted
    assert links > 40
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted((tmp_path / "rules").glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("interval", ["20s", "30s"])
def test_the_cases_of_first_entries_notice_a_slower_evaluation(interval: str, tmp_path: Path) -> None:
    """Whoever evaluates more seldom than the 0 is on display misses entries, at some phases of it."""
    text = (PROMETHEUS / "tests" / "first.yaml").read_text("utf-8").replace("../rules", str(PROMETHEUS / "rules"))
    assert "evaluation_interval: 15s" in text
    slower = tmp_path / "first.yaml"
    slower.write_text(text.replace("evaluation_interval: 15s", f"evaluation_interval: {interval}"))
    done = promtool("test", "rules", slower)
    assert done.returncode == 1
    assert "FAILED" in done.stdout + done.stderr


def test_amtool_accepts_the_configuration() -> None:
    program = needed("amtool")
    done = subprocess.run(
        [program, "check-config", str(ROOT / "deploy" / "alertmanager" / "alertmanager.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
