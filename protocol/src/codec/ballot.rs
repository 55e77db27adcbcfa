//! Votes and mandates on the wire. Decoding checks forms only: `verify` checks who signed what.

use hms_proto::v1;

use super::{CodecError, Wire, field};
use crate::ballot::{Ballot, Mandate, Release, Vote};
use crate::id::{Epoch, Term};
use crate::limits;

impl Wire for Ballot {
    type Message = v1::Ballot;
    const NAME: &'static str = "ballot";

    fn to_wire(&self) -> v1::Ballot {
        v1::Ballot {
            group: self.group.as_bytes().to_vec(),
            epoch: self.epoch.0,
            term: self.term.0,
            candidate: self.candidate.as_bytes().to_vec(),
            shown: self.shown.as_ref().map(Wire::to_wire),
            lock: self.lock.as_ref().map(Wire::to_wire),
        }
    }

    fn from_wire(message: v1::Ballot) -> Result<Self, CodecError> {
        Ok(Self {
            group: field::mesh_id("ballot.group", &message.group)?,
            epoch: Epoch(message.epoch),
            term: Term(message.term),
            candidate: field::node_id("ballot.candidate", &message.candidate)?,
            shown: message.shown.map(Wire::from_wire).transpose()?,
            lock: message.lock.map(Wire::from_wire).transpose()?,
        })
    }
}

impl Wire for Vote {
    type Message = v1::Vote;
    const NAME: &'static str = "vote";

    fn to_wire(&self) -> v1::Vote {
        v1::Vote {
            ballot: Some(self.ballot.to_wire()),
            voter: self.voter.as_bytes().to_vec(),
            signature: self.signature.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::Vote) -> Result<Self, CodecError> {
        Ok(Self {
            ballot: field::part("vote.ballot", message.ballot)?,
            voter: field::node_id("vote.voter", &message.voter)?,
            signature: field::signature("vote.signature", &message.signature)?,
        })
    }
}

impl Wire for Release {
    type Message = v1::Release;
    const NAME: &'static str = "release";

    fn to_wire(&self) -> v1::Release {
        v1::Release {
            group: self.group.as_bytes().to_vec(),
            epoch: self.epoch.0,
            term: self.term.0,
            candidate: self.candidate.as_bytes().to_vec(),
            signature: self.signature.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::Release) -> Result<Self, CodecError> {
        Ok(Self {
            group: field::mesh_id("release.group", &message.group)?,
            epoch: Epoch(message.epoch),
            term: Term(message.term),
            candidate: field::node_id("release.candidate", &message.candidate)?,
            signature: field::signature("release.signature", &message.signature)?,
        })
    }
}

impl Wire for Mandate {
    type Message = v1::Mandate;
    const NAME: &'static str = "mandate";

    fn to_wire(&self) -> v1::Mandate {
        v1::Mandate {
            votes: self.votes.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::Mandate) -> Result<Self, CodecError> {
        Ok(Self {
            votes: field::parts("mandate.votes", message.votes, limits::VOTERS_MAX)?,
        })
    }
}
