//! Who belongs to the mesh, as far as the gateway needs it: whom to let in, how many voters there are, what a name means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_protocol::id::{NodeId, NodeName};
use hms_protocol::member::RosterView;
use tokio::sync::watch;

/// The members of the mesh. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    known: watch::Sender<Arc<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    members: BTreeSet<NodeId>,
    names: BTreeMap<NodeName, NodeId>,
    voters: usize,
}

impl Roster {
    /// The members have changed.
    pub(super) fn replace(&self, roster: &RosterView) {
        let known = Known {
            members: roster.members.iter().map(|member| member.id).collect(),
            names: roster
                .members
                .iter()
                .map(|member| (member.name.clone(), member.id))
                .collect(),
            voters: roster.members.iter().filter(|member| member.votes).count(),
        };
        self.known.send_replace(Arc::new(known));
    }

    /// Whether the node is a member.
    pub(super) fn knows(&self, node: NodeId) -> bool {
        self.known.borrow().members.contains(&node)
    }

    /// How many members vote.
    pub(super) fn voters(&self) -> usize {
        self.known.borrow().voters
    }

    /// The member that people call so.
    pub(super) fn named(&self, name: &NodeName) -> Option<NodeId> {
        self.known.borrow().names.get(name).copied()
    }
}
