"""What was asked of the exchange: counts for each account and endpoint, and the last calls one by one.

Owns the record of calls. It holds neither a key nor a secret nor a signature.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT: Final = 5_000
_NOBODY: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: `code` is 0 for an answer and `None` if a fault took its place; `account` is "" for a stranger."""

    arrived_ms: int
    account: str | None
    endpoint: str | None
    method: str
    path: str
    address: str
    parameters: Mapping[str, str]
    code: int | None
    fault: str | None

    def describe(self) -> dict[str, object]:
        """Return the call for the control page."""
        return {
            "arrived_milliseconds": self.arrived_ms,
            "account": self.account,
            "endpoint": self.endpoint,
            "method": self.method,
            "path": self.path,
            "address": self.address,
            "parameters": dict(self.parameters),
            "code": self.code,
            "fault": self.fault,
        }


class Journal:
    """The record since the start or the last reset."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._last: deque[Call] = deque(maxlen=_KEPT)

    def note(self, call: Call) -> None:
        """Write a call down."""
        self._last.append(call)
        outcome = f"fault {call.fault}" if call.fault else str(call.code)
        self._counts[call.account or _NOBODY, call.endpoint or call.path].update([outcome])

    def describe(self, *, last: int) -> dict[str, object]:
        """Return the counts by account, endpoint and outcome, and the `last` calls, oldest first."""
        calls: dict[str, dict[str, dict[str, int]]] = {}
        for (account, endpoint), outcomes in self._counts.items():
            calls.setdefault(account, {})[endpoint] = dict(outcomes)
        shown = list(self._last)[-last:] if last else []
        return {
            "total": sum(outcomes.total() for outcomes in self._counts.values()),
            "outcomes": calls,
            "refusals": self._refusals(),
            "last": [call.describe() for call in shown],
        }

    def _refusals(self) -> dict[str, int]:
        refusals: Counter[str] = Counter()
        for outcomes in self._counts.values():
            refusals.update({code: count for code, count in outcomes.items() if code.isdigit() and code != "0"})
        return dict(refusals)
