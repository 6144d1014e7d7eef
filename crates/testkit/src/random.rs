//! The random choices of [`CallPlan`](crate::CallPlan), repeatable by seed: a failing run is run again by its seed.

use fastrand::Rng;

/// A coin that falls the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Coin(Rng);

impl Coin {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// True with this probability.
    pub(crate) fn toss(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }
}
