//! The operator's orders on the wire. Decoding checks forms only: `SignedOrder::open` checks who signed what.

use hms_proto::v1;
use hms_proto::v1::order::Decide;

use super::{CodecError, Wire, field};
use crate::id::{Index, NodeId};
use crate::order::{ORDER_BYTES_MAX, Order, OrderDraft, Recover, SignedOrder};
use crate::recovery::{ROTATIONS_MAX, Recovery};
use crate::time::Moment;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 16;

impl Wire for SignedOrder {
    type Message = v1::SignedOrder;
    const NAME: &'static str = "signed order";

    fn to_wire(&self) -> v1::SignedOrder {
        v1::SignedOrder {
            order: self.draft.clone(),
            signature: self.signature.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::SignedOrder) -> Result<Self, CodecError> {
        Ok(Self {
            draft: field::bytes("signed_order.order", message.order, ORDER_BYTES_MAX)?,
            signature: field::signature("signed_order.signature", &message.signature)?,
        })
    }
}

impl Wire for Recovery {
    type Message = v1::Recovery;
    const NAME: &'static str = "recovery";

    fn to_wire(&self) -> v1::Recovery {
        v1::Recovery {
            order: Some(self.order.to_wire()),
            rotations: self.rotations.iter().map(Wire::to_wire).collect(),
            name: self.name.to_string(),
        }
    }

    fn from_wire(message: v1::Recovery) -> Result<Self, CodecError> {
        Ok(Self {
            order: field::part("recovery.order", message.order)?,
            rotations: field::parts("recovery.rotations", message.rotations, ROTATIONS_MAX)?,
            name: field::name("recovery.name", &message.name)?,
        })
    }
}

impl Wire for OrderDraft {
    type Message = v1::Order;
    const NAME: &'static str = "order";

    fn to_wire(&self) -> v1::Order {
        v1::Order {
            mesh: self.mesh.as_bytes().to_vec(),
            issued_at_ms: self.issued_at.0,
            nonce: self.nonce.to_vec(),
            decide: Some(to_wire(&self.order)),
        }
    }

    fn from_wire(message: v1::Order) -> Result<Self, CodecError> {
        let nonce = message.nonce.try_into();
        let nonce = nonce.map_err(|nonce: Vec<u8>| CodecError::WrongLength {
            field: "order.nonce",
            bytes: nonce.len(),
            want: NONCE_BYTES,
        })?;
        Ok(Self {
            mesh: field::mesh_id("order.mesh", &message.mesh)?,
            issued_at: Moment(message.issued_at_ms),
            nonce,
            order: from_wire(field::required("order", message.decide)?)?,
        })
    }
}

fn to_wire(order: &Order) -> Decide {
    let bytes = |node: &NodeId| node.as_bytes().to_vec();
    match order {
        Order::Rotate { to, consent } => Decide::Rotate(v1::RotateKey {
            to: to.as_bytes().to_vec(),
            consent: consent.as_bytes().to_vec(),
        }),
        Order::RevokeNode(node) => Decide::RevokeNode(bytes(node)),
        Order::RevokeAgent(agent) => Decide::RevokeAgent(agent.as_bytes().to_vec()),
        Order::AddSpare(node) => Decide::AddSpare(bytes(node)),
        Order::Promote(node) => Decide::Promote(bytes(node)),
        Order::Remove(node) => Decide::Remove(bytes(node)),
        Order::Replace { old, new } => Decide::Replace(v1::ReplaceVoter {
            old: bytes(old),
            new: bytes(new),
        }),
        Order::Transfer(node) => Decide::Transfer(bytes(node)),
        Order::Cordon(node) => Decide::Cordon(bytes(node)),
        Order::Uncordon(node) => Decide::Uncordon(bytes(node)),
        Order::Recover(recover) => Decide::Recover(v1::RecoverLedger {
            survivor: bytes(&recover.survivor),
            index: recover.index.0,
            before: recover.before.as_bytes().to_vec(),
        }),
    }
}

fn from_wire(decide: Decide) -> Result<Order, CodecError> {
    let node = |name, bytes: &[u8]| field::node_id(name, bytes);
    Ok(match decide {
        Decide::Rotate(rotate) => Order::Rotate {
            to: field::public_key("order.rotate.to", &rotate.to)?,
            consent: field::signature("order.rotate.consent", &rotate.consent)?,
        },
        Decide::RevokeNode(bytes) => Order::RevokeNode(node("order.revoke_node", &bytes)?),
        Decide::RevokeAgent(bytes) => {
            Order::RevokeAgent(field::agent_id("order.revoke_agent", &bytes)?)
        }
        Decide::AddSpare(bytes) => Order::AddSpare(node("order.add_spare", &bytes)?),
        Decide::Promote(bytes) => Order::Promote(node("order.promote", &bytes)?),
        Decide::Remove(bytes) => Order::Remove(node("order.remove", &bytes)?),
        Decide::Replace(replace) => Order::Replace {
            old: node("order.replace.old", &replace.old)?,
            new: node("order.replace.new", &replace.new)?,
        },
        Decide::Transfer(bytes) => Order::Transfer(node("order.transfer", &bytes)?),
        Decide::Cordon(bytes) => Order::Cordon(node("order.cordon", &bytes)?),
        Decide::Uncordon(bytes) => Order::Uncordon(node("order.uncordon", &bytes)?),
        Decide::Recover(recover) => Order::Recover(Recover {
            survivor: node("order.recover.survivor", &recover.survivor)?,
            index: Index(recover.index),
            before: field::hash("order.recover.before", &recover.before)?,
        }),
    })
}
