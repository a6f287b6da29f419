"""One account at work: its desk, and the collectors that the configuration switches on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from exporter.app.exchange import address_of, key_name_of
from exporter.bingx.paths import Endpoint
from exporter.ledger import Ends
from exporter.logs import get_logger
from exporter.model import CollectorName, Position
from exporter.polling.collectors import SnapshotCollector
from exporter.polling.desk import NEEDS_IDENTITY, Desk, Timing
from exporter.polling.identification import Identification
from exporter.polling.income import IncomeCollector, Onlooker
from exporter.polling.permissions import PermissionQuery
from exporter.polling.reconciliation import ReconciliationCollector
from exporter.polling.schedule import phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.app.exchange import Exchange
    from exporter.clock import Clock
    from exporter.config import AccountSettings
    from exporter.ledger import AccountBook, Ledger
    from exporter.model import KeyPermissions
    from exporter.polling.board import Board
    from exporter.polling.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an account stands among the others: polls spread over the interval by it."""

    index: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every account is built into; `ends` is what each host has proved of its windows, by base URL.

    `retention` is how long the ledger keeps single entries (`None`: for ever). `show_permissions` is told the account,
    what its key may do, and until when (elapsed seconds) that is to be shown. `forget` is told of an account that
    leaves, or whose key is another one: what is remembered of it for the eye is not to outlive that.
    """

    exchange: Exchange
    board: Board
    clock: Clock
    ledger: Ledger | None
    ends: dict[str, Ends]
    onlooker: Onlooker
    retention: timedelta | None = None
    show_permissions: Callable[[str, KeyPermissions, float], None] = lambda _account, _permissions, _until: None
    forget: Callable[[str], None] = lambda _account: None


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffedDesk:
    """A desk with the collectors that are switched on, as `settings` say; `income` is among them where it is.

    `identification` asks whose key it is where no balance collector does, and somebody needs to know.
    `permissions` asks what the key may do.
    """

    settings: AccountSettings
    desk: Desk
    tasks: Mapping[CollectorName, Task]
    income: IncomeCollector | None
    identification: Identification | None
    permissions: PermissionQuery

    @property
    def every_task(self) -> tuple[Task, ...]:
        """All that is to be run for the account."""
        asking = (self.permissions,) if self.identification is None else (self.permissions, self.identification)
        return (*self.tasks.values(), *asking)


def staff(account: AccountSettings, place: Place, around: Surroundings) -> StaffedDesk:
    """Build the desk of an account and the collectors that are switched on."""
    exchange = around.exchange
    desk = Desk(
        account=account.name,
        client=exchange.client_of(account),
        host=exchange.host_of(account),
        limits=exchange.limits,
        board=around.board,
        clock=around.clock,
        address=address_of(account),
        key_name=key_name_of(account),
    )
    tasks: dict[CollectorName, Task] = {}
    income: IncomeCollector | None = None
    if CollectorName.INCOME in account.collectors.enabled and around.ledger is not None:
        book = open_book(account, around.ledger, around)
        tasks[CollectorName.INCOME] = income = _income(account, book, desk, place, around)
        if CollectorName.RECONCILIATION in account.collectors.enabled:
            tasks[CollectorName.RECONCILIATION] = _reconciliation(account, book, desk, place, around)
    tasks |= _snapshots(account, desk, place, income)
    identification = Identification(desk=desk) if _is_anonymous(account) else None
    permissions = PermissionQuery(
        desk=desk,
        show=around.show_permissions,
        awaits_identity=identification is not None or CollectorName.BALANCE in tasks,
    )
    return StaffedDesk(
        settings=account,
        desk=desk,
        tasks=tasks,
        income=income,
        identification=identification,
        permissions=permissions,
    )


def _is_anonymous(account: AccountSettings) -> bool:
    enabled = set(account.collectors.enabled)
    return CollectorName.BALANCE not in enabled and not enabled.isdisjoint(NEEDS_IDENTITY)


def _timing(account: AccountSettings, name: CollectorName, place: Place, clock: Clock) -> Timing:
    interval = account.collectors.of(name).interval
    origin = clock.elapsed() + phase(place.index, place.count, interval)
    return Timing(interval=interval, origin=origin, stale_after=account.stale_after)


def _income(
    account: AccountSettings, book: AccountBook, desk: Desk, place: Place, around: Surroundings
) -> IncomeCollector:
    return IncomeCollector(
        desk=desk,
        timing=_timing(account, CollectorName.INCOME, place, around.clock),
        book=book,
        ends=around.ends.setdefault(desk.host.base_url, Ends()),
        tail=timedelta(seconds=account.collectors.income.tail),
        onlooker=around.onlooker,
    )


def _reconciliation(
    account: AccountSettings, book: AccountBook, desk: Desk, place: Place, around: Surroundings
) -> ReconciliationCollector:
    return ReconciliationCollector(
        desk=desk,
        timing=_timing(account, CollectorName.RECONCILIATION, place, around.clock),
        book=book,
        period=timedelta(seconds=account.collectors.reconciliation.period),
        tail=timedelta(seconds=account.collectors.income.tail),
        on_ledger_failure=around.onlooker.ledger_failed,
    )


def open_book(account: AccountSettings, ledger: Ledger, around: Surroundings) -> AccountBook:
    """Open the account's book in the ledger as its settings say; raises `LedgerError`."""
    settings = account.collectors.income
    since = settings.since
    start = since if isinstance(since, datetime) else around.clock.now() - since
    book = ledger.account(
        account.name,
        since=start,
        setting=str(since),
        initial_zero=settings.initial_zero,
        retention=around.retention,
    )
    if book.epoch_changed:
        get_logger(__name__).warning(
            "A changed `since` changes nothing: the epoch was pinned at the first start",
            account=account.name,
            epoch=book.epoch,
        )
    return book


def _snapshots(
    account: AccountSettings, desk: Desk, place: Place, income: IncomeCollector | None
) -> dict[CollectorName, Task]:
    def expect(positions: tuple[Position, ...]) -> None:
        if income is not None:
            income.expect(positions)

    def timing(name: CollectorName) -> Timing:
        return _timing(account, name, place, desk.clock)

    every: dict[CollectorName, Task] = {
        CollectorName.BALANCE: SnapshotCollector(
            name=CollectorName.BALANCE,
            endpoint=Endpoint.BALANCE,
            desk=desk,
            timing=timing(CollectorName.BALANCE),
            fetch=desk.client.balance,
            learn=desk.identified,
        ),
        CollectorName.POSITIONS: SnapshotCollector(
            name=CollectorName.POSITIONS,
            endpoint=Endpoint.POSITIONS,
            desk=desk,
            timing=timing(CollectorName.POSITIONS),
            fetch=desk.client.positions,
            learn=expect,
        ),
        CollectorName.COMMISSION_RATE: SnapshotCollector(
            name=CollectorName.COMMISSION_RATE,
            endpoint=Endpoint.COMMISSION_RATE,
            desk=desk,
            timing=timing(CollectorName.COMMISSION_RATE),
            fetch=desk.client.commission_rate,
        ),
    }
    return {name: task for name, task in every.items() if name in account.collectors.enabled}
