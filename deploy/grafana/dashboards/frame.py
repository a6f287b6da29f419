"""What all dashboards share: variables, links, annotations, and the way panels become one document.

Owns the JSON. Must not know what is on a dashboard.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from deploy.grafana.dashboards import rendering, sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.grafana.dashboards.panels import Board

RUNBOOK: Final = "docs/runbook.md"
"""Where the runbook is, unless the writer is told otherwise: a path in this tree, as in the alert rules."""

_SYMBOLS: Final = '{__name__=~"bingx_position_amount|bingx_income_entries_total", account=~"$account", asset="$asset"}'
_PROCESS: Final = "and on (job, instance) bingx_exporter_build_info"
_ANNOTATIONS: Final = (
    ("Restarts", "blue", f"1000 * max by (instance) (process_start_time_seconds {_PROCESS})", "exporter started"),
    (
        "Configuration",
        "purple",
        "1000 * max by (instance) (bingx_exporter_config_last_reload_success_timestamp_seconds)",
        "configuration loaded",
    ),
)


def document(board: Board, runbook: str = RUNBOOK) -> str:
    """Return the JSON of a dashboard, ending in a line break; its links to the runbook begin with `runbook`."""
    building = (
        sdk.dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(list(board.tags))
        .timezone(board.timezone)
        .time(board.span, "now")
        .refresh(board.refresh)
        .tooltip(sdk.model.DashboardCursorSync.CROSSHAIR)
        .editable()
        .links([_OtherBoards("BingX dashboards")])
    )
    for variable in _variables(board, runbook):
        building.with_variable(variable)
    for name, color, expr, text in _ANNOTATIONS:
        building.annotation(_annotation(name, color, expr, text))
    _with_panels(building, board)
    plain = json.loads(json.dumps(building.build(), cls=sdk.JSONEncoder))
    return json.dumps(_visible(plain), indent=2, ensure_ascii=False) + "\n"


class _Built(sdk.Builder[sdk.model.Panel]):
    """A panel that is ready, for a library that asks for one to be built."""

    def __init__(self, panel: sdk.model.Panel) -> None:
        self._panel = panel

    def build(self) -> sdk.model.Panel:
        return self._panel


class _Variable(sdk.Builder[sdk.model.VariableModel]):
    """A variable that is ready, as above."""

    def __init__(self, variable: sdk.model.VariableModel) -> None:
        self._variable = variable

    def build(self) -> sdk.model.VariableModel:
        return self._variable


class _OtherBoards(sdk.dashboard.DashboardLink):
    """Links to all dashboards with our tag, which take the variables and the time along."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.type(sdk.model.DashboardLinkType.DASHBOARDS).tags(["bingx"])
        self.include_vars(include_vars=True).keep_time(keep_time=True)


def _with_panels(building: sdk.dashboard.Dashboard, board: Board) -> None:
    number = 0
    for section in board.sections:
        number += 1
        building.with_row(sdk.dashboard.Row(section.title).id(number))
        for panel in section.panels:
            number += 1
            building.with_panel(_Built(rendering.panel(number, panel)))


def _variables(board: Board, runbook: str) -> Iterator[_Variable]:
    def hide(name: str) -> sdk.model.VariableHide:
        shown = name in board.shown
        return sdk.model.VariableHide.DONT_HIDE if shown else sdk.model.VariableHide.HIDE_VARIABLE

    yield _Variable(
        sdk.model.VariableModel(
            type_val=sdk.model.VariableType.DATASOURCE,
            name="datasource",
            label="Data source",
            description="The Prometheus that scrapes the exporter.",
            query="prometheus",
            current=sdk.model.VariableOption(),
            hide=hide("datasource"),
            regex="",
        )
    )
    account = "label_values(bingx_account_info, account)"
    asset = 'label_values(bingx_account_balance{account=~"$account"}, asset)'
    symbol = f"label_values({_SYMBOLS}, symbol)"
    yield _labels("account", "Account", account, hide=hide("account"))
    yield _labels("asset", "Asset", asset, hide=hide("asset"), only="USDT")
    yield _labels("symbol", "Symbol", symbol, hide=hide("symbol"))
    yield _Variable(
        sdk.model.VariableModel(
            type_val=sdk.model.VariableType.CONSTANT,
            name="runbook",
            description="Where the links of the panels find the runbook.",
            query=runbook,
            current=sdk.model.VariableOption(text=runbook, value=runbook, selected=False),
            hide=sdk.model.VariableHide.HIDE_VARIABLE,
            skip_url_sync=True,
        )
    )


def _labels(name: str, label: str, query: str, *, hide: sdk.model.VariableHide, only: str = "") -> _Variable:
    """Return a variable of a label's values: one that may be several and all, or `only` one, as the assets are."""
    everything = sdk.model.VariableOption(text=["All"], value=["$__all"], selected=True)
    return _Variable(
        sdk.model.VariableModel(
            type_val=sdk.model.VariableType.QUERY,
            name=name,
            label=label,
            query={"query": query, "refId": f"values-of-{name}"},
            definition=query,
            datasource=rendering.datasource(),
            refresh=sdk.model.VariableRefresh.ON_TIME_RANGE_CHANGED,
            sort=sdk.model.VariableSort.ALPHABETICAL_ASC,
            hide=hide,
            multi=not only,
            include_all=not only,
            all_value=None if only else ".*",
            current=sdk.model.VariableOption(text=only, value=only, selected=True) if only else everything,
        )
    )


def _annotation(name: str, color: str, expr: str, text: str) -> sdk.dashboard.AnnotationQuery:
    return (
        sdk.dashboard.AnnotationQuery()
        .name(name)
        .datasource(rendering.datasource())
        .enable(enable=True)
        .icon_color(color)
        .expr(expr)
        .use_value_for_time(use_value_for_time=True)
        .title_format(text)
        .text_format("{{instance}}")
        .step("60s")
    )


def _visible(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Take out the library's fixed wish to tuck links and annotations away in a menu."""
    if isinstance(node, list):
        return [_visible(part) for part in node]
    if isinstance(node, dict):
        return {name: _visible(part) for name, part in node.items() if (name, part) != ("placement", "inControlsMenu")}
    return node
