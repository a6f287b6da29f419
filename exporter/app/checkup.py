"""One call of each endpoint for each account: what works, and how to mend what does not."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from exporter.app import rights
from exporter.app.budgets import AddressBudget, budgets
from exporter.app.exchange import Exchange, address_of, key_name_of
from exporter.app.pacing import demands
from exporter.app.reaching import reach
from exporter.bingx.endpoints.income import IncomeQuery
from exporter.bingx.errors import AuthenticationError, BingxError, PermissionDenied
from exporter.bingx.limits import RULES, Caller
from exporter.bingx.paths import Endpoint
from exporter.model import Balances, CollectorName, KeyPermissions
from exporter.polling.once import HeldUp, call_once
from exporter.polling.pace import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from exporter.bingx.client import Answer, Client
    from exporter.bingx.limits import Permit
    from exporter.bingx.wire import Drift
    from exporter.clock import Clock
    from exporter.config import AccountSettings, Config
    from exporter.polling.host import Host

    _T = TypeVar("_T")

WORKS: Final = "works"
_LOOK_IT_UP: Final = "nothing else depends on it; see on the exchange's own site what the key may do"
_PATIENCE: Final = 15.0
_TOLERABLE_OFFSET: Final = 1.0
_WINDOW: Final = timedelta(hours=1)
_ASKED_BY: Final = {
    Endpoint.INCOME: CollectorName.INCOME,
    Endpoint.INCOME_EXPORT: CollectorName.RECONCILIATION,
    Endpoint.COMMISSION_RATE: CollectorName.COMMISSION_RATE,
}


class Finding(Struct, frozen=True, kw_only=True):
    """What one endpoint of one account answered; `outcome` is `works` or the reason, `mend` what to do about it."""

    account: str
    endpoint: str
    outcome: str
    detail: str = ""
    mend: str = ""

    @property
    def works(self) -> bool:
        """Whether the call succeeded."""
        return self.outcome == WORKS


class _Drifts(Struct):
    """Collects what the exchange has changed in its answers, until it is taken."""

    paths: list[str] = field(default_factory=list)

    def called(self, endpoint: Endpoint, seconds: float, reason: str | None) -> None:
        """Say nothing: the finding is made of the answer."""

    def drifted(self, endpoint: Endpoint, drift: Drift) -> None:
        """Remember a field that is not as it was."""
        del endpoint
        self.paths.append(f"{drift.path} ({drift.kind})")

    def taken(self) -> str:
        """Return what was collected, and begin anew."""
        paths, self.paths = list(dict.fromkeys(self.paths)), []
        return f"the answer has changed: {', '.join(paths)}" if paths else ""


def check_accounts(config: Config, *, clock: Clock) -> Iterator[Finding]:
    """Yield a finding per account and endpoint, as they come; a key that is refused is not tried again and again."""
    drifts = _Drifts()
    exchange = Exchange(clock=clock, observer=drifts)
    try:
        for account in config.accounts:
            for finding in _check(account, exchange, clock):
                drift = drifts.taken()
                details = [detail for detail in (finding.detail, drift) if detail]
                yield replace(finding, detail="; ".join(details)) if finding.works else finding
    finally:
        exchange.close()


def check_budgets(config: Config) -> tuple[AddressBudget, ...]:
    """Return how much of what the exchange allows each egress address would ask for."""
    return budgets(plan(demands(config.accounts, {}), RULES).loads.values())


def usable(findings: list[Finding]) -> bool:
    """Say whether every account has at least balance and positions, without which it tells nothing of its risk."""
    needed = {Endpoint.BALANCE, Endpoint.POSITIONS}
    return all(finding.works for finding in findings if finding.endpoint in needed)


def _check(account: AccountSettings, exchange: Exchange, clock: Clock) -> Iterator[Finding]:
    refused: AuthenticationError | None = None
    for endpoint, call in _calls(exchange, account, clock):
        if refused is not None and endpoint.signed:
            yield _failed(account, endpoint, refused, detail="not tried, the key was refused above")
            continue
        try:
            answer = call()
        except BingxError as error:
            refused = error if isinstance(error, AuthenticationError) else refused
            yield _failed(account, endpoint, error)
        except HeldUp as held:
            yield Finding(account=account.name, endpoint=endpoint, outcome="held_up", detail=str(held), mend="wait")
        else:
            yield _succeeded(account, endpoint, exchange, answer.value)


def _calls(
    exchange: Exchange, account: AccountSettings, clock: Clock
) -> Iterator[tuple[Endpoint, Callable[[], Answer[Any]]]]:
    client: Client = exchange.client_of(account)
    host = exchange.host_of(account)
    caller = Caller(user=key_name_of(account), address=address_of(account), account=account.name, stranger=True)

    def balance(permit: Permit) -> Answer[Balances]:
        # The next account's key may be the same user's: what this one has used up counts for both.
        user = caller.user
        try:
            answer = client.balance(permit)
            user = answer.value.user_id or answer.value.short_id or user
        finally:
            exchange.limits.identify(caller.user, user)
        return answer

    def once(endpoint: Endpoint, call: Callable[[Permit], Answer[_T]]) -> Callable[[], Answer[_T]]:
        within = partial(call_once, call, caller=caller, endpoint=endpoint)
        return partial(within, limits=exchange.limits, clock=clock, patience=_PATIENCE)

    def recent() -> IncomeQuery:
        now = host.server_now()
        return IncomeQuery(start=now - _WINDOW, end=now)

    yield Endpoint.SERVER_TIME, lambda: reach(host, lambda measure: once(Endpoint.SERVER_TIME, measure)())
    yield Endpoint.BALANCE, once(Endpoint.BALANCE, balance)
    yield Endpoint.POSITIONS, once(Endpoint.POSITIONS, client.positions)
    yield Endpoint.INCOME, once(Endpoint.INCOME, lambda permit: client.income(permit, recent()))
    yield Endpoint.INCOME_EXPORT, once(Endpoint.INCOME_EXPORT, lambda permit: client.income_export(permit, recent()))
    yield Endpoint.COMMISSION_RATE, once(Endpoint.COMMISSION_RATE, client.commission_rate)
    yield Endpoint.PERMISSIONS, once(Endpoint.PERMISSIONS, client.permissions)


def _succeeded(account: AccountSettings, endpoint: Endpoint, exchange: Exchange, value: object) -> Finding:
    detail = mend = ""
    if isinstance(value, KeyPermissions):
        detail, mend = rights.powers(value), rights.mend(value, account.collectors.enabled)
    elif endpoint is Endpoint.SERVER_TIME:
        detail, mend = _of_the_host(exchange.host_of(account))
    return Finding(account=account.name, endpoint=endpoint, outcome=WORKS, detail=detail, mend=mend)


def _of_the_host(host: Host) -> tuple[str, str]:
    details, mends = [], []
    if host.way.moved:
        details.append(f"{host.way.first.name} cannot be reached, {host.way.in_use.name} was asked instead")
        mends.append(f"look at the way to {host.way.first.name} (resolver, firewall) unless it answers again soon")
    offset = host.offset_seconds()
    if offset is not None and abs(offset) >= _TOLERABLE_OFFSET:
        details.append(f"our clock is off by {-offset:+.1f} s")
        mends.append(
            "calls are stamped with the exchange's time, so this does no harm; let NTP set the clock all the same"
        )
    return "; ".join(details), "; ".join(mends)


def _failed(account: AccountSettings, endpoint: Endpoint, error: BingxError, *, detail: str | None = None) -> Finding:
    code = "" if error.code is None else f"code {error.code}: "
    detail = code + error.detail if detail is None else detail
    mend = _LOOK_IT_UP if endpoint is Endpoint.PERMISSIONS else error.mend
    if isinstance(error, PermissionDenied) and not _is_used(account, endpoint):
        detail, mend = f"{detail}; nothing asks for it, its collector is off", ""
    return Finding(account=account.name, endpoint=endpoint, outcome=error.reason, detail=detail, mend=mend)


def _is_used(account: AccountSettings, endpoint: Endpoint) -> bool:
    collector = _ASKED_BY.get(endpoint)
    return collector is None or collector in account.collectors.enabled
