"""`bingx-exporter check`: does the configuration work, call by call, and what to do where it does not."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from msgspec import to_builtins
from msgspec.structs import asdict
from rich.text import Text

from exporter.app.budgets import sentence
from exporter.app.checkup import check_accounts, check_budgets, usable
from exporter.cli import service
from exporter.cli.configuration import read_config
from exporter.cli.table import Column, lay_out, put, width_of_terminal
from exporter.cli.wording import shown
from exporter.clock import SystemClock
from exporter.config import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from exporter.app.budgets import AddressBudget
    from exporter.app.checkup import Finding

_COLUMNS: Final = (
    Column(head="account", elastic=True),
    Column(head="endpoint"),
    Column(head="outcome"),
    Column(head="detail", elastic=True, folds=True),
)


def check(flags: Namespace) -> int:
    """Print what each call answered; return 1 if an account cannot be used, or the configuration cannot be read."""
    service.configure_logs(flags)
    try:
        whole = read_config(flags)
    except ConfigError as error:
        return service.fail(str(error))
    config = flags.shard.part_of(whole)
    findings, budgets = list(check_accounts(config, clock=SystemClock())), check_budgets(config)
    if flags.format == "json":
        found = {"findings": [asdict(one) for one in findings], "budgets": [_as_json(one) for one in budgets]}
        print(json.dumps(found, indent=2))
    else:
        _print(findings, budgets)
        if not flags.shard.is_all:
            put([Text(), Text(f"Shard {flags.shard}: {len(config.accounts)} of {len(whole.accounts)} accounts.")])
    return 0 if usable(findings) else 1


def _as_json(budget: AddressBudget) -> dict[str, object]:
    return {**to_builtins(budget), "fits": budget.fits}


def _print(findings: Sequence[Finding], budgets: Sequence[AddressBudget]) -> None:
    width = width_of_terminal()
    put(table_of(findings, width=width))
    for what in (*advice(findings), *(shown(sentence(budget)) for budget in budgets)):
        lines = [what] if width is None else wrap(what, width, subsequent_indent="  ", break_on_hyphens=False)
        put([Text(), *map(Text, lines)])


def table_of(findings: Sequence[Finding], *, width: int | None) -> list[Text]:
    """Return a line for each finding; on a terminal of that width an account is named once, and details are folded."""
    rows = [_row(finding) for finding in findings]
    if width is not None:
        for row, before, finding in zip(rows[1:], findings, findings[1:], strict=False):
            row[0] = Text() if before.account == finding.account else row[0]
    return lay_out(_COLUMNS, rows, width=width)


def _row(finding: Finding) -> list[Text]:
    outcome = Text(finding.outcome, style="green" if finding.works else "red")
    return [Text(shown(finding.account)), Text(finding.endpoint), outcome, Text(shown(finding.detail))]


def advice(findings: Sequence[Finding]) -> list[str]:
    """Return what there is to do, each thing once: for which accounts and endpoints, and what."""
    mends: dict[str, dict[str, list[str]]] = {}
    for finding in findings:
        if finding.mend:
            mends.setdefault(finding.mend, {}).setdefault(finding.account, []).append(finding.endpoint)
    told = []
    for mend, accounts in mends.items():
        alike: dict[str, list[str]] = {}
        for account, endpoints in accounts.items():
            alike.setdefault(", ".join(endpoints), []).append(account)
        where = "; ".join(f"{', '.join(names)}: {endpoints}" for endpoints, names in alike.items())
        told.append(shown(f"{where}: {mend}."))
    return told
