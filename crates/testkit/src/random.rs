//! The random choices of [`CallPlan`](crate::CallPlan), repeatable by seed: a failing run is run again by its seed.

/// SplitMix64 (Steele, Lea, Flood 2014), a seeded coin.
#[derive(Debug, Clone)]
pub(crate) struct Coin(pub(crate) u64);

impl Coin {
    /// True with this probability.
    pub(crate) fn toss(&mut self, probability: f64) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // 53 bits are what a double holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let unit = (z >> 11) as f64 / (1u64 << 53) as f64;
        unit < probability
    }
}
