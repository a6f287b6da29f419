"""Which accounts of a configuration belong to one process, where several of them share it; pure.

Rendezvous hashing: every shard draws a weight for the name of the account, and the highest has it. Nothing is stored
and nobody is asked, so all shards agree if they have the same names and the same total. From n to n + 1 shards only the
accounts of the new one move, about one in n + 1. The weights are fixed for ever: another hash would move every account.

A shard that counts with fewer shards than there are owns what it would own, and more. So as long as every number below
the highest total is there, every account is shown by somebody, whatever totals the others go by.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from exporter.config.settings import AccountSettings, Config


class Shard(Struct, frozen=True, kw_only=True):
    """Shard `number` of `total`, counted from 0, by default the only one; raises `ValueError` if there is no such."""

    number: int = 0
    total: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.total:
            message = f"there is no shard {self.number} of {self.total}: they are counted from 0"
            raise ValueError(message)

    def __str__(self) -> str:
        return f"{self.number} of {self.total}"

    @property
    def is_all(self) -> bool:
        """Whether there is no other one."""
        return self.total == 1

    def owns(self, account: str) -> bool:
        """Tell whether the account of that name belongs here."""
        mine = weight(self.number, account)
        return all(weight(other, account) < mine for other in range(self.total) if other != self.number)

    def part_of(self, config: Config) -> Config:
        """Return the configuration with the accounts of this shard alone."""
        return replace(config, accounts=tuple(one for one in config.accounts if self.owns(one.name)))


def weight(shard: int, account: str) -> bytes:
    """Return what a shard draws for an account: the SHA-256 of its number, a slash and the name in UTF-8."""
    return sha256(f"{shard}/{account}".encode()).digest()


def joined(whole: Config, accounts: tuple[AccountSettings, ...]) -> Config:
    """Return the whole configuration with these `accounts` as they are given, the others as they stand in it."""
    given = {account.name: account for account in accounts}
    known = tuple(given.pop(account.name, account) for account in whole.accounts)
    return replace(whole, accounts=(*known, *given.values()))
