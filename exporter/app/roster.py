"""The accounts at work: taken on at start, and at a reload exchanged one by one without touching the others.

An account that changes goes on under its old settings until none of its calls is under way; then the new ones hold, for
it alone. Its counters, its failures and its ledger go on.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from exporter.app.desks import StaffedDesk, Surroundings, open_books, staff
from exporter.logs import get_logger
from exporter.model import Account, CollectorName
from exporter.polling.desk import NEEDS_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from exporter.app.pacing import Change, Pacing
    from exporter.config import AccountSettings
    from exporter.metrics.page import Page
    from exporter.metrics.publisher import Publisher
    from exporter.polling.host import Host
    from exporter.polling.scheduler import Scheduler
    from exporter.polling.task import Task

_GLANCES: Final = 20
_GLANCE_SECONDS: Final = 0.05
_SLACK_SECONDS: Final = 10.0
_WHOSE: Final = ("api_key", "api_secret", "environment", "base_url", "fallback_url")
_WAY: Final = (*_WHOSE, "proxy", "source_address")


class BusyError(Exception):
    """Calls of some accounts do not come to an end, so they keep their old settings; the message names them."""


class Roster:
    """Which accounts are polled, and by whom."""

    def __init__(self, *, page: Page, publisher: Publisher, scheduler: Scheduler, pacing: Pacing) -> None:
        """Show accounts on `page`, and let `scheduler` run what polls them as `pacing` says; there is nobody yet."""
        self._page = page
        self._publisher = publisher
        self._scheduler = scheduler
        self._pacing = pacing
        self._staffed: dict[str, StaffedDesk] = {}
        self._hosts: frozenset[Host] = frozenset()
        self._still = threading.Event()  # is never set: waiting for it is waiting

    @property
    def desks(self) -> tuple[StaffedDesk, ...]:
        """The accounts at work, in the order of the configuration."""
        return tuple(self._staffed.values())

    def change(self, accounts: Sequence[AccountSettings], around: Surroundings) -> tuple[str, ...]:
        """Let exactly these accounts be at work; those whose settings are the same do not notice.

        Returns the names of accounts that keep their old settings, because their calls do not come to an end. Raises
        `LedgerError`, and has then changed nothing.
        """
        wanted = {account.name: account for account in accounts}
        self._open_books(accounts, around)
        order = {name: index for index, name in enumerate(wanted)}
        changed = {name for name in {*wanted, *self._staffed} if not self._is_at_work(name, wanted.get(name))}
        self._pacing.tell(partial(self._retimed, around))
        self._pacing.arrange(accounts)
        for quiet in self._until_quiet(changed):
            changed -= quiet
            self._page.arrange([*wanted, *(name for name in self._staffed if name not in quiet)])
            for name in sorted(quiet, key=lambda name: order.get(name, -1)):
                self._exchange(name, wanted.get(name), around)
        kept = [name for name in self._staffed if name not in wanted]
        self._staffed = {name: self._staffed[name] for name in (*wanted, *kept) if name in self._staffed}
        self._page.arrange(self._staffed)
        self._settle_books(around)
        self._release_hosts(around)
        if changed:  # some keep their old settings
            self._pacing.arrange(staffed.settings for staffed in self.desks)
        return tuple(name for name in (*wanted, *kept) if name in changed)

    def _is_at_work(self, name: str, settings: AccountSettings | None) -> bool:
        old = self._staffed.get(name)
        return (None if old is None else old.settings) == settings

    def _until_quiet(self, names: Collection[str]) -> Iterator[set[str]]:
        """Yield accounts as none of their calls is under way any more; from then on nobody calls for them.

        For a moment each goes on as it is until it happens to be quiet. After that nothing is begun for the others.
        """
        left = {name: self._staffed[name].every_task if name in self._staffed else () for name in names}
        for turn in range(_GLANCES + 1):
            patience = 0.0 if turn < _GLANCES else self._longest_call(left) + _SLACK_SECONDS
            for quiet in self._scheduler.withdraw(left, timeout=patience):
                left = {name: tasks for name, tasks in left.items() if name not in quiet}
                yield quiet
            if not left:
                return
            self._still.wait(_GLANCE_SECONDS)

    def _longest_call(self, names: Iterable[str]) -> float:
        return max(self._staffed[name].settings.timeout for name in names)

    def _exchange(self, name: str, new: AccountSettings | None, around: Surroundings) -> None:
        old = self._staffed.get(name)
        if new is None:
            if old is not None:
                self._part(old, around)
            return
        try:
            staffed = staff(new, self._pacing.timings(name), around)
        except BaseException:
            self._scheduler.add(() if old is None else old.every_task, due=around.clock.elapsed())
            raise
        if old is not None:
            self._turn(old, new, around)
            old.desk.parted()
        self._add_hosts(around)
        self._begin(staffed, around, shows_income=old is None or old.income is None)

    def _part(self, old: StaffedDesk, around: Surroundings) -> None:
        name = old.settings.name
        self._staffed = {other: staffed for other, staffed in self._staffed.items() if other != name}
        around.board.close(name)
        around.forget(name)
        around.exchange.limits.forget(name)
        old.desk.unknowable()
        old.desk.parted()
        if old.income is not None:
            old.income.hide()

    def _turn(self, old: StaffedDesk, new: AccountSettings, around: Surroundings) -> None:
        """Take off the page what the new settings do not stand for any more."""
        name, lasts = new.name, self._pacing.lasting(new.name)
        if _differ(old.settings, new, _WHOSE):
            old.desk.unknowable()
            self._publisher.withdraw(name)
            around.board.withdraw(name)
            around.forget(name)
        if _differ(old.settings, new, _WAY):
            around.exchange.limits.forget(name)
        for collector in old.tasks:
            if collector not in new.collectors.enabled:
                self._publisher.forget(name, collector)
            else:
                around.board.hasten(name, collector, lasts[collector])
        if old.income is not None and CollectorName.INCOME not in new.collectors.enabled:
            old.income.hide()

    def _begin(self, staffed: StaffedDesk, around: Surroundings, *, shows_income: bool) -> None:
        self._introduce(staffed.settings, around)
        for name, task in staffed.tasks.items():
            staffed.desk.on_recovery.append(partial(self._wake, task, around))
            if name is CollectorName.POSITIONS:
                staffed.desk.on_acquaintance.append(partial(self._wake, task, around))
            if name in NEEDS_IDENTITY:
                staffed.desk.on_identity.append(partial(self._wake, task, around))
        staffed.desk.on_user.append(partial(self._pacing.identified, staffed.settings.name))
        for waiting in (staffed.desk.on_identity, staffed.desk.on_recovery):
            waiting.append(partial(self._wake, staffed.permissions, around))
        if staffed.income is not None and shows_income:
            staffed.income.show()
        self._staffed = {**self._staffed, staffed.settings.name: staffed}
        self._scheduler.add(staffed.every_task, due=around.clock.elapsed())

    def _introduce(self, account: AccountSettings, around: Surroundings) -> None:
        known = Account(name=account.name, environment=account.environment, labels=account.labels)
        self._publisher.introduce(known, position_id=account.collectors.positions.position_id)
        timings = self._pacing.timings(account.name)
        around.board.open(account.name, {name: timings[name].interval for name in account.collectors.enabled})

    def _retimed(self, around: Surroundings, changes: Iterable[Change]) -> None:
        """Show the intervals that are in force, and let nobody wait for a poll longer than the new one."""
        now = around.clock.elapsed()
        for change in changes:
            around.board.pace(change.account, {change.collector: change.after})
            staffed = self._staffed.get(change.account)
            task = None if staffed is None else staffed.tasks.get(change.collector)
            timing = self._pacing.timings(change.account).get(change.collector)
            if task is not None and timing is not None and change.after < change.before:
                around.board.hasten(change.account, change.collector, timing.expiry(0.0))
                self._scheduler.wake(task, due=timing.next_tick(now))

    def _open_books(self, accounts: Iterable[AccountSettings], around: Surroundings) -> None:
        """Open what is not open yet: the only part of a change that may fail."""
        if around.ledger is not None:
            open_already = {staffed.settings.name for staffed in self.desks if staffed.income is not None}
            new = [one for one in accounts if needs_ledger([one]) and one.name not in open_already]
            open_books(new, around.ledger, around)

    def _settle_books(self, around: Surroundings) -> None:
        """Tell every open book the settings in force: the retention may be another one for all of them."""
        if around.ledger is None:
            return
        counting = [staffed.settings for staffed in self.desks if staffed.income is not None]
        for book in open_books(counting, around.ledger, around):
            if book.epoch_changed:
                get_logger(__name__).warning(
                    "A changed `since` changes nothing: the epoch was pinned at the first start",
                    account=book.name,
                    epoch=book.epoch,
                )

    def _add_hosts(self, around: Surroundings) -> None:
        new = frozenset(around.exchange.hosts) - self._hosts
        for host in new:
            host.on_wake(partial(self._wake, host, around))
            host.on_move(partial(self._wake_behind, host, around))
            host.on_open(partial(self._wake_behind, host, around))
        self._scheduler.add(new, due=around.clock.elapsed())
        self._hosts |= new

    def _release_hosts(self, around: Surroundings) -> None:
        unused = around.exchange.keep([staffed.settings for staffed in self.desks])
        self._scheduler.retire(unused)
        self._hosts -= frozenset(unused)

    def _wake(self, task: Task, around: Surroundings) -> None:
        self._scheduler.wake(task, due=around.clock.elapsed())

    def _wake_behind(self, host: Host, around: Surroundings) -> None:
        for staffed in self.desks:
            if staffed.desk.host is host:
                for task in staffed.every_task:
                    self._wake(task, around)


def threads_for(accounts: Iterable[AccountSettings]) -> int:
    """Return how many calls can be under way at most: one for each collector, the permission query, the host's clock.

    With a thread for each of them no call that hangs keeps another one waiting.
    """
    return sum(len(account.collectors.enabled) + 2 for account in accounts)


def needs_ledger(accounts: Iterable[AccountSettings]) -> bool:
    """Tell whether any of the accounts has income to enter."""
    return any(CollectorName.INCOME in account.collectors.enabled for account in accounts)


def _differ(old: AccountSettings, new: AccountSettings, names: Iterable[str]) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in names)
