//! Recovery: the voters of a mesh are lost for good, and the operator has one node go on alone from the ledger it holds.
//!
//! The order names the node, the entry and the chain hash before it, so it holds at the end of that one ledger and nowhere
//! else. Whoever has the genesis can check it: the operator's key is in there, and each rotation of it is signed by the key
//! before. A key that was rotated away is therefore to be destroyed, not only to be replaced.
//!
//! What other voters held beyond that entry is lost, and nobody can tell whether there was anything.

use crate::id::{MeshId, NodeName};
use crate::keyring::PublicKey;
use crate::order::{Order, OrderRefusal, Recover, SignedOrder};
use crate::time::Moment;

/// Rotations of the operator's key in the life of a mesh: every recovery shows them all. At the bound an order to rotate is
/// refused, and a recovery with more is not read.
pub const ROTATIONS_MAX: usize = 64;

/// What an entry of [`EntryKind::Recovery`](crate::chain::EntryKind::Recovery) carries. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The operator's order: an [`Order::Recover`].
    pub order: SignedOrder,
    /// How the operator's key came about, from that of the genesis on: an [`Order::Rotate`] each, in order.
    pub rotations: Vec<SignedOrder>,
    /// What the node is called if it is no member yet.
    pub name: NodeName,
}

impl Recovery {
    /// What the operator has ordered, and when by its clock, to whoever knows the operator's key of the genesis.
    pub fn read(&self, root: &PublicKey, mesh: MeshId) -> Result<(Recover, Moment), OrderRefusal> {
        let operators = operators(root, mesh, &self.rotations)?;
        let operator = operators.last().unwrap_or(root);
        let draft = self.order.read(operator, mesh)?;
        let Order::Recover(recover) = draft.order else {
            return Err(OrderRefusal::Malformed {
                reason: "it orders no recovery".to_owned(),
            });
        };
        Ok((recover, draft.issued_at))
    }
}

/// The operator's keys, from that of the genesis to the one after these rotations.
pub fn operators(
    root: &PublicKey,
    mesh: MeshId,
    rotations: &[SignedOrder],
) -> Result<Vec<PublicKey>, OrderRefusal> {
    let mut operator = *root;
    let mut operators = vec![operator];
    for rotation in rotations {
        let draft = rotation.read(&operator, mesh)?;
        let Order::Rotate { to, consent } = draft.order else {
            return Err(OrderRefusal::Malformed {
                reason: "it is no rotation of the key".to_owned(),
            });
        };
        if !Order::consents(mesh, &operator, &to, &consent) {
            return Err(OrderRefusal::NoConsent);
        }
        operator = to;
        operators.push(operator);
    }
    Ok(operators)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::digest::Hash;
    use crate::id::{Index, NodeId};
    use crate::keyring::SecretKey;
    use crate::order::OrderDraft;

    const MESH: MeshId = MeshId::from_bytes([9; 32]);
    const RECOVER: Recover = Recover {
        survivor: NodeId::from_bytes([1; 32]),
        index: Index(8),
        before: Hash::from_bytes([2; 32]),
    };

    fn key(number: u8) -> SecretKey {
        SecretKey::from_seed(&[number; 32])
    }

    fn sign(order: Order, by: u8) -> SignedOrder {
        let draft = OrderDraft {
            mesh: MESH,
            issued_at: Moment(5),
            nonce: [by; 16],
            order,
        };
        draft.sign(&key(by))
    }

    /// The key of one number takes over from that of another.
    fn rotation(from: u8, to: u8) -> SignedOrder {
        sign(Order::rotate(MESH, &key(from).public(), &key(to)), from)
    }

    fn recovery(by: u8, rotations: &[(u8, u8)]) -> Recovery {
        Recovery {
            order: sign(Order::Recover(RECOVER), by),
            rotations: rotations
                .iter()
                .map(|(from, to)| rotation(*from, *to))
                .collect(),
            name: "n1".parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(recovery: &Recovery, code: &str) {
        let bytes = codec::encode(recovery);
        assert_eq!(codec::decode_exact(&bytes).as_ref(), Ok(recovery));
        match recovery.read(&key(1).public(), MESH) {
            Ok(read) => assert_eq!((read, code), ((RECOVER, Moment(5)), "")),
            Err(refusal) => assert_eq!(refusal.code(), code),
        }
    }

    /// MSH-12: nobody but the operator gives a ledger to one node.
    #[test]
    fn only_the_operator_of_the_day_orders_a_recovery() {
        check(&recovery(1, &[]), "");
        check(&recovery(3, &[(1, 2), (2, 3)]), "");
        let forged = "HMS-ORDER-FORGED";
        check(&recovery(2, &[]), forged);
        // The key was rotated away, a rotation is missing, or none of them is the genesis's.
        check(&recovery(1, &[(1, 2)]), forged);
        check(&recovery(3, &[(1, 2)]), forged);
        check(&recovery(3, &[(2, 3)]), forged);
    }

    #[test]
    fn what_is_not_a_recovery_or_a_rotation_is_refused() {
        let other = Recovery {
            order: sign(Order::Promote(RECOVER.survivor), 1),
            ..recovery(1, &[])
        };
        check(&other, "HMS-ORDER-MALFORMED");
        let other = Recovery {
            rotations: vec![sign(Order::Promote(RECOVER.survivor), 1)],
            ..recovery(1, &[])
        };
        check(&other, "HMS-ORDER-MALFORMED");
        let stolen = Order::Rotate {
            to: key(2).public(),
            consent: key(3).sign(crate::digest::Domain::OrderConsent, Hash::default()),
        };
        let other = Recovery {
            rotations: vec![sign(stolen, 1)],
            ..recovery(2, &[])
        };
        check(&other, "HMS-ORDER-NO-CONSENT");
        let elsewhere = recovery(1, &[]).read(&key(1).public(), MeshId::from_bytes([8; 32]));
        assert_eq!(elsewhere.unwrap_err().code(), "HMS-ORDER-OTHER-MESH");
    }
}
