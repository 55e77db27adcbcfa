//! Wire forms of domain values: the door through which bytes become something that may be acted on.
//!
//! [`encode`] never fails. [`decode`] is strict: a missing part, an identifier of the wrong length, an unknown enum value,
//! a text or a list beyond its bound is a [`CodecError`] that names the field, never a panic and never a default. Sets and
//! maps decode in any order; a repeated member is refused.
//!
//! What comes in from peers and clients is bounded here by `limits`. The ledger's own records (tasks and services with
//! their histories) are bounded by `apply`; for them the codec checks forms and not sizes, because a checkpoint that
//! cannot be read back would cost more than a long note.
//!
//! Whether a value makes sense where it arrives (a deadline in the past, an unknown agent) is not decided here.

pub mod act;
pub mod agent;
pub mod announcement;
pub mod ballot;
pub mod bundle;
pub mod certificate;
pub mod decision;
pub mod envelope;
pub mod evidence;
pub mod field;
pub mod frame;
pub mod genesis;
pub mod heartbeat;
pub mod member;
pub mod membership;
pub mod order;
pub mod origin;
pub mod peer;
pub mod proof;
pub mod receipt;
pub mod replay;
pub mod service;
pub mod shape;
pub mod skill;
pub mod task;
pub mod token;
pub mod transcript;
pub mod tree;
pub mod verdict;

use prost::Message as _;

use crate::envelope::EnvelopeRefusal;
use crate::id::IdError;
use crate::refusal::Refusal;

/// A domain value that has a wire form.
pub trait Wire: Sized {
    /// The generated type.
    type Message: prost::Message + Default;

    /// What the value is called in errors, for example `task report`.
    const NAME: &'static str;

    /// The wire form.
    fn to_wire(&self) -> Self::Message;

    /// Checks a wire form and makes it a value.
    fn from_wire(message: Self::Message) -> Result<Self, CodecError>;

    /// Looks at the bytes before memory is spent on decoding them. For values that may be so large that a hundredfold of
    /// their bytes would hurt.
    fn check_shape(_bytes: &[u8]) -> Result<(), CodecError> {
        Ok(())
    }
}

/// Encodes a value. Equal values have equal encodings.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    value.to_wire().encode_to_vec()
}

/// Decodes a value.
///
/// ```
/// use hms_protocol::codec::{self, CodecError};
/// use hms_protocol::digest::Hash;
/// use hms_protocol::proof::Claim;
///
/// let claim = Claim {
///     base: Hash::from_bytes([7; 32]),
///     label: "id".to_owned(),
///     submission: "id $p |- ( ph -> ph ) $= ? $.".to_owned(),
/// };
/// assert_eq!(codec::decode::<Claim>(&codec::encode(&claim)), Ok(claim));
///
/// let error = codec::decode::<Claim>(&[]).unwrap_err();
/// assert_eq!(error.code(), "HMS-CODEC-LENGTH");
/// assert_eq!(error.to_string(), "claim.base has 0 bytes: it must have 32");
/// ```
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, CodecError> {
    T::check_shape(bytes)?;
    let message = T::Message::decode(bytes).map_err(|error| CodecError::Malformed {
        message: T::NAME,
        reason: error.to_string(),
    })?;
    T::from_wire(message)
}

/// Decodes a value that others keep and compare by its bytes: only the bytes that [`encode`] makes are accepted.
pub fn decode_exact<T: Wire>(bytes: &[u8]) -> Result<T, CodecError> {
    let value = decode(bytes)?;
    if encode(&value) == bytes {
        return Ok(value);
    }
    Err(CodecError::Malformed {
        message: T::NAME,
        reason: "it is not in the one form that it has".to_owned(),
    })
}

/// Why bytes are not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not a protobuf message of the expected shape.
    #[error("the bytes are not a {message}: {reason}")]
    Malformed {
        /// What was expected.
        message: &'static str,
        /// What the protobuf decoder says.
        reason: String,
    },
    /// A part that every such value has is not there.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// An identifier, digest, key or signature has the wrong length.
    #[error("{field} has {bytes} bytes: it must have {want}")]
    WrongLength {
        /// The field.
        field: &'static str,
        /// How many it has.
        bytes: usize,
        /// How many it must have.
        want: usize,
    },
    /// An enum has a value that this version does not know, or none.
    #[error("{field} has the unknown value {value}")]
    UnknownValue {
        /// The field.
        field: &'static str,
        /// The value.
        value: i32,
    },
    /// A text is not a name.
    #[error("{field}: {source}")]
    BadName {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
    /// A text or a byte string is longer than its bound.
    #[error("{field} has {bytes} bytes: at most {max} are allowed")]
    TooLong {
        /// The field.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// A list, set or map has more entries than its bound.
    #[error("{field} has {count} entries: at most {max} are allowed")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many it has.
        count: usize,
        /// How many it may have.
        max: usize,
    },
    /// A set or a map has a member twice.
    #[error("{field} has an entry twice")]
    Repeated {
        /// The field.
        field: &'static str,
    },
    /// A number does not fit its type.
    #[error("{field} is {value}: at most {max} is allowed")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The number.
        value: u64,
        /// The largest that fits.
        max: u64,
    },
    /// Two parts contradict each other.
    #[error("{field} contradicts the rest: {reason}")]
    Contradiction {
        /// The field.
        field: &'static str,
        /// How.
        reason: &'static str,
    },
    /// A message inside the message is not an envelope.
    #[error("{field}: {source}")]
    Envelope {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: EnvelopeRefusal,
    },
}

impl CodecError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "HMS-CODEC-MALFORMED",
            Self::Missing { .. } => "HMS-CODEC-MISSING",
            Self::WrongLength { .. } => "HMS-CODEC-LENGTH",
            Self::UnknownValue { .. } => "HMS-CODEC-UNKNOWN",
            Self::BadName { .. } => "HMS-CODEC-NAME",
            Self::TooLong { .. } => "HMS-CODEC-TOO-LONG",
            Self::TooMany { .. } => "HMS-CODEC-TOO-MANY",
            Self::Repeated { .. } => "HMS-CODEC-REPEATED",
            Self::OutOfRange { .. } => "HMS-CODEC-RANGE",
            Self::Contradiction { .. } => "HMS-CODEC-CONTRADICTION",
            Self::Envelope { .. } => "HMS-CODEC-ENVELOPE",
        }
    }

    /// The field that is wrong; the message's name when it could not be read at all.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Malformed { message, .. } => message,
            Self::Missing { field }
            | Self::WrongLength { field, .. }
            | Self::UnknownValue { field, .. }
            | Self::BadName { field, .. }
            | Self::TooLong { field, .. }
            | Self::TooMany { field, .. }
            | Self::Repeated { field }
            | Self::OutOfRange { field, .. }
            | Self::Contradiction { field, .. }
            | Self::Envelope { field, .. } => field,
        }
    }
}

/// What a client is told when its call cannot be decoded.
impl From<CodecError> for Refusal {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::TooLong { field, bytes, max } => Self::TooLarge {
                what: field,
                bytes: bytes as u64,
                max: max as u64,
            },
            CodecError::TooMany { field, count, max } => Self::OutOfRange {
                field,
                value: count as u64,
                low: 0,
                high: max as u64,
            },
            CodecError::OutOfRange { field, value, max } => Self::OutOfRange {
                field,
                value,
                low: 0,
                high: max,
            },
            CodecError::Malformed { .. }
            | CodecError::Missing { .. }
            | CodecError::WrongLength { .. }
            | CodecError::UnknownValue { .. }
            | CodecError::BadName { .. }
            | CodecError::Repeated { .. }
            | CodecError::Contradiction { .. }
            | CodecError::Envelope { .. } => Self::Invalid {
                field: error.field(),
                reason: error.to_string(),
            },
        }
    }
}

/// Pairs a plain domain enum with its wire enum, variant by variant. Zero and unknown numbers are refused.
///
/// Written as a macro so that a variant without a wire number does not compile.
#[macro_export]
macro_rules! wire_enum {
    ($domain:ty, $wire:path, { $($variant:ident),+ $(,)? }) => {
        impl $crate::codec::WireEnum for $domain {
            fn to_number(self) -> i32 {
                use $wire as Numbers;
                match self {
                    $(Self::$variant => Numbers::$variant as i32),+
                }
            }

            fn from_number(
                field: &'static str,
                number: i32,
            ) -> Result<Self, $crate::codec::CodecError> {
                use $wire as Numbers;
                match Numbers::try_from(number) {
                    $(Ok(Numbers::$variant) => Ok(Self::$variant),)+
                    Ok(Numbers::Unspecified) | Err(_) => {
                        Err($crate::codec::CodecError::UnknownValue { field, value: number })
                    }
                }
            }
        }
    };
}

/// A domain enum without content that has a wire number. Made by [`wire_enum!`].
pub trait WireEnum: Sized {
    /// The wire number.
    fn to_number(self) -> i32;

    /// Reads the wire number of a field.
    fn from_number(field: &'static str, number: i32) -> Result<Self, CodecError>;
}
