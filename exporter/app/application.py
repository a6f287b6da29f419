"""The whole exporter, started and stopped: ledger, polling, page, port."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

import exporter
from exporter.app.desks import Place, StaffedDesk, Surroundings, staff
from exporter.app.exchange import Exchange
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.ledger import open_ledger
from exporter.logs import get_logger
from exporter.metrics import api
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.own import OwnMetrics
from exporter.metrics.page import Exposition, Page
from exporter.metrics.publisher import Publisher
from exporter.metrics.render import Format
from exporter.model import Account, CollectorName
from exporter.polling.board import Board
from exporter.polling.desk import NEEDS_IDENTITY
from exporter.polling.scheduler import Scheduler
from exporter.polling.workers import Workers
from exporter.web.landing import landing_page
from exporter.web.server import Site, WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from exporter.bingx.wire import Drift
    from exporter.clock import Clock
    from exporter.config import AccountSettings, Config
    from exporter.ledger import Ledger
    from exporter.polling.task import Task

_MOST_WORKERS: Final = 1024
_STUCK_SECONDS: Final = 15.0
_FAREWELL_SECONDS: Final = 0.8
_GLANCE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the flags say: where to listen, what to serve there, and which build this is.

    `on_progress` is told of the income history of each account as it is read, as a share from 0 to 1.
    """

    addresses: tuple[str, ...]
    telemetry_path: str = "/metrics"
    process_metrics: bool = True
    version: str = "unknown"
    revision: str = "unknown"
    on_progress: Callable[[str, float], None] = lambda _account, _share: None


@dataclass(slots=True)
class _Calls:
    """Tells the exporter's own metrics of calls to the exchange."""

    own: OwnMetrics
    seen: set[tuple[Endpoint, str, str]] = field(default_factory=set)

    def called(self, endpoint: Endpoint, seconds: float, reason: str | None) -> None:
        """Count a call; failures are counted per account, where they are dealt with."""
        del reason
        self.own.called(endpoint, seconds)

    def drifted(self, endpoint: Endpoint, drift: Drift) -> None:
        """Count a drift, and tell of each kind once."""
        self.own.drifted(endpoint, drift.kind)
        known = (endpoint, drift.kind, drift.path)
        if known not in self.seen and len(self.seen) < 1000:  # noqa: PLR2004 - bounds a set that the exchange fills
            self.seen.add(known)
            get_logger(__name__).warning(
                "The exchange changed an answer", endpoint=str(endpoint), kind=drift.kind, path=drift.path
            )


@dataclass(frozen=True, slots=True)
class _Onlooker:
    """Passes on how the ledgers fare."""

    ledger_failed: Callable[[str], None]
    history_read: Callable[[str, float], None]


class App:
    """A running exporter; `start` raises `LedgerError` or `ListenError`, and has then started nothing."""

    def __init__(self, config: Config, options: Options, *, clock: Clock | None = None) -> None:
        """Build from a configuration; nothing runs and nothing is opened yet."""
        self._config = config
        self._options = options
        self._clock = clock or SystemClock()
        self._own = OwnMetrics(
            version=options.version, revision=options.revision, endpoints=Endpoint, process=options.process_metrics
        )
        self._page = Page(ACCOUNT_SUBJECTS, clock=self._clock)
        self._publisher = Publisher(self._page)
        self._board = Board(self._publisher)
        self._exchange = Exchange(clock=self._clock, observer=_Calls(self._own))
        self._workers = Workers(cap=_threads_for(config))
        self._scheduler = Scheduler(
            clock=self._clock, limits=self._exchange.limits, workers=self._workers, on_wait=self._own.waited
        )
        self._server = WebServer(self._site(), addresses=options.addresses)
        self._ledger: Ledger | None = None
        self._desks: tuple[StaffedDesk, ...] = ()
        self._logger = get_logger(__name__)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it listens."""
        return self._server.urls

    def start(self) -> None:
        """Open the ledger, listen, and begin to poll."""
        if any(CollectorName.INCOME in account.collectors.enabled for account in self._config.accounts):
            self._ledger = open_ledger(self._config.ledger.url, self._clock)
        try:
            self._server.bind()
            self._open_accounts()
            self._scheduler.start()
            self._server.start()
        except BaseException:
            self.stop()
            raise
        self._own.reloaded(at=self._clock.now().timestamp())
        for url in self.urls:
            self._logger.info("Listening on", address=urlsplit(url).netloc, url=url + self._options.telemetry_path)
            self._logger.info("TLS is disabled", address=urlsplit(url).netloc)

    def stop(self) -> None:
        """Start no further call, finish answers under way, close the ledger; within a second."""
        ends_at = self._clock.elapsed() + _FAREWELL_SECONDS

        def left() -> float:
            return max(_GLANCE_SECONDS, ends_at - self._clock.elapsed())

        self._scheduler.stop(left())
        self._server.stop(left())
        self._workers.stop(left() / 2)
        self._exchange.close()
        if self._ledger is not None:
            self._close_within(self._ledger, left())

    def _close_within(self, ledger: Ledger, seconds: float) -> None:
        # Another process may hold it: what is not saved then is only how far it was read, and is read again.
        closing = threading.Thread(target=ledger.close, name="close", daemon=True)
        closing.start()
        closing.join(seconds)
        if closing.is_alive():
            self._logger.warning("The ledger is busy and was left open; no entry is lost by it")

    def _open_accounts(self) -> None:
        accounts = self._config.accounts
        self._page.arrange(account.name for account in accounts)
        around = Surroundings(
            exchange=self._exchange,
            board=self._board,
            clock=self._clock,
            ledger=self._ledger,
            ends={},
            onlooker=_Onlooker(self._own.ledger_failed, self._options.on_progress),
            retention=self._config.ledger.retention,
            show_permissions=self._publisher.permissions_changed,
        )
        for account in accounts:
            self._introduce(account)
        self._desks = tuple(
            staff(account, Place(index=index, count=len(accounts)), around) for index, account in enumerate(accounts)
        )
        for host in self._exchange.hosts:
            host.on_wake(partial(self._wake, host))
        now = self._clock.elapsed()
        self._scheduler.add(self._exchange.hosts, due=now)
        for staffed in self._desks:
            self._begin(staffed, now)

    def _introduce(self, account: AccountSettings) -> None:
        known = Account(name=account.name, environment=account.environment, labels=account.labels)
        self._publisher.introduce(known, position_id=account.collectors.positions.position_id)
        self._board.open(
            account.name, {name: account.collectors.of(name).interval for name in account.collectors.enabled}
        )

    def _begin(self, staffed: StaffedDesk, now: float) -> None:
        for name, task in staffed.tasks.items():
            staffed.desk.on_recovery.append(partial(self._wake, task))
            if name in NEEDS_IDENTITY:
                staffed.desk.on_identity.append(partial(self._wake, task))
        for waiting in (staffed.desk.on_identity, staffed.desk.on_recovery):
            waiting.append(partial(self._wake, staffed.permissions))
        if staffed.income is not None:
            staffed.income.show()
        self._scheduler.add([*staffed.tasks.values(), staffed.permissions], due=now)
        if staffed.identification is not None:
            self._scheduler.add([staffed.identification], due=now)

    def _wake(self, task: Task) -> None:
        self._scheduler.wake(task, due=self._clock.elapsed())

    def _site(self) -> Site:
        page = Exposition(
            self._page,
            live=((api.BUDGET, lambda: tuple(self._budgets())), (api.OFFSET, lambda: tuple(self._offsets()))),
            own=self._own.render,
        )
        path = self._options.telemetry_path
        return Site(
            metrics={exposition.value: partial(page, exposition) for exposition in Format},
            landing=lambda: landing_page(
                name="bingx-exporter",
                version=self._options.version,
                description=exporter.__doc__ or "",
                links={path: "the metrics", "/-/ready": "whether every collector has tried", "/-/healthy": "alive"},
            ),
            healthy=self._illness,
            ready=self._awaited,
            telemetry_path=path,
        )

    def _budgets(self) -> Iterator[api.Budget]:
        now, calendar, limits = self._clock.elapsed(), self._clock.now(), self._exchange.limits
        for staffed in self._desks:
            caller = staffed.desk.caller
            for task in staffed.tasks.values():
                until = limits.blocked_until(caller, task.endpoint, now)
                yield api.Budget(
                    account=caller.account,
                    endpoint=task.endpoint,
                    remaining=limits.remaining(caller, task.endpoint, now),
                    blocked_until=None if until is None else calendar + timedelta(seconds=until - now),
                )

    def _offsets(self) -> Iterator[api.ClockOffset]:
        for base_url, clock in self._exchange.clocks.items():
            seconds = clock.offset_seconds()
            if seconds is not None:
                yield api.ClockOffset(host=urlsplit(base_url).netloc, seconds=seconds)

    def _illness(self) -> str | None:
        if not self._scheduler.alive:
            return "the scheduler has died"
        silence = self._clock.elapsed() - self._scheduler.last_turn
        return f"the scheduler has not turned for {silence:.0f} s" if silence > _STUCK_SECONDS else None

    def _awaited(self) -> str | None:
        untried = self._board.untried()
        if not untried:
            return None
        account, collector = untried[0]
        return f"{len(untried)} collectors have not tried yet, the first is {account}/{collector}"


def _threads_for(config: Config) -> int:
    """Return how many calls can be under way at most: one for each collector, the permission query, the host's clock.

    With a thread for each of them no call that hangs keeps another one waiting.
    """
    calls = sum(len(account.collectors.enabled) + 2 for account in config.accounts)
    return min(calls, _MOST_WORKERS)
