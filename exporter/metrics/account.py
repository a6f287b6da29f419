"""Account families: the funds of each asset, who the account is, and what its key may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.metrics.family import Family, Kind, Labelled, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.model import Account, Balance, Balances, KeyPermissions


def _assets(balances: Balances) -> Iterable[Labelled[Balance]]:
    return (((row.asset,), row) for row in balances.assets)


BALANCE: Final[Subject[Balances, Balance]] = Subject(
    name="balance",
    source="the balance call",
    labels=("asset",),
    rows=_assets,
    families=(
        Family(
            name="bingx_account_balance",
            help="Wallet balance in units of the asset, without unrealised PnL (`balance` of the swap balance call).",
            value=lambda row: row.balance,
        ),
        Family(
            name="bingx_account_equity",
            help="Net value in units of the asset: balance plus unrealised PnL (`equity` of the swap balance call).",
            value=lambda row: row.equity,
        ),
        Family(
            name="bingx_account_unrealized_pnl",
            help="Unrealised PnL of all open positions in units of the asset, a loss is negative "
            "(`unrealizedProfit` of the swap balance call).",
            value=lambda row: row.unrealized_pnl,
        ),
        Family(
            name="bingx_account_realized_pnl",
            help="Realised PnL as the swap balance call states it, in units of the asset; the exchange does not say "
            "over which period, use the income counters to account (`realizedProfit`).",
            value=lambda row: row.realized_pnl,
        ),
        Family(
            name="bingx_account_available_margin",
            help="Margin free for new positions in units of the asset (`availableMargin` of the swap balance call).",
            value=lambda row: row.available_margin,
        ),
        Family(
            name="bingx_account_used_margin",
            help="Margin held by open positions in units of the asset (`usedMargin` of the swap balance call).",
            value=lambda row: row.used_margin,
        ),
        Family(
            name="bingx_account_frozen_margin",
            help="Margin held by open orders in units of the asset (`frozenMargin` of the swap balance call).",
            value=lambda row: row.frozen_margin,
        ),
    ),
)


def _environment(account: Account) -> Iterable[Labelled[Account]]:
    return (((account.environment,), account),)


INFO: Final[Subject[Account, Account]] = Subject(
    name="account_info",
    source="the configuration",
    labels=("environment",),
    rows=_environment,
    free_labels=lambda account: account.labels.items(),
    families=(
        Family(
            name="bingx_account_info",
            help="A configured account, always 1: its environment and the labels that the operator gave it.",
            kind=Kind.INFO,
            value=lambda _: 1,
        ),
    ),
)


def _key(permissions: KeyPermissions) -> Iterable[Labelled[KeyPermissions]]:
    return (((), permissions),)


KEY: Final[Subject[KeyPermissions, KeyPermissions]] = Subject(
    name="key_permissions",
    source="the apiPermissions call",
    rows=_key,
    families=(
        Family(
            name="bingx_account_key_can_trade",
            help="Whether the key of the account may trade perpetual futures (1 = yes, 0 = no); absent when the "
            "exchange has not said for three hours.",
            value=lambda permissions: int(permissions.trade),
        ),
        Family(
            name="bingx_account_key_can_withdraw",
            help="Whether the key of the account may withdraw funds (1 = yes, 0 = no); absent when the "
            "exchange has not said for three hours.",
            value=lambda permissions: int(permissions.withdraw),
        ),
    ),
)
