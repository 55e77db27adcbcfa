//! Messages that leave together: what one envelope on a direct stream carries, and how much of it one message is.

use hms_proto::v1;
use prost::Message as _;

use super::shape::fields;
use super::{CodecError, Wire, field};
use crate::limits;
use crate::peer::PeerMessage;

/// What one envelope of [`BodyKind::Peer`](crate::envelope::BodyKind::Peer) carries: messages that were under way together, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle(pub Vec<PeerMessage>);

impl Wire for Bundle {
    type Message = v1::PeerBundle;
    const NAME: &'static str = "bundle of peer messages";

    fn to_wire(&self) -> v1::PeerBundle {
        v1::PeerBundle {
            messages: self.0.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::PeerBundle) -> Result<Self, CodecError> {
        if message.messages.is_empty() {
            return Err(CodecError::Missing {
                field: "bundle.messages",
            });
        }
        field::parts(
            "bundle.messages",
            message.messages,
            limits::BUNDLE_MESSAGES_MAX,
        )
        .map(Self)
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        let messages = fields(bytes).count();
        field::check_count("bundle.messages", messages, limits::BUNDLE_MESSAGES_MAX)?;
        let says = fields(bytes)
            .filter_map(|message| message.content)
            .flat_map(fields);
        let entries = says.map(|say| match say.content {
            Some(content) if !OPAQUE.contains(&say.number) => fields(content).count(),
            Some(_) | None => 1,
        });
        field::check_count("bundle.entries", entries.sum(), limits::BUNDLE_ENTRIES_MAX)
    }
}

/// Bytes that a message takes in a bundle, a little rounded up.
pub fn bundled_bytes(message: &PeerMessage) -> usize {
    const FRAME_BYTES: usize = 16;
    // Most are Raft's, and need not be encoded for it.
    let bytes = if let PeerMessage::Raft(frame) = message {
        frame.len()
    } else {
        message.to_wire().encoded_len()
    };
    bytes + FRAME_BYTES
}

/// The numbers of those of `PeerMessage`'s fields that are byte strings (`raft`, `report`, `verdict`): what stands in them
/// is not decoded with the bundle.
const OPAQUE: [u32; 3] = [1, 8, 9];
