"""From the board to the page: which subjects show what a collector learned, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from exporter.metrics import account, fees, health, income, position, reconciliation
from exporter.metrics.position import OpenPositions
from exporter.model import Balances, CollectorName, CommissionRate, IncomeReconciliation, IncomeState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.metrics.family import Subject
    from exporter.metrics.page import Page
    from exporter.model import Account, KeyPermissions, PollStatus


_KEY: Final[tuple[Subject[Any, Any], ...]] = (account.KEY,)
_GAUGES: Final[Mapping[CollectorName, tuple[Subject[Any, Any], ...]]] = {
    CollectorName.BALANCE: (account.BALANCE,),
    CollectorName.POSITIONS: (position.OPEN, position.POSITION),
    CollectorName.INCOME: (income.PROGRESS,),
    CollectorName.COMMISSION_RATE: (fees.COMMISSION,),
    CollectorName.RECONCILIATION: (reconciliation.RECONCILIATION,),
}
_COUNTERS: Final[Mapping[CollectorName, tuple[Subject[Any, Any], ...]]] = {
    CollectorName.INCOME: (income.SURPRISES, income.TOTALS),
}


class Shown(Protocol):
    """What a collector learned, and the moment (elapsed seconds) at which it is too old to show."""

    @property
    def data(self) -> object:
        """The model of the answer."""
        ...

    @property
    def expires_at(self) -> float:
        """When its gauges leave the page."""
        ...


class Publisher:
    """Puts onto the page what the board tells; counters of income stay, gauges run out."""

    def __init__(self, page: Page) -> None:
        """Publish on `page`."""
        self._page = page
        self._by_id: dict[str, bool] = {}

    def introduce(self, one: Account, *, position_id: bool) -> None:
        """Show who an account is; `position_id` keeps positions apart that share symbol, side and margin mode."""
        self._by_id = {**self._by_id, one.name: position_id}
        self._page.put(account.INFO, one.name, one)

    def data_changed(self, name: str, collector: CollectorName, snapshot: Shown) -> None:
        """Show new data of a collector until it expires."""
        page, until = self._page, snapshot.expires_at
        match snapshot.data:
            case Balances() as balances:
                page.put(account.BALANCE, name, balances, expires_at=until)
            case CommissionRate() as rate:
                page.put(fees.COMMISSION, name, rate, expires_at=until)
            case IncomeState() as state:
                page.put(income.PROGRESS, name, state, expires_at=until)
                page.put(income.SURPRISES, name, state)
                page.put(income.TOTALS, name, state)
            case IncomeReconciliation() as comparison:
                page.put(reconciliation.RECONCILIATION, name, comparison, expires_at=until)
            case tuple() as positions:
                shown = OpenPositions(positions=positions, by_id=self._by_id.get(name, False))
                page.put(position.OPEN, name, shown, expires_at=until)
                page.put(position.POSITION, name, shown, expires_at=until)
            case other:
                message = f"{collector} brought {type(other).__name__}, which no subject shows"
                raise TypeError(message)

    def hastened(self, name: str, collector: CollectorName, snapshot: Shown) -> None:
        """Show the same data until another moment."""
        self.data_changed(name, collector, snapshot)

    def permissions_changed(self, name: str, permissions: KeyPermissions, expires_at: float) -> None:
        """Show what the key of an account may do until that moment (elapsed seconds)."""
        self._page.put(account.KEY, name, permissions, expires_at=expires_at)

    def withdraw(self, name: str) -> None:
        """Take the gauges of an account off the page: nobody knows whether they are those of its new key."""
        self._page.withdraw((*_KEY, *(gauge for gauges in _GAUGES.values() for gauge in gauges)), name)

    def forget(self, name: str, collector: CollectorName) -> None:
        """Take all that a collector has shown off the page, for it is switched off."""
        self._page.withdraw((*_GAUGES[collector], *_COUNTERS.get(collector, ())), name)

    def statuses_changed(self, name: str, statuses: Mapping[CollectorName, PollStatus]) -> None:
        """Show how the collectors of an account are doing."""
        self._page.put(health.UP, name, statuses)
        self._page.put(health.COLLECTOR, name, statuses)
        self._page.put(health.FAILURES, name, statuses)
