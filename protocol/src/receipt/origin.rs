//! What somebody must know of a mesh to check anything of it: its genesis, in the few words that matter here.
//!
//! Whoever hands over the genesis of another mesh hands over another mesh: the mesh's id is the digest of these bytes.

use crate::id::{MeshId, NodeId};
use crate::keyring::PublicKey;
use crate::trust::Trust;

/// What a mesh's genesis says of whom to believe. Read with [`codec::origin::read`](crate::codec::origin::read).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The mesh: the digest of its genesis.
    pub mesh: MeshId,
    /// The operator's key, as it was when the mesh was founded.
    pub operator: PublicKey,
    /// The first voter, alone at first.
    pub founder: NodeId,
    /// What voters may do besides stopping.
    pub trust: Trust,
}
