"""The nouns of a dashboard: a board has sections, a section has panels, a panel has queries.

Owns what a panel is said to be. Must not know Grafana's library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from deploy.grafana.dashboards.limits import NONE, Steps

Alerts = tuple[str, ...]


class Unit(StrEnum):
    """How a number is written; the values are Grafana's names."""

    MONEY = "locale"
    EXACT = "string"
    PLAIN = "none"
    SHARE = "percentunit"
    SECONDS = "s"
    MOMENT = "dateTimeFromNow"
    DAY = "dateTimeAsIso"
    BYTES = "bytes"
    PER_SECOND = "cps"


DECIMALS: Final = {Unit.MONEY: 2, Unit.SHARE: 1}
"""Places after the point, where Grafana's own choice changes from number to number."""


class Style(StrEnum):
    """How a graph is drawn."""

    LINES = "lines"
    STACK = "stack"
    BARS = "bars"
    DAYS = "days"
    """Bars of a UTC day each, the bar to the right of its midnight."""


@dataclass(frozen=True, slots=True)
class Query:
    """An expression; `legend` names its series by their labels, as Grafana's templates do."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What all panels have; `description` says what is shown, its unit, and when there is nothing to show.

    `alerts` are those whose sections of the runbook it links to. `width` is in 24ths, `height` in Grafana's rows.
    `empty` stands where nothing is, `decimals` are places after the point where those of the unit do not do.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: Unit
    width: int
    height: int = 8
    steps: Steps = NONE
    alerts: Alerts = ()
    empty: str = "no data"
    decimals: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Panel):
    """One number each series, as of now; `words` replace numbers by text, `name_only` shows the legend instead."""

    height: int = 4
    words: tuple[tuple[int, str], ...] = ()
    name_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph(Panel):
    """Series over time; limits are drawn as lines. `dashed` are series, by a part of their legend, and their colour.

    `repeat` names a variable: one such panel for each of its values.
    """

    style: Style = Style.LINES
    dashed: tuple[tuple[str, str], ...] = ()
    repeat: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: what `expr` says for each row, or a label that all expressions share."""

    name: str
    expr: str = ""
    label: str = ""
    unit: Unit = Unit.PLAIN
    steps: Steps | None = None
    words: tuple[tuple[int, str], ...] = ()
    board: str = ""
    """The dashboard that a click on the label leads to, as the variable of the label's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Panel):
    """Rows that are joined by the labels which their columns' expressions share."""

    queries: tuple[Query, ...] = ()
    unit: Unit = Unit.PLAIN
    columns: tuple[Column, ...] = ()
    sort_by: str = ""
    rising: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A titled row of panels; each line of them is 24 wide."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard; `shown` are the variables that can be chosen, the others are only carried along."""

    uid: str
    title: str
    description: str
    sections: tuple[Section, ...]
    shown: tuple[str, ...] = ("datasource", "account", "asset", "symbol")
    span: str = "now-6h"
    refresh: str = "30s"
    timezone: str = "browser"
    tags: tuple[str, ...] = field(default=("bingx",))
