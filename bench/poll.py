"""What it costs to refresh an account, beside a loop that only asks.

Owns an exporter without threads: the real collectors, one after the other, over HTTP to the simulated exchange in
another process. The reference signs, sends and decodes the same calls, and does nothing with the answers.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import requests

from bench.measure import Benchmark, Case
from bench.processes import Exchange, configuration, exchange
from exporter.app.desks import StaffedDesk, Surroundings, staff
from exporter.app.exchange import Exchange as WayOut
from exporter.app.pacing import Pacing
from exporter.bingx.limits import Limits, Permit, Rule, Scope
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.config import load
from exporter.ledger import open_ledger
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.own import OwnMetrics
from exporter.metrics.page import Page
from exporter.metrics.publisher import Publisher
from exporter.model import Account, CollectorName, IncomeState, to_milliseconds
from exporter.polling.board import Board

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.bingx.wire import Drift
    from exporter.config import AccountSettings
    from exporter.polling.task import Task

_PLENTY: Final = 1_000_000
_ACCOUNTS: Final = 4  # the fourth is the first that can hold any number of positions apart
_MOST_STEPS: Final = 100
_TAIL_MS: Final = 600_000
_REFRESHED: Final = (CollectorName.BALANCE, CollectorName.POSITIONS, CollectorName.INCOME)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """How much an account has, and how often it is refreshed for one figure."""

    positions: int
    rows: int
    refreshes: int


_SIZES: Final = (
    _Size(positions=5, rows=0, refreshes=25),
    _Size(positions=5, rows=100, refreshes=25),
    _Size(positions=50, rows=999, refreshes=10),  # a thousand would be a full answer, to be asked for in two parts
)


class _Deaf:
    """Hears of no progress; a ledger that fails ends the run."""

    def ledger_failed(self, reason: str) -> None:
        raise RuntimeError(reason)

    def history_read(self, account: str, share: float) -> None:
        pass


class _Unmetered(WayOut):
    """The exporter's way to the exchange with limits that are kept, and never reached."""

    def __init__(self, *, clock: SystemClock, own: OwnMetrics) -> None:
        super().__init__(clock=clock, observer=_Observer(own))
        rules = tuple(Rule(scope, calls=_PLENTY, seconds=1.0) for scope in Scope)
        self.limits = self._shared["limits"] = Limits(rules)


@dataclass(frozen=True, slots=True)
class _Observer:
    """Counts calls as the exporter does, and takes no drift: the two sides agree on the format."""

    own: OwnMetrics

    def called(self, endpoint: Endpoint, seconds: float, reason: str | None) -> None:
        """Count a call."""
        del reason
        self.own.called(endpoint, seconds)

    def drifted(self, endpoint: Endpoint, drift: Drift) -> None:
        """Refuse to measure a reading that is not the usual one."""
        message = f"{endpoint} strays from the known format: {drift}"
        raise RuntimeError(message)


class _Exporter:
    """One account polled as the exporter polls it, without waiting."""

    def __init__(self, account: AccountSettings, ledger_url: str, parts: ExitStack) -> None:
        self._clock = clock = SystemClock()
        own = OwnMetrics(version="", revision="", endpoints=Endpoint, process=False)
        page = Page(ACCOUNT_SUBJECTS, clock=clock)
        publisher = Publisher(page)
        self._board = Board(publisher)
        self._way_out = _Unmetered(clock=clock, own=own)
        parts.callback(self._way_out.close)
        page.arrange([account.name])
        publisher.introduce(Account(name=account.name), position_id=True)
        self._board.open(account.name, {name: account.collectors.of(name).interval for name in _REFRESHED})
        around = Surroundings(
            exchange=self._way_out,
            board=self._board,
            clock=clock,
            ledger=parts.enter_context(open_ledger(ledger_url, clock)),
            ends={},
            onlooker=_Deaf(),
        )
        pacing = Pacing(clock=clock, rules=self._way_out.limits.rules)
        pacing.arrange([account])
        self._staffed: StaffedDesk = staff(account, pacing.timings(account.name), around)
        self._begin(account)

    def _begin(self, account: AccountSettings) -> None:
        self._step(self._way_out.host_of(account))
        for _ in range(_MOST_STEPS):
            self.refresh()
            shown = self._board.snapshot(account.name, CollectorName.INCOME)
            if shown is not None and isinstance(shown.data, IncomeState) and shown.data.baseline_complete:
                return
        message = "the income history has no end"
        raise RuntimeError(message)

    def refresh(self) -> None:
        """Poll balance, positions and income once; raises `RuntimeError` if that brought no new data."""
        for name in _REFRESHED:
            self._step(self._staffed.tasks[name])
        statuses = self._board.statuses(self._staffed.desk.account)
        if not all(status.succeeded for status in statuses.values()):
            message = f"a poll failed: {statuses}"
            raise RuntimeError(message)

    def _step(self, task: Task) -> None:
        now = self._clock.elapsed()
        later = task.prepare(now)
        permit = self._way_out.limits.reserve(task.caller, task.endpoint, now)
        if later is not None or not isinstance(permit, Permit):
            message = f"{task.endpoint} has to wait: {later}, {permit}"
            raise RuntimeError(message)
        task.step(permit)


class _PlainLoop:
    """The same calls as most people write them: a session, a signature, `json.loads`."""

    def __init__(self, running: Exchange, size: _Size, parts: ExitStack) -> None:
        account = running.accounts[-1]
        self._url, self._key, self._secret = running.url, account["api_key"], account["api_secret"].encode()
        self._session = parts.enter_context(requests.Session())
        self._size = size
        self._clock = SystemClock()

    def refresh(self) -> None:
        """Ask for balance, positions and the last ten minutes of income; raises `RuntimeError` if rows are missing."""
        now = to_milliseconds(self._clock.now())
        self._get(Endpoint.BALANCE, {})
        positions = self._get(Endpoint.POSITIONS, {})
        income = self._get(Endpoint.INCOME, {"startTime": now - _TAIL_MS, "endTime": now, "limit": 1000})
        if (len(positions), len(income)) != (self._size.positions, self._size.rows):
            message = f"{len(positions)} positions and {len(income)} rows are not {self._size}"
            raise RuntimeError(message)

    def _get(self, endpoint: Endpoint, params: dict[str, int]) -> list[object]:
        query = urlencode({**params, "timestamp": to_milliseconds(self._clock.now())})
        signature = hmac.new(self._secret, query.encode(), hashlib.sha256).hexdigest()
        url = f"{self._url}{endpoint.path}?{query}&signature={signature}"
        answer = json.loads(self._session.get(url, headers={"X-BX-APIKEY": self._key}, timeout=5).content)
        rows: list[object] | None = answer["data"]
        return rows or []


@contextmanager
def _cases() -> Iterator[tuple[Case, ...]]:
    with ExitStack() as parts:
        yield tuple(case for size in _SIZES for case in _pair(size, parts))


def _pair(size: _Size, parts: ExitStack) -> Iterator[Case]:
    running = parts.enter_context(
        exchange(accounts=_ACCOUNTS, positions=size.positions, history_days=0, funding_interval=0, trade_interval=0)
    )
    running.tell("limits", per_user=_PLENTY, per_address=_PLENTY)
    _book_income(running, size)
    folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-bench-")))
    setting = configuration(running, folder, accounts=_ACCOUNTS)
    config = load(setting.path, environ=setting.environ)
    ours = _Exporter(config.accounts[-1], config.ledger.url, parts)
    plain = _PlainLoop(running, size, parts)
    what = f"{size.positions} positions, {size.rows} rows of income"
    reference = f"`Session.get` and `json.loads`: {what}"
    yield Case(name=reference, cost=partial(_cpu, plain.refresh, size.refreshes))
    yield Case(name=f"refresh: {what}", cost=partial(_cpu, ours.refresh, size.refreshes), beside=reference)


def _book_income(running: Exchange, size: _Size) -> None:
    """Spread the rows over the last eight of the ten minutes that every poll reads again, and over some series."""
    kinds = ("REALIZED_PNL", "FUNDING_FEE", "TRADING_FEE")
    symbols = ("BTC-USDT", "ETH-USDT", "SOL-USDT")
    for number in range(size.rows):
        running.tell(
            "income",
            account=running.accounts[-1]["name"],
            income_type=kinds[number % 3],
            symbol=symbols[number // 3 % 3],
            amount=f"{number - 500}.12345678",
            ago_seconds=1 + 480 * number // size.rows,
        )


def _cpu(refresh: Callable[[], None], times: int) -> tuple[float]:
    began = time.process_time()
    for _ in range(times):
        refresh()
    return ((time.process_time() - began) * 1000 / times,)


BENCHMARK: Final = Benchmark(
    name="poll",
    title="Poll",
    text="""\
One refresh of an account: balance, positions, and the last ten minutes of income again. It is all that the exporter
does then: limits, signature, call, strict reading into exact numbers, comparing every row with the ledger (which has
them all, so nothing is written), board, and the rendering of the page, each position by itself. The reference makes
the same signed calls with a `requests.Session`, decodes the answers, and leaves it at that. The exchange is another
process and not counted.""",
    quantities=("CPU, ms a refresh",),
    often=2,
    cases=_cases,
)
