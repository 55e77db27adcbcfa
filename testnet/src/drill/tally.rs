//! Percentiles over the runs of a drill, and over the calls of its clients.

use serde::{Deserialize, Serialize};

/// How long something took in several runs, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// In how many runs it happened.
    pub runs: usize,
    /// The median.
    pub p50_ms: u64,
    /// The 95th percentile.
    pub p95_ms: u64,
    /// The 99th percentile.
    pub p99_ms: u64,
}

impl Spread {
    /// Of what was measured; `None` if nothing was. By the nearest rank.
    pub fn of(measured: impl Iterator<Item = u64>) -> Option<Self> {
        let mut sorted: Vec<u64> = measured.collect();
        sorted.sort_unstable();
        Some(Self {
            runs: sorted.len(),
            p50_ms: rank(&sorted, 50)?,
            p95_ms: rank(&sorted, 95)?,
            p99_ms: rank(&sorted, 99)?,
        })
    }
}

/// A percentile of what is sorted, by the nearest rank; `None` of nothing.
pub(super) fn rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_the_nearest_rank() {
        assert_eq!(Spread::of(std::iter::empty()), None);
        let spread = Spread::of((1..=100).rev()).unwrap();
        assert_eq!(
            (spread.runs, spread.p50_ms, spread.p95_ms, spread.p99_ms),
            (100, 50, 95, 99)
        );
        let single = Spread::of([7].into_iter()).unwrap();
        assert_eq!((single.p50_ms, single.p95_ms, single.p99_ms), (7, 7, 7));
    }
}
