"""What may the key do? Asked when the account is known, then every hour; no part of the account's health."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from exporter.bingx.errors import BingxError, ConnectionFailed
from exporter.bingx.paths import Endpoint
from exporter.logs import get_logger
from exporter.polling.desk import PRIORITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.bingx.limits import Caller, Permit
    from exporter.model import KeyPermissions
    from exporter.polling.desk import Desk

INTERVAL: Final = 3600.0
STALE_AFTER: Final = 3 * INTERVAL
"""After this many seconds nobody knows any more what the key may do."""
_RETRY: Final = 300.0


class PermissionQuery:
    """Shows what a key may do, and warns once of each power that an exporter's key should not have."""

    endpoint: Final = Endpoint.PERMISSIONS
    priority: Final = max(PRIORITY.values()) + 1

    def __init__(self, *, desk: Desk, show: Callable[[str, KeyPermissions, float], None]) -> None:
        """Tell `show` the account, what its key may do, and until when (elapsed seconds) that holds."""
        self._desk = desk
        self._show = show
        self._warned: frozenset[str] = frozenset()

    @property
    def caller(self) -> Caller:
        """Whose budget a call takes from."""
        return self._desk.caller

    def prepare(self, now: float) -> float | None:
        """Wait for the clock of the host, and for the account's identity, whose budget the call takes from."""
        later = self._desk.host.not_before(now)
        if later is None and self._desk.user is None:
            return inf
        return later

    def crashed(self) -> None:
        """Begin anew with the next call; no collector is told, for none depends on it."""

    def step(self, permit: Permit) -> float:
        """Ask once; a failure leaves what was shown to run out by itself."""
        try:
            answer = self._desk.client.permissions(permit)
        except BingxError as error:
            return self._desk.clock.elapsed() + self._pause(error)
        self._show(self._desk.account, answer.value, answer.sent_at + STALE_AFTER)
        self._warn(answer.value)
        return self._desk.clock.elapsed() + INTERVAL

    def _pause(self, error: BingxError) -> float:
        if isinstance(error, ConnectionFailed) and error.stale:
            return 0.0
        get_logger(__name__).debug(
            "What the key may do is not known", account=self._desk.account, reason=error.reason, err=str(error)
        )
        return _RETRY if error.retryable else INTERVAL

    def _warn(self, permissions: KeyPermissions) -> None:
        odd = {
            "The key may withdraw funds, which no exporter needs: make a key without this right": permissions.withdraw,
            "The key works from any address: bind it to the one it is used from": permissions.ip_restricted is False,
        }
        for message in (message for message, applies in odd.items() if applies and message not in self._warned):
            get_logger(__name__).warning(message, account=self._desk.account)
            self._warned |= {message}
