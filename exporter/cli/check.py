"""`bingx-exporter check`: does the configuration work, call by call, and what to do where it does not."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.app.checkup import check_accounts, usable
from exporter.cli import service
from exporter.cli.configuration import read_config
from exporter.clock import SystemClock
from exporter.config import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace

    from exporter.app.checkup import Finding

_WIDTH_OF_A_FILE: Final = 200


def check(flags: Namespace) -> int:
    """Print what each call answered; return 1 if an account cannot be used, or the configuration cannot be read."""
    service.configure_logs(flags)
    try:
        config = read_config(flags)
    except ConfigError as error:
        return service.fail(str(error))
    findings = list(check_accounts(config, clock=SystemClock()))
    if flags.format == "json":
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    return 0 if usable(findings) else 1


def _print(findings: list[Finding]) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)
    table = Table("account", "endpoint", "outcome", "detail", box=None, pad_edge=False)
    for finding in findings:
        outcome = Text(finding.outcome, style="green" if finding.works else "red")
        table.add_row(Text(finding.account), finding.endpoint, outcome, Text(finding.detail))
    console.print(table)
    for (account, mend), endpoints in _mends(findings).items():
        console.print(Text(f"\n{account}, {', '.join(endpoints)}: {mend}."), soft_wrap=True)


def _mends(findings: list[Finding]) -> dict[tuple[str, str], list[str]]:
    mends: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.mend:
            mends.setdefault((finding.account, finding.mend), []).append(finding.endpoint)
    return mends
