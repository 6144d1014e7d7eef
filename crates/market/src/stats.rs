//! Order statistics of small windows.

/// The median: of an even number, the mean of the two in the middle. `None` of nothing. Reorders `values`.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if !even {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    Some(f64::midpoint(lower, upper))
}

/// How many robust standard deviations `value` lies from the median of `history`: 0.6745 · (value − median) / MAD, which
/// for a normal distribution is the usual z (Iglewicz and Hoaglin 1993). `floor` is the least MAD.
pub(super) fn mad_z(value: f64, history: impl Iterator<Item = f64>, floor: f64) -> Option<f64> {
    let mut values: Vec<f64> = history.collect();
    let center = median(&mut values)?;
    for value in &mut values {
        *value = (*value - center).abs();
    }
    let spread = median(&mut values)?.max(floor);
    Some(0.6745 * (value - center) / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn one_bad_value_does_not_hide_itself() {
        let history = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(mad_z(4.0, history.into_iter(), 0.0), Some(0.6745));
        assert_eq!(mad_z(4.0, [1.0, 2.0, 3.0, 4.0, 5_000.0].into_iter(), 0.0), Some(0.6745));
        assert_eq!(mad_z(0.001, [0.0; 5].into_iter(), 5e-4), Some(1.349));
    }
}
