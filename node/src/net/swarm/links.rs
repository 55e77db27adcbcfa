//! Connections as they come and go, and what follows from that.

use std::error::Error;
use std::num::NonZeroU8;
use std::sync::Arc;

use hms_protocol::id::NodeId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionError, ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId};

use super::super::circle::Members;
use super::super::direct::Wire;
use super::super::peers::Move;
use super::super::settings::{peer_in, without_peer};
use super::super::topics::{MEMBER_SCORE, STRANGER_SCORE};
use super::super::{CallError, keys};
use super::{Exchange, Reached};

/// Addresses that may be dialled at once for callers. A further call is refused.
const REACHING_MAX: usize = 64;

impl Exchange {
    /// A connection is there.
    pub(super) fn connected(&mut self, peer: PeerId, id: ConnectionId, remote: &Multiaddr) {
        let Some(node) = keys::node_of(&peer) else {
            self.swarm.close_connection(id);
            return;
        };
        tracing::debug!(node = %node.short(), %remote, "connected");
        let now_ms = self.now_ms();
        self.peers.connected(node, id, without_peer(remote), now_ms);
        if let Some((_, answer)) = self.reaching.remove(&id) {
            // The caller may have given up.
            let _ = answer.send(Ok(node));
        }
    }

    /// A connection is gone.
    pub(super) fn disconnected(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        cause: Option<ConnectionError>,
    ) {
        if let Some(node) = keys::node_of(&peer) {
            tracing::debug!(node = %node.short(), ?cause, "disconnected");
            let now_ms = self.now_ms();
            self.peers.closed(node, id, now_ms);
        }
    }

    /// A dial has failed.
    pub(super) fn missed(&mut self, id: ConnectionId, peer: Option<PeerId>, error: &DialError) {
        if let Some((address, answer)) = self.reaching.remove(&id) {
            // The caller may have given up.
            let _ = answer.send(Err(explain(&address, error)));
        } else if let Some(node) = peer.as_ref().and_then(keys::node_of) {
            tracing::debug!(node = %node.short(), reason = root_of(error), "not reached");
            let now_ms = self.now_ms();
            self.peers.unreachable(node, now_ms);
        }
    }

    /// Connects to whoever listens at an address, unless it is connected already.
    pub(super) fn reach(&mut self, address: Multiaddr, answer: Reached) {
        let expected = peer_in(&address);
        let bare = without_peer(&address);
        let connected = match expected.as_ref() {
            Some(peer) => keys::node_of(peer).filter(|node| self.peers.is_linked(*node)),
            None => self.peers.at(&bare),
        };
        let reached = match connected {
            Some(node) => Ok(node),
            None => match self.dial_for(expected, &bare) {
                Ok(id) => {
                    self.reaching.insert(id, (address, answer));
                    return;
                }
                Err(reason) => Err(reason),
            },
        };
        // The caller may have given up.
        let _ = answer.send(reached);
    }

    fn dial_for(
        &mut self,
        expected: Option<PeerId>,
        address: &Multiaddr,
    ) -> Result<ConnectionId, CallError> {
        self.reaching.retain(|_, (_, answer)| !answer.is_closed());
        if REACHING_MAX <= self.reaching.len() {
            let reason = format!("{REACHING_MAX} addresses are being dialled already");
            return Err(CallError::Unreachable {
                address: address.to_string(),
                reason,
            });
        }
        let options = match expected {
            Some(peer) => DialOpts::peer_id(peer)
                .condition(PeerCondition::Always)
                .addresses(vec![address.clone()])
                .allocate_new_port()
                .build(),
            None => DialOpts::unknown_peer_id()
                .address(address.clone())
                .allocate_new_port()
                .build(),
        };
        let id = options.connection_id();
        self.swarm
            .dial(options)
            .map_err(|error| explain(address, &error))?;
        Ok(id)
    }

    /// Takes over the mesh and its members as the node knows them now.
    pub(super) fn follow_circle(&mut self) {
        let circle = self.circle.borrow_and_update().clone();
        if self.mesh != circle.mesh() {
            self.mesh = circle.mesh();
            self.join_topics();
        }
        self.lay_wires(circle.members());
        let now_ms = self.now_ms();
        self.peers.enrol(circle.members().clone(), now_ms);
    }

    /// Does what the table of peers has decided.
    pub(super) fn make_moves(&mut self) {
        for order in self.peers.take_moves() {
            match order {
                Move::Dial { node, addresses } => self.dial(node, addresses),
                Move::Close(id) => {
                    self.swarm.close_connection(id);
                }
                Move::Disconnect(node) => {
                    if let Some(peer) = keys::peer_of(node) {
                        // An error says that it is disconnected already.
                        let _ = self.swarm.disconnect_peer_id(peer);
                    }
                }
                Move::Up(node) => self.tell_link(node, true),
                Move::Down(node) => self.tell_link(node, false),
                Move::Admit(node) => self.score(node, MEMBER_SCORE),
                Move::Shun(node) => self.score(node, STRANGER_SCORE),
            }
        }
    }

    fn dial(&mut self, node: NodeId, addresses: Vec<Multiaddr>) {
        // A member whose id is nobody's key is never reached; it is not tried again either.
        let Some(peer) = keys::peer_of(node) else {
            return;
        };
        let options = DialOpts::peer_id(peer)
            .addresses(addresses)
            // One address after the other, best first.
            .override_dial_concurrency_factor(NonZeroU8::MIN)
            // The port that we listen on would clash with the connection that has just broken.
            .allocate_new_port()
            .build();
        if let Err(error) = self.swarm.dial(options) {
            tracing::debug!(node = %node.short(), reason = root_of(&error), "not dialled");
            let now_ms = self.now_ms();
            self.peers.unreachable(node, now_ms);
        }
    }

    fn tell_link(&mut self, node: NodeId, up: bool) {
        tracing::info!(node = %node.short(), up, "link");
        if let Some(keeper) = self.keepers.get(&node) {
            keeper.set_up(up);
        }
        self.news.link(node, up);
    }

    fn score(&mut self, node: NodeId, score: f64) {
        if let Some(peer) = keys::peer_of(node) {
            self.swarm
                .behaviour_mut()
                .gossip
                .set_application_score(&peer, score);
        }
    }

    fn lay_wires(&mut self, members: &Members) {
        self.keepers.retain(|node, _| members.contains_key(node));
        let mut wires = (**self.wires.borrow()).clone();
        wires.retain(|node, _| members.contains_key(node));
        for node in members.keys() {
            if wires.contains_key(node) {
                continue;
            }
            if let Some(peer) = keys::peer_of(*node) {
                let (wire, keeper) = Wire::lay(peer, self.opener.clone(), &mut self.tasks);
                wires.insert(*node, wire);
                self.keepers.insert(*node, keeper);
            }
        }
        self.wires.send_replace(Arc::new(wires));
    }
}

fn explain(address: &Multiaddr, error: &DialError) -> CallError {
    let address = address.to_string();
    match error {
        DialError::WrongPeerId { obtained, .. } => CallError::OtherNode {
            address,
            found: obtained.to_string(),
        },
        DialError::LocalPeerId { .. } => CallError::Unreachable {
            address,
            reason: "it is this node itself".to_owned(),
        },
        DialError::NoAddresses
        | DialError::DialPeerConditionFalse(_)
        | DialError::Aborted
        | DialError::Denied { .. }
        | DialError::Transport(_) => CallError::Unreachable {
            address,
            reason: root_of(error),
        },
    }
}

/// What went wrong at the bottom, without the layers above.
fn root_of(error: &DialError) -> String {
    if let DialError::Transport(attempts) = error
        && let Some((_, attempt)) = attempts.last()
    {
        return root_text(attempt);
    }
    root_text(error)
}

fn root_text(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
