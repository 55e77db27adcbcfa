//! The border to the raft crate: its messages as bytes, its log lines as tracing events.
//!
//! Reading checks the form only: lists are counted before memory is spent on them, and numbers of
//! kinds are known, so that no accessor of the raft crate can panic. Whether a message makes sense is for the sentry.

use std::fmt::{self, Write as _};

use hms_protocol::codec::shape::fields;
use prost_raft::Message as _;
use raft::eraftpb::{EntryType, Message, MessageType};
use slog::{Drain, KV as _, Logger, OwnedKVList, Record, o};

use super::limits;
use super::refusal::RaftRefusal;

/// The kinds of messages that travel. All others are orders that a node gives to its own Raft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Append,
    AppendAnswer,
    Snapshot,
    Heartbeat,
    HeartbeatAnswer,
    Vote,
    VoteAnswer,
    PreVote,
    PreVoteAnswer,
    TimeoutNow,
}

impl Kind {
    /// Whether a message names a term of which it shows nothing: whoever answers is in that term, or says so. A promise of a
    /// vote names the term that was asked for.
    pub(super) const fn names_a_term(self, message: &Message) -> bool {
        match self {
            Self::AppendAnswer | Self::HeartbeatAnswer | Self::VoteAnswer => true,
            Self::PreVoteAnswer => message.reject,
            Self::Append
            | Self::Snapshot
            | Self::Heartbeat
            | Self::Vote
            | Self::PreVote
            | Self::TimeoutNow => false,
        }
    }

    fn of(number: i32) -> Option<Self> {
        match MessageType::from_i32(number)? {
            MessageType::MsgAppend => Some(Self::Append),
            MessageType::MsgAppendResponse => Some(Self::AppendAnswer),
            MessageType::MsgSnapshot => Some(Self::Snapshot),
            MessageType::MsgHeartbeat => Some(Self::Heartbeat),
            MessageType::MsgHeartbeatResponse => Some(Self::HeartbeatAnswer),
            MessageType::MsgRequestVote => Some(Self::Vote),
            MessageType::MsgRequestVoteResponse => Some(Self::VoteAnswer),
            MessageType::MsgRequestPreVote => Some(Self::PreVote),
            MessageType::MsgRequestPreVoteResponse => Some(Self::PreVoteAnswer),
            MessageType::MsgTimeoutNow => Some(Self::TimeoutNow),
            MessageType::MsgHup
            | MessageType::MsgBeat
            | MessageType::MsgPropose
            | MessageType::MsgUnreachable
            | MessageType::MsgSnapStatus
            | MessageType::MsgCheckQuorum
            | MessageType::MsgTransferLeader
            | MessageType::MsgReadIndex
            | MessageType::MsgReadIndexResp => None,
        }
    }
}

/// A message and its kind, if it is one that travels.
pub(super) fn decode(bytes: &[u8]) -> Result<(Message, Kind), RaftRefusal> {
    let malformed = |reason| RaftRefusal::Malformed { reason };
    if swells(bytes) {
        return Err(malformed("it has more entries than any message"));
    }
    let message = Message::decode(bytes).map_err(|_| malformed("it cannot be decoded"))?;
    let kind = Kind::of(message.msg_type).ok_or(RaftRefusal::Forbidden {
        kind: message.msg_type,
    })?;
    let known = |number| EntryType::from_i32(number).is_some();
    if message.entries.iter().all(|entry| known(entry.entry_type)) {
        Ok((message, kind))
    } else {
        Err(malformed("an entry is of an unknown kind"))
    }
}

/// Numbers of fields of the raft crate's messages: a message's snapshot, a snapshot's metadata.
const SNAPSHOT: u32 = 9;
const METADATA: u32 = 2;

/// Fields of a message beside its entries. It has fewer; a field may be there twice.
const FIELDS_MAX: usize = 64;

/// Bytes of a snapshot's metadata: a configuration, of which each member is there once as a voter
/// and once as a learner, in ten bytes at most, and some numbers.
const METADATA_BYTES_MAX: usize = 2 * 16 * limits::CONFIGURATION_MAX + 256;

/// Whether a message would take many times its bytes when it is decoded: an empty entry takes two
/// bytes to send and a hundred to hold.
fn swells(bytes: &[u8]) -> bool {
    let snapshots = fields(bytes).filter(|field| field.number == SNAPSHOT);
    let parts = snapshots
        .filter_map(|snapshot| snapshot.content)
        .flat_map(fields);
    let metadata = parts
        .filter(|part| part.number == METADATA)
        .filter_map(|part| part.content);
    limits::ENTRIES_PER_MESSAGE_MAX + FIELDS_MAX < fields(bytes).count()
        || METADATA_BYTES_MAX < metadata.map(<[u8]>::len).sum()
}

pub(super) fn encode(message: &Message) -> Vec<u8> {
    message.encode_to_vec()
}

/// The logger of the raft crate: it speaks through tracing. What it calls information is of
/// interest only to someone who debugs an election.
pub(super) fn logger() -> Logger {
    Logger::root(Bridge, o!())
}

struct Bridge;

impl Drain for Bridge {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, _values: &OwnedKVList) -> Result<(), slog::Never> {
        match record.level() {
            slog::Level::Critical | slog::Level::Error => {
                tracing::error!(target: "hms_consensus::raft", "{}", Line(record));
            }
            slog::Level::Warning => {
                tracing::warn!(target: "hms_consensus::raft", "{}", Line(record));
            }
            slog::Level::Info => tracing::debug!(target: "hms_consensus::raft", "{}", Line(record)),
            // Every message and entry in full: not even when debugging.
            slog::Level::Debug | slog::Level::Trace => {}
        }
        Ok(())
    }
}

/// One line of the raft crate's log, formatted only when somebody listens.
struct Line<'a, 'b>(&'a Record<'b>);

impl fmt::Display for Line<'_, '_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.msg())?;
        let mut fields = Fields(String::new());
        self.0
            .kv()
            .serialize(self.0, &mut fields)
            .map_err(|_| fmt::Error)?;
        out.write_str(&fields.0)
    }
}

struct Fields(String);

impl slog::Serializer for Fields {
    fn emit_arguments(&mut self, key: slog::Key, value: &fmt::Arguments<'_>) -> slog::Result {
        write!(self.0, " {key}={value}").map_err(|_| slog::Error::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_do_not_travel_are_refused_before_raft_sees_them() {
        let mut message = Message::default();
        for kind in [
            99,
            -1,
            MessageType::MsgPropose.into(),
            MessageType::MsgHup.into(),
        ] {
            message.msg_type = kind;
            let refused = decode(&encode(&message)).unwrap_err();
            assert_eq!(refused, RaftRefusal::Forbidden { kind });
        }
        message.msg_type = MessageType::MsgAppend.into();
        message.entries.push(raft::eraftpb::Entry {
            entry_type: -1,
            ..raft::eraftpb::Entry::default()
        });
        assert_eq!(
            decode(&encode(&message)).unwrap_err().code(),
            "HMS-RAFT-MALFORMED"
        );
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        assert_eq!(
            decode(b"\xff\xff\xff").unwrap_err().code(),
            "HMS-RAFT-MALFORMED"
        );
    }
}
