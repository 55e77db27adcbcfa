//! What two voters send each other: a message of Raft, and the signed words that go with it.
//!
//! Nothing in it is checked but its form. The envelope says who sent it; who signed the words is for
//! [`certificate`](crate::certificate) and [`ballot`](crate::ballot) to say.

use crate::ballot::{Mandate, Vote};
use crate::certificate::{Attestation, Certificate};
use crate::digest::Hash;
use crate::id::Index;
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
}
