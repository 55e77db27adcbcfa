//! The network between hosts: every message is on its own, may be lost, late, out of order or there twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::sim::clock::Millis;
use crate::sim::host::HostId;
use hms_testnet::attack::Dice;

/// How well messages travel.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Share of messages that are lost, in thousandths.
    pub lost_permille: u32,
    /// Share of messages that arrive twice, in thousandths.
    pub doubled_permille: u32,
    /// Share of messages that are late, in thousandths.
    pub late_permille: u32,
    /// Least and most delay of a message that is not late, in milliseconds.
    pub delay_ms: (Millis, Millis),
    /// Most delay of a late one.
    pub late_ms: Millis,
}

impl Weather {
    /// Nothing is lost, everything takes a millisecond.
    pub const CALM: Self = Self {
        lost_permille: 0,
        doubled_permille: 0,
        late_permille: 0,
        delay_ms: (1, 1),
        late_ms: 1,
    };

    /// What this seed's network is like while faults last.
    pub fn draw(dice: &mut Dice) -> Self {
        Self {
            lost_permille: [0, 5, 30, 100][dice.below(4)],
            doubled_permille: [0, 10, 50][dice.below(3)],
            late_permille: [0, 10, 50][dice.below(3)],
            delay_ms: [(1, 2), (1, 10), (5, 60)][dice.below(3)],
            late_ms: [100, 1_000, 8_000][dice.below(3)],
        }
    }
}

/// The network.
#[derive(Clone, Debug)]
pub struct Links {
    /// What it is like.
    pub weather: Weather,
    dice: Dice,
    /// Directions in which nothing passes.
    cuts: BTreeSet<(HostId, HostId)>,
    /// By how much longer messages of a host are under way, in milliseconds.
    muffled: BTreeMap<HostId, Millis>,
}

impl Links {
    /// A network.
    pub fn new(weather: Weather, dice: Dice) -> Self {
        Self {
            weather,
            dice,
            cuts: BTreeSet::new(),
            muffled: BTreeMap::new(),
        }
    }

    /// Nothing passes in this direction any more.
    pub fn cut(&mut self, from: HostId, to: HostId) {
        self.cuts.insert((from, to));
    }

    /// Everything passes again between these two.
    pub fn mend(&mut self, one: HostId, other: HostId) {
        self.cuts.remove(&(one, other));
        self.cuts.remove(&(other, one));
    }

    /// Messages from a host and to it are so much longer under way; zero for no longer.
    pub fn muffle(&mut self, host: HostId, longer_ms: Millis) {
        self.muffled.insert(host, longer_ms);
    }

    /// Everything passes again.
    pub fn mend_all(&mut self) {
        self.cuts.clear();
    }

    /// The delays of the copies of a message that arrive: none, one or two.
    pub fn carry(&mut self, from: HostId, to: HostId) -> Vec<Millis> {
        let weather = self.weather;
        if self.cuts.contains(&(from, to)) || self.dice.chance(weather.lost_permille) {
            return Vec::new();
        }
        let copies = if self.dice.chance(weather.doubled_permille) {
            2
        } else {
            1
        };
        let longer = |host| self.muffled.get(&host).copied().unwrap_or_default();
        let longer_ms = longer(from) + longer(to);
        (0..copies).map(|_| longer_ms + self.delay_ms()).collect()
    }

    fn delay_ms(&mut self) -> Millis {
        let (low, high) = self.weather.delay_ms;
        if self.dice.chance(self.weather.late_permille) {
            self.dice.between(high, self.weather.late_ms.max(high))
        } else {
            self.dice.between(low, high)
        }
    }
}
