//! The border to the raft crate: its messages as bytes, its log lines as tracing events.
//!
//! Reading checks the form only: numbers of kinds are known, so that no accessor of the raft crate
//! can panic. Whether a message makes sense is for the sentry.

use std::fmt::{self, Write as _};

use prost_raft::Message as _;
use raft::eraftpb::{EntryType, Message, MessageType};
use slog::{Drain, KV as _, Logger, OwnedKVList, Record, o};

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
