//! What a simulated mesh is made of, and what it has to stand.

use hms_consensus::mind::CheckpointPace;

use crate::sim::agents::Temper;
use crate::sim::clock::Millis;
use crate::sim::links::Weather;
use crate::sim::world::DiskPace;
use hms_testnet::attack::Dice;

/// A mesh and its troubles.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Voters; the first is the founder.
    pub voters: usize,
    /// Workers.
    pub workers: usize,
    /// Voters that the mesh wants.
    pub wanted: usize,
    /// Further hosts, which have not asked to join yet.
    pub spare: usize,
    /// How long a voter may be lost before a spare takes its seat; 0 for ever.
    pub replace_after_ms: Millis,
    /// Agents of each host.
    pub agents: usize,
    /// How far a clock may be ahead of another, in milliseconds.
    pub skew_ms: Millis,
    /// What the network is like while the troubles last.
    pub weather: Weather,
    /// How the disks behave.
    pub disks: DiskPace,
    /// How the agents behave.
    pub temper: Temper,
    /// How often voters write checkpoints.
    pub pace: CheckpointPace,
    /// Clients.
    pub clients: usize,
    /// Requests that they make together.
    pub requests: usize,
    /// Whether the last voter lies while the troubles last.
    pub liar: bool,
    /// Whether it has stolen the key of another, too: more than a mesh can stand.
    pub stolen_key: bool,
    /// Whether clocks, disks and speed fail, too.
    pub gray: bool,
    /// What befalls one voter once.
    pub extra: Option<Extra>,
    /// When blows begin to fall, and when they stop.
    pub troubles_ms: (Millis, Millis),
}

/// What befalls one voter once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Its disk is damaged while it is down. It must refuse to start, and a spare takes its seat.
    Rot,
    /// Its disk is put back to what it was: it has forgotten what it promised, as only a liar does.
    Rewind,
    /// Its key runs twice.
    Twin,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "plan");
        let small = dice.chance(500);
        let voters = [1, 3, 3, 3, 5][dice.below(5)];
        let mut more = Dice::new(seed, "more");
        let rots = 3 <= voters && more.chance(250);
        Self {
            voters,
            workers: dice.below(3),
            wanted: voters,
            spare: usize::from(rots),
            replace_after_ms: if rots { 3_000 } else { 0 },
            agents: 1 + dice.below(2),
            skew_ms: [0, 500, 3_000][dice.below(3)],
            weather: Weather::draw(&mut dice),
            disks: DiskPace {
                sync_ms: [(0, 1), (1, 5), (2, 80)][dice.below(3)],
                early_ms: 0,
            },
            temper: Temper {
                unavailable_permille: [0, 50][dice.below(2)],
                failure_permille: [0, 20][dice.below(2)],
                work_ms: [10, 400, 3_000][dice.below(3)],
            },
            pace: CheckpointPace {
                entries: if small { 40 } else { 4_096 },
                ..CheckpointPace::default()
            },
            clients: 1 + dice.below(4),
            requests: 60,
            liar: false,
            stolen_key: false,
            gray: more.chance(700),
            extra: rots.then_some(Extra::Rot),
            troubles_ms: (dice.between(0, 4_000), 20_000),
        }
    }

    /// The plan of a seed for four voters of which one lies. Links and disks are better than elsewhere, so that there is
    /// something to lie about.
    pub fn with_liar(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "liar");
        let plan = Self::draw(seed);
        Self {
            voters: 4,
            wanted: 4,
            workers: 0,
            spare: 0,
            replace_after_ms: 0,
            agents: 1,
            gray: false,
            extra: None,
            weather: [Weather::CALM, plan.weather][dice.below(2)],
            disks: DiskPace {
                sync_ms: [(0, 1), (1, 5)][dice.below(2)],
                early_ms: 0,
            },
            liar: true,
            requests: 24,
            troubles_ms: (dice.between(1_500, 3_000), 8_000),
            ..plan
        }
    }

    /// The plan of a seed for four voters of which two lie, as good as. No mesh can stand that.
    pub fn with_two_liars(seed: u64) -> Self {
        Self {
            stolen_key: true,
            weather: Weather::CALM,
            ..Self::with_liar(seed)
        }
    }

    /// The plan of a seed, on disks that call a write durable half a second before it is. No mesh can stand that.
    pub fn on_dishonest_disks(seed: u64) -> Self {
        let plan = Self::draw(seed);
        Self {
            disks: DiskPace {
                early_ms: 500,
                ..plan.disks
            },
            ..plan
        }
    }

    /// The plan of a seed for four voters, one of whom suffers something that makes a liar of it. A mesh of four stands that.
    pub fn with_one_of_four(seed: u64, extra: Extra) -> Self {
        Self {
            voters: 4,
            wanted: 4,
            spare: 0,
            replace_after_ms: 0,
            extra: Some(extra),
            requests: 40,
            troubles_ms: (2_500, 14_000),
            ..Self::draw(seed)
        }
    }

    /// The plan of a seed for five voters and so many workers. Its troubles are short.
    pub fn crowded(seed: u64, workers: usize) -> Self {
        let plan = Self::draw(seed);
        Self {
            voters: 5,
            wanted: 5,
            workers,
            spare: 0,
            replace_after_ms: 0,
            agents: 1,
            gray: true,
            extra: None,
            weather: Weather {
                lost_permille: 5,
                doubled_permille: 5,
                delay_ms: (1, 10),
                ..Weather::CALM
            },
            disks: DiskPace {
                sync_ms: (1, 5),
                early_ms: 0,
            },
            clients: 4,
            requests: 40,
            troubles_ms: (4_000, 8_000),
            ..plan
        }
    }

    /// A mesh in which nothing goes wrong by itself.
    pub fn plain(voters: usize, workers: usize) -> Self {
        Self {
            voters,
            workers,
            wanted: voters,
            spare: 0,
            replace_after_ms: 0,
            agents: 0,
            skew_ms: 0,
            weather: Weather::CALM,
            disks: DiskPace {
                sync_ms: (1, 1),
                early_ms: 0,
            },
            temper: Temper::PLAIN,
            pace: CheckpointPace::default(),
            clients: 0,
            requests: 0,
            liar: false,
            stolen_key: false,
            gray: false,
            extra: None,
            troubles_ms: (0, 0),
        }
    }
}
