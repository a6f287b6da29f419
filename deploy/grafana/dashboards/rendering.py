"""From our nouns to Grafana's panels, by Grafana's own library.

Owns how each kind of panel looks. Colours are names from Grafana's palette, which has a shade of each for both themes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.grafana.dashboards import sdk
from deploy.grafana.dashboards.limits import NONE, Steps
from deploy.grafana.dashboards.panels import DECIMALS, Column, Graph, Panel, Query, Stat, Style, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.grafana.dashboards.panels import Alerts

_Property = sdk.model.DynamicConfigValue
DATASOURCE: Final = "${datasource}"
_DAY: Final = "1d"
_CARRIED: Final = ("datasource", "account", "asset")


def datasource() -> sdk.common.DataSourceRef:
    """Return the data source that is chosen on the dashboard."""
    return sdk.common.DataSourceRef(type_val="prometheus", uid=DATASOURCE)


def panel(number: int, what: Panel) -> sdk.model.Panel:
    """Return a panel as Grafana knows it, with `number` as its id."""
    match what:
        case Stat():
            drawn = _stat(what)
        case Graph():
            drawn = _graph(what)
        case Table():
            drawn = _table(what)
        case _:
            message = f"no way to draw a {type(what).__name__}"
            raise TypeError(message)
    drawn.id_val, drawn.title, drawn.description = number, what.title, what.description
    drawn.datasource = datasource()
    drawn.grid_pos = sdk.model.GridPos(w=what.width, h=what.height)
    drawn.links = runbook_links(what.alerts)
    return drawn


def runbook_links(alerts: Alerts) -> list[sdk.model.DashboardLink] | None:
    """Return the links to the sections of the runbook, or nothing."""
    return [
        sdk.model.DashboardLink(
            title=f"Runbook: {alert}", url=f"${{runbook}}#{alert.lower()}", type_val=sdk.model.DashboardLinkType.LINK
        )
        for alert in alerts
    ] or None


def _stat(what: Stat) -> sdk.model.Panel:
    text = sdk.common.BigValueTextMode.NAME if what.name_only else sdk.common.BigValueTextMode.AUTO
    drawn = (
        sdk.stat.Panel()
        .graph_mode(sdk.common.BigValueGraphMode.NONE)
        .color_mode(sdk.common.BigValueColorMode.VALUE)
        .text_mode(text)
        .reduce_options(sdk.common_parts.ReduceDataOptions().calcs(["lastNotNull"]))
        .build()
    )
    drawn.targets = _targets(what.queries, instant=True)
    drawn.field_config = sdk.model.FieldConfigSource(defaults=_defaults(what), overrides=[])
    drawn.field_config.defaults.mappings = _mappings(what.words, what.steps)
    return drawn


def _graph(what: Graph) -> sdk.model.Panel:
    building = (
        sdk.timeseries.Panel()
        .line_width(1)
        .show_points(sdk.common.VisibilityMode.NEVER)
        .legend(_legend())
        .tooltip(
            sdk.common_parts.VizTooltipOptions()
            .mode(sdk.common.TooltipDisplayMode.MULTI)
            .sort(sdk.common.SortOrder.DESCENDING)
        )
    )
    _in_style(building, what.style)
    if what.steps.then:
        mode = sdk.common.GraphThresholdsStyleMode.DASHED
        building.thresholds_style(sdk.common_parts.GraphThresholdsStyleConfig().mode(mode))
    if what.style is Style.DAYS:
        building.interval(_DAY)
    if what.repeat:
        building.repeat(what.repeat).repeat_direction("h").max_per_row(2)
    drawn = building.build()
    custom = drawn.field_config.defaults.custom if drawn.field_config else None
    drawn.targets = _targets(what.queries, instant=False)
    overrides = [_override("byRegexp", f"/{part}/", _dashes(color)) for part, color in what.dashed]
    drawn.field_config = sdk.model.FieldConfigSource(defaults=_defaults(what), overrides=overrides)
    drawn.field_config.defaults.custom = custom
    drawn.field_config.defaults.color = sdk.model.FieldColor(mode=sdk.model.FieldColorModeId.PALETTE_CLASSIC)
    return drawn


def _in_style(building: sdk.timeseries.Panel, style: Style) -> None:
    stacked = sdk.common_parts.StackingConfig().mode(sdk.common.StackingMode.NORMAL).group("A")
    if style is not Style.LINES:
        building.stacking(stacked)
    if style is Style.LINES:
        building.fill_opacity(0)
    elif style is Style.STACK:
        building.fill_opacity(30)
    else:
        building.draw_style(sdk.common.GraphDrawStyle.BARS).fill_opacity(70)
    if style is Style.DAYS:
        building.bar_alignment(sdk.common.BarAlignment.AFTER)


def _table(what: Table) -> sdk.model.Panel:
    building = (
        sdk.table.Panel()
        .show_header(show_header=True)
        .cell_height(sdk.common.TableCellHeight.SM)
        .filterable(filterable=True)
    )
    if what.sort_by:
        state = sdk.common_parts.TableSortByFieldState().display_name(what.sort_by).desc(not what.rising)
        building.sort_by([state])
    drawn = building.build()
    custom = drawn.field_config.defaults.custom if drawn.field_config else None
    asked = [column for column in what.columns if column.expr]
    drawn.targets = _targets([Query(column.expr) for column in asked], instant=True, table=True)
    drawn.transformations = _joined(what.columns, asked)
    overrides = [_override("byName", column.name, _look(column)) for column in what.columns]
    drawn.field_config = sdk.model.FieldConfigSource(defaults=_defaults(what), overrides=overrides)
    drawn.field_config.defaults.custom = custom
    return drawn


def _joined(columns: Sequence[Column], asked: Sequence[Column]) -> list[sdk.model.DataTransformerConfig]:
    """Return how tables with the same labels become one, in our order and with our names, without time and asset."""
    fields = {column.name: column.label for column in columns if column.label}
    fields |= {column.name: f"Value #{_ref(number)}" for number, column in enumerate(asked)}
    order = [fields[column.name] for column in columns]
    options = {
        "excludeByName": {"Time": True, "asset": True},
        "includeByName": {},
        "indexByName": {name: place for place, name in enumerate(order)},
        "renameByName": {field: name for name, field in fields.items()},
    }
    return [
        sdk.model.DataTransformerConfig(id_val="merge", options={}),
        sdk.model.DataTransformerConfig(id_val="organize", options=options),
    ]


def _look(column: Column) -> list[_Property]:
    look = [_Property(id_val="unit", value=column.unit.value)] if column.expr else []
    if column.expr and column.unit in DECIMALS:
        look.append(_Property(id_val="decimals", value=DECIMALS[column.unit]))
    if column.steps:
        look.append(_Property(id_val="thresholds", value=_thresholds(column.steps)))
        look.append(_Property(id_val="custom.cellOptions", value={"type": "color-text"}))
    if column.words:
        look.append(_Property(id_val="mappings", value=_mappings(column.words, column.steps or NONE)))
    if column.board:
        carried = "&".join(f"${{{name}:queryparam}}" for name in _CARRIED if name != column.label)
        url = f"/d/{column.board}?var-{column.label}=${{__value.text}}&{carried}&${{__url_time_range}}"
        look.append(_Property(id_val="links", value=[{"title": "${__value.text}", "url": url}]))
    return look


def _targets(queries: Sequence[Query], *, instant: bool, table: bool = False) -> list[sdk.Dataquery]:
    found: list[sdk.Dataquery] = []
    for number, query in enumerate(queries):
        target = sdk.prometheus.Dataquery().expr(query.expr).ref_id(_ref(number)).datasource(datasource())
        target = target.legend_format(query.legend or "__auto").editor_mode(sdk.QueryEditorMode.CODE)
        target = target.instant() if instant else target.range()
        if table:
            target = target.format(sdk.PromQueryFormat.TABLE)
        found.append(target.build())
    return found


def _ref(number: int) -> str:
    return chr(ord("A") + number)


def _defaults(what: Panel) -> sdk.model.FieldConfig:
    return sdk.model.FieldConfig(
        unit=what.unit.value,
        decimals=DECIMALS.get(what.unit) if what.decimals is None else what.decimals,
        thresholds=_thresholds(what.steps),
        color=sdk.model.FieldColor(mode=sdk.model.FieldColorModeId.THRESHOLDS),
        no_value=what.empty,
        mappings=[],
    )


def _thresholds(steps: Steps) -> sdk.model.ThresholdsConfig:
    marks = [sdk.model.Threshold(value=None, color=steps.first)]
    marks += [sdk.model.Threshold(value=value, color=color) for value, color in steps.then]
    return sdk.model.ThresholdsConfig(mode=sdk.model.ThresholdsMode.ABSOLUTE, steps=marks)


def _mappings(words: Sequence[tuple[int, str]], steps: Steps) -> list[sdk.model.ValueMapping]:
    results = {
        str(number): sdk.model.ValueMappingResult(text=text, color=_color(steps, number), index=place)
        for place, (number, text) in enumerate(words)
    }
    return [sdk.model.ValueMap(options=results)] if results else []


def _color(steps: Steps, number: float) -> str:
    return [steps.first, *(color for value, color in steps.then if value <= number)][-1]


def _override(matcher: str, options: str, properties: list[_Property]) -> sdk.model.DashboardFieldConfigSourceOverrides:
    return sdk.model.DashboardFieldConfigSourceOverrides(
        matcher=sdk.model.MatcherConfig(id_val=matcher, options=options), properties=properties
    )


def _dashes(color: str) -> list[_Property]:
    return [
        _Property(id_val="custom.lineStyle", value={"fill": "dash", "dash": [6, 6]}),
        _Property(id_val="color", value={"mode": "fixed", "fixedColor": color}),
    ]


def _legend() -> sdk.common_parts.VizLegendOptions:
    return (
        sdk.common_parts.VizLegendOptions()
        .display_mode(sdk.common.LegendDisplayMode.LIST)
        .placement(sdk.common.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
        .calcs([])
    )
