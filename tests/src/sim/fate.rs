//! What befalls a simulated mesh: crashes, sleep, cuts, services that fail, agents that begin to lie.
//!
//! Every blow has an end, planned when it falls, so that a run comes to rest when the blows stop.

use crate::sim::clock::Millis;
use crate::sim::dice::Dice;
use crate::sim::host::HostId;

/// A blow, or the end of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The power of a host fails.
    Crash(HostId),
    /// A host starts again.
    Restart(HostId),
    /// A host stops running, for so long, and does not notice.
    Sleep(HostId, Millis),
    /// Nothing passes between two hosts any more; `true` for one direction only.
    Cut(HostId, HostId, bool),
    /// Everything passes between two hosts again.
    Mend(HostId, HostId),
    /// Nothing passes between a host and all others.
    Isolate(HostId),
    /// Everything passes again between a host and all others.
    Rejoin(HostId),
    /// A watched service goes down, or comes back.
    Toggle,
    /// An agent of a host begins to claim wrong results.
    Corrupt(HostId),
    /// The next blow is due.
    Next,
}

/// Draws blows.
#[derive(Debug)]
pub struct Fate {
    dice: Dice,
    hosts: usize,
    /// When the blows stop.
    pub ends_at: Millis,
    /// Longest time without power, asleep, or cut off, in milliseconds. Some seeds stay below the fence, some do not.
    longest_ms: Millis,
    pause_ms: Millis,
}

impl Fate {
    /// The fate of so many hosts.
    pub fn new(mut dice: Dice, hosts: usize, ends_at: Millis) -> Self {
        let longest_ms = [800, 3_000, 12_000][dice.below(3)];
        let pause_ms = [300, 1_000, 3_000][dice.below(3)];
        Self {
            dice,
            hosts,
            ends_at,
            longest_ms,
            pause_ms,
        }
    }

    /// The blows that fall now, each with its delay from now.
    pub fn strike(&mut self) -> Vec<(Millis, Blow)> {
        let host = HostId(self.dice.below(self.hosts));
        let other = HostId(self.dice.below(self.hosts));
        let lasting = self.dice.between(50, self.longest_ms);
        let mut blows = match self.dice.below(8) {
            0 | 1 => vec![(0, Blow::Crash(host)), (lasting, Blow::Restart(host))],
            2 => vec![(0, Blow::Sleep(host, lasting))],
            3 | 4 if host != other => {
                let one_way = self.dice.chance(400);
                let cut = Blow::Cut(host, other, one_way);
                vec![(0, cut), (lasting, Blow::Mend(host, other))]
            }
            3..=5 => vec![(0, Blow::Isolate(host)), (lasting, Blow::Rejoin(host))],
            6 => vec![(0, Blow::Toggle)],
            _ if self.dice.chance(300) => vec![(0, Blow::Corrupt(host))],
            _ => Vec::new(),
        };
        blows.push((self.dice.between(10, self.pause_ms), Blow::Next));
        blows
    }
}
