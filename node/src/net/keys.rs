//! A node's key and its libp2p peer id: two spellings of one Ed25519 public key.
//!
//! A peer id of any other kind has no node id, so its connections are closed.

use hms_protocol::id::NodeId;
use libp2p::PeerId;
use libp2p::identity::{Keypair, PublicKey, ed25519};

/// Multihash code of a key that is spelt out instead of hashed.
const IDENTITY_CODE: u64 = 0;

/// The node's key, from its 32 secret bytes.
pub(super) fn keypair(seed: &[u8; 32]) -> Keypair {
    // The copy is wiped by the callee.
    Keypair::ed25519_from_bytes(*seed).expect("any 32 bytes are an Ed25519 secret")
}

/// The peer id of a node; `None` when the id is not a point of the curve, and so nobody's key.
pub(super) fn peer_of(node: NodeId) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(node.as_bytes()).ok()?;
    Some(PeerId::from_public_key(&PublicKey::from(key)))
}

/// The node of a peer id; `None` when its key is not Ed25519.
pub(super) fn node_of(peer: &PeerId) -> Option<NodeId> {
    let hash = peer.as_ref();
    if hash.code() != IDENTITY_CODE {
        return None;
    }
    let key = PublicKey::try_decode_protobuf(hash.digest()).ok()?;
    Some(NodeId::from_bytes(key.try_into_ed25519().ok()?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hms_protocol::keyring::SecretKey;

    /// MSH-3: the peer id derives from the node's Ed25519 key, and back.
    #[test]
    fn a_peer_id_is_the_nodes_public_key_spelt_out() {
        let node: NodeId = SecretKey::from_seed(&[7; 32]).public().into();
        let peer = keypair(&[7; 32]).public().to_peer_id();
        assert_eq!(peer_of(node), Some(peer));
        assert_eq!(node_of(&peer), Some(node));
    }

    #[test]
    fn what_is_nobodys_key_has_no_peer_id() {
        // About half of all numbers are the height of no point of the curve.
        let is_nobodys = |byte: &u8| peer_of(NodeId::from_bytes([*byte; 32])).is_none();
        assert!((64..192).contains(&(0..=255).filter(is_nobodys).count()));
        assert_eq!(node_of(&PeerId::random()), None);
    }
}
