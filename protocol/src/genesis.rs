//! The genesis: what a mesh is, settled once and signed by its operator.
//!
//! The digest of its bytes is the mesh's id, so nothing in it ever changes. It names the operator's key as it was then;
//! which key is the operator's now, the ledger says. Whether the operator is the right one nobody but people can know.

use crate::codec;
use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{MeshId, NodeId, NodeName};
use crate::keyring::{PublicKey, SecretKey, Signature};
use crate::time::Moment;
use crate::trust::Trust;

/// How long a voter may be lost before a spare takes its place, unless the operator says otherwise: longer than a machine
/// takes to start again, and short enough that a second loss seldom comes first.
pub const REPLACE_VOTER_AFTER_MS: u64 = 5 * 60 * 1000;

/// What a mesh begins with. Made by [`Founding::sign`] and by [`codec::genesis::read`] only, so its signature is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    founding: Founding,
    signature: Signature,
}

/// What is settled when a mesh is founded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// Whose word the mesh takes on who belongs to it.
    pub operator: PublicKey,
    /// The first voter, alone at first.
    pub founder: NodeId,
    /// What it is called.
    pub name: NodeName,
    /// How many voters the mesh wants.
    pub voters_wanted: u32,
    /// How long a voter may be lost before a spare takes its place, in milliseconds; 0 for ever.
    pub replace_voter_after_ms: u64,
    /// What its voters may do besides stopping.
    pub trust: Trust,
    /// The operator's clock.
    pub founded_at: Moment,
    /// 32 random bytes, so that no two meshes have one id.
    pub salt: [u8; 32],
}

/// Why a genesis was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is not that of the operator whom the genesis names")]
pub struct NotTheOperator;

impl Founding {
    /// Signs it with the operator's key.
    pub fn sign(self, key: &SecretKey) -> Result<Genesis, NotTheOperator> {
        if key.public() != self.operator {
            return Err(NotTheOperator);
        }
        let signature = key.sign(Domain::GenesisTerms, self.digest());
        Ok(Genesis {
            founding: self,
            signature,
        })
    }

    /// What the operator signs: every field, each with its length.
    fn digest(&self) -> Hash {
        let trust = match self.trust {
            Trust::Crash => 1_u8,
            Trust::Byzantine => 2_u8,
        };
        hash_fields(
            Domain::GenesisTerms,
            &[
                self.operator.as_bytes(),
                self.founder.as_bytes(),
                self.name.as_str().as_bytes(),
                &self.voters_wanted.to_le_bytes(),
                &self.replace_voter_after_ms.to_le_bytes(),
                &[trust],
                &self.founded_at.0.to_le_bytes(),
                &self.salt,
            ],
        )
    }

    /// Takes it with a signature, if that is the operator's.
    pub(crate) fn signed(self, signature: Signature) -> Option<Genesis> {
        let good = self
            .operator
            .verifies(Domain::GenesisTerms, self.digest(), &signature);
        good.then_some(Genesis {
            founding: self,
            signature,
        })
    }
}

impl Genesis {
    /// What it settles.
    pub fn founding(&self) -> &Founding {
        &self.founding
    }

    /// The operator's signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The mesh that it makes.
    pub fn mesh(&self) -> MeshId {
        mesh_of(&codec::encode(self))
    }
}

/// The mesh that an encoded genesis makes.
pub fn mesh_of(genesis: &[u8]) -> MeshId {
    let digest = hash_fields(Domain::Genesis, &[genesis]);
    MeshId::from_bytes(*digest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::CodecError;

    fn operator() -> SecretKey {
        SecretKey::from_seed(&[200; 32])
    }

    fn founding() -> Founding {
        Founding {
            operator: operator().public(),
            founder: NodeId::from_bytes([1; 32]),
            name: "n1".parse().unwrap(),
            voters_wanted: 3,
            replace_voter_after_ms: REPLACE_VOTER_AFTER_MS,
            trust: Trust::Byzantine,
            founded_at: Moment(5),
            salt: [7; 32],
        }
    }

    #[test]
    fn a_genesis_reads_back_and_its_digest_is_the_mesh() {
        let genesis = founding().sign(&operator()).unwrap();
        let bytes = codec::encode(&genesis);
        assert_eq!(codec::genesis::read(&bytes), Ok(genesis.clone()));
        assert_eq!(genesis.mesh(), mesh_of(&bytes));
        let origin = codec::origin::read(&bytes).unwrap();
        assert_eq!(origin.mesh, genesis.mesh());
        assert_eq!(origin.operator, operator().public());
    }

    #[test]
    fn another_key_does_not_sign_it() {
        let other = SecretKey::from_seed(&[201; 32]);
        assert_eq!(founding().sign(&other), Err(NotTheOperator));
    }

    /// A flipped bit gives bytes that are none, or those of no operator, and never a genesis.
    #[test]
    fn a_genesis_that_was_changed_anywhere_is_refused() {
        let genesis = founding().sign(&operator()).unwrap();
        let bytes = codec::encode(&genesis);
        let mut forged = 0;
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                let error = codec::genesis::read(&changed).unwrap_err();
                forged += usize::from(matches!(error, CodecError::Contradiction { .. }));
            }
        }
        assert!(
            0 < forged,
            "some changes leave a genesis that nobody signed"
        );
    }
}
