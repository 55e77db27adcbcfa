//! Whose word for a higher term counts, where voters may lie.
//!
//! In Raft, whoever hears of a higher term gives up its own, and its leader with it (section 5.1 of the paper). A leader of a
//! higher term shows a mandate, and a request for a vote is passed over while there is a leader (section 6); what is left is
//! the answers of peers, which show nothing: by them a liar would depose every leader. So an answer in a higher term counts
//! when so many voters name one that one of them is honest (as replicas join a view change in PBFT), or when one voter has
//! named one for long. That one may be honest and alone in its term; the mesh does without it that long. Where it cannot,
//! nothing becomes final, and the others leave their term as well.

use std::collections::BTreeMap;

use hms_protocol::id::{NodeId, Term};
use raft::eraftpb::Message;

use super::bridge::Kind;
use super::driver::Driver;
use super::limits;
use super::members::raft_id;
use super::refusal::RaftRefusal;

/// Who has named higher terms: at most one claim of each voter.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<NodeId, Claim>);

#[derive(Clone, Copy, Debug)]
struct Claim {
    term: u64,
    /// Since when it names higher terms without a pause, in ticks.
    since: u64,
    /// When it did last.
    at: u64,
    /// How often its word alone was taken.
    taken: u32,
}

/// The time, and how long claims count, in ticks.
#[derive(Clone, Copy, Debug)]
struct Time {
    ticks: u64,
    /// How long a claim counts as one of several. A longer pause begins it anew.
    fresh: u64,
    /// How long one voter alone must claim.
    alone: u64,
}

impl Claims {
    /// Whether the word of a voter that names a term above `ours` is taken; with `honest` voters that do so, one is honest.
    fn take(&mut self, (from, term): (NodeId, u64), ours: u64, honest: usize, time: Time) -> bool {
        let claim = self.0.entry(from).or_insert(Claim {
            term,
            since: time.ticks,
            at: time.ticks,
            taken: 0,
        });
        if time.fresh < time.ticks - claim.at {
            claim.since = time.ticks;
        }
        (claim.term, claim.at) = (term, time.ticks);
        let alone = time.alone << claim.taken.min(limits::CLAIM_DOUBLINGS_MAX);
        let long_enough = alone <= time.ticks - claim.since;
        let counts = |it: &&Claim| ours < it.term && time.ticks - it.at <= time.fresh;
        if honest <= self.0.values().filter(counts).count() {
            return true;
        }
        if let Some(claim) = self.0.get_mut(&from).filter(|_| long_enough) {
            claim.taken += 1;
            claim.since = time.ticks;
        }
        long_enough
    }

    /// Forgets whoever does not vote any more.
    fn keep(&mut self, votes: impl Fn(NodeId) -> bool) {
        self.0.retain(|node, _| votes(*node));
    }
}

impl Driver {
    /// Whether an answer may tell this node that there is a higher term.
    pub(super) fn check_claim(
        &mut self,
        from: NodeId,
        message: &Message,
        kind: Kind,
    ) -> Result<(), RaftRefusal> {
        let ours = self.node.raft.term;
        let liars = self.vouch.voters().filter(|set| set.needs_locks());
        let liars = liars.map(|set| set.trust().liars_max(set.voters().len()));
        let (Some(liars), true) = (liars, ours < message.term && kind.names_a_term(message)) else {
            return Ok(());
        };
        let members = &self.members;
        self.claims.keep(|node| members.votes(raft_id(node)));
        let led = self.node.raft.leader_id != raft::INVALID_ID;
        let alone = if led {
            limits::CLAIM_ALONE_TIMEOUTS
        } else {
            limits::CLAIM_ALONE_TIMEOUTS_UNLED
        };
        let longest = self.settings.election_ticks.1 as u64;
        let time = Time {
            ticks: self.ticks,
            fresh: limits::CLAIM_FRESH_TIMEOUTS * longest,
            alone: alone * longest,
        };
        // A learner never stands for election: it may be behind, it cannot be ahead.
        let votes = self.members.votes(message.from);
        if votes
            && self
                .claims
                .take((from, message.term), ours, liars + 1, time)
        {
            return Ok(());
        }
        Err(RaftRefusal::TermUnshown {
            node: from,
            term: Term(message.term),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(byte: u8) -> NodeId {
        NodeId::from_bytes([byte; 32])
    }

    const fn at(ticks: u64) -> Time {
        Time {
            ticks,
            fresh: 40,
            alone: 200,
        }
    }

    /// When the word of one voter that claims every few ticks is taken.
    fn taken_at(claims: &mut Claims, every: u64, until: u64) -> Vec<u64> {
        let times = (0..until).filter(|ticks| ticks.is_multiple_of(every));
        times
            .filter(|ticks| claims.take((node(1), 9), 5, 2, at(*ticks)))
            .collect()
    }

    #[test]
    fn one_voter_is_taken_at_its_word_when_it_insists_and_each_time_later() {
        assert_eq!(
            taken_at(&mut Claims::default(), 2, 1_500),
            [200, 600, 1_400]
        );
        assert!(taken_at(&mut Claims::default(), 50, 1_500).is_empty());
    }

    #[test]
    fn voters_of_whom_one_is_honest_are_believed() {
        let mut claims = Claims::default();
        assert!(!claims.take((node(1), 9), 5, 2, at(0)));
        assert!(claims.take((node(2), 7), 5, 2, at(1)));
        // What was said long ago, or of a term that is past, is no claim any more.
        assert!(!claims.take((node(2), 8), 5, 2, at(60)));
        assert!(!claims.take((node(1), 13), 9, 2, at(61)));
    }

    #[test]
    fn whoever_does_not_vote_any_more_is_forgotten() {
        let mut claims = Claims::default();
        claims.take((node(1), 9), 5, 2, at(0));
        claims.keep(|it| it != node(1));
        assert!(claims.0.is_empty());
    }
}
