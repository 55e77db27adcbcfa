//! What many hosts know alike, kept once: a mesh of a thousand would otherwise hold a million members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_consensus::input::Input;
use hms_protocol::codec;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::id::NodeId;
use hms_protocol::member::RosterView;
use hms_protocol::peer::PeerMessage;

/// Rosters that are remembered: hosts learn of a new one within a few seconds of each other.
const KEPT_MAX: usize = 16;

/// The members that a host knows.
#[derive(Debug, Default)]
pub struct Members {
    /// All of them.
    pub roster: RosterView,
    /// Those that take part.
    participants: BTreeSet<NodeId>,
}

impl Members {
    /// Whether a node is a member that takes part.
    pub fn has(&self, node: NodeId) -> bool {
        self.participants.contains(&node)
    }
}

/// The newest rosters, by revision.
#[derive(Debug, Default)]
pub struct Directory {
    known: BTreeMap<u64, Arc<Members>>,
    /// The roster that was sent last, by whom, and what came of it.
    posted: Option<(NodeId, RosterView, Arc<Input>)>,
}

impl Directory {
    /// What arrives when a node sends a roster: what was on the wire. A leader sends the same one to everybody.
    pub fn post(&mut self, from: NodeId, roster: &RosterView) -> Arc<Input> {
        let posted = self.posted.as_ref();
        if let Some((_, _, news)) = posted.filter(|(by, it, _)| *by == from && it == roster) {
            return Arc::clone(news);
        }
        let bundle = Bundle(vec![PeerMessage::Roster(roster.clone())]);
        let bytes = codec::encode(&bundle);
        let arrived: Bundle = codec::decode(&bytes).expect("a mind sends what it can read");
        let message = arrived.0.into_iter().next();
        let message = message.expect("a bundle of one holds one");
        let news = Arc::new(Input::Received { from, message });
        self.posted = Some((from, roster.clone(), Arc::clone(&news)));
        news
    }

    /// A roster as it is kept: the same one for every host that knows the same.
    pub fn share(&mut self, roster: RosterView) -> Arc<Members> {
        let known = self.known.get(&roster.revision);
        if let Some(known) = known.filter(|known| known.roster == roster) {
            return Arc::clone(known);
        }
        let participants = roster.participants().map(|member| member.id);
        let members = Arc::new(Members {
            participants: participants.collect(),
            roster,
        });
        self.known
            .insert(members.roster.revision, Arc::clone(&members));
        if KEPT_MAX < self.known.len() {
            self.known.pop_first();
        }
        members
    }
}
