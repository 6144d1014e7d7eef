//! Limits around numbers: wide, short to read, never inside the data.

/// What a positive measure may shrink or grow by.
const FACTOR: f64 = 10.0;
/// The margin around numbers of either sign, in their own range.
const SPREADS: f64 = 3.0;
/// Numbers beyond this are written with more digits than anybody reads.
const LARGEST: f64 = 1e18;
/// Nearer to zero than this is zero.
const SMALLEST: f64 = 1e-12;

/// Limits, spelled as a ruleset takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Limits {
    /// Both ends are left out.
    Between(String, String),
    /// From 0 on, below this one.
    NotNegative(String),
}

/// Limits for numbers from `low` to `high`. `None` where a ruleset cannot spell any.
pub(super) fn limits(low: f64, high: f64, whole: bool) -> Option<Limits> {
    if !(low.is_finite() && high.is_finite()) || low.abs().max(high.abs()) * FACTOR > LARGEST {
        return None;
    }
    if low > 0.0 {
        let most = outside(high * FACTOR, high, true, whole)?;
        // A whole number of less than ten may become one.
        return match outside(low / FACTOR, low, false, whole) {
            Some(least) => Some(Limits::Between(least, most)),
            None => Some(Limits::NotNegative(most)),
        };
    }
    if low == 0.0 {
        return Some(Limits::NotNegative(outside((high * FACTOR).max(1.0), high, true, whole)?));
    }
    let spread = if high > low { high - low } else { high.abs().max(1.0) };
    let least = outside(low - SPREADS * spread, low, false, whole)?;
    let most = outside(high + SPREADS * spread, high, true, whole)?;
    Some(Limits::Between(least, most))
}

/// The number with three digits, away from the data, and beyond the `seen` end of them once it is printed.
fn outside(number: f64, seen: f64, up: bool, whole: bool) -> Option<String> {
    if number.abs() < SMALLEST {
        let beyond = if up { seen < 0.0 } else { seen > 0.0 };
        return beyond.then(|| "0".to_owned());
    }
    let magnitude = number.abs().log10().floor() as i32 - 2;
    let magnitude = if whole { magnitude.max(0) } else { magnitude };
    let step = 10f64.powi(magnitude);
    let digits = usize::try_from(-magnitude).unwrap_or(0);
    let steps = number / step;
    // 0.7 / 10 is a little less than 0.07.
    let near = (steps - steps.round()).abs() < 1e-6;
    let start = if near {
        steps.round()
    } else if up {
        steps.ceil()
    } else {
        steps.floor()
    };
    // Printing the nearest double can lie a little inside again: then one step more.
    (0..3).find_map(|more| {
        let moved = if up { start + f64::from(more) } else { start - f64::from(more) };
        let text = format!("{:.digits$}", moved * step);
        let printed: f64 = text.parse().ok()?;
        let outside = if up { printed > seen } else { printed < seen };
        outside.then(|| plain(&text))
    })
}

/// Without zeros at the end of a fraction, and without the sign of a zero.
fn plain(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn between(least: &str, most: &str) -> Option<Limits> {
        Some(Limits::Between(least.to_owned(), most.to_owned()))
    }

    #[test]
    fn limits_are_wide_and_short() {
        assert_eq!(limits(0.5, 8.8, false), between("0.05", "88"));
        assert_eq!(limits(12.34, 56.78, false), between("1.23", "568"));
        assert_eq!(limits(3.0, 7.0, true), between("0", "70"));
        assert_eq!(limits(120.0, 9_000.0, true), between("12", "90000"));
        assert_eq!(limits(0.0, 5.0, true), Some(Limits::NotNegative("50".to_owned())));
        assert_eq!(limits(0.0, 0.0, true), Some(Limits::NotNegative("1".to_owned())));
        assert_eq!(limits(-2.0, 2.0, true), between("-14", "14"));
        assert_eq!(limits(-3.0, -3.0, true), between("-12", "6"));
        assert_eq!(limits(1e300, 2e300, false), None);
        assert_eq!(limits(0.0, f64::INFINITY, false), None);
    }

    proptest! {
        /// The limits hold for the data, whole numbers have whole limits, and all parse as numbers.
        #[test]
        fn limits_hold_for_what_was_seen(a in -1e15f64..1e15, b in -1e15f64..1e15, scale in 0i32..25, whole in any::<bool>()) {
            let factor = 10f64.powi(-scale);
            let (a, b) = if whole { (a.trunc(), b.trunc()) } else { (a * factor, b * factor) };
            let (low, high) = (a.min(b), a.max(b));
            let parse = |text: &str| text.parse::<f64>().unwrap();
            match limits(low, high, whole) {
                Some(Limits::Between(least, most)) => {
                    prop_assert!(parse(&least) < low && high < parse(&most), "{least} {low} {high} {most}");
                    prop_assert!(!whole || !(least.contains('.') || most.contains('.')), "{least} {most}");
                }
                Some(Limits::NotNegative(most)) => {
                    prop_assert!(low >= 0.0 && high < parse(&most), "{low} {high} {most}");
                    prop_assert!(!whole || !most.contains('.'), "{most}");
                }
                None => prop_assert!(false, "no limits for {low} and {high}"),
            }
        }
    }
}
