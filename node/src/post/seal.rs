//! A node's seal: its key, its place in the mesh, and the counter of what it has said.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sealed, Sender};
use hms_protocol::id::{Incarnation, MeshId, NodeId, Sequence};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits::ENVELOPE_TTL_MS;

use crate::clock::Clock;

/// What a node needs to seal a message.
#[derive(Debug)]
pub struct Seal {
    key: Arc<SecretKey>,
    mesh: MeshId,
    node: NodeId,
    incarnation: Incarnation,
    clock: Clock,
    said: AtomicU64,
}

impl Seal {
    /// The seal of one life of a node.
    pub fn new(key: Arc<SecretKey>, mesh: MeshId, incarnation: Incarnation, clock: Clock) -> Self {
        let node = key.public().into();
        Self {
            key,
            mesh,
            node,
            incarnation,
            clock,
            said: AtomicU64::new(0),
        }
    }

    /// The node that seals.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The mesh that it belongs to.
    pub fn mesh(&self) -> MeshId {
        self.mesh
    }

    /// The clock that it stamps with.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Seals a body.
    pub fn seal(&self, audience: Audience, kind: BodyKind, body: Vec<u8>) -> Sealed {
        let issued_at = self.clock.now();
        let header = Header {
            mesh: self.mesh,
            sender: Sender::Node(self.node),
            audience,
            incarnation: self.incarnation,
            // Relaxed: only uniqueness matters; lanes order themselves.
            sequence: Sequence(self.said.fetch_add(1, Ordering::Relaxed) + 1),
            issued_at,
            expires_at: issued_at.plus_ms(ENVELOPE_TTL_MS),
            kind,
            // The codec puts the real one in.
            body_hash: Hash::default(),
        };
        codec::envelope::seal(header, body, &self.key)
    }
}
