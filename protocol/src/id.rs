//! Names of things: fixed-size identifiers and checked names.
//!
//! An identifier has one textual form, which is what people see and type; parsing is its exact inverse. Nothing here
//! draws randomness: whoever makes an identifier passes the bytes in.

use std::fmt;
use std::str::FromStr;

use crate::limits;

/// Why a text is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has the wrong length or a character that is not hexadecimal.
    #[error("{text:?} is not a {kind}: expected {expected}")]
    Malformed {
        /// What it should have been.
        kind: &'static str,
        /// The form that would have been accepted.
        expected: &'static str,
        /// The start of what was given.
        text: String,
    },
}

impl IdError {
    fn malformed(kind: &'static str, expected: &'static str, text: &str) -> Self {
        Self::Malformed {
            kind,
            expected,
            text: text.chars().take(limits::QUOTED_CHARS_MAX).collect(),
        }
    }
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $bytes:expr, $kind:expr, $expected:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// How many bytes this identifier has.
            pub const BYTES: usize = $bytes;

            /// Wraps bytes that are already known to be this identifier.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Reads the identifier from a wire field; `None` when the length is wrong.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// The first eight hexadecimal digits: enough for a person, never enough for a machine.
            pub fn short(&self) -> String {
                hex::encode(&self.0[..4])
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let malformed = || IdError::malformed($kind, $expected, text);
                let digits: String = text.chars().filter(|letter| *letter != '-').collect();
                let bytes = hex::decode(digits).map_err(|_| malformed())?;
                Self::from_slice(&bytes).ok_or_else(malformed)
            }
        }
    };
}

macro_rules! hex_display {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&hex::encode(self.0))
            }
        }
    };
}

macro_rules! uuid_display {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                uuid::Uuid::from_bytes(self.0).hyphenated().fmt(out)
            }
        }
    };
}

bytes_id!(
    /// A node: its Ed25519 public key, from which the libp2p peer id derives.
    NodeId, 32, "node id", "64 hexadecimal digits"
);
bytes_id!(
    /// A mesh: the digest of its genesis.
    MeshId, 32, "mesh id", "64 hexadecimal digits"
);
bytes_id!(
    /// An agent: a UUID that it keeps across restarts.
    AgentId, 16, "agent id", "a UUID"
);
bytes_id!(
    /// A task: a UUID made by the node that took the submission.
    TaskId, 16, "task id", "a UUID"
);
hex_display!(NodeId);
hex_display!(MeshId);
uuid_display!(AgentId);
uuid_display!(TaskId);

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    };
}

counter!(
    /// A Raft term (Raft section 5.1): at most one leader each.
    Term
);
counter!(
    /// A set of voters, named by the index of the entry that made it one; the founder's is 1. A quorum is of one epoch.
    Epoch
);
counter!(
    /// The position of an entry in the log; the first entry is 1.
    Index
);
counter!(
    /// How often a node has started: the newer life of a node has the higher number.
    Incarnation
);
counter!(
    /// Counts the messages of one sender within one incarnation.
    Sequence
);

/// Where a command stands in the ledger: the log entry, and its place in the entry's batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The log entry.
    pub index: Index,
    /// The command's place in the batch, from 0.
    pub offset: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.index, self.offset)
    }
}

impl FromStr for Position {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parse = || {
            let (index, offset) = text.split_once('.')?;
            Some(Self {
                index: Index(index.parse().ok()?),
                offset: offset.parse().ok()?,
            })
        };
        parse()
            .ok_or_else(|| IdError::malformed("position", "INDEX.OFFSET, for example 17.0", text))
    }
}

/// Where a watcher of the ledger stands: everything up to here, this included, has been seen. Finer than a
/// [`Position`], because one command can do several things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The command.
    pub position: Position,
    /// Which of the things that it did, from 0.
    pub part: u32,
}

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.position, self.part)
    }
}

impl FromStr for Cursor {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parse = || {
            let (position, part) = text.rsplit_once('.')?;
            Some(Self {
                position: position.parse().ok()?,
                part: part.parse().ok()?,
            })
        };
        parse().ok_or_else(|| {
            IdError::malformed("cursor", "INDEX.OFFSET.PART, for example 17.0.0", text)
        })
    }
}

macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let starts_well = text.starts_with(|letter: char| letter.is_ascii_lowercase());
                let allowed = |letter: char| {
                    letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_.".contains(letter)
                };
                if starts_well && text.len() <= limits::NAME_BYTES_MAX && text.chars().all(allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    let expected = "a lower-case letter, then at most 63 of a-z 0-9 - _ .";
                    Err(IdError::malformed($kind, expected, text))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

checked_name!(
    /// What people call a node, for example `n1`.
    NodeName, "node name"
);
checked_name!(
    /// What people call a watched service.
    ServiceName, "service name"
);
checked_name!(
    /// A kind of work, for example `probe.http`.
    SkillName, "skill name"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_reads_back_what_it_prints() {
        let task = TaskId::from_bytes(*b"0123456789abcdef");
        assert_eq!(task.to_string().parse(), Ok(task));
        let node = NodeId::from_bytes([7; 32]);
        assert_eq!(node.to_string().parse(), Ok(node));
    }

    #[test]
    fn a_cursor_reads_back_what_it_prints_and_orders_by_position_first() {
        let cursor = Cursor {
            position: Position {
                index: Index(17),
                offset: 3,
            },
            part: 1,
        };
        assert_eq!(cursor.to_string(), "17.3.1");
        assert_eq!("17.3.1".parse(), Ok(cursor));
        assert_eq!("17.3".parse(), Ok(cursor.position));
        for bad in ["", "17", "17.3", "a.b.c", "17.3.1.0"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad:?} was accepted");
        }
        let later = Cursor {
            position: Position {
                index: Index(18),
                offset: 0,
            },
            part: 0,
        };
        assert!(cursor < later);
    }

    #[test]
    fn a_malformed_identifier_says_what_was_expected() {
        let error = "xyz".parse::<TaskId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"xyz\" is not a task id: expected a UUID"
        );
    }

    #[test]
    fn a_name_is_lower_case_short_and_never_empty() {
        assert!("probe.http".parse::<SkillName>().is_ok());
        for bad in ["", "Probe", "9lives", "a b", &"a".repeat(65)] {
            assert!(bad.parse::<SkillName>().is_err(), "{bad:?} was accepted");
        }
    }
}
