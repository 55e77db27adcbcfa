//! Join tokens: the operator's word that one node may join, once and for a while.
//!
//! A token has a key of its own. Whoever joins shows the public half and signs its own id with the secret half, which it
//! shows to nobody: who relays the wish to join, or reads the ledger, learns nothing to join with. Tokens are made without
//! the mesh; that one was used before is for the ledger to know.

use crate::codec;
use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{MeshId, NodeId};
use crate::keyring::{PublicKey, SecretKey, Signature};
use crate::member::Role;
use crate::time::Moment;

/// How long a token is good unless the operator says otherwise: an hour.
pub const TOKEN_TTL_MS: u64 = 60 * 60 * 1000;

/// The longest that a token may be good: 30 days. A used one is remembered until it ends.
pub const TOKEN_TTL_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;

/// What a printed token begins with, so that people and scanners for secrets know it.
const PREFIX: &str = "hms1-";

/// The public part of a join token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinToken {
    /// The mesh.
    pub mesh: MeshId,
    /// The most that the joiner may be.
    pub role: Role,
    /// When it ends.
    pub expires_at: Moment,
    /// The key that was made for it.
    pub key: PublicKey,
    /// The operator's signature.
    pub signature: Signature,
}

/// A token with its secret: what the operator hands to one node. Printed by [`Invitation::to_text`] only.
#[derive(Debug)]
pub struct Invitation {
    token: JoinToken,
    secret: SecretKey,
}

/// What a joiner shows: the token, and that it holds the token's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinProof {
    /// The token.
    pub token: JoinToken,
    /// The token's key's signature over mesh, key and node.
    pub signature: Signature,
}

/// Why a token lets nobody in. Part of the replicated outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It is not a token at all.
    #[error("this is not a join token, or a part of it is missing")]
    Malformed,
    /// The node shows none.
    #[error("a node that is not a member needs a join token")]
    Missing,
    /// It was made for another mesh.
    #[error("the join token is for mesh {token}: this is mesh {mesh}")]
    OtherMesh {
        /// The mesh that it is for.
        token: MeshId,
        /// The mesh that was asked.
        mesh: MeshId,
    },
    /// The operator of the mesh has not signed it.
    #[error("the join token is not signed by the operator of this mesh")]
    Forged,
    /// Whoever shows it does not have its secret.
    #[error("the join token was made for another holder: its secret has not signed this node's id")]
    Stolen,
    /// Its time is up.
    #[error("the join token ended {late_ms} ms ago")]
    Expired {
        /// How long ago.
        late_ms: u64,
    },
    /// It is good for longer than any token may be.
    #[error("the join token is good for {ttl_ms} ms more: at most {max_ms} are allowed")]
    TooLong {
        /// How long.
        ttl_ms: u64,
        /// How long it may be.
        max_ms: u64,
    },
    /// Another node has joined with it.
    #[error("the join token was used before")]
    Used,
    /// The node wants to be more than the token allows.
    #[error("the join token is for a worker, and the node wants to be a voter")]
    Role,
}

impl TokenRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "HMS-TOKEN-MALFORMED",
            Self::Missing => "HMS-TOKEN-MISSING",
            Self::OtherMesh { .. } => "HMS-TOKEN-OTHER-MESH",
            Self::Forged => "HMS-TOKEN-FORGED",
            Self::Stolen => "HMS-TOKEN-STOLEN",
            Self::Expired { .. } => "HMS-TOKEN-EXPIRED",
            Self::TooLong { .. } => "HMS-TOKEN-TOO-LONG",
            Self::Used => "HMS-TOKEN-USED",
            Self::Role => "HMS-TOKEN-ROLE",
        }
    }

    /// What can be done.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Malformed => "copy the whole line that `hms token create` printed",
            Self::Missing => "ask the operator for a token, made with `hms token create`",
            Self::OtherMesh { .. } => {
                "join the mesh that the token is for, or ask for another token"
            }
            Self::Forged => {
                "make the token with the operator's key of this mesh; the key may have been rotated"
            }
            Self::Stolen => "use the token as it was printed, on one node",
            Self::Expired { .. } => "make another token; check the clocks if this one is new",
            Self::TooLong { .. } => "make a token that ends earlier, with --ttl",
            Self::Used => "make one token for each node, with `hms token create`",
            Self::Role => "make a token with --role voter, or join with --role worker",
        }
    }
}

impl JoinToken {
    /// What the operator signs.
    fn digest(&self) -> Hash {
        let role = match self.role {
            Role::Voter => 1_u8,
            Role::Worker => 2_u8,
        };
        let fields: [&[u8]; 4] = [
            self.mesh.as_bytes(),
            &[role],
            &self.expires_at.0.to_le_bytes(),
            self.key.as_bytes(),
        ];
        hash_fields(Domain::JoinToken, &fields)
    }

    /// What stands for it where it is remembered.
    pub fn id(&self) -> Hash {
        self.digest()
    }

    /// What the token's key signs for one node.
    fn digest_for(&self, node: NodeId) -> Hash {
        let fields: [&[u8]; 3] = [self.mesh.as_bytes(), self.key.as_bytes(), node.as_bytes()];
        hash_fields(Domain::JoinProof, &fields)
    }
}

impl Invitation {
    /// Makes a token for one node. `seed` is 32 secret random bytes, for this token alone.
    pub fn new(
        operator: &SecretKey,
        mesh: MeshId,
        role: Role,
        expires_at: Moment,
        seed: &[u8; 32],
    ) -> Self {
        let secret = SecretKey::from_seed(seed);
        let mut token = JoinToken {
            mesh,
            role,
            expires_at,
            key: secret.public(),
            signature: Signature::from_bytes([0; 64]),
        };
        token.signature = operator.sign(Domain::JoinToken, token.digest());
        Self { token, secret }
    }

    /// A token that was read, if its secret is the one that belongs to it.
    pub(crate) fn of(token: JoinToken, secret: SecretKey) -> Option<Self> {
        (secret.public() == token.key).then_some(Self { token, secret })
    }

    /// The public part.
    pub fn token(&self) -> &JoinToken {
        &self.token
    }

    /// The seed of the secret, for printing only.
    pub(crate) fn seed(&self) -> [u8; 32] {
        self.secret.seed()
    }

    /// What a node shows to join with it.
    pub fn prove(&self, node: NodeId) -> JoinProof {
        JoinProof {
            token: self.token.clone(),
            signature: self
                .secret
                .sign(Domain::JoinProof, self.token.digest_for(node)),
        }
    }

    /// The line that is handed over. Whoever reads it can join.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", hex::encode(codec::encode(self)))
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// ```
    /// use hms_protocol::token::{Invitation, TokenRefusal};
    ///
    /// assert_eq!(Invitation::read("hms1-00").unwrap_err(), TokenRefusal::Malformed);
    /// ```
    pub fn read(text: &str) -> Result<Self, TokenRefusal> {
        let digits = text.trim().strip_prefix(PREFIX);
        let bytes = digits.and_then(|digits| hex::decode(digits).ok());
        let bytes = bytes.ok_or(TokenRefusal::Malformed)?;
        codec::decode_exact(&bytes).map_err(|_| TokenRefusal::Malformed)
    }
}

impl JoinProof {
    /// Whether the operator of a mesh has made the token, and this node holds it, whatever time it is.
    pub fn authenticate(
        &self,
        operator: &PublicKey,
        mesh: MeshId,
        node: NodeId,
    ) -> Result<(), TokenRefusal> {
        let token = &self.token;
        if token.mesh != mesh {
            return Err(TokenRefusal::OtherMesh {
                token: token.mesh,
                mesh,
            });
        }
        if !operator.verifies(Domain::JoinToken, token.digest(), &token.signature) {
            return Err(TokenRefusal::Forged);
        }
        let digest = token.digest_for(node);
        if !token
            .key
            .verifies(Domain::JoinProof, digest, &self.signature)
        {
            return Err(TokenRefusal::Stolen);
        }
        Ok(())
    }

    /// Whether the operator of a mesh lets this node in with it at a moment. That it was not used before is not known
    /// here.
    pub fn check(
        &self,
        operator: &PublicKey,
        mesh: MeshId,
        node: NodeId,
        now: Moment,
    ) -> Result<(), TokenRefusal> {
        self.authenticate(operator, mesh, node)?;
        let token = &self.token;
        if token.expires_at <= now {
            let late_ms = now.since_ms(token.expires_at);
            return Err(TokenRefusal::Expired { late_ms });
        }
        let ttl_ms = token.expires_at.since_ms(now);
        if TOKEN_TTL_MS_MAX < ttl_ms {
            return Err(TokenRefusal::TooLong {
                ttl_ms,
                max_ms: TOKEN_TTL_MS_MAX,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESH: MeshId = MeshId::from_bytes([9; 32]);
    const NOW: Moment = Moment(1_000_000);
    const NODE: NodeId = NodeId::from_bytes([1; 32]);

    fn operator() -> SecretKey {
        SecretKey::from_seed(&[200; 32])
    }

    fn invitation(expires_at: Moment) -> Invitation {
        Invitation::new(&operator(), MESH, Role::Worker, expires_at, &[3; 32])
    }

    fn check(proof: &JoinProof, mesh: MeshId, node: NodeId, now: Moment, code: &str) {
        let checked = proof.check(&operator().public(), mesh, node, now);
        assert_eq!(checked.err().map_or("", |refusal| refusal.code()), code);
    }

    #[test]
    fn a_token_lets_one_node_in_for_a_while() {
        let ends = NOW.plus_ms(10);
        let proof = invitation(ends).prove(NODE);
        check(&proof, MESH, NODE, NOW, "");
        check(&proof, MESH, NODE, ends, "HMS-TOKEN-EXPIRED");
        let thief = NodeId::from_bytes([2; 32]);
        check(&proof, MESH, thief, NOW, "HMS-TOKEN-STOLEN");
        let other = MeshId::from_bytes([8; 32]);
        check(&proof, other, NODE, NOW, "HMS-TOKEN-OTHER-MESH");
        let late = NOW.plus_ms(TOKEN_TTL_MS_MAX + 1);
        check(
            &invitation(late).prove(NODE),
            MESH,
            NODE,
            NOW,
            "HMS-TOKEN-TOO-LONG",
        );
    }

    #[test]
    fn nobody_but_the_operator_makes_or_changes_a_token() {
        let forger = SecretKey::from_seed(&[201; 32]);
        let ends = NOW.plus_ms(10);
        let forged = Invitation::new(&forger, MESH, Role::Voter, ends, &[3; 32]);
        check(&forged.prove(NODE), MESH, NODE, NOW, "HMS-TOKEN-FORGED");
        let mut promoted = invitation(ends).prove(NODE);
        promoted.token.role = Role::Voter;
        check(&promoted, MESH, NODE, NOW, "HMS-TOKEN-FORGED");
        let mut prolonged = invitation(ends).prove(NODE);
        prolonged.token.expires_at = ends.plus_ms(1);
        check(&prolonged, MESH, NODE, NOW, "HMS-TOKEN-FORGED");
    }

    #[test]
    fn a_printed_token_reads_back_and_a_damaged_one_does_not() {
        let invitation = invitation(NOW);
        let text = invitation.to_text();
        let read = Invitation::read(&format!(" {text}\n")).unwrap();
        assert_eq!(read.prove(NODE), invitation.prove(NODE));
        for damaged in [
            &text[..text.len() - 2],
            &text[PREFIX.len()..],
            "",
            "00112233",
            &text.replace(PREFIX, "hms2-"),
        ] {
            assert_eq!(
                Invitation::read(damaged).unwrap_err(),
                TokenRefusal::Malformed
            );
        }
        // The secret stands at the end: another one does not belong to the token.
        let mut other = text.clone().into_bytes();
        let last = other.len() - 1;
        other[last] = if other[last] == b'0' { b'1' } else { b'0' };
        let other = String::from_utf8(other).unwrap();
        assert_eq!(
            Invitation::read(&other).unwrap_err(),
            TokenRefusal::Malformed
        );
    }
}
