//! What the lake's names mean, in a reader's words.

/// What prices of an adjustment are: `as traded` is said of raw ones alone.
pub(super) fn prices_are(adjustment: &str) -> &str {
    match adjustment {
        "raw" => "as traded",
        "split" => "split-adjusted by the provider",
        "split_dividend" => "split- and dividend-adjusted by the provider",
        "unknown" => "adjustment unknown",
        other => other,
    }
}

/// A short name with blanks: `price_not_positive` is `price not positive`.
pub(super) fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// How long something took: `35 ms`, `1.2 s`, `2 min 3 s`.
pub(super) fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        3_600_000.. => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_raw_prices_are_as_traded() {
        let others = ["split", "split_dividend", "unknown", "something"];
        assert!(others.iter().all(|adjustment| !prices_are(adjustment).contains("traded")));
        assert_eq!(prices_are("raw"), "as traded");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let shown = [35, 1_290, 59_999, 123_400, 3_600_000, 9_000_000].map(duration);
        assert_eq!(shown, ["35 ms", "1.2 s", "59.9 s", "2 min 3 s", "1 h 0 min", "2 h 30 min"]);
    }
}
