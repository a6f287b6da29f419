"""What the port shows of the parts at work: which callable stands behind which page."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

import exporter
from exporter.app.allowances import Allowances
from exporter.app.probing import probe
from exporter.metrics import api
from exporter.metrics.page import Exposition
from exporter.metrics.render import Format
from exporter.web.server import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from exporter.app.exchange import Exchange
    from exporter.app.options import Options
    from exporter.app.roster import Roster
    from exporter.app.status.trends import Trends
    from exporter.bingx.limits import Caller
    from exporter.bingx.paths import Endpoint
    from exporter.clock import Clock
    from exporter.metrics.own import OwnMetrics
    from exporter.metrics.page import Page
    from exporter.polling.board import Board
    from exporter.polling.scheduler import Scheduler
    from exporter.web.site import Document


class Pages(Struct, frozen=True, kw_only=True):
    """Every page of the exporter.

    `config` returns the configuration in force without its secrets, `illness` what is broken, if anything; `reload` is
    there where it may be asked for over HTTP.
    """

    page: Page
    own: OwnMetrics
    exchange: Exchange
    clock: Clock
    roster: Roster
    board: Board
    scheduler: Scheduler
    trends: Trends
    options: Options
    config: Callable[[], str]
    illness: Callable[[], str | None]
    reload: Callable[[], str | None] | None

    def site(self) -> Site:
        """Return what the web server is to serve."""
        budgets = Allowances(self.exchange.limits, self.clock, self._callers)
        metrics = Exposition(self.page, live=((api.BUDGET, budgets), (api.OFFSET, self._offsets)), own=self.own.render)
        return Site(
            metrics={exposition.value: partial(metrics.blocks, exposition) for exposition in Format},
            landing=self._landing(),
            healthy=self.illness,
            ready=self._awaited,
            telemetry_path=self.options.telemetry_path,
            place=self.options.place,
            health_needs_auth=self.options.protects_health,
            reload=self.reload,
            config=self.config,
            probe={exposition.value: partial(self._probe, exposition) for exposition in Format},
            discovery=lambda: tuple(staffed.settings.name for staffed in self.roster.desks),
        )

    def _probe(self, exposition: Format, account: str) -> bytes:
        return probe(exposition, account, page=self.page, board=self.board, roster=self.roster, clock=self.clock)

    def _landing(self) -> Callable[[], Document]:
        build = cache(partial(self._status_page, started_at=self.clock.now()))

        def look() -> Document:
            return build()()

        return look

    def _status_page(self, *, started_at: datetime) -> Callable[[], Document]:
        # Paid for by who looks at it, not by every start.
        from exporter.app.status.day import DayReader  # noqa: PLC0415 - see above
        from exporter.app.status.reporter import Reporter  # noqa: PLC0415 - see above
        from exporter.web.status import StatusPage  # noqa: PLC0415 - see above

        page = StatusPage()
        reporter = Reporter(
            board=self.board,
            roster=self.roster,
            scheduler=self.scheduler,
            limits=self.exchange.limits,
            clock=self.clock,
            trends=self.trends,
            days=DayReader(self.clock),
            options=self.options,
            description=exporter.__doc__ or "",
            links={
                self.options.telemetry_path: "the metrics",
                "/-/ready": "whether every collector has tried",
                "/-/healthy": "whether it is alive",
                "/config": "the configuration in force, without its secrets",
                "/sd": "the accounts, for Prometheus' http_sd; each is a target of /probe?account=NAME",
            },
            illness=self.illness,
            started_at=started_at,
        )
        return lambda: page.render(reporter.status())

    def _callers(self) -> Iterator[tuple[Caller, tuple[Endpoint, ...]]]:
        for staffed in self.roster.desks:
            yield staffed.desk.caller, staffed.endpoints

    def _offsets(self) -> Iterator[api.ClockOffset]:
        for base_url, clock in self.exchange.clocks.items():
            seconds = clock.offset_seconds()
            if seconds is not None:
                yield api.ClockOffset(host=urlsplit(base_url).netloc, seconds=seconds)

    def _awaited(self) -> str | None:
        untried = self.board.untried()
        if not untried:
            return None
        account, collector = untried[0]
        return f"{len(untried)} collectors have not tried yet, the first is {account}/{collector}"
