//! Why the post room does not let a message in.

use hms_protocol::codec::CodecError;
use hms_protocol::envelope::EnvelopeRefusal;

use crate::store::StoreError;

/// Why a message is not let in.
#[derive(Debug, thiserror::Error)]
pub enum PostRefusal {
    /// The envelope is refused.
    #[error(transparent)]
    Envelope(#[from] EnvelopeRefusal),
    /// The envelope is in order, but its content makes no sense. Its author is to blame.
    #[error(transparent)]
    Content(#[from] CodecError),
    /// The content has no business where it was sent.
    #[error("this kind of message does not come this way")]
    WrongWay,
    /// The replay window cannot be saved, so nothing new can be let in.
    #[error("the replay window cannot be saved")]
    Store(#[from] StoreError),
}

impl PostRefusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Envelope(refusal) => refusal.code(),
            Self::Content(error) => error.code(),
            Self::WrongWay => "HMS-POST-WRONG-WAY",
            Self::Store(error) => error.code(),
        }
    }

    /// Whether only the peer at the other end of a direct stream can be to blame: frames are never relayed. What a peer
    /// that is behind, restarted or newer than this node sends in good faith is not counted.
    pub const fn blames_peer(&self) -> bool {
        match self {
            Self::Envelope(refusal) => refusal.blames_peer(),
            Self::Content(CodecError::Malformed { .. }) | Self::WrongWay => true,
            // A newer version may say what this one has no word for, or no room.
            Self::Content(
                CodecError::Missing { .. }
                | CodecError::WrongLength { .. }
                | CodecError::UnknownValue { .. }
                | CodecError::BadName { .. }
                | CodecError::TooLong { .. }
                | CodecError::TooMany { .. }
                | CodecError::Repeated { .. }
                | CodecError::OutOfRange { .. }
                | CodecError::Contradiction { .. }
                | CodecError::Envelope { .. },
            )
            | Self::Store(_) => false,
        }
    }

    /// Whether whoever handed us the bytes must have known better. A relay checks what it forwards, content included.
    pub const fn blames_relay(&self) -> bool {
        match self {
            Self::Envelope(refusal) => refusal.blames_relay(),
            Self::Content(_) | Self::WrongWay => true,
            Self::Store(_) => false,
        }
    }
}
