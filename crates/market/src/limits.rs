//! The numbers that the market checks are decided by, in one structure: windows in bars, distances in days, tolerances as parts
//! of a price or a ratio, each with where its default comes from.

/// Windows, tolerances and thresholds of the derived columns. The defaults are those of `docs/concepts/market-checks.md`,
/// measured on 13 years of five stocks by `crates/market/tests/market.rs`; nothing in them comes from a standard.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketLimits {
    /// Returns that median and MAD are taken over, at most.
    pub return_window: usize,
    /// Returns below which `dq_ret_mad_z` is `NULL`.
    pub return_min: usize,
    /// Least MAD: five basis points, so that a stock that hardly moves has no outliers by rounding alone.
    pub mad_floor: f64,
    /// |z| past which the next bar is also compared with the bar before this one, see `dq_ret_mad_z`.
    pub outlier_z: f64,
    /// How near a jump must come to a split's ratio, relative.
    pub split_tolerance: f64,
    /// How far the jump on a recorded split may be from its ratio and still be accounted for by it, relative: the market
    /// moves on that day too.
    pub split_agreement: f64,
    /// Ratios that count as a split's, each also upside down: 2:1 to 20:1 as yfinance's price repair looks for them, and 3:2.
    pub split_ratios: Vec<f64>,
    /// Days between a bar and the one before it beyond which a jump is no sign of a split: too much may have happened, and
    /// bars that arrive out of order leave gaps that are filled later.
    pub split_gap_days: i64,
    /// Closes that the median for `dq_unit_jump` is taken over, at most.
    pub unit_window: usize,
    /// Closes below which `dq_unit_jump` is `NULL`: the median of three survives one bad bar.
    pub unit_min: usize,
    /// The factor between a major unit and its hundredth: pounds and pence, rand and cents.
    pub unit_factor: f64,
    /// By what factor, more or less, the close may miss `unit_factor` times the median: 50 to 200, and the same downwards. That is no
    /// tenfold slip and no usual split; with 1.15 the block of another unit that begins after a month's trend is missed.
    pub unit_tolerance: f64,
    /// The same of the step into another unit and the step back out of it, where both are to be proof: a day's move of the market.
    pub unit_proof_tolerance: f64,
    /// By what factor the market may have moved between the bar before such a stretch and the bar behind it.
    pub unit_proof_drift: f64,
    /// Bars of a stretch beyond which the two steps prove nothing: a crash and the reverse split of a year later look like it.
    pub unit_proof_bars: usize,
    /// Bars in the usual unit that an answer must have, as a multiple of those in the other.
    pub unit_proof_share: usize,
    /// The least price in the smaller unit: below five cents a hundredfold is one trade of a market without quotes.
    pub unit_proof_price: f64,
    /// The part of the price from which on a dividend must show in it: less is a day's move of many stocks.
    pub unpaid_yield: f64,
    /// Robust standard deviations of a day's return by which the price must have missed the fall that a dividend makes.
    pub unpaid_deviations: f64,
    /// Dividends around one that its amount is compared with, at most; at least `unit_min`.
    pub amount_window: usize,
    /// Days within which a second dividend of the same amount is taken for the same one under another date.
    pub repeat_days: i64,
    /// How near the amounts of the two must be, relative.
    pub repeat_tolerance: f64,
    /// How near a jump must come to the ratio of a split on record to be that split in the wrong place, as a part of the
    /// ratio's logarithm: the market moves on that day, too.
    pub basis_tolerance: f64,
    /// Days between such a jump and the split's own date within which everything before the jump is in the old shares.
    pub basis_days: i64,
    /// Weekdays in a row without a bar that count as missing where no calendar knows the venue: more than the holidays of a
    /// week.
    pub weekdays_missing: i32,
    /// Minutes between the fetches of two bars within which their adjusted closes have one basis.
    pub same_fetch_minutes: i64,
    /// The most that is taken off `dq_adj_diff` for rounding: of prices below some dollars it would hide every dividend.
    pub most_rounding: f64,
    /// Minutes after the close in which a regular intraday bar may still start: closing auctions print late.
    pub after_close_minutes: i64,
}

impl Default for MarketLimits {
    fn default() -> Self {
        Self {
            return_window: 60,
            return_min: 20,
            mad_floor: 5e-4,
            outlier_z: 12.0,
            split_tolerance: 0.02,
            split_agreement: 0.25,
            split_ratios: vec![1.5, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0],
            split_gap_days: 15,
            unit_window: 20,
            unit_min: 3,
            unit_factor: 100.0,
            unit_tolerance: 2.0,
            unit_proof_tolerance: 1.35,
            unit_proof_drift: 2.0,
            unit_proof_bars: 60,
            unit_proof_share: 2,
            unit_proof_price: 0.05,
            unpaid_yield: 0.03,
            unpaid_deviations: 2.5,
            amount_window: 8,
            repeat_days: 17,
            repeat_tolerance: 0.02,
            basis_tolerance: 0.1,
            basis_days: 10,
            weekdays_missing: 6,
            same_fetch_minutes: 60,
            most_rounding: 0.0015,
            after_close_minutes: 15,
        }
    }
}

impl MarketLimits {
    /// How many published bars of a series are enough. More would change a flat run that began earlier, and a z by the
    /// little that one return behind an outlier does to a median of sixty.
    pub fn look_back_bars(&self) -> usize {
        // One bar more than returns.
        (self.return_window + 1).max(self.unit_window)
    }

    /// Whether `jump` is near a split's ratio, either way up.
    pub(super) fn is_split_ratio(&self, jump: f64) -> bool {
        let near = |ratio: f64| (jump / ratio - 1.0).abs() <= self.split_tolerance;
        self.split_ratios.iter().any(|ratio| near(*ratio) || near(1.0 / ratio))
    }

    /// Whether `level` is near the unit's factor, either way up.
    pub(super) fn is_unit_factor(&self, level: f64) -> bool {
        self.is_factor_within(level, self.unit_tolerance)
    }

    /// Whether a step from one bar to the next is one into another unit, as proof: into the larger one or the smaller.
    pub(super) fn unit_step(&self, step: f64) -> Option<bool> {
        self.is_factor_within(step, self.unit_proof_tolerance).then_some(step > 1.0)
    }

    fn is_factor_within(&self, level: f64, tolerance: f64) -> bool {
        let larger = if level < 1.0 { 1.0 / level } else { level };
        (self.unit_factor / tolerance..=self.unit_factor * tolerance).contains(&larger)
    }

    /// Whether `level` is nearer to the unit of larger numbers, or of smaller ones, than to the series' own, and than to a unit of
    /// that one: between the middles, by logarithm.
    pub(super) fn stays_in_unit(&self, level: f64, larger: bool) -> bool {
        let level = if larger { level } else { 1.0 / level };
        let middle = self.unit_factor.sqrt();
        (middle..self.unit_factor * middle).contains(&level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_and_factors_both_ways_up() {
        let limits = MarketLimits::default();
        for ratio in [2.0, 0.5, 1.019 * 3.0, 0.981 / 3.0, 2.0 / 3.0, 1.5, 0.05] {
            assert!(limits.is_split_ratio(ratio), "{ratio}");
        }
        // Apple on 2000-09-29: 25.75 after 53.50, without a split.
        for jump in [1.0, 25.75 / 53.5, 1.03 * 2.0, 7.0] {
            assert!(!limits.is_split_ratio(jump), "{jump}");
        }
        for level in [100.0, 0.01, 199.0, 51.0, 1.0 / 199.0, 1.0 / 51.0] {
            assert!(limits.is_unit_factor(level), "{level}");
        }
        for level in [1.0, 20.0, 49.0, 201.0, 1.0 / 201.0, 1.0 / 49.0, 1000.0, 10.0, 0.1, 0.05] {
            assert!(!limits.is_unit_factor(level), "{level}");
        }
        for (step, into) in
            [(134.0, Some(true)), (1.0 / 134.0, Some(false)), (136.0, None), (73.0, None), (1.0, None)]
        {
            assert_eq!(limits.unit_step(step), into, "{step}");
        }
        assert!(limits.stays_in_unit(999.0, true) && !limits.stays_in_unit(1001.0, true));
        assert!(limits.stays_in_unit(0.0011, false) && !limits.stays_in_unit(0.0009, false));
    }
}
