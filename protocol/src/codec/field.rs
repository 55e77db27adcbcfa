//! One field at a time: from what the wire may hold to what a value may hold.
//!
//! Every function takes the field's name for the error and gives the checked content. None of them knows a message.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::{CodecError, Wire, envelope};
use crate::digest::Hash;
use crate::envelope::Sealed;
use crate::id::{AgentId, IdError, MeshId, NodeId, TaskId};
use crate::keyring::{PublicKey, Signature};

/// No bound of its own: for the ledger's own records, which `apply` bounds, and for bytes that the envelope bounds.
pub const UNBOUNDED: usize = usize::MAX;

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $bytes:expr;)+) => {
        $(
            $(#[$doc])*
            pub fn $name(field: &'static str, bytes: &[u8]) -> Result<$type, CodecError> {
                <$type>::from_slice(bytes).ok_or(CodecError::WrongLength {
                    field,
                    bytes: bytes.len(),
                    want: $bytes,
                })
            }
        )+
    };
}

fixed!(
    /// A node's id.
    node_id: NodeId, NodeId::BYTES;
    /// A mesh's id.
    mesh_id: MeshId, MeshId::BYTES;
    /// An agent's id.
    agent_id: AgentId, AgentId::BYTES;
    /// A task's id.
    task_id: TaskId, TaskId::BYTES;
    /// A digest.
    hash: Hash, 32;
    /// A public key.
    public_key: PublicKey, 32;
    /// A signature.
    signature: Signature, 64;
);

/// A part that must be there.
pub fn required<T>(field: &'static str, part: Option<T>) -> Result<T, CodecError> {
    part.ok_or(CodecError::Missing { field })
}

/// A sub-message that must be there.
pub fn part<T: Wire>(field: &'static str, part: Option<T::Message>) -> Result<T, CodecError> {
    T::from_wire(required(field, part)?)
}

/// A name.
pub fn name<T: FromStr<Err = IdError>>(field: &'static str, text: &str) -> Result<T, CodecError> {
    text.parse()
        .map_err(|source| CodecError::BadName { field, source })
}

/// A text of at most `bytes_max` bytes.
pub fn text(field: &'static str, text: String, bytes_max: usize) -> Result<String, CodecError> {
    check_length(field, text.len(), bytes_max)?;
    Ok(text)
}

/// A byte string of at most `bytes_max` bytes.
pub fn bytes(field: &'static str, bytes: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, CodecError> {
    check_length(field, bytes.len(), bytes_max)?;
    Ok(bytes)
}

/// An envelope inside a message, kept as the bytes that travelled.
pub fn sealed(field: &'static str, bytes: &[u8]) -> Result<Sealed, CodecError> {
    envelope::decode(bytes).map_err(|source| CodecError::Envelope { field, source })
}

/// A number that is 32 bits wide on the wire and 8 in the value.
pub fn small(field: &'static str, number: u32) -> Result<u8, CodecError> {
    u8::try_from(number).map_err(|_| CodecError::OutOfRange {
        field,
        value: number.into(),
        max: u8::MAX.into(),
    })
}

/// A list of at most `max` entries, each read by `read`.
pub fn list<W, T>(
    field: &'static str,
    entries: Vec<W>,
    max: usize,
    read: impl FnMut(W) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    check_count(field, entries.len(), max)?;
    entries.into_iter().map(read).collect()
}

/// A list of at most `max` sub-messages.
pub fn parts<T: Wire>(
    field: &'static str,
    entries: Vec<T::Message>,
    max: usize,
) -> Result<Vec<T>, CodecError> {
    list(field, entries, max, T::from_wire)
}

/// A set of at most `max` entries, in any order, none twice.
pub fn set<W, T: Ord>(
    field: &'static str,
    entries: Vec<W>,
    max: usize,
    mut read: impl FnMut(W) -> Result<T, CodecError>,
) -> Result<BTreeSet<T>, CodecError> {
    check_count(field, entries.len(), max)?;
    let mut members = BTreeSet::new();
    for entry in entries {
        if !members.insert(read(entry)?) {
            return Err(CodecError::Repeated { field });
        }
    }
    Ok(members)
}

/// A set of texts of at most `bytes_max` bytes each.
pub fn texts(
    field: &'static str,
    entries: Vec<String>,
    max: usize,
    bytes_max: usize,
) -> Result<BTreeSet<String>, CodecError> {
    set(field, entries, max, |entry| text(field, entry, bytes_max))
}

/// A map of at most `max` texts, keys and values of at most `bytes_max` bytes each.
pub fn labels(
    field: &'static str,
    entries: BTreeMap<String, String>,
    max: usize,
    bytes_max: usize,
) -> Result<BTreeMap<String, String>, CodecError> {
    check_count(field, entries.len(), max)?;
    for (key, value) in &entries {
        check_length(field, key.len(), bytes_max)?;
        check_length(field, value.len(), bytes_max)?;
    }
    Ok(entries)
}

/// Checks the length of a text or a byte string.
pub fn check_length(field: &'static str, bytes: usize, max: usize) -> Result<(), CodecError> {
    if bytes <= max {
        Ok(())
    } else {
        Err(CodecError::TooLong { field, bytes, max })
    }
}

/// Checks the number of entries.
pub fn check_count(field: &'static str, count: usize, max: usize) -> Result<(), CodecError> {
    if count <= max {
        Ok(())
    } else {
        Err(CodecError::TooMany { field, count, max })
    }
}
