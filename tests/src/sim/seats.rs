//! Whether those who take part in Raft are those whom the ledger has seated: nobody votes who never had a voter's seat, and
//! nobody is dropped who never lost it.
//!
//! What the ledger has said at any time counts: a change comes some entries after the order, and hosts apply at their own
//! pace.

use std::collections::{BTreeMap, BTreeSet};

use hms_consensus::raft::RaftStatus;
use hms_consensus::state::State;
use hms_protocol::id::NodeId;
use hms_protocol::member::Seat;

use crate::sim::host::{Host, HostId};

/// The seats that the ledger has given and taken, and who takes part by each host.
#[derive(Debug, Default)]
pub struct Seats {
    /// Whoever had a seat.
    seated: BTreeSet<NodeId>,
    /// Whoever had a voter's seat.
    voters: BTreeSet<NodeId>,
    /// Members that had no voter's seat.
    unseated: BTreeSet<NodeId>,
    /// The voters of each host, as it was last seen in its present life.
    counted: BTreeMap<HostId, Vec<NodeId>>,
    /// What was last read of each host's roster.
    revisions: BTreeMap<HostId, u64>,
}

impl Seats {
    /// A host begins anew from its disk, which may be behind.
    pub fn forget(&mut self, host: HostId) {
        self.counted.remove(&host);
        self.revisions.remove(&host);
    }

    /// Looks at a host. Names somebody who takes part by it, or does not any more, against the ledger.
    pub fn usurped(&mut self, host: &Host) -> Option<NodeId> {
        let supervisor = host.mind.as_ref()?.supervisor()?;
        self.read(host.id, supervisor.state());
        let RaftStatus {
            voters, learners, ..
        } = supervisor.status();
        let before = self.counted.insert(host.id, voters.clone());
        let dropped = before.into_iter().flatten();
        let mut dropped = dropped.filter(|node| !voters.contains(node));
        let thrown_out = dropped.find(|node| !self.unseated.contains(node));
        let mut listens = learners.into_iter();
        let brought_in = listens.find(|node| !self.seated.contains(node));
        let votes = voters.iter().find(|node| !self.voters.contains(*node));
        thrown_out.or(brought_in).or(votes.copied())
    }

    fn read(&mut self, host: HostId, state: &State) {
        let revision = state.roster().revision();
        if self.revisions.insert(host, revision) == Some(revision) {
            return;
        }
        for member in state.roster().members() {
            let seat = state.seat_of(member.id);
            if seat == Seat::Voter {
                self.voters.insert(member.id);
            } else {
                self.unseated.insert(member.id);
            }
            if seat != Seat::None {
                self.seated.insert(member.id);
            }
        }
    }
}
