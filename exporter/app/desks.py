"""One account at work: its desk, and the collectors that the configuration switches on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from exporter.app.exchange import address_of, key_name_of
from exporter.bingx.paths import Endpoint
from exporter.ledger import Ends, Opening
from exporter.model import CollectorName, Position
from exporter.polling.collectors import Data, SnapshotCollector
from exporter.polling.desk import Desk
from exporter.polling.identification import Identification
from exporter.polling.income import IncomeCollector, Onlooker
from exporter.polling.permissions import PermissionQuery
from exporter.polling.reconciliation import ReconciliationCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exporter.app.exchange import Exchange
    from exporter.bingx.client import Answer
    from exporter.bingx.limits import Permit
    from exporter.clock import Clock
    from exporter.config import AccountSettings
    from exporter.ledger import AccountBook, Ledger
    from exporter.model import KeyPermissions
    from exporter.polling.board import Board
    from exporter.polling.desk import Timing
    from exporter.polling.task import Task

    Timings = Mapping[CollectorName, Timing]


class Surroundings(Struct, frozen=True, kw_only=True):
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


class StaffedDesk(Struct, frozen=True, kw_only=True):
    """A desk with the collectors that are switched on, as `settings` say; `income` is among them where it is.

    `identification` asks whose key it is where no balance collector does.
    `permissions` asks what the key may do. `endpoints` are what the collectors ask.
    """

    settings: AccountSettings
    desk: Desk
    tasks: Mapping[CollectorName, Task]
    income: IncomeCollector | None
    identification: Identification | None
    permissions: PermissionQuery
    endpoints: tuple[Endpoint, ...]

    @property
    def every_task(self) -> tuple[Task, ...]:
        """All that is to be run for the account."""
        asking = (self.permissions,) if self.identification is None else (self.permissions, self.identification)
        return (*self.tasks.values(), *asking)


def staff(account: AccountSettings, timings: Timings, around: Surroundings) -> StaffedDesk:
    """Build the desk of an account and the collectors that are switched on, each of which polls by its timing."""
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
        stranger=not exchange.limits.knows(key_name_of(account)),
    )
    tasks: dict[CollectorName, Task] = {}
    income: IncomeCollector | None = None
    if CollectorName.INCOME in account.collectors.enabled and around.ledger is not None:
        (book,) = open_books([account], around.ledger, around)
        tasks[CollectorName.INCOME] = income = _income(account, book, desk, timings, around)
        if CollectorName.RECONCILIATION in account.collectors.enabled:
            tasks[CollectorName.RECONCILIATION] = _reconciliation(account, book, desk, timings, around)
    tasks |= _snapshots(account, desk, timings, income)
    identification = None if CollectorName.BALANCE in tasks else Identification(desk=desk)
    permissions = PermissionQuery(desk=desk, show=around.show_permissions)
    return StaffedDesk(
        settings=account,
        desk=desk,
        tasks=tasks,
        income=income,
        identification=identification,
        permissions=permissions,
        endpoints=tuple(task.endpoint for task in tasks.values()),
    )


def _income(
    account: AccountSettings, book: AccountBook, desk: Desk, timings: Timings, around: Surroundings
) -> IncomeCollector:
    return IncomeCollector(
        desk=desk,
        timing=timings[CollectorName.INCOME],
        book=book,
        ends=around.ends.setdefault(desk.host.base_url, Ends()),
        tail=timedelta(seconds=account.collectors.income.tail),
        onlooker=around.onlooker,
    )


def _reconciliation(
    account: AccountSettings, book: AccountBook, desk: Desk, timings: Timings, around: Surroundings
) -> ReconciliationCollector:
    return ReconciliationCollector(
        desk=desk,
        timing=timings[CollectorName.RECONCILIATION],
        book=book,
        period=timedelta(seconds=account.collectors.reconciliation.period),
        tail=timedelta(seconds=account.collectors.income.tail),
        on_ledger_failure=around.onlooker.ledger_failed,
    )


def open_books(accounts: Iterable[AccountSettings], ledger: Ledger, around: Surroundings) -> tuple[AccountBook, ...]:
    """Open the accounts' books in the ledger as their settings say; raises `LedgerError`, and has then opened none."""
    return ledger.accounts([_opening(account, around) for account in accounts])


def _opening(account: AccountSettings, around: Surroundings) -> Opening:
    settings = account.collectors.income
    since = settings.since
    return Opening(
        name=account.name,
        since=since if isinstance(since, datetime) else around.clock.now() - since,
        setting=str(since),
        initial_zero=settings.initial_zero,
        retention=around.retention,
    )


def _snapshots(
    account: AccountSettings, desk: Desk, timings: Timings, income: IncomeCollector | None
) -> dict[CollectorName, Task]:
    def expect(positions: tuple[Position, ...]) -> None:
        if income is not None:
            income.expect(positions)

    def collector(
        name: CollectorName,
        endpoint: Endpoint,
        fetch: Callable[[Permit], Answer[Data]],
        learn: Callable[[Data], None] = lambda _: None,
    ) -> Task:
        return SnapshotCollector(
            name=name, endpoint=endpoint, desk=desk, timing=timings[name], fetch=fetch, learn=learn
        )

    client, enabled = desk.client, account.collectors.enabled
    tasks: dict[CollectorName, Task] = {}
    if CollectorName.BALANCE in enabled:
        tasks[CollectorName.BALANCE] = collector(
            CollectorName.BALANCE, Endpoint.BALANCE, client.balance, desk.identified
        )
    if CollectorName.POSITIONS in enabled:
        tasks[CollectorName.POSITIONS] = collector(
            CollectorName.POSITIONS, Endpoint.POSITIONS, client.positions, expect
        )
    if CollectorName.COMMISSION_RATE in enabled:
        tasks[CollectorName.COMMISSION_RATE] = collector(
            CollectorName.COMMISSION_RATE, Endpoint.COMMISSION_RATE, client.commission_rate
        )
    return tasks
