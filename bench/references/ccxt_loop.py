"""The exporter that people write themselves: ccxt in a loop, and what it returns in labelled gauges.

Owns the process, from both ends: `serve` starts it, and run as a module it is that process. ccxt knows no call for all
income, so the loop takes its implicit one. It keeps no rows: like most such loops it adds up what the window shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import Gauge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TAIL_MS: Final = 600_000
_OF_POSITIONS: Final = (
    "contracts",
    "notional",
    "unrealizedPnl",
    "realizedPnl",
    "initialMargin",
    "collateral",
    "entryPrice",
    "markPrice",
    "liquidationPrice",
    "leverage",
    "percentage",
)
_OF_BALANCE: Final = ("free", "used", "total")


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop that makes a turn when it is told to."""

    pid: int
    _process: subprocess.Popen[bytes]

    def turn(self, times: int) -> tuple[int, int]:
        """Refresh so often, and return how many positions and income rows the last turn has seen."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{times}\n".encode())
        self._process.stdin.flush()
        positions, rows = self._process.stdout.readline().split()
        return int(positions), int(rows)


@contextmanager
def serve(python: Path, url: str, account: Mapping[str, str]) -> Iterator[Loop]:
    """Run the loop with an interpreter that has ccxt, for one account of an exchange at `url`."""
    from bench.processes import program  # noqa: PLC0415 - the other end of this module has none of the exporter's packages

    environ = {"KEY": account["api_key"], "SECRET": account["api_secret"]}
    command: list[str | Path] = [python, "-m", __name__, url]
    with program(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, environ=environ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            message = "the loop with ccxt does not start"
            raise RuntimeError(message)
        yield Loop(process.pid, process)


class _Gauges:
    """What the loop shows."""

    def __init__(self) -> None:
        self._balance = {name: Gauge(f"balance_{name}", name, ("asset",)) for name in _OF_BALANCE}
        labels = ("symbol", "side", "margin_mode")
        self._position = {name: Gauge(f"position_{name}", name, labels) for name in _OF_POSITIONS}
        self._income = Gauge("income", "income", ("income_type", "symbol", "asset"))

    def set(self, balance: Any, positions: Any, income: Any) -> None:  # noqa: ANN401 - ccxt's structures
        for name, gauge in self._balance.items():
            for asset, value in balance[name].items():
                gauge.labels(asset).set(value)
        for position in positions:
            labels = (position["symbol"], position["side"], position["marginMode"])
            for name, gauge in self._position.items():
                gauge.labels(*labels).set(float(position[name] or 0))
        self._income.clear()
        for row in income:
            self._income.labels(row["incomeType"], row["symbol"], row["asset"]).inc(float(row["income"]))


def main() -> None:
    """Make as many turns as each line of standard input says."""
    import ccxt  # noqa: PLC0415 - of the other interpreter

    url = f"{sys.argv[1]}/openApi"
    exchange = ccxt.bingx({"apiKey": os.environ["KEY"], "secret": os.environ["SECRET"], "enableRateLimit": False})
    exchange.options["defaultType"] = "swap"
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], url)
    exchange.set_markets([])  # a loop reads them once, at its start
    gauges = _Gauges()
    print("ready", flush=True)
    for line in sys.stdin:
        positions: list[Any] = []
        income: list[Any] = []
        for _ in range(int(line)):
            now = exchange.milliseconds()
            balance, positions = exchange.fetch_balance(), exchange.fetch_positions()
            window = {"startTime": now - _TAIL_MS, "endTime": now, "limit": 1000}
            income = exchange.swapV2PrivateGetUserIncome(window)["data"] or []
            gauges.set(balance, positions, income)
        print(len(positions), len(income), flush=True)


if __name__ == "__main__":
    main()
