//! Who is connected, whom to dial and when, and which connection to give up.
//!
//! Pure: time and events come in, orders go out. A member that is away is dialled for ever, with a growing and jittered
//! pause. Of two members the one with the smaller id dials first, so that they rarely dial each other at once. A
//! connection on which nothing has answered for a while is given up.
//!
//! A member is connected as a whole or not at all: whatever speaks over a connection (gossipsub above all) keeps state
//! for a peer, not for a connection, and a peer that restarted has lost that state. So when a connection breaks while
//! another lives on, or a new one comes while a settled one still seems alive, all of them are given up and the peer
//! starts afresh.

use std::collections::BTreeMap;
use std::sync::Arc;

use hms_protocol::digest::{Domain, hash_fields};
use hms_protocol::id::NodeId;
use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;

use super::circle::Members;
use crate::limits::STRANGERS_MAX;

/// Shortest pause before a member is dialled again.
const PAUSE_MS_MIN: u64 = 100;

/// Longest pause before a member is dialled again.
const PAUSE_MS_MAX: u64 = 2_000;

/// Head start of the member with the smaller id.
const HEAD_START_MS: u64 = 400;

/// How long a connection may give no sign of life. Pings go out every second, but an answer may queue behind much else on
/// a busy machine, and giving up a living connection costs more than keeping a dead one for a moment: who is alive is
/// decided by heartbeats.
const SILENCE_MS: u64 = 8_000;

/// From this age on a connection is settled: another one from the same peer means that the peer has started again.
const SETTLED_MS: u64 = 3_000;

/// How long a stranger may stay. Long enough to join, also while the mesh is electing.
const STRANGER_MS: u64 = 60_000;

/// What the swarm has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Dial a member, trying its addresses in turn.
    Dial {
        node: NodeId,
        addresses: Vec<Multiaddr>,
    },
    /// Close one connection.
    Close(ConnectionId),
    /// Close every connection to a node.
    Disconnect(NodeId),
    /// Say that a member is connected.
    Up(NodeId),
    /// Say that a member is not connected any more.
    Down(NodeId),
    /// Let a node take part in gossip.
    Admit(NodeId),
    /// Keep a node out of gossip.
    Shun(NodeId),
}

/// One connection.
#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    since_ms: u64,
    heard_ms: u64,
    address: Multiaddr,
}

/// Every connection to one node.
#[derive(Debug, Default)]
struct Link {
    // Invariant: in order of age, and never empty while the link is in the table.
    connections: Vec<Connection>,
    since_ms: u64,
    // Everything is being closed.
    ends: bool,
}

/// When a member that is away is dialled.
#[derive(Debug)]
struct Redial {
    failures: u32,
    // `None` while a dial is under way.
    due_ms: Option<u64>,
}

/// Every connection, and every member that is away.
#[derive(Debug)]
pub(super) struct Peers {
    me: NodeId,
    members: Arc<Members>,
    links: BTreeMap<NodeId, Link>,
    // Invariant: holds exactly the members without a link.
    away: BTreeMap<NodeId, Redial>,
    moves: Vec<Move>,
}

impl Peers {
    /// Nobody yet.
    pub(super) fn new(me: NodeId) -> Self {
        let (members, links, away) = (Arc::default(), BTreeMap::new(), BTreeMap::new());
        Self {
            me,
            members,
            links,
            away,
            moves: Vec::new(),
        }
    }

    /// What has to be done since the last time, in order.
    pub(super) fn take_moves(&mut self) -> Vec<Move> {
        std::mem::take(&mut self.moves)
    }

    /// Takes over who the members are.
    pub(super) fn enrol(&mut self, members: Arc<Members>, now_ms: u64) {
        let before = std::mem::replace(&mut self.members, members);
        let members = self.members.clone();
        for node in before.keys().filter(|node| !members.contains_key(node)) {
            self.away.remove(node);
            if self.links.contains_key(node) {
                self.moves.extend([Move::Shun(*node), Move::Down(*node)]);
            }
            self.end(*node);
        }
        for node in members.keys().filter(|node| !before.contains_key(node)) {
            if self.is_linked(*node) {
                self.moves.extend([Move::Admit(*node), Move::Up(*node)]);
            } else if !self.links.contains_key(node) {
                self.wait(*node, 0, now_ms + self.head_start_ms(*node));
            }
        }
    }

    /// A connection is there.
    pub(super) fn connected(
        &mut self,
        node: NodeId,
        id: ConnectionId,
        address: Multiaddr,
        now_ms: u64,
    ) {
        let is_member = self.members.contains_key(&node);
        let strangers = self.strangers().count();
        let link = self.links.entry(node).or_default();
        let is_first = link.connections.is_empty();
        if is_first {
            link.since_ms = now_ms;
        }
        let oldest_ms = link.connections.first().map(|oldest| oldest.since_ms);
        link.connections.push(Connection {
            id,
            since_ms: now_ms,
            heard_ms: now_ms,
            address,
        });
        if link.ends {
            self.moves.push(Move::Close(id));
        } else if oldest_ms.is_some_and(|since_ms| since_ms + SETTLED_MS <= now_ms) {
            self.end(node);
        } else if is_first && is_member {
            self.away.remove(&node);
            self.moves.extend([Move::Admit(node), Move::Up(node)]);
        } else if is_first {
            self.moves.push(Move::Shun(node));
            if STRANGERS_MAX <= strangers {
                self.end(node);
            }
        }
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, node: NodeId, id: ConnectionId, now_ms: u64) {
        let Some(link) = self.links.get_mut(&node) else {
            return;
        };
        let lived_ms = now_ms.saturating_sub(link.since_ms);
        link.connections.retain(|connection| connection.id != id);
        if !link.connections.is_empty() {
            self.end(node);
            return;
        }
        self.links.remove(&node);
        if self.members.contains_key(&node) {
            self.moves.push(Move::Down(node));
            // A link that broke at once counts as a failure, or two nodes that disagree would dial without a pause.
            let failures = u32::from(lived_ms < PAUSE_MS_MAX);
            let pause_ms = self.pause_ms(node, failures, now_ms) + self.head_start_ms(node);
            self.wait(node, failures, now_ms + pause_ms);
        }
    }

    /// A dial has failed.
    pub(super) fn unreachable(&mut self, node: NodeId, now_ms: u64) {
        if let Some(redial) = self.away.get(&node)
            && redial.due_ms.is_none()
        {
            let failures = redial.failures.saturating_add(1);
            self.wait(
                node,
                failures,
                now_ms + self.pause_ms(node, failures, now_ms),
            );
        }
    }

    /// A connection has given a sign of life.
    pub(super) fn heard(&mut self, node: NodeId, id: ConnectionId, now_ms: u64) {
        let connections = self.links.get_mut(&node).map(|link| &mut link.connections);
        for connection in connections
            .into_iter()
            .flatten()
            .filter(|known| known.id == id)
        {
            connection.heard_ms = now_ms;
        }
    }

    /// This node itself was late: nobody else's silence counts.
    pub(super) fn forgive(&mut self, now_ms: u64) {
        for connection in self
            .links
            .values_mut()
            .flat_map(|link| &mut link.connections)
        {
            connection.heard_ms = now_ms;
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now_ms: u64) {
        for (node, redial) in &mut self.away {
            if redial.due_ms.is_some_and(|due_ms| due_ms <= now_ms) {
                redial.due_ms = None;
                let addresses = self.members.get(node).cloned().unwrap_or_default();
                self.moves.push(Move::Dial {
                    node: *node,
                    addresses,
                });
            }
        }
        let is_silent = |link: &&Link| {
            link.connections
                .iter()
                .any(|known| known.heard_ms + SILENCE_MS <= now_ms)
        };
        let overstays = |link: &Link| {
            link.connections
                .first()
                .is_some_and(|oldest| oldest.since_ms + STRANGER_MS <= now_ms)
        };
        let ending: Vec<_> = self
            .links
            .iter()
            .filter(|(node, link)| {
                is_silent(link) || (!self.members.contains_key(node) && overstays(link))
            })
            .map(|(node, _)| *node)
            .collect();
        for node in ending {
            self.end(node);
        }
    }

    /// The connected node that listens at an address, if it was dialled there.
    pub(super) fn at(&self, address: &Multiaddr) -> Option<NodeId> {
        let is_there = |link: &Link| {
            !link.ends
                && link
                    .connections
                    .iter()
                    .any(|connection| connection.address == *address)
        };
        self.links
            .iter()
            .find(|(_, link)| is_there(link))
            .map(|(node, _)| *node)
    }

    /// Whether a node is connected and stays so.
    pub(super) fn is_linked(&self, node: NodeId) -> bool {
        self.links.get(&node).is_some_and(|link| !link.ends)
    }

    fn strangers(&self) -> impl Iterator<Item = &NodeId> {
        self.links
            .keys()
            .filter(|node| !self.members.contains_key(node))
    }

    fn end(&mut self, node: NodeId) {
        if let Some(link) = self.links.get_mut(&node)
            && !std::mem::replace(&mut link.ends, true)
        {
            self.moves.push(Move::Disconnect(node));
        }
    }

    fn wait(&mut self, node: NodeId, failures: u32, due_ms: u64) {
        self.away.insert(
            node,
            Redial {
                failures,
                due_ms: Some(due_ms),
            },
        );
    }

    /// How long to leave the first dial to the other side.
    fn head_start_ms(&self, node: NodeId) -> u64 {
        if node < self.me { HEAD_START_MS } else { 0 }
    }

    /// A pause that doubles with every failure, between half of that and the whole. Drawn by hash: different between
    /// nodes, peers and moments.
    fn pause_ms(&self, node: NodeId, failures: u32, now_ms: u64) -> u64 {
        let whole_ms = (PAUSE_MS_MIN << failures.min(10)).min(PAUSE_MS_MAX);
        let fields = [
            &self.me.as_bytes()[..],
            &node.as_bytes()[..],
            &now_ms.to_le_bytes()[..],
        ];
        let draw = hash_fields(Domain::Draw, &fields).as_bytes()[0];
        whole_ms / 2 + whole_ms / 2 * u64::from(draw) / u64::from(u8::MAX)
    }
}

#[cfg(test)]
mod tests;
