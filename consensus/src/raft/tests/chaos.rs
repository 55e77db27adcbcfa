//! Crashes that forget, links that lose, repeat and reorder, members that come and go: whatever
//! happens, replicas agree, a term has one leader, and what was acknowledged stays.

use std::collections::BTreeMap;

use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::{Index, NodeId};
use hms_protocol::trust::Trust;

use super::mesh::{Live, Mesh, node};
use crate::raft::RaftRefusal;

/// A reproducible stream of numbers (`SplitMix64`).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % sides as u64).unwrap()
    }
}

const NODES: u8 = 5;
const FOUNDERS: u8 = 3;
const STEPS: usize = 4_000;
const SEEDS: u64 = 30;
const WISH_STEPS: usize = 40;

struct Storm {
    mesh: Mesh,
    dice: Dice,
    proposed: usize,
    changes: usize,
    // Whose part is to change, and for how many steps it is tried: nothing is proposed meanwhile.
    wish: Option<(NodeId, usize)>,
    // What was committed where it was proposed: acknowledged to a client.
    acknowledged: BTreeMap<Index, Vec<u8>>,
    trace: Hash,
}

impl Storm {
    fn new(seed: u64, trust: Trust) -> Self {
        let mut mesh = Mesh::founded(FOUNDERS, trust);
        for number in FOUNDERS + 1..=NODES {
            mesh.start(node(number));
        }
        mesh.prompt = false;
        Self {
            mesh,
            dice: Dice(seed),
            proposed: 0,
            changes: 0,
            wish: None,
            acknowledged: BTreeMap::new(),
            trace: Hash::default(),
        }
    }

    fn step(&mut self) {
        let id = node(1 + u8::try_from(self.dice.roll(usize::from(NODES))).unwrap());
        let alive = self.mesh.live.contains_key(&id);
        match self.dice.roll(100) {
            0..30 if alive => self.mesh.live.get_mut(&id).unwrap().driver.tick(),
            30..65 => self.pass_message(),
            65..80 if alive => {
                let writes = 1 + self.dice.roll(3);
                self.mesh.persist(id, writes);
            }
            80..91 if alive => self.propose(id),
            91 => {
                let whom = node(1 + u8::try_from(self.dice.roll(usize::from(NODES))).unwrap());
                self.wish = Some((whom, WISH_STEPS));
            }
            92 if alive => self.mesh.checkpoint(id),
            93 if alive && 3 < self.mesh.live.len() => self.mesh.crash(id),
            94..97 if !alive => self.mesh.start(id),
            97 => {
                self.mesh.cut.insert(id);
            }
            98.. => self.mesh.cut.clear(),
            _ => {}
        }
        if self.mesh.live.contains_key(&id) {
            self.mesh.settle_one(id);
            self.note(id);
        }
        if let Some((whom, steps)) = self.wish.take() {
            self.wish = steps.checked_sub(1).map(|steps| (whom, steps));
            self.change_members(whom);
        }
    }

    /// Delivers, loses or repeats a message, in any order.
    fn pass_message(&mut self) {
        if self.mesh.wire.is_empty() {
            return;
        }
        let place = self.dice.roll(self.mesh.wire.len().min(20));
        let fate = self.dice.roll(20);
        let (from, to, bytes) = self.mesh.wire[place].clone();
        if fate != 0 {
            self.mesh.wire.remove(place);
        }
        if fate != 1 {
            self.mesh.deliver(from, to, &bytes);
            if self.mesh.live.contains_key(&to) {
                self.mesh.settle_one(to);
            }
        }
        // A network does not keep what it cannot deliver.
        self.mesh.wire.truncate(500);
    }

    fn propose(&mut self, id: NodeId) {
        if self.wish.is_some() {
            return;
        }
        let data = format!("batch {}", self.proposed);
        let live = self.mesh.live.get_mut(&id).unwrap();
        if live.driver.propose(data.into_bytes()).is_ok() {
            self.proposed += 1;
        }
    }

    /// Whoever leads changes something about somebody, if that makes sense and nothing is under way.
    fn change_members(&mut self, whom: NodeId) {
        let mut leaders = self
            .mesh
            .live
            .values_mut()
            .filter(|live| live.driver.leads());
        let Some(Live { driver, .. }) = leaders.next() else {
            return;
        };
        let status = driver.status();
        let changed = if status.learners.contains(&whom) {
            driver.promote(whom)
        } else if status.voters.contains(&whom) {
            driver.remove(whom)
        } else {
            driver.add_learner(whom)
        };
        if changed.is_ok() {
            self.changes += 1;
            self.wish = None;
        }
    }

    fn note(&mut self, id: NodeId) {
        let live = &self.mesh.live[&id];
        let point = live.applied.point;
        if live.driver.leads()
            && let Some(batch) = live.applied.batches.last()
        {
            self.acknowledged.insert(point.index, batch.clone());
        }
        let fields = [self.trace.as_bytes(), id.as_bytes(), point.chain.as_bytes()];
        self.trace = hash_fields(Domain::Draw, &fields.map(<[u8; 32]>::as_slice));
    }

    /// Makes every node a voter, one change at a time.
    fn take_everybody_in(&mut self) {
        for _ in 0..100 {
            let leader = self.mesh.elect();
            let driver = &mut self.mesh.live.get_mut(&leader).unwrap().driver;
            let status = driver.status();
            let mut missing = (1..=NODES)
                .map(node)
                .filter(|id| !status.voters.contains(id));
            let Some(missing) = missing.next() else {
                return;
            };
            if !status.learners.contains(&missing) {
                driver.add_learner(missing).unwrap();
            } else if driver.caught_up(missing) {
                driver.promote(missing).unwrap();
            }
            self.mesh.run(10);
        }
        unreachable!("somebody never catches up");
    }

    /// Lets the storm pass, and checks that everybody is well.
    fn heal(&mut self) {
        self.mesh.prompt = true;
        self.mesh.cut.clear();
        for number in 1..=NODES {
            if !self.mesh.live.contains_key(&node(number)) {
                self.mesh.start(node(number));
            }
        }
        self.take_everybody_in();
        let leader = self.mesh.elect();
        self.mesh.propose(leader, "the end");
        self.mesh.run(300);
        self.mesh.check_agreed("the end");
        let kept = &self.mesh.live[&leader].applied.batches;
        for batch in self.acknowledged.values() {
            assert!(kept.contains(batch), "an acknowledged batch is gone");
        }
        // What came late or in another order, or went to somebody who has missed something: nobody is taken for a liar.
        let honest = |refusal: &RaftRefusal| {
            matches!(
                refusal,
                RaftRefusal::UnknownPeer { .. }
                    | RaftRefusal::VoteUnasked
                    | RaftRefusal::VoteUncounted { .. }
                    | RaftRefusal::BelowLock { .. }
                    | RaftRefusal::TermUnshown { .. }
                    | RaftRefusal::NoMandate { .. }
                    | RaftRefusal::LockConflict { .. }
                    | RaftRefusal::Unsettled { .. }
                    | RaftRefusal::BadChunk { .. }
            )
        };
        assert!(
            self.mesh.refusals.iter().all(honest),
            "{:?}",
            self.mesh.refusals
        );
    }
}

/// What came of a storm.
struct Outcome {
    trace: Hash,
    acknowledged: usize,
    changes: usize,
}

fn weather(seed: u64, trust: Trust) -> Outcome {
    let mut storm = Storm::new(seed, trust);
    for _ in 0..STEPS {
        storm.step();
    }
    storm.heal();
    Outcome {
        trace: storm.trace,
        acknowledged: storm.acknowledged.len(),
        changes: storm.changes,
    }
}

fn check(trust: Trust, acknowledged_min: usize) {
    let outcomes: Vec<Outcome> = (0..SEEDS).map(|seed| weather(seed, trust)).collect();
    let acknowledged: usize = outcomes.iter().map(|outcome| outcome.acknowledged).sum();
    let changes: usize = outcomes.iter().map(|outcome| outcome.changes).sum();
    let seeds = outcomes.len();
    assert!(
        acknowledged_min * seeds < acknowledged,
        "storms too heavy: {acknowledged} batches were acknowledged"
    );
    assert!(
        2 * seeds < changes,
        "storms too heavy: {changes} changes of members were proposed"
    );
}

#[test]
fn whatever_happens_replicas_agree_and_what_was_acknowledged_stays() {
    check(Trust::Crash, 10);
}

/// With four or five voters one may lie, and more words are needed before anything is acknowledged.
#[test]
fn where_a_voter_may_lie_storms_do_no_harm_either() {
    check(Trust::Byzantine, 10);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let trace = |seed| weather(seed, Trust::Byzantine).trace;
    assert_eq!(trace(4_711), trace(4_711));
    assert_ne!(trace(4_711), trace(4_712));
}
