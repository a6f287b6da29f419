"""From the flags of a period to the part of it that can be asked for, and the accounts that it is asked of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from exporter.cli.income.books import UnknownAccount
from exporter.cli.income.flags import resolve
from exporter.model import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

    from exporter.config import AccountSettings, Config

_BY_DEFAULT: Final = timedelta(days=7)


class EmptyPeriod(Exception):  # noqa: N818 - a word of the command line that means nothing
    """The period has no part that can be asked for; the message says why."""


def period_of(flags: Namespace, *, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end (exclusive) in whole milliseconds, the end at `now` at the latest.

    Raises `EmptyPeriod` if it does not begin before it ends.
    """
    start = resolve(flags.start or _BY_DEFAULT, now=now)
    end = min(now, resolve(flags.end or timedelta(0), now=now))
    if start >= end:
        message = f"the period is empty: it begins {start.isoformat()} and ends {end.isoformat()}"
        raise EmptyPeriod(message)
    return from_milliseconds(to_milliseconds(start)), from_milliseconds(to_milliseconds(end))


def accounts_of(config: Config, name: str | None) -> tuple[AccountSettings, ...]:
    """Return the accounts of the configuration, or the one of that name; raises `UnknownAccount`."""
    if name is None:
        return config.accounts
    found = tuple(account for account in config.accounts if account.name == name)
    if not found:
        raise UnknownAccount(name, tuple(account.name for account in config.accounts))
    return found
