//! Orders: what the operator of a mesh decides alone, signed with its key.
//!
//! An order is signed away from the mesh and takes effect in the ledger, where every replica checks it again: whoever
//! carries or proposes it cannot change it, invent it, or have it count twice. Whether it can be carried out is for the
//! ledger to say.

use crate::codec;
use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{AgentId, Index, MeshId, NodeId};
use crate::keyring::{PublicKey, SecretKey, Signature};
use crate::time::Moment;

/// How long an order may take to reach the ledger: long enough for a mesh that has to elect a leader first and for clocks
/// that differ, and short enough that a copy found later is of no use.
pub const ORDER_TTL_MS: u64 = 10 * 60 * 1000;

/// Bytes of an encoded order. Longer ones are refused.
pub const ORDER_BYTES_MAX: usize = 1024;

/// What the operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Another key is the operator's from now on.
    Rotate {
        /// The new key.
        to: PublicKey,
        /// The new key's signature over the mesh and the old key: somebody has it.
        consent: Signature,
    },
    /// A node takes no part any more, and its key is never admitted again.
    RevokeNode(NodeId),
    /// An agent takes no part any more.
    RevokeAgent(AgentId),
    /// A node receives the ledger, without a vote.
    AddSpare(NodeId),
    /// A node votes, as soon as it has caught up.
    Promote(NodeId),
    /// A node neither votes nor receives the ledger any more.
    Remove(NodeId),
    /// A voter gives its seat to another node.
    Replace {
        /// Who gives it.
        old: NodeId,
        /// Who takes it.
        new: NodeId,
    },
    /// A voter leads, if it can take over at once.
    Transfer(NodeId),
    /// A node gets no new work; what it has, it goes on with.
    Cordon(NodeId),
    /// A node gets work again.
    Uncordon(NodeId),
    /// The voters are lost: one node goes on alone, from the ledger that it holds. Carried out where no mesh is left to
    /// ask, by a [`Recovery`](crate::recovery::Recovery).
    Recover(Recover),
}

/// Which node goes on alone, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recover {
    /// The node.
    pub survivor: NodeId,
    /// The entry that says so: the one after the last that it holds.
    pub index: Index,
    /// The chain hash before that entry.
    pub before: Hash,
}

/// An order with its circumstances: what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderDraft {
    /// The mesh.
    pub mesh: MeshId,
    /// The operator's clock.
    pub issued_at: Moment,
    /// 16 random bytes: two orders of one content are two.
    pub nonce: [u8; 16],
    /// What is decided.
    pub order: Order,
}

/// An order as it travels. Nothing in it is believed before it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOrder {
    /// An encoded [`OrderDraft`].
    pub draft: Vec<u8>,
    /// The operator's signature over it.
    pub signature: Signature,
}

/// Why an order does not count. Part of the replicated outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefusal {
    /// The bytes are not an order.
    #[error("the order cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The operator of the mesh has not signed it.
    #[error("the order is not signed by the operator of this mesh")]
    Forged,
    /// It is for another mesh.
    #[error("the order is for mesh {order}: this is mesh {mesh}")]
    OtherMesh {
        /// The mesh that it is for.
        order: MeshId,
        /// The mesh that was asked.
        mesh: MeshId,
    },
    /// It is too old.
    #[error("the order was signed {age_ms} ms ago: at most {max_ms} are allowed")]
    Expired {
        /// How long ago.
        age_ms: u64,
        /// How long ago it may be.
        max_ms: u64,
    },
    /// It was signed in the ledger's future.
    #[error(
        "the order was signed {ahead_ms} ms ahead of the mesh's time: at most {max_ms} are allowed"
    )]
    Early {
        /// How far ahead.
        ahead_ms: u64,
        /// How far ahead it may be.
        max_ms: u64,
    },
    /// It is in the ledger already.
    #[error("the order has been carried out before")]
    Repeated,
    /// The new key has not agreed.
    #[error("the new key has not signed that it takes over")]
    NoConsent,
    /// The mesh cannot do that.
    #[error("the order cannot be carried out: {reason}")]
    Impossible {
        /// Why.
        reason: &'static str,
    },
}

impl OrderRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "HMS-ORDER-MALFORMED",
            Self::Forged => "HMS-ORDER-FORGED",
            Self::OtherMesh { .. } => "HMS-ORDER-OTHER-MESH",
            Self::Expired { .. } => "HMS-ORDER-EXPIRED",
            Self::Early { .. } => "HMS-ORDER-EARLY",
            Self::Repeated => "HMS-ORDER-REPEATED",
            Self::NoConsent => "HMS-ORDER-NO-CONSENT",
            Self::Impossible { .. } => "HMS-ORDER-IMPOSSIBLE",
        }
    }

    /// What can be done.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "use an `hms` of the same version as the nodes",
            Self::Forged => {
                "name the operator's key of this mesh with --operator-key; it may have been rotated"
            }
            Self::OtherMesh { .. } => "name the genesis of the mesh that you mean, or its gateways",
            Self::Expired { .. } | Self::Early { .. } => {
                "check this machine's clock, then give the order again"
            }
            Self::Repeated => "nothing to do: it counted once",
            Self::NoConsent => "rotate the key with `hms operator key rotate`",
            Self::Impossible { .. } => "look at `hms operator raft list`",
        }
    }
}

impl OrderDraft {
    /// Signs it with the operator's key.
    pub fn sign(&self, operator: &SecretKey) -> SignedOrder {
        let draft = codec::encode(self);
        let signature = operator.sign(Domain::Order, digest(&draft));
        SignedOrder { draft, signature }
    }
}

/// What stands for an order, and what the operator signs.
fn digest(draft: &[u8]) -> Hash {
    hash_fields(Domain::Order, &[draft])
}

/// What a new key signs when it takes over from an old one.
fn consent_digest(mesh: MeshId, old: &PublicKey) -> Hash {
    hash_fields(Domain::OrderConsent, &[mesh.as_bytes(), old.as_bytes()])
}

impl Order {
    /// The order that makes another key the operator's.
    pub fn rotate(mesh: MeshId, old: &PublicKey, new: &SecretKey) -> Self {
        Self::Rotate {
            to: new.public(),
            consent: new.sign(Domain::OrderConsent, consent_digest(mesh, old)),
        }
    }

    /// Whether a new key has agreed to take over from an old one.
    pub fn consents(mesh: MeshId, old: &PublicKey, to: &PublicKey, consent: &Signature) -> bool {
        to.verifies(Domain::OrderConsent, consent_digest(mesh, old), consent)
    }
}

impl SignedOrder {
    /// What stands for it where it is remembered.
    pub fn id(&self) -> Hash {
        digest(&self.draft)
    }

    /// Checks the signature against the operator's key, and that the order is for this mesh, whatever time it is.
    pub fn read(&self, operator: &PublicKey, mesh: MeshId) -> Result<OrderDraft, OrderRefusal> {
        if !operator.verifies(Domain::Order, self.id(), &self.signature) {
            return Err(OrderRefusal::Forged);
        }
        let draft: OrderDraft =
            codec::decode_exact(&self.draft).map_err(|error| OrderRefusal::Malformed {
                reason: error.to_string(),
            })?;
        if draft.mesh != mesh {
            return Err(OrderRefusal::OtherMesh {
                order: draft.mesh,
                mesh,
            });
        }
        Ok(draft)
    }

    /// Checks the signature against the operator's key, and that the order is for this mesh and this time. That it was
    /// not carried out before is not known here.
    pub fn open(
        &self,
        operator: &PublicKey,
        mesh: MeshId,
        now: Moment,
    ) -> Result<OrderDraft, OrderRefusal> {
        let draft = self.read(operator, mesh)?;
        let age_ms = now.since_ms(draft.issued_at);
        if ORDER_TTL_MS < age_ms {
            return Err(OrderRefusal::Expired {
                age_ms,
                max_ms: ORDER_TTL_MS,
            });
        }
        let ahead_ms = draft.issued_at.since_ms(now);
        if ORDER_TTL_MS < ahead_ms {
            return Err(OrderRefusal::Early {
                ahead_ms,
                max_ms: ORDER_TTL_MS,
            });
        }
        Ok(draft)
    }
}

impl OrderDraft {
    /// When it counts no more, whatever the ledger remembers.
    pub fn expires_at(&self) -> Moment {
        // The ledger's time may still be that far behind.
        self.issued_at.plus_ms(ORDER_TTL_MS + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESH: MeshId = MeshId::from_bytes([9; 32]);
    const NOW: Moment = Moment(10_000_000);
    const NODE: NodeId = NodeId::from_bytes([1; 32]);

    fn key(number: u8) -> SecretKey {
        SecretKey::from_seed(&[number; 32])
    }

    fn draft(order: Order) -> OrderDraft {
        OrderDraft {
            mesh: MESH,
            issued_at: NOW,
            nonce: [5; 16],
            order,
        }
    }

    fn check(signed: &SignedOrder, mesh: MeshId, now: Moment, code: &str) {
        let opened = signed.open(&key(1).public(), mesh, now);
        assert_eq!(opened.err().map_or("", |refusal| refusal.code()), code);
    }

    #[test]
    fn every_order_opens_as_it_was_signed() {
        let other = NodeId::from_bytes([2; 32]);
        for order in [
            Order::rotate(MESH, &key(1).public(), &key(2)),
            Order::RevokeNode(NODE),
            Order::RevokeAgent(AgentId::from_bytes([3; 16])),
            Order::AddSpare(NODE),
            Order::Promote(NODE),
            Order::Remove(NODE),
            Order::Replace {
                old: NODE,
                new: other,
            },
            Order::Transfer(NODE),
            Order::Cordon(NODE),
            Order::Uncordon(NODE),
        ] {
            let signed = draft(order).sign(&key(1));
            let opened = signed.open(&key(1).public(), MESH, NOW);
            assert_eq!(opened, Ok(draft(order)));
        }
    }

    #[test]
    fn an_order_counts_for_its_operator_its_mesh_and_its_time_only() {
        let signed = draft(Order::Remove(NODE)).sign(&key(1));
        check(&signed, MESH, NOW.plus_ms(ORDER_TTL_MS), "");
        check(
            &signed,
            MESH,
            NOW.plus_ms(ORDER_TTL_MS + 1),
            "HMS-ORDER-EXPIRED",
        );
        let before = Moment(NOW.0 - ORDER_TTL_MS - 1);
        check(&signed, MESH, before, "HMS-ORDER-EARLY");
        check(
            &signed,
            MeshId::from_bytes([8; 32]),
            NOW,
            "HMS-ORDER-OTHER-MESH",
        );
        let forged = draft(Order::Remove(NODE)).sign(&key(2));
        check(&forged, MESH, NOW, "HMS-ORDER-FORGED");
    }

    #[test]
    fn a_flipped_bit_makes_it_a_forgery() {
        let signed = draft(Order::Remove(NODE)).sign(&key(1));
        for place in 0..signed.draft.len() {
            let mut changed = signed.clone();
            changed.draft[place] ^= 1;
            check(&changed, MESH, NOW, "HMS-ORDER-FORGED");
        }
    }

    #[test]
    fn a_new_key_takes_over_only_by_its_own_word() {
        let Order::Rotate { to, consent } = Order::rotate(MESH, &key(1).public(), &key(2)) else {
            unreachable!("it was just made")
        };
        let old = key(1).public();
        assert!(Order::consents(MESH, &old, &to, &consent));
        assert!(!Order::consents(MESH, &old, &key(3).public(), &consent));
        assert!(!Order::consents(MESH, &key(3).public(), &to, &consent));
        assert!(!Order::consents(
            MeshId::from_bytes([8; 32]),
            &old,
            &to,
            &consent
        ));
    }
}
