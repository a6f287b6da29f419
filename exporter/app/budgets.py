"""How much of an address's budget the configuration asks for, and what follows from it, in numbers and words; pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.polling.pace import Key, Load

_A_WHOLE = 1 + 1e-9


class EndpointBudget(Struct, frozen=True, kw_only=True):
    """What one endpoint is asked for, in calls a second; intervals are the shortest of all accounts, in seconds."""

    endpoint: str
    asked: float
    allowed: float
    configured_interval: float
    effective_interval: float


class AddressBudget(Struct, frozen=True, kw_only=True):
    """What one egress address is asked for: `share` is that of its fullest endpoint, 1 is all that is allowed.

    `accounts_that_fit` is how many accounts like these could poll as often as configured.
    """

    address: str
    accounts: int
    share: float
    accounts_that_fit: int
    addresses_needed: int
    endpoints: tuple[EndpointBudget, ...]

    @property
    def fits(self) -> bool:
        """Whether everybody polls as often as configured, as far as the address is concerned."""
        return self.share <= _A_WHOLE


def budgets(loads: Iterable[Load]) -> tuple[AddressBudget, ...]:
    """Return the budget of every address."""
    by_address: dict[str, list[Load]] = {}
    for load in loads:
        by_address.setdefault(load.address, []).append(load)
    return tuple(_budget(address, its) for address, its in by_address.items())


def crowds(crowded: Mapping[Key, float]) -> tuple[str, ...]:
    """Return which accounts are held back because their user has too many keys, or too short intervals."""
    return tuple(sorted({account for account, _ in crowded}))


def in_words(budget: AddressBudget) -> dict[str, object]:
    """Return the facts for a line of the log."""
    full = [one for one in budget.endpoints if one.asked > one.allowed * _A_WHOLE]
    return {
        "address": budget.address,
        "accounts": budget.accounts,
        "needed": ", ".join(f"{one.endpoint} {one.asked:.1f}/s" for one in full),
        "allowed": f"{full[0].allowed:.1f}/s each" if full else "",
        "intervals": ", ".join(_intervals(one) for one in full),
        "accounts_that_fit": budget.accounts_that_fit,
        "addresses_needed": budget.addresses_needed,
    }


def sentence(budget: AddressBudget) -> str:
    """Return what there is to say of an address, for a person."""
    head = f"address {budget.address}: {_accounts(budget.accounts)} ask for {budget.share:.0%} of what is allowed"
    if budget.fits:
        return f"{head}; {budget.accounts_that_fit} like these would fit."
    facts = in_words(budget)
    return (
        f"{head} ({facts['needed']}; {facts['allowed']}), so polls are spaced out: {facts['intervals']}. "
        f"As configured {_accounts(budget.accounts_that_fit)} would fit, or use {budget.addresses_needed} addresses "
        "(`source_address`, `proxy`)."
    )


def _budget(address: str, loads: list[Load]) -> AddressBudget:
    accounts = max(load.callers for load in loads)
    share = max(load.asked / load.allowed for load in loads)
    return AddressBudget(
        address=address,
        accounts=accounts,
        share=share,
        accounts_that_fit=math.floor(accounts / share * _A_WHOLE),
        addresses_needed=math.ceil(share / _A_WHOLE),
        endpoints=tuple(
            EndpointBudget(
                endpoint=load.endpoint,
                asked=load.asked,
                allowed=load.allowed,
                configured_interval=load.wanted,
                effective_interval=load.interval,
            )
            for load in loads
        ),
    )


def _intervals(one: EndpointBudget) -> str:
    return f"{one.endpoint} {one.configured_interval:g}s -> {one.effective_interval:.1f}s"


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count} accounts"
