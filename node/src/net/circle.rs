//! The circle: the mesh that this node is in and its members, as the network needs them.
//!
//! Whoever is in it hears gossip and may use direct streams. The circle is told, never guessed: an address heard on the
//! network changes nothing here.

use std::collections::BTreeMap;
use std::sync::Arc;

use hms_protocol::id::{MeshId, NodeId};
use hms_protocol::limits::ADDRESSES_MAX;
use libp2p::Multiaddr;

use super::settings::{is_tcp, parse_address, without_peer};

/// The members by id, each with the addresses to dial, best first.
pub(super) type Members = BTreeMap<NodeId, Vec<Multiaddr>>;

/// The mesh and its members. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub(super) struct Circle {
    mesh: Option<MeshId>,
    members: Arc<Members>,
}

impl Circle {
    /// The mesh, once it is known.
    pub(super) fn mesh(&self) -> Option<MeshId> {
        self.mesh
    }

    /// Everybody but this node.
    pub(super) fn members(&self) -> &Arc<Members> {
        &self.members
    }

    /// Whether a node is a member.
    pub(super) fn holds(&self, node: NodeId) -> bool {
        self.members.contains_key(&node)
    }

    /// Sets the mesh; says whether that is news.
    pub(super) fn enter(&mut self, mesh: MeshId) -> bool {
        self.mesh.replace(mesh) != Some(mesh)
    }

    /// Sets the members, this node left out.
    pub(super) fn enrol(&mut self, me: NodeId, members: Vec<(NodeId, Vec<String>)>) {
        let others = members.into_iter().filter(|(node, _)| *node != me);
        self.members = Arc::new(
            others
                .map(|(node, texts)| (node, read_all(node, &texts)))
                .collect(),
        );
    }
}

/// Reads a member's addresses, TCP before QUIC.
fn read_all(node: NodeId, texts: &[String]) -> Vec<Multiaddr> {
    let mut addresses = Vec::new();
    for text in texts.iter().take(ADDRESSES_MAX) {
        match parse_address(text) {
            Ok(address) => addresses.push(without_peer(&address)),
            Err(reason) => tracing::warn!(node = %node.short(), reason, "address passed over"),
        }
    }
    addresses.sort_by_key(|address| !is_tcp(address));
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_leaves_this_node_out_and_prefers_tcp() {
        let (me, other) = (NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32]));
        let texts = [
            "/ip4/127.0.0.1/udp/9/quic-v1",
            "nonsense",
            "/ip4/127.0.0.1/tcp/9",
        ];
        let texts = texts.map(str::to_owned).to_vec();

        let mut circle = Circle::default();
        circle.enrol(me, vec![(me, texts.clone()), (other, texts)]);

        assert!(circle.holds(other) && !circle.holds(me));
        let listed: Vec<_> = circle.members()[&other]
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            listed,
            ["/ip4/127.0.0.1/tcp/9", "/ip4/127.0.0.1/udp/9/quic-v1"]
        );
    }
}
