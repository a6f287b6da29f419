"""A metric is a record: its name, its words, and where in a row of data its value stands."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from decimal import Decimal

Data = TypeVar("Data")
Row = TypeVar("Row")
Number: TypeAlias = "Decimal | float | int"
Labelled: TypeAlias = "tuple[tuple[str, ...], Row]"


class Kind(StrEnum):
    """The types of metric that this exporter renders by itself."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


class Family(Struct, Generic[Row], frozen=True, kw_only=True):
    """One metric: `value` takes a row of its subject, and `None` from it means that there is no sample.

    `name` is the one of the text format: counters end in `_total`, info metrics in `_info`. `unit` repeats the
    suffix that OpenMetrics is told as the unit. `created` gives a counter its moment of birth in OpenMetrics.
    """

    name: str
    help: str
    value: Callable[[Row], Number | None]
    kind: Kind = Kind.GAUGE
    unit: str = ""
    created: Callable[[Row], datetime] | None = None


class Subject(Struct, Generic[Data, Row], frozen=True, kw_only=True):
    """Families that share their rows and labels.

    `rows` cuts a snapshot into pairs of label values and row. `labels` names the values; `common` names the labels
    that stand before them on every series. `free_labels` says that each row brings label names of its own.

    Where not all rows of an account may stand on its page, those with the lowest `rank` do, by default the first ones;
    with `keeps`, those that stood there before come first of all.
    """

    name: str
    rows: Callable[[Data], Iterable[Labelled[Row]]]
    families: tuple[Family[Row], ...]
    labels: tuple[str, ...] = ()
    common: tuple[str, ...] = ("account",)
    free_labels: Callable[[Row], Iterable[tuple[str, str]]] | None = None
    source: str = field(default="")
    rank: Callable[[Row], Any] | None = None
    keeps: bool = False
