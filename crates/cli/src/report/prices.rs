//! Prices: the chart of closes, one symbol's candles and returns, averages by month.
//!
//! `report.js` fills the charts; what it finds here are their places and their controls.

use maud::{Markup, html};

use super::data::{Pivot, PivotSymbol, PriceSeries};
use super::markup::{Cell, Table};
use super::words::prices_are;
use crate::number::two_places;

/// The chart of closes, and which series it shows.
pub(super) fn closes(prices: &[PriceSeries]) -> Markup {
    let adjustable = prices.iter().any(|of| !of.factors.is_empty());
    html! {
        p #as-provided { (what_closes_are(prices)) }
        @if adjustable {
            p #as-adjusted hidden {
                "Closes times the factors of their dates: adjusted for splits and dividends up to the newest bar, as "
                code { "quotelake export adjusted" } " gives them."
            }
        }
        noscript { p.empty { "The charts need JavaScript. The tables below do not." } }
        div #closes-controls .controls hidden {
            fieldset.symbols {
                legend { "Symbols" }
                input #symbol-filter type="search" placeholder="Find a symbol" aria-label="Find a symbol" autocomplete="off" hidden;
                div #symbol-list {}
            }
            @if adjustable {
                (choices("prices", "Prices", &[("as-provided", "As provided"), ("adjusted", "Adjusted")]))
            }
            (choices("scale", "Scale", &[("value", "Linear"), ("log", "Log")]))
            (ranges("ranges", &[("1", "1 year"), ("5", "5 years"), ("", "All")]))
        }
        div #closes-chart .chart role="img" aria-label="Line chart of daily closes" {}
        p #closes-note .note hidden {}
        (shown_series(prices))
    }
}

/// `As traded` is said only where every series is raw.
fn what_closes_are(prices: &[PriceSeries]) -> Markup {
    let raw = prices.iter().filter(|of| of.adjustment == "raw").count();
    let mark = html! { span.split-mark aria-hidden="true" {} };
    html! {
        @if raw == prices.len() {
            "Closes as traded, not adjusted: on the ex-date of a split, marked " (mark)
            " with its ratio, the line jumps though no holder gained or lost."
        } @else if raw == 0 {
            "Closes as the providers adjusted them, named beside each symbol. None is a price as traded."
        } @else {
            "Closes as their providers give them, named beside each symbol. Where they are as traded, the line jumps on the "
            "ex-date of a split, marked " (mark) " with its ratio."
        }
    }
}

/// Buttons of which one is chosen.
fn choices(name: &str, legend: &str, of: &[(&str, &str)]) -> Markup {
    html! {
        fieldset {
            legend { (legend) }
            div.choices {
                @for (at, (value, title)) in of.iter().enumerate() {
                    label {
                        input type="radio" name=(name) value=(value) checked[at == 0];
                        span { (title) }
                    }
                }
            }
        }
    }
}

/// Buttons that show whether what they ask for is what is seen.
fn ranges(id: &str, of: &[(&str, &str)]) -> Markup {
    html! {
        fieldset {
            legend { "Range" }
            div.choices id=(id) {
                @for (years, title) in of {
                    button type="button" data-years=(years) aria-pressed=(years.is_empty().to_string()) { (title) }
                }
            }
        }
    }
}

/// Which series is shown of each symbol, and which are left out.
fn shown_series(prices: &[PriceSeries]) -> Markup {
    let mut table =
        Table::new("shown-series", "The series shown of each symbol: never two providers in one line")
            .text("Symbol")
            .text("Provider")
            .text("Prices")
            .text("Currency")
            .text("First")
            .text("Last")
            .number("Sessions")
            .text("Adjusted")
            .text("Not shown");
    for of in prices {
        let adjusted =
            if of.factors.is_empty() { Cell::none("no factors") } else { Cell::text("by factors") };
        table.row([
            Cell::text(&of.symbol),
            Cell::text(&of.provider),
            Cell::text(prices_are(&of.adjustment)),
            Cell::text(&of.currency),
            Cell::maybe_day(of.dates.first().map(String::as_str), "no session"),
            Cell::maybe_day(of.dates.last().map(String::as_str), "no session"),
            Cell::count(of.dates.len() as u64),
            adjusted,
            Cell::maybe((!of.others.is_empty()).then(|| of.others.join(", ")).as_deref(), "no other series"),
        ]);
    }
    table.finish()
}

/// Candles with volume and returns by month of the symbol that is chosen.
pub(super) fn one_symbol() -> Markup {
    html! {
        noscript { p.empty { "The charts need JavaScript." } }
        div #symbol-controls .controls hidden {
            label.select { span { "Symbol" } select #symbol-choice {} }
            (ranges("candle-ranges", &[("0.5", "6 months"), ("1", "1 year"), ("5", "5 years"), ("", "All")]))
        }
        p #candles-note .note {}
        div #candles-chart .chart role="img" aria-label="Candles with volume" {}
        h3 { "Returns by month" }
        p #returns-note .note {}
        div #returns .scroll tabindex="0" role="region" aria-label="Returns by month" {}
    }
}

/// Average close for each month and symbol, the newest month first.
pub(super) fn pivot(pivot: &Pivot) -> Markup {
    let caption = match one_currency(&pivot.symbols) {
        Some(currency) => format!("Average close as provided by month, in {currency}, newest first"),
        None => {
            "Average close as provided by month, each symbol in its own currency, newest first".to_owned()
        }
    };
    let mut table = Table::new("pivot", caption).text("Month");
    for of in &pivot.symbols {
        let title = html! {
            (of.symbol) " " span.unit { (of.currency) }
            span.series { (of.series) }
        };
        table = table.column(title, true);
    }
    let mut year = "";
    for row in &pivot.months {
        let this_year = row.month.split('-').next().unwrap_or_default();
        let class = if year != this_year && !year.is_empty() { "new-year" } else { "" };
        year = this_year;
        let averages = row.averages.iter().take(pivot.symbols.len()).map(|average| match average {
            Some(exact) => Cell::rounded(&two_places(exact), exact),
            None => Cell::none("no bar"),
        });
        table.row_of(class, std::iter::once(Cell::text(&row.month)).chain(averages));
    }
    html! {
        (table.finish())
        p.note { "Two decimal places are shown; rest the pointer on a number for the exact average." }
    }
}

fn one_currency(symbols: &[PivotSymbol]) -> Option<&str> {
    let first = symbols.first()?.currency.as_str();
    symbols.iter().all(|of| of.currency == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pivot_in_one_currency_says_so_once() {
        let symbol = |name: &str, currency: &str| PivotSymbol {
            symbol: name.into(),
            series: "polygon, as traded".into(),
            currency: currency.into(),
        };
        assert_eq!(one_currency(&[symbol("A", "USD"), symbol("B", "USD")]), Some("USD"));
        assert_eq!(one_currency(&[symbol("A", "USD"), symbol("B", "BRL")]), None);
    }
}
