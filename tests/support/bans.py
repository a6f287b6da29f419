"""Until when the exchange wants no call of one caller and endpoint: the slow way, to compare others with."""

from __future__ import annotations

from exporter.bingx.holds import Holds
from exporter.bingx.limits import Caller, Limits
from exporter.bingx.paths import Endpoint


def banned_until(limits: Limits, caller: Caller, endpoint: Endpoint, now: float) -> float | None:
    """Return the time that the exchange named, or the end of the pause where it named none; `None` if neither holds."""
    return _banned(limits._holds, limits._known(caller), endpoint, now)


def _banned(holds: Holds, caller: Caller, endpoint: Endpoint, now: float) -> float | None:
    bans = [holds._bans[key] for key in holds._keys(caller, endpoint, holds._bans)]
    pauses = [key for key in holds._keys(caller, endpoint, holds._pauses) if key[0] in {"user", "address"}]
    ends = [*bans, *(holds._pauses[key].until for key in pauses)]
    return max((until for until in ends if until > now), default=None)
