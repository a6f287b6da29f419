"""The exchange's workbook of a period, fetched for a command that asks and goes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.app.exchange import Exchange, address_of, key_name_of
from exporter.app.reaching import reach
from exporter.bingx.errors import AccountMismatch, BingxError, MalformedResponse
from exporter.bingx.fallback import OUT_OF_REACH
from exporter.bingx.limits import Caller
from exporter.bingx.paths import Endpoint
from exporter.bingx.workbook import WorkbookRow, read_workbook
from exporter.polling.once import call_once
from exporter.polling.period import PeriodReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self, TypeVar

    from exporter.bingx.client import Answer
    from exporter.bingx.limits import Permit
    from exporter.bingx.wire import Drift
    from exporter.clock import Clock
    from exporter.config import AccountSettings
    from exporter.ledger import Window

    _T = TypeVar("_T")

_ATTEMPTS: Final = 4
_PATIENCE: Final = 60.0


class Fetched(Struct, frozen=True, kw_only=True):
    """A period of the fund flow as the exchange exports it, oldest row first, under the heads of its workbook.

    `file` is the exchange's own workbook where one call showed the period and nothing else.
    """

    heads: tuple[str, ...]
    rows: tuple[WorkbookRow, ...]
    calls: int
    file: bytes | None


class _Unheard:
    """Hears of calls and says nothing: a command tells of its answer."""

    def called(self, endpoint: Endpoint, seconds: float, reason: str | None) -> None:
        """Let it pass."""

    def drifted(self, endpoint: Endpoint, drift: Drift) -> None:
        """Let it pass."""


class Workbooks:
    """Fetches workbooks within the exchange's limits; a context manager.

    Its methods raise `BingxError`, and `HeldUp` when the limits allow no call for a while.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._exchange = Exchange(clock=clock, observer=_Unheard())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exchange.close()

    def refuse_stranger(self, account: AccountSettings, *, user: str | None) -> None:
        """Raise `AccountMismatch` if the key belongs to another than `user`; `None` fits everybody."""
        if user is None:
            return
        client = self._exchange.client_of(account)
        answer = self._call(account, Endpoint.BALANCE, client.balance)
        if answer.value.user_id not in {None, user}:
            raise AccountMismatch

    def fetch(
        self,
        account: AccountSettings,
        period: Window,
        *,
        known_types: Iterable[str] = (),
        known_symbols: Iterable[str] = (),
    ) -> Fetched:
        """Fetch all of `period`, in as many calls as it takes.

        Raises `MalformedResponse` also if a second has more rows than the exchange shows, or columns change midway.
        """
        client = self._exchange.client_of(account)
        reading = PeriodReading(period, known_types=known_types, known_symbols=known_symbols)
        heads: set[tuple[str, ...]] = set()
        body, shown = b"", 0
        while not reading.done:
            ask = partial(client.income_export, query=reading.query())
            body = self._patiently(account, ask)
            book = read_workbook(body)
            heads |= {book.heads} - {()}
            shown = len(book.rows)
            reading.feed(book.rows)
        _refuse_doubtful(reading, heads)
        rows = tuple(row for row in reading.rows if isinstance(row, WorkbookRow))
        whole = reading.calls == 1 and shown == len(rows)
        return Fetched(heads=next(iter(heads), ()), rows=rows, calls=reading.calls, file=body if whole else None)

    def _patiently(self, account: AccountSettings, ask: Callable[[Permit], Answer[bytes]]) -> bytes:
        # One passing failure must not throw a hundred calls away; the limits hold the pauses between the attempts.
        for left in reversed(range(_ATTEMPTS)):
            try:
                return self._call(account, Endpoint.INCOME_EXPORT, ask).value
            except BingxError as error:
                if not error.retryable or not left:
                    raise
                if isinstance(error, OUT_OF_REACH):
                    self._reach(account)
        raise AssertionError  # the last attempt returns or raises

    def _reach(self, account: AccountSettings) -> None:
        reach(self._exchange.host_of(account), lambda measure: self._call(account, Endpoint.SERVER_TIME, measure))

    def _call(self, account: AccountSettings, endpoint: Endpoint, call: Callable[[Permit], _T]) -> _T:
        if endpoint.signed and self._exchange.host_of(account).offset_seconds() is None:
            self._reach(account)
        return call_once(
            call,
            caller=Caller(user=key_name_of(account), address=address_of(account), account=account.name),
            endpoint=endpoint,
            limits=self._exchange.limits,
            clock=self._clock,
            patience=_PATIENCE,
        )


def _refuse_doubtful(reading: PeriodReading, heads: set[tuple[str, ...]]) -> None:
    if reading.truncated:
        detail = f"there are more rows at {reading.truncated[0].start.isoformat()} than the exchange shows"
        raise MalformedResponse(detail, endpoint=Endpoint.INCOME_EXPORT)
    if len(heads) > 1:
        detail = "the columns differ from one workbook of the period to the next"
        raise MalformedResponse(detail, endpoint=Endpoint.INCOME_EXPORT)
