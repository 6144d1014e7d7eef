#!/usr/bin/env python3
"""Writes dashboards/*.json for Grafana. `--check` writes nothing and fails where a file is out of date.

The dashboards are typed objects of Grafana's own package; requirements.txt pins it, and `make dashboards` installs it. What they ask is
in queries.py. A result of the last hour is used again, and nothing refreshes by itself: each panel costs a query.
"""

import json
import pathlib
import sys

import queries
from grafana_foundation_sdk.builders import athena, barchart, candlestick, common, dashboard, stat, table, text, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import athena as athena_models
from grafana_foundation_sdk.models import candlestick as candlestick_models
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import text as text_models
from grafana_foundation_sdk.models import units

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"
SOURCE = models.DataSourceRef(type_val="grafana-athena-datasource", uid="quotelake-athena")
TIME_SERIES, TABLE = athena_models.FormatOptions.TIME_SERIES, athena_models.FormatOptions.TABLE
REUSE_MINUTES = 60
HEIGHT = 10
# Days without a session do not break a line; a week without one does.
GAP_MS = 7 * 24 * 60 * 60 * 1000
GREEN, YELLOW, RED = "green", "yellow", "red"
# Of the rows of a day: the alarm `quarantine-ratio` has the same usual limit.
QUARANTINE_SHARE = 0.05

ADJUSTMENTS = [("As preferred", "preferred"), ("Raw", "raw"), ("Split-adjusted", "split"), ("Split and dividend adjusted", "split_dividend")]
PRICES = [("For splits and dividends", "full"), ("For splits", "split"), ("Not: as the bars are", "none")]


def query(sql, shape):
    """A query of the Athena plugin."""
    arguments = (athena.ConnectionArgs().region("__default").catalog("__default").database("__default")
                 .result_reuse_enabled(True).result_reuse_max_age_in_minutes(REUSE_MINUTES))
    return athena.Dataquery().ref_id("A").datasource(SOURCE).format(shape).connection_args(arguments).raw_sql(sql)


def plain(built):
    """A built object as JSON's own types."""
    return json.loads(JSONEncoder().encode(built))


def thresholds(*steps):
    """Colours by value: each step is (from, colour), the first from minus infinity."""
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps([models.Threshold(value, colour) for value, colour in steps])


def color(mode):
    return dashboard.FieldColor().mode(mode)


def asking(panel, title, width, sql, shape, about):
    """What every panel has that asks something."""
    return panel.title(title).description(about).datasource(SOURCE).span(width).height(HEIGHT).with_target(query(sql, shape))


def lines(title, width, sql, about, *, label=None, unit=units.Short, decimals=None, calcs=("lastNotNull", "min", "max")):
    """Values over time. `label` names the column of text whose values are the series."""
    panel = (
        asking(timeseries.Panel(), title, width, sql, TIME_SERIES, about)
        .unit(unit).color_scheme(color(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)).line_width(1).fill_opacity(0)
        .show_points(kinds.VisibilityMode.AUTO).span_nulls(GAP_MS)
        .legend(common.VizLegendOptions().show_legend(True).display_mode(kinds.LegendDisplayMode.TABLE)
                .placement(kinds.LegendPlacement.BOTTOM).calcs(list(calcs)))
        .tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
    )
    if decimals is not None:
        panel.decimals(decimals)
    return panel.display_name(f"${{__field.labels.{label}}}") if label else panel


def bars(panel, stacked=False, signed=False):
    """The same as bars, one for each day."""
    panel.draw_style(kinds.GraphDrawStyle.BARS).fill_opacity(70).span_nulls(False).show_points(kinds.VisibilityMode.NEVER)
    if not signed:
        panel.min(0)
    return panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL)) if stacked else panel


def grid(title, width, sql, about, **columns):
    """Rows as a table. A column's settings by its name, see `column`."""
    panel = asking(table.Panel(), title, width, sql, TABLE, about).filterable(True).cell_height(kinds.TableCellHeight.SM)
    for name, settings in columns.items():
        panel.override_by_name(name, settings)
    return panel


def column(title, unit=None, decimals=None, steps=None):
    """A column of a table: its heading, unit, decimals, and the colour of its cells by value."""
    settings = {"displayName": title, "unit": unit, "decimals": decimals}
    if steps:
        settings |= {"thresholds": plain(thresholds(*steps).build()), "custom.cellOptions": {"type": "color-background", "mode": "basic"}}
    return [models.DynamicConfigValue(name, value) for name, value in settings.items() if value is not None]


def colored(panel, **colours):
    """Series by name in colours of their own."""
    for name, colour in colours.items():
        panel.override_by_name(name, [models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})])
    return panel


def from_range(name, label, sql, several):
    """A variable of what the range holds, asked once when the dashboard opens."""
    variable = (dashboard.QueryVariable(name).label(label).datasource(SOURCE).query(plain(query(sql, TABLE).build()))
                .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD).sort(models.VariableSort.ALPHABETICAL_ASC))
    if several:
        variable.multi(True).include_all(True).current(models.VariableOption(text=["All"], value=["$__all"]))
    return variable


def one_of(name, label, choices):
    """A variable with fixed choices, the first of which is the usual one."""
    options = [models.VariableOption(selected=place == 0, text=shown, value=value) for place, (shown, value) in enumerate(choices)]
    values = ", ".join(f"{shown} : {value}" for shown, value in choices)
    return dashboard.CustomVariable(name).label(label).values(values).options(options).current(options[0])


def instruments():
    return from_range("symbols", "Instruments", queries.SYMBOLS, True)


def one_series(sql):
    return from_range("series", "Series of the single charts", sql, False)


def note(words):
    return text.Panel().title("").transparent(True).span(24).height(3).mode(text_models.TextMode.MARKDOWN).content(words)


PREFERRED = "One series for each instrument: the preferred one with bars in the range. Its name says adjustment, currency and provider."

candles = (
    asking(candlestick.Panel(), "$series", 24, queries.CANDLES, TIME_SERIES, "Open, high, low, close and volume of the series chosen above.")
    .mode(candlestick_models.VizDisplayMode.CANDLES_VOLUME).candle_style(candlestick_models.CandleStyle.CANDLES)
    .color_strategy(candlestick_models.ColorStrategy.OPEN_CLOSE)
    .colors(candlestick.CandlestickColors().up(GREEN).down(RED).flat("gray"))
    .fields(candlestick.CandlestickFieldMap().open("open").high("high").low("low").close("close").volume("volume"))
    .decimals(2).override_by_name("volume", [models.DynamicConfigValue("unit", units.Short), models.DynamicConfigValue("decimals", 0)])
    .legend(common.VizLegendOptions().show_legend(True).display_mode(kinds.LegendDisplayMode.LIST).placement(kinds.LegendPlacement.BOTTOM).calcs([]))
)

average = (
    asking(barchart.Panel(), "Average close", 10, queries.AVERAGE, TABLE, f"Mean of the closes of the range. {PREFERRED}")
    .x_field("series").orientation(kinds.VizOrientation.HORIZONTAL).show_value(kinds.VisibilityMode.ALWAYS).decimals(2).min(0)
    .color_scheme(color(models.FieldColorModeId.PALETTE_CLASSIC)).legend(common.VizLegendOptions().show_legend(False).calcs([]))
    .display_name("Average close")
)

PRICES_PANELS = [
    lines("Daily close", 24, queries.CLOSE, f"{PREFERRED} Raw prices jump at splits.", label="series", unit=units.NoUnit, decimals=2),
    lines("Change since the first day of the range", 24, queries.CHANGE, f"Closes over the first one, less one. {PREFERRED} A raw series falls "
          "at a split without a loss: the dashboard of adjusted prices has none of that.", label="series", unit=units.PercentUnit, decimals=1)
    .axis_centered_zero(True),
    candles,
    average,
    lines("Average close by month", 14, queries.AVERAGE_BY_MONTH, f"Mean of the closes of each month, as far as it is in the range. {PREFERRED}",
          label="series", unit=units.NoUnit, decimals=2, calcs=("lastNotNull",)).show_points(kinds.VisibilityMode.ALWAYS),
    grid("Series shown", 24, queries.SHOWN, "The preferred series of each instrument, and what it is adjusted for.",
         symbol=column("Instrument"), provider=column("Provider"), adjustment=column("Adjustment"), currency=column("Currency"),
         bars=column("Bars"), first_day=column("First day"), last_day=column("Last day"), last_close=column("Last close", decimals=2)),
]

ADJUSTED_PANELS = [
    note("This dashboard reads the models `adjustment_factors` and `daily_stats`, which are off until Terraform has them: "
         "`models = [\"adjustment_factors\", \"daily_stats\"]`. Without them its panels say that a view is not there. Series whose adjustment is "
         "`unknown` have no factors and are not shown."),
    lines("Close, adjusted as chosen", 24, queries.ADJUSTED_CLOSE, "Closes times the factors of their series (previous_close). The name of a "
          "series says whether it is adjusted, its currency and its provider.", label="name", unit=units.NoUnit, decimals=2),
    lines("Change since the first day of the range", 24, queries.ADJUSTED_CHANGE, "Closes, adjusted as chosen, over the first one, less one.",
          label="name", unit=units.PercentUnit, decimals=1).axis_centered_zero(True),
    lines("Volatility of 20 days, a year's", 24, queries.VOLATILITY, "Standard deviation of the log returns of 20 bars, times the root of 252 "
          "(365 for coins). Of fully adjusted prices.", label="series", unit=units.PercentUnit, decimals=0).min(0),
    lines("Averages of $series", 12, queries.AVERAGES, "Close, and means of 20, 50 and 200 closes adjusted to each day.", unit=units.NoUnit, decimals=2),
    bars(lines("Daily return of $series", 12, queries.RETURNS, "Of fully adjusted prices.", unit=units.PercentUnit, decimals=1), signed=True)
    .axis_centered_zero(True).thresholds(thresholds((None, RED), (0, GREEN))).color_scheme(color(models.FieldColorModeId.THRESHOLDS)),
]

QUALITY_PANELS = [
    colored(bars(lines("Where rows went", 12, queries.ROWS_BY_DAY, "Rows that checks staged, quarantined, or found to be copies.", decimals=0,
                       calcs=("sum",)), stacked=True), staged=GREEN, quarantined=RED, duplicates="blue"),
    lines("Share of rows in quarantine", 12, queries.QUARANTINE_SHARE, "By dataset. The line is the usual limit of the alarm quarantine-ratio.",
          label="dataset", unit=units.PercentUnit, decimals=1, calcs=("lastNotNull", "max")).min(0).show_points(kinds.VisibilityMode.ALWAYS)
    .thresholds(thresholds((None, GREEN), (QUARANTINE_SHARE, RED)))
    .thresholds_style(common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)),
    grid("Quarantine by reason", 12, queries.QUARANTINE_REASONS, "By the first reason of each row.", dataset=column("Dataset"),
         reason=column("Reason"), quarantined=column("Rows", units.Short, 0), last_day=column("Last day")),
    grid("Checks that did not simply pass", 12, queries.REMARKABLE_CHECKS, "The newest 50: something went to quarantine, or a batch was blocked.",
         checked_at=column("Checked at (UTC)"), dataset=column("Dataset"), decision=column("Decision"), rows_in=column("Rows in", units.Short, 0),
         quarantined=column("In quarantine", units.Short, 0, [(None, "transparent"), (1, YELLOW)]), source=column("Source")),
    grid("Runs by stage", 24, queries.RUNS_BY_STAGE, "Each run once, as it came out last.", stage=column("Stage"), dataset=column("Dataset"),
         runs=column("Runs"), not_succeeded=column("Not succeeded", steps=[(None, "transparent"), (1, RED)]),
         rows_in=column("Rows in", units.Short, 0), rows_out=column("Rows out", units.Short, 0),
         retries=column("Retries", steps=[(None, "transparent"), (1, YELLOW)]),
         average_seconds=column("Average time", units.Seconds, 1), last_ended=column("Last ended (UTC)")),
    grid("Runs that did not succeed", 24, queries.FAILED_RUNS, "The newest 50.", started_at=column("Started at (UTC)"), stage=column("Stage"),
         dataset=column("Dataset"), subject=column("Subject"), outcome=column("Outcome"), error_code=column("Kind of error"),
         error=column("Error"), retries=column("Retries")),
    bars(lines("Rows out, by stage", 12, queries.ROWS_OUT, "Rows that went on.", label="stage", decimals=0, calcs=("sum",))),
    lines("Longest run of each stage", 12, queries.LONGEST_RUNS, "By day.", label="stage", unit=units.Seconds, decimals=1,
          calcs=("lastNotNull", "max")).min(0).show_points(kinds.VisibilityMode.ALWAYS),
]

FRESHNESS_PANELS = [
    grid("Newest day of each dataset", 12, queries.NEWEST_DAY, "By provider. Four days are a long weekend; a week is late.",
         dataset=column("Dataset"), provider=column("Provider"), newest_day=column("Newest day"),
         days_ago=column("Days ago", steps=[(None, GREEN), (5, YELLOW), (8, RED)]), last_fetched=column("Last fetched (UTC)")),
    grid("Instruments that are behind", 12, queries.BEHIND, "The newest bar is older than that of another instrument of the same dataset and "
         "provider. The first 100.", dataset=column("Dataset"), provider=column("Provider"), symbol=column("Instrument"),
         newest_day=column("Newest day"), days_behind=column("Days behind", steps=[(None, GREEN), (2, YELLOW), (8, RED)])),
    bars(lines("Instruments with a bar, by day", 24, queries.INSTRUMENTS, "A day with fewer than its neighbours is a gap or a holiday.",
               label="source", decimals=0, calcs=("lastNotNull", "min", "max"))),
]

cost = (
    asking(stat.Panel(), "In this range", 8, queries.COST, TABLE, "What checking and publishing cost, by the price list of this environment.")
    .unit(units.Dollars).decimals(2).graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.NONE)
    .override_by_name("checks", [models.DynamicConfigValue("unit", units.Short), models.DynamicConfigValue("decimals", 0)])
    .override_by_name("usd", [models.DynamicConfigValue("displayName", "cost")])
)

COST_PANELS = [
    bars(lines("Checking and publishing, by day", 16, queries.COST_BY_DAY, "By dataset. Athena, storage and fetching are not in it.",
               label="dataset", unit=units.Dollars, decimals=4, calcs=("sum",)), stacked=True),
    cost,
    grid("By dataset", 24, queries.COST_BY_DATASET, "Of the range.", dataset=column("Dataset"), checks=column("Checks", units.Short, 0),
         rows_in=column("Rows in", units.Short, 0), usd=column("Cost", units.Dollars, 4)),
]

# file => title, days of the default range, panels, variables
DASHBOARDS = {
    "prices": ("Prices", 90, PRICES_PANELS, [instruments(), one_of("adjustment", "Adjustment", ADJUSTMENTS), one_series(queries.ALL_SERIES)]),
    "adjusted": ("Adjusted prices", 90, ADJUSTED_PANELS, [instruments(), one_of("price", "Adjust", PRICES),
                                                     one_series(queries.ADJUSTABLE_SERIES)]),
    "quality": ("Quality", 30, QUALITY_PANELS, []),
    "freshness": ("Freshness", 30, FRESHNESS_PANELS, []),
    "cost": ("Cost of the pipeline", 31, COST_PANELS, []),
}


def build(name):
    """One dashboard, as JSON text."""
    title, days, panels, variables = DASHBOARDS[name]
    board = (
        dashboard.Dashboard(f"Quotelake: {title}").uid(f"quotelake-{name}").tags(["quotelake"]).version(1).timezone("utc").editable().refresh("")
        .time(f"now-{days}d", "now").timepicker(dashboard.TimePicker().refresh_intervals([])).variables(variables)
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
    )
    for number, panel in enumerate(panels, start=1):
        board.with_panel(panel.id(number))
    return JSONEncoder(indent=2).encode(board.build()) + "\n"


def main():
    stale = []
    for name in DASHBOARDS:
        path = FOLDER / f"{name}.json"
        made = build(name)
        if path.exists() and path.read_text() == made:
            continue
        if "--check" in sys.argv:
            stale.append(path.name)
        else:
            path.write_text(made)
    if stale:
        sys.exit(f"out of date, `make dashboards` writes them: {', '.join(stale)}")


if __name__ == "__main__":
    main()
