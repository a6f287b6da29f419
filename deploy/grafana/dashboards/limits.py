"""The limits that colours and lines stand at: those of deploy/prometheus/rules/, which a test compares.

Owns the numbers and what is good and bad about them. Limits that an operator has moved in a rule file of their own are
not known here; alerts go by those, colours by these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GOOD: Final = "green"
NOTICE: Final = "yellow"
WARN: Final = "orange"
BAD: Final = "red"

LIQUIDATION_DISTANCE_PAGE: Final = 0.1
LIQUIDATION_DISTANCE_WARNING: Final = 0.2
RISK_RATIO_INFO: Final = 0.5
RISK_RATIO_WARNING: Final = 0.7
RISK_RATIO_PAGE: Final = 0.85
MARGIN_USED_WARNING: Final = 0.8
UNREALIZED_LOSS_WARNING: Final = 0.1
UNREALIZED_LOSS_PAGE: Final = 0.25
CONCENTRATION_WARNING: Final = 3.0

STALE_AFTER_INTERVALS: Final = 3
OVERDUE_SECONDS: Final = 60.0
BAN_SECONDS: Final = 60.0
CLOCK_OFFSET_SECONDS: Final = 5.0
INCOME_BEHIND_SECONDS: Final = 1800.0
SCHEDULER_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Steps:
    """Colours by value: `first` from the lowest on, then each colour from its value on, rising."""

    first: str
    then: tuple[tuple[float, str], ...] = ()


DISTANCE: Final = Steps(BAD, ((LIQUIDATION_DISTANCE_PAGE, WARN), (LIQUIDATION_DISTANCE_WARNING, GOOD)))
RISK: Final = Steps(GOOD, ((RISK_RATIO_INFO, NOTICE), (RISK_RATIO_WARNING, WARN), (RISK_RATIO_PAGE, BAD)))
MARGIN_USED: Final = Steps(GOOD, ((MARGIN_USED_WARNING, WARN),))
LOSS: Final = Steps(GOOD, ((UNREALIZED_LOSS_WARNING, WARN), (UNREALIZED_LOSS_PAGE, BAD)))
LEVERAGE: Final = Steps(GOOD, ((CONCENTRATION_WARNING, WARN),))
OVERDUE: Final = Steps(GOOD, ((0.001, WARN), (OVERDUE_SECONDS, BAD)))
BAN: Final = Steps(GOOD, ((BAN_SECONDS, WARN),))
CLOCK: Final = Steps(WARN, ((-CLOCK_OFFSET_SECONDS, GOOD), (CLOCK_OFFSET_SECONDS, WARN)))
INCOME_BEHIND: Final = Steps(GOOD, ((INCOME_BEHIND_SECONDS, WARN),))
SCHEDULER: Final = Steps(GOOD, ((SCHEDULER_SECONDS, WARN),))
SIGN: Final = Steps(BAD, ((0.0, GOOD),))
SHOULD_BE_ONE: Final = Steps(BAD, ((1.0, GOOD),))
SHOULD_BE_ZERO: Final = Steps(GOOD, ((1.0, WARN),))
NONE: Final = Steps("text")
