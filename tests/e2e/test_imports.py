"""What is not needed is not imported: it would cost every start its time, and every exporter its memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from support.exchange import Exchange
from support.processes import exporter, get, run

pytestmark = pytest.mark.timeout(90)

TOLD: Final[Mapping[str, str]] = {"PYTHONPROFILEIMPORTTIME": "1"}
LOCAL: Final = "--web.listen-address=127.0.0.1:0"
FOR_TABLES_AND_BARS: Final = frozenset({"rich.console", "pygments"})
FOR_THE_STATUS_PAGE: Final = frozenset({"jinja2", "exporter.web.status.rendering", "exporter.app.status.reporter"})
FOR_WORKBOOKS: Final = frozenset({"openpyxl"})
FOR_PASSWORDS: Final = frozenset({"bcrypt"})
FOR_THE_LEDGER: Final = frozenset({"sqlite3", "psycopg"})
FOR_CALLS_BY_AIOHTTP: Final = frozenset({"aiohttp.client", "aiohttp.connector"})
FOR_NO_EXPORTER: Final = (
    FOR_TABLES_AND_BARS | FOR_THE_STATUS_PAGE | FOR_WORKBOOKS | FOR_PASSWORDS | FOR_CALLS_BY_AIOHTTP | {"cryptography"}
)
FOR_NO_SHORT_COMMAND: Final = (
    FOR_NO_EXPORTER
    | FOR_THE_LEDGER
    | {"aiohttp", "msgspec", "prometheus_client", "requests", "structlog", "urllib3", "yaml"}
    | {"exporter.app", "exporter.config", "exporter.polling"}
)


def imported(log: str) -> frozenset[str]:
    return frozenset(re.findall(r"^import time: .*\| +(\S+)$", log, re.MULTILINE))


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["healthcheck", "--url=http://127.0.0.1:1/-/healthy"]],
    ids=lambda arguments: arguments[0],
)
def test_a_short_command_imports_next_to_nothing(arguments: list[str]) -> None:
    found = imported(run(*arguments, environ=TOLD).stderr)

    assert "exporter.cli.flags" in found
    assert found & (FOR_NO_SHORT_COMMAND) == set()


def test_an_exporter_without_income_imports_no_ledger(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    with exporter(f"--config.file={config}", LOCAL, "--no-collector.income", folder=tmp_path, environ=TOLD) as running:
        running.ready()
        found = imported(running.log)

    assert "requests" in found
    assert found & (FOR_NO_EXPORTER | FOR_THE_LEDGER) == set()


def test_a_look_at_the_status_page_imports_what_draws_it_and_no_more(exchange: Exchange, tmp_path: Path) -> None:
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path, environ=TOLD) as running:
        url = running.ready()
        before = imported(running.log)
        status, _ = get(f"{url}/")
        after = imported(running.log)

    assert before & FOR_NO_EXPORTER == set()
    assert before & FOR_THE_LEDGER == {"sqlite3"}
    assert status == 200
    assert after & FOR_NO_EXPORTER == FOR_THE_STATUS_PAGE
