"""Accounts by the dozen, and all that a roster has around it."""

from __future__ import annotations

from pathlib import Path

from support.clock import ManualClock

from exporter.app.desks import Surroundings
from exporter.app.exchange import Exchange
from exporter.app.pacing import Pacing
from exporter.app.roster import Roster
from exporter.bingx.limits import RULES, Scope
from exporter.config import AccountSettings, load
from exporter.ledger import Ledger
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.page import Page
from exporter.metrics.publisher import Publisher
from exporter.model import CollectorName
from exporter.polling.board import Board
from exporter.polling.pace import usable
from exporter.polling.scheduler import Scheduler
from exporter.polling.workers import Workers

ALLOWED = usable(RULES, Scope.ADDRESS)
POSITIONS = CollectorName.POSITIONS


def crowd(folder: Path, number: int, *, addresses: int = 1, settings: str = "") -> tuple[AccountSettings, ...]:
    path = folder / "config.yaml"
    keys = "api_key: an-api-key-of-some-length-{0}, api_secret: a-secret-of-some-length"
    ways = ["", *(f", source_address: 127.0.0.{way}" for way in range(2, addresses + 1))]
    lines = (f"  - {{name: a{one}, {keys.format(one)}{ways[one % addresses]}{settings}}}\n" for one in range(number))
    path.write_text("accounts:\n" + "".join(lines))
    path.chmod(0o600)
    return load(path, environ={}).accounts


class Deaf:
    """Hears of calls and of the ledger, and does nothing."""

    def called(self, endpoint: object, seconds: float, reason: str | None) -> None: ...

    def drifted(self, endpoint: object, drift: object) -> None: ...

    def ledger_failed(self, reason: str) -> None: ...

    def history_read(self, account: str, share: float) -> None: ...


class House:
    """Everything that a roster has around it, none of whose threads runs."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.clock = clock = ManualClock()
        self.exchange, page = Exchange(clock=clock, observer=Deaf()), Page(ACCOUNT_SUBJECTS, clock=clock)
        publisher = Publisher(page)
        self.board = Board(publisher)
        limits, workers = self.exchange.limits, Workers(cap=1)
        self.scheduler = Scheduler(clock=clock, limits=limits, workers=workers, on_wait=lambda *_: None)
        self.pacing = Pacing(clock=clock, rules=RULES)
        self.roster = Roster(page=page, publisher=publisher, scheduler=self.scheduler, pacing=self.pacing)
        self.around = Surroundings(
            exchange=self.exchange, board=self.board, clock=clock, ledger=ledger, ends={}, onlooker=Deaf()
        )
