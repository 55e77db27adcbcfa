//! News for the node that must not be lost, kept while the node is behind.
//!
//! Bounded by what it is about: one state per member, one line per address.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::id::NodeId;
use tokio::sync::mpsc;

use super::super::NetEvent;

/// News, and the way to the node.
pub(super) struct News {
    events: mpsc::Sender<NetEvent>,
    links: BTreeMap<NodeId, bool>,
    addresses: BTreeSet<String>,
}

impl News {
    pub(super) fn new(events: mpsc::Sender<NetEvent>) -> Self {
        Self {
            events,
            links: BTreeMap::new(),
            addresses: BTreeSet::new(),
        }
    }

    /// The link to a member is up or down now. Replaces what was not told yet about it.
    pub(super) fn link(&mut self, node: NodeId, up: bool) {
        self.links.insert(node, up);
    }

    /// This node listens on a further address.
    pub(super) fn listening(&mut self, address: String) {
        self.addresses.insert(address);
    }

    /// Tells something at once, or not at all: says whether there was room.
    pub(super) fn mention(&self, event: NetEvent) -> bool {
        self.events.try_send(event).is_ok()
    }

    /// Whether there is something to tell.
    pub(super) fn is_waiting(&self) -> bool {
        !self.links.is_empty() || !self.addresses.is_empty()
    }

    /// Waits for room and tells one thing. Safe to cancel.
    pub(super) async fn tell(&mut self) {
        let Ok(room) = self.events.reserve().await else {
            // Nobody listens any more.
            self.links.clear();
            self.addresses.clear();
            return;
        };
        if let Some((node, up)) = self.links.pop_first() {
            room.send(NetEvent::Link { node, up });
        } else if let Some(address) = self.addresses.pop_first() {
            room.send(NetEvent::Listening { address });
        }
    }
}
