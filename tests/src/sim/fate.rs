//! What befalls a simulated mesh: crashes, sleep, cuts, clocks that go wrong, hosts that are slow, disks that fail, services
//! that fail, agents that begin to lie, a key that runs twice.
//!
//! A fate is data: everything that will fall, and when, is drawn before the world begins, so that it can be told, cut
//! short and repeated. Every blow has an end, so that a run comes to rest when the blows stop.

use crate::sim::clock::Millis;
use crate::sim::disk::Part;
use crate::sim::host::HostId;
use crate::sim::plan::{Extra, Plan};
use hms_testnet::attack::Dice;

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
    /// The wall clock of a host is set, so many milliseconds ahead of the right time. A node reads it when it starts.
    Reset(HostId, Millis),
    /// The clock of a host runs at so many thousandths of the right speed.
    Drift(HostId, u64),
    /// A host thinks so long about whatever happens to it, and hears nothing meanwhile.
    Burden(HostId, Millis),
    /// Every message from a host and to it is so much longer under way.
    Muffle(HostId, Millis),
    /// A host's clock, its thoughts and its messages are as fast again as they should be.
    Relieve(HostId),
    /// One byte changes of what the disk of a host holds that is down, or a part of it is gone.
    Rot(HostId, Part),
    /// The disk of a host is full: what it writes from now on fails.
    Fill(HostId),
    /// There is space on the disk of a host again.
    Clear(HostId),
    /// Somebody copies the disk of a host.
    Copy(HostId),
    /// The disk of a host that is down is again what it was when it was copied.
    Rewind(HostId),
    /// A host of its own starts from the copy, with the same key.
    Twin(HostId),
}

impl Blow {
    /// The hosts that it names.
    pub fn hosts(self) -> impl Iterator<Item = HostId> {
        let (one, other) = match self {
            Self::Toggle => (None, None),
            Self::Cut(from, to, _) | Self::Mend(from, to) => (Some(from), Some(to)),
            Self::Crash(host)
            | Self::Restart(host)
            | Self::Sleep(host, _)
            | Self::Isolate(host)
            | Self::Rejoin(host)
            | Self::Corrupt(host)
            | Self::Reset(host, _)
            | Self::Drift(host, _)
            | Self::Burden(host, _)
            | Self::Muffle(host, _)
            | Self::Relieve(host)
            | Self::Rot(host, _)
            | Self::Fill(host)
            | Self::Clear(host)
            | Self::Copy(host)
            | Self::Rewind(host)
            | Self::Twin(host) => (Some(host), None),
        };
        one.into_iter().chain(other)
    }
}

/// Everything that befalls a mesh.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// When the blows stop.
    pub ends_at: Millis,
    /// What falls, and when.
    pub blows: Vec<(Millis, Blow)>,
}

/// Longest pauses between two turns of a flapping link, in milliseconds.
const FLAP_MS: (Millis, Millis) = (100, 600);

/// How long a gray host thinks, or its messages are under way, in milliseconds: nine tenths of what a follower waits for its
/// leader at least, of the time after which a node is suspect, and of that for which leases hold.
const GRAY_MS: [Millis; 3] = [360, 1_800, 3_600];

/// At how many thousandths of the right speed a clock runs that is off. Leases stand a difference of a third.
const RATES_PERMILLE: [u64; 4] = [900, 990, 1_010, 1_100];

/// Draws one blow after the other.
struct Draw<'plan> {
    dice: Dice,
    plan: &'plan Plan,
    hosts: usize,
    now: Millis,
    /// Longest time without power, asleep, or cut off, in milliseconds. Some seeds stay below the fence, some do not.
    longest_ms: Millis,
    fate: Fate,
}

impl Fate {
    /// The fate of a plan's hosts.
    pub fn draw(seed: u64, plan: &Plan) -> Self {
        let (begins_at, ends_at) = plan.troubles_ms;
        let twins = usize::from(plan.extra == Some(Extra::Twin));
        let mut dice = Dice::new(seed, "fate");
        let longest_ms = [800, 3_000, 12_000][dice.below(3)];
        let pause_ms = [300, 1_000, 3_000][dice.below(3)];
        let mut draw = Draw {
            dice,
            plan,
            hosts: plan.voters + plan.workers + twins,
            now: begins_at,
            longest_ms,
            fate: Self {
                ends_at,
                blows: Vec::new(),
            },
        };
        if begins_at < ends_at {
            draw.extra();
        }
        while draw.now < ends_at {
            draw.strike();
            draw.now += draw.dice.between(10, pause_ms);
        }
        draw.fate.blows.sort_by_key(|(at, _)| *at);
        draw.fate
    }
}

impl Draw<'_> {
    /// Plans a blow so long from now.
    fn fall(&mut self, delay: Millis, blow: Blow) {
        self.fate.blows.push((self.now + delay, blow));
    }

    fn host(&mut self) -> HostId {
        HostId(self.dice.below(self.hosts))
    }

    fn lasting(&mut self) -> Millis {
        self.dice.between(50, self.longest_ms)
    }

    /// The blows that fall now.
    fn strike(&mut self) {
        let kinds = if self.plan.gray { 14 } else { 8 };
        let (host, other, lasting) = (self.host(), self.host(), self.lasting());
        match self.dice.below(kinds) {
            0 | 1 => self.pair((0, Blow::Crash(host)), (lasting, Blow::Restart(host))),
            2 => self.fall(0, Blow::Sleep(host, lasting)),
            3 | 4 if host != other => {
                let cut = Blow::Cut(host, other, self.dice.chance(400));
                self.pair((0, cut), (lasting, Blow::Mend(host, other)));
            }
            3..=5 => self.pair((0, Blow::Isolate(host)), (lasting, Blow::Rejoin(host))),
            6 => self.fall(0, Blow::Toggle),
            7 if self.dice.chance(300) => self.fall(0, Blow::Corrupt(host)),
            7 => {}
            8 => self.flap(host, other, lasting),
            9 => {
                let rate = RATES_PERMILLE[self.dice.below(RATES_PERMILLE.len())];
                self.pair((0, Blow::Drift(host, rate)), (lasting, Blow::Relieve(host)));
            }
            10 | 11 => {
                let slow = GRAY_MS[self.dice.below(GRAY_MS.len())];
                let gray = [Blow::Burden(host, slow), Blow::Muffle(host, slow)];
                let gray = gray[self.dice.below(gray.len())];
                self.pair((0, gray), (lasting, Blow::Relieve(host)));
            }
            12 => {
                self.fall(0, Blow::Fill(host));
                self.pair((lasting, Blow::Clear(host)), (lasting, Blow::Restart(host)));
            }
            _ => {
                let ahead = self.dice.between(0, self.plan.skew_ms);
                self.fall(0, Blow::Reset(host, ahead));
                self.pair((0, Blow::Crash(host)), (lasting, Blow::Restart(host)));
            }
        }
    }

    fn pair(&mut self, (begins, blow): (Millis, Blow), (ends, end): (Millis, Blow)) {
        self.fall(begins, blow);
        self.fall(ends, end);
    }

    /// A link, or all links of a host, are cut and mended again and again.
    fn flap(&mut self, host: HostId, other: HostId, lasting: Millis) {
        let one_way = self.dice.chance(400);
        let lasting = lasting.min(self.fate.ends_at - self.now);
        let mut delay = 0;
        while delay < lasting {
            let pause = self.dice.between(FLAP_MS.0, FLAP_MS.1);
            if host == other {
                self.fall(delay, Blow::Isolate(host));
                self.fall(delay + pause, Blow::Rejoin(host));
            } else {
                self.fall(delay, Blow::Cut(host, other, one_way));
                self.fall(delay + pause, Blow::Mend(host, other));
            }
            delay += pause + self.dice.between(FLAP_MS.0, FLAP_MS.1);
        }
    }

    /// What falls once, on one voter, if the plan says so.
    fn extra(&mut self) {
        let last = HostId(self.plan.voters - 1);
        match self.plan.extra {
            None => {}
            Some(Extra::Rot) => {
                let victim = HostId(self.dice.below(self.plan.voters));
                // One that has forgotten the end of its log is as good as a liar: three voters cannot stand that.
                let parts = if self.plan.voters < 4 {
                    3
                } else {
                    Part::ALL.len()
                };
                let part = Part::ALL[self.dice.below(parts)];
                let half = (self.fate.ends_at - self.now) / 2;
                let at = self.dice.between(0, half);
                self.fall(at, Blow::Crash(victim));
                self.fall(at + 1, Blow::Rot(victim, part));
                self.fall(at + 2, Blow::Restart(victim));
            }
            Some(Extra::Rewind) => {
                for _ in 0..6 {
                    let at = self.dice.between(0, self.fate.ends_at - self.now);
                    let later = at + self.dice.between(100, 3_000);
                    self.fall(at, Blow::Copy(last));
                    self.fall(later, Blow::Crash(last));
                    self.fall(later + 1, Blow::Rewind(last));
                    self.fall(later + 2, Blow::Restart(last));
                }
            }
            Some(Extra::Twin) => {
                for _ in 0..6 {
                    let at = self.dice.between(0, self.fate.ends_at - self.now);
                    self.fall(at, Blow::Copy(last));
                    let later = at + self.dice.between(0, 500);
                    self.fall(later, Blow::Twin(last));
                }
            }
        }
    }
}
