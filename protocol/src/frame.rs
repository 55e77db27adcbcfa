//! What two voters send each other: a message of Raft, and the signed words that go with it.
//!
//! Nothing in it is checked but its form. The envelope says who sent it; who signed the words is for
//! [`certificate`](crate::certificate) and [`ballot`](crate::ballot) to say.

use std::fmt;

use crate::ballot::{Mandate, Release, Vote};
use crate::certificate::{Attestation, Certificate};
use crate::digest::Hash;
use crate::id::{Index, Term};
use crate::receipt::Handover;

/// A message from one voter to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// A Raft message, opaque; empty when there are words only.
    pub message: Vec<u8>,
    /// How far the sender holds its log to be certified.
    pub certified: Index,
    /// What the sender attests.
    pub attestations: Vec<Attestation>,
    /// What a quorum attests, lower indexes first.
    pub certificates: Vec<Certificate>,
    /// With an answer that grants one: the sender's vote.
    pub vote: Option<Vote>,
    /// What makes the sender the leader of the message's term.
    pub mandate: Option<Mandate>,
    /// With an append: the chain hash up to the entry before its first one.
    pub before: Option<Hash>,
    /// With a request for a vote: changes of voters that the voter may have missed, lower indexes first.
    pub handovers: Vec<Handover>,
    /// With a snapshot, whose bytes do not travel in the message: a piece of them.
    pub chunk: Option<Chunk>,
    /// From whom a snapshot comes to: how much of it is there.
    pub arrival: Option<Arrival>,
    /// With a leader's call to stand for election, and with the request for a vote that follows it.
    pub release: Option<Release>,
}

/// A piece of a snapshot, and what it is a piece of.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The digest of the whole snapshot.
    pub digest: Hash,
    /// How many bytes the whole snapshot has.
    pub total: u64,
    /// Where this piece begins.
    pub offset: u64,
    /// The piece.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Chunk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, count, total) = (self.offset, self.bytes.len(), self.total);
        write!(out, "Chunk({count} bytes from {from} of {total})")
    }
}

/// How far a snapshot has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The term of the leader that sends it.
    pub term: Term,
    /// The digest of the whole snapshot.
    pub digest: Hash,
    /// How many of its first bytes are here.
    pub arrived: u64,
    /// The code of the refusal, when it is not wanted any further.
    pub refused: Option<String>,
}
