"""The whole exporter, started, reloaded, looked after and stopped: ledger, polling, page, port."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from msgspec import structs

from exporter import ledger
from exporter.app.desks import Surroundings
from exporter.app.exchange import Exchange
from exporter.app.observers import CallObserver, LedgerObserver
from exporter.app.pacing import Pacing
from exporter.app.reloading import NotReloadableError, Reloader
from exporter.app.roster import BusyError, Roster, needs_ledger, threads_for
from exporter.app.site import Pages
from exporter.app.status.trends import Trends
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.config.shard import joined
from exporter.config.showing import as_yaml, changes, fingerprint
from exporter.logs import get_logger
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.own import OwnMetrics
from exporter.metrics.page import Page
from exporter.metrics.publisher import Publisher
from exporter.polling.board import Board
from exporter.polling.flow import Flow
from exporter.polling.scheduler import Scheduler
from exporter.polling.workers import Workers
from exporter.web.access import Access
from exporter.web.door import Patience
from exporter.web.server import WebServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from exporter.app.options import Options
    from exporter.clock import Clock
    from exporter.config import Config
    from exporter.config.shard import Shard
    from exporter.ledger import Ledger

_MOST_WORKERS: Final = 1024
_STUCK_SECONDS: Final = 15.0
_FAREWELL_SECONDS: Final = 0.8
_GLANCE_SECONDS: Final = 0.05


class App:
    """A running exporter.

    `start` raises `WebConfigError`, `LedgerError` or `ListenError`, and has then started nothing.
    """

    def __init__(self, config: Config, options: Options, *, clock: Clock | None = None) -> None:
        """Build from a configuration; nothing runs and nothing is opened yet."""
        self._whole = config
        self._config = options.shard.part_of(config)
        self._shown: Callable[[], str] = lambda: ""
        self._options = options
        self._clock = clock or SystemClock()
        self._own = OwnMetrics(
            version=options.version,
            revision=options.revision,
            endpoints=Endpoint,
            process=options.process_metrics,
            last_turn=self._last_turn,
            web_config=self._is_web_config_good,
        )
        self._own.sharded(number=options.shard.number, total=options.shard.total)
        self._page = Page(ACCOUNT_SUBJECTS, clock=self._clock, series_per_account=options.series_per_account)
        self._publisher = Publisher(self._page)
        self._trends = Trends(self._publisher, self._clock)
        self._board = Board(self._trends)
        self._exchange = Exchange(clock=self._clock, observer=CallObserver(self._own))
        self._workers = Workers(cap=0)
        flow = Flow()
        self._scheduler = Scheduler(
            clock=self._clock, limits=self._exchange.limits, workers=self._workers, on_wait=self._own.waited, flow=flow
        )
        pacing = Pacing(clock=self._clock, rules=self._exchange.limits.rules, flow=flow)
        self._roster = Roster(page=self._page, publisher=self._publisher, scheduler=self._scheduler, pacing=pacing)
        self._ledger: Ledger | None = None
        self._around = self._surroundings(config)
        self._reloader = self._reloading()
        self._access = Access(options.web_config, now=self._clock.elapsed)
        self._server = WebServer(
            self._pages().site(),
            addresses=options.addresses,
            systemd=options.systemd_sockets,
            access=self._access,
            patience=Patience(max_requests=options.most_requests),
        )
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
        try:
            self._access.load()
            self._open_ledger(self._config)
            self._server.bind()
            self._employ(self._whole)
            self._own.reloaded(at=self._clock.now().timestamp())
            self._scheduler.start()
            if self._reloader is not None:
                self._reloader.start()
            self._server.start()
        except BaseException:
            self.stop()
            raise
        for url in self.urls:
            path = self._options.place.route(self._options.telemetry_path)
            self._logger.info("Listening on", address=urlsplit(url).netloc, url=url + path)
            spoken = "TLS is enabled" if self._access.tls else "TLS is disabled"
            self._logger.info(spoken, address=urlsplit(url).netloc)

    def stop(self) -> None:
        """Start no further call, finish answers under way, close the ledger; within a second."""
        ends_at = self._clock.elapsed() + _FAREWELL_SECONDS

        def left() -> float:
            return max(_GLANCE_SECONDS, ends_at - self._clock.elapsed())

        if self._reloader is not None:
            self._reloader.stop(_GLANCE_SECONDS)
        self._scheduler.stop(left())
        self._server.stop(left())
        self._workers.stop(left() / 2)
        self._exchange.close()
        if self._ledger is not None:
            self._close_within(self._ledger, left())

    def ask_for_reload(self, on_end: Callable[[], None] = lambda: None) -> None:
        """Have the configuration read anew, soon; `on_end` is told when that is over, log and metrics how it went."""
        if self._reloader is None:
            self._logger.warning("There is no configuration to read again")
            on_end()
        else:
            self._reloader.ask(on_end)

    def look_after(self) -> None:
        """Start again what has died though nobody stopped it; to be called once a second."""
        for thread, part in (("scheduler", self._scheduler), ("web", self._server), ("reload", self._reloader)):
            if part is not None and part.restart():
                self._own.restarted(thread)
                self._logger.error("A thread had died and was started again", thread=thread)

    def _reload(self, config: Config) -> None:
        """Let a new configuration be in force; raises `NotReloadableError`, `BusyError` or `LedgerError`."""
        old = self._config
        if config.ledger.url != old.ledger.url:
            message = "`ledger.url` cannot be changed while the exporter runs: stop it and start it again"
            raise NotReloadableError(message)
        self._open_ledger(self._options.shard.part_of(config))
        busy = self._employ(config)
        found = changes(old, self._config)
        for change in found:
            name = {"account": change.account} if change.account else {}
            if change.key:
                self._logger.info("A setting has changed", **name, key=change.key, old=change.old, new=change.new)
            else:
                self._logger.info("An account was added" if change.old is None else "An account was removed", **name)
        if busy:
            message = f"calls of {', '.join(busy)} do not come to an end: old settings there, the new ones elsewhere"
            raise BusyError(message)
        self._own.reloaded(at=self._clock.now().timestamp())
        self._logger.info("The configuration was reloaded", changes=len(found))

    def _employ(self, config: Config) -> tuple[str, ...]:
        part = self._options.shard.part_of(config)
        self._tell_of_shard(part, config)
        around = structs.replace(self._around, ledger=self._ledger, retention=config.ledger.retention)
        self._workers.allow(min(_MOST_WORKERS, threads_for((*part.accounts, *self._config.accounts))))
        busy = self._roster.change(part.accounts, around)
        in_force = tuple(staffed.settings for staffed in self._roster.desks)
        self._whole = config
        self._config = replace(part, accounts=in_force)
        self._workers.allow(min(_MOST_WORKERS, threads_for(in_force)))
        self._shown = cache(partial(_as_text, self._config, self._options.shard))
        self._own.configured(fingerprint(joined(config, in_force)))
        return busy

    def _tell_of_shard(self, part: Config, whole: Config) -> None:
        shard = self._options.shard
        if not shard.is_all:
            text = "This is one shard of several" if part.accounts else "No account belongs to this shard"
            counts = {"accounts": len(part.accounts), "accounts_of_all_shards": len(whole.accounts)}
            self._logger.info(text, shard=shard.number, total_shards=shard.total, **counts)

    def _configuration(self) -> str:
        return self._shown()

    def _open_ledger(self, config: Config) -> None:
        if self._ledger is None and needs_ledger(config.accounts):
            self._ledger = ledger.open_ledger(config.ledger.url, self._clock)

    def _close_within(self, ledger: Ledger, seconds: float) -> None:
        # Another process may hold it: what is not saved then is only how far it was read, and is read again.
        closing = threading.Thread(target=ledger.close, name="close", daemon=True)
        closing.start()
        closing.join(seconds)
        if closing.is_alive():
            self._logger.warning("The ledger is busy and was left open; no entry is lost by it")

    def _surroundings(self, config: Config) -> Surroundings:
        return Surroundings(
            exchange=self._exchange,
            board=self._board,
            clock=self._clock,
            ledger=None,
            ends={},
            onlooker=LedgerObserver(self._own.ledger_failed, self._options.on_progress),
            retention=config.ledger.retention,
            show_permissions=self._publisher.permissions_changed,
            forget=self._trends.forget,
        )

    def _reloading(self) -> Reloader | None:
        if self._options.reread is None:
            return None
        return Reloader(
            read=self._options.reread,
            apply=self._reload,
            on_failure=lambda: self._own.reloaded(at=None),
            watches=self._config.stamps if self._options.auto_reload else None,
            now=self._clock.elapsed,
        )

    def _pages(self) -> Pages:
        return Pages(
            page=self._page,
            own=self._own,
            exchange=self._exchange,
            clock=self._clock,
            roster=self._roster,
            board=self._board,
            scheduler=self._scheduler,
            trends=self._trends,
            options=self._options,
            config=self._configuration,
            illness=self._illness,
            reload=self._reloader.request if self._reloader is not None and self._options.lifecycle else None,
        )

    def _last_turn(self) -> float | None:
        silence = self._clock.elapsed() - self._scheduler.last_turn
        return (self._clock.now() - timedelta(seconds=silence)).timestamp()

    def _is_web_config_good(self) -> bool | None:
        return None if self._options.web_config is None else self._access.failing is None

    def _illness(self) -> str | None:
        if not self._scheduler.alive:
            return "the scheduler has died"
        if self._reloader is not None and not self._reloader.alive:
            return "the thread that reloads the configuration has died"
        silence = self._clock.elapsed() - self._scheduler.last_turn
        return f"the scheduler has not turned for {silence:.0f} s" if silence > _STUCK_SECONDS else None


def _as_text(config: Config, shard: Shard) -> str:
    heading = "" if shard.is_all else f"# Shard {shard}: the accounts of the others are not shown.\n"
    return heading + as_yaml(config)
