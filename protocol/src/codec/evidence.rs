//! Evidence against voters on the wire. Decoding checks forms only: `verify` checks who is guilty.

use hms_proto::v1;
use hms_proto::v1::voter_evidence::Kind;

use super::{CodecError, Wire, field};
use crate::evidence::VoterEvidence;

impl Wire for VoterEvidence {
    type Message = v1::VoterEvidence;
    const NAME: &'static str = "voter evidence";

    fn to_wire(&self) -> v1::VoterEvidence {
        let kind = match self {
            Self::TwoAttestations { first, second } => Kind::TwoAttestations(v1::TwoAttestations {
                first: Some(first.to_wire()),
                second: Some(second.to_wire()),
            }),
            Self::TwoVotes { first, second } => Kind::TwoVotes(v1::TwoVotes {
                first: Some(first.to_wire()),
                second: Some(second.to_wire()),
            }),
            Self::VoteBelowLock { lock, vote } => Kind::VoteBelowLock(v1::VoteBelowLock {
                lock: Some(lock.to_wire()),
                vote: Some(vote.to_wire()),
            }),
            Self::VoteBelowItself { vote } => Kind::VoteBelowItself(vote.to_wire()),
        };
        v1::VoterEvidence { kind: Some(kind) }
    }

    fn from_wire(message: v1::VoterEvidence) -> Result<Self, CodecError> {
        match field::required("evidence.kind", message.kind)? {
            Kind::TwoAttestations(two) => Ok(Self::TwoAttestations {
                first: field::part("evidence.first", two.first)?,
                second: field::part("evidence.second", two.second)?,
            }),
            Kind::TwoVotes(two) => Ok(Self::TwoVotes {
                first: field::part("evidence.first", two.first)?,
                second: field::part("evidence.second", two.second)?,
            }),
            Kind::VoteBelowLock(below) => Ok(Self::VoteBelowLock {
                lock: field::part("evidence.lock", below.lock)?,
                vote: field::part("evidence.vote", below.vote)?,
            }),
            Kind::VoteBelowItself(vote) => {
                Wire::from_wire(vote).map(|vote| Self::VoteBelowItself { vote })
            }
        }
    }
}
