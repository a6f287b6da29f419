"""The simulated exchange as the soak has it: told what to do, asked for the truth, made to stand still.

Owns the control calls on the wire. Must not choose them.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from bench.processes import Exchange, exchange
from bench.soak.peers import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bench.soak.troubles import Call
    from exporter.clock import Clock

_HISTORY_DAYS: Final = 20


class World:
    """The exchange that runs in another process."""

    def __init__(self, running: Exchange, clock: Clock) -> None:
        self.exchange = running
        self.accounts = tuple(account["name"] for account in running.accounts)
        self._clock = clock

    def tell(self, call: Call) -> Any:  # noqa: ANN401 - JSON
        """Make a control call, and return its answer."""
        return self.exchange.tell(call.name, **call.body)

    def truth(self) -> Any:  # noqa: ANN401 - JSON
        """Return what is true on the exchange."""
        return self._ask("world")

    def now_milliseconds(self) -> int:
        """Return what the exchange's clock says."""
        now: int = self._ask("")["now_milliseconds"]
        return now

    def caught_up(self) -> bool:
        """Tell whether the exchange's clock, put back, is again where the world already is."""
        state = self._ask("")
        return bool(state["now_milliseconds"] >= 1000 * state["second"])

    @contextmanager
    def standstill(self) -> Iterator[datetime]:
        """Let prices, trading and income stand still, and hand over since when, on the calendar of this machine."""
        self.exchange.tell("freeze")
        try:
            yield self._clock.now()
        finally:
            self.exchange.tell("thaw")

    def _ask(self, page: str) -> Any:  # noqa: ANN401 - JSON
        status, _, body = fetch(f"{self.exchange.url}/_sim/{page}", {})
        if status != 200:
            message = f"the simulated exchange does not say {page!r}: {body!r}"
            raise RuntimeError(message)
        return json.loads(body)


@contextmanager
def simulated(*, accounts: int, seed: int, clock: Clock) -> Iterator[World]:
    """Run a simulated exchange whose every account may be read whole."""
    with exchange(accounts=accounts, seed=seed, history_days=_HISTORY_DAYS, lateness=[5, 40]) as running:
        yield World(running, clock)
