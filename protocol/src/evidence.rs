//! Evidence against a voter: signed statements that no honest voter makes, whatever it was told and whenever it crashed.
//!
//! A stranger can check it with nothing but the mesh's id, because a voter's id is its public key. Why each kind is proof is
//! said in `consensus/decisions/0001-commit-rule.md`; the traps are there too: two attestations of one index in *different*
//! terms are legal, and so are a holding and a lock of one term that differ.
//!
//! An [`Exhibit`] is evidence as it is handed on: this kind, or the other, which convicts an agent. Whether the guilty one
//! was a voter at the time, and what follows, is not decided here.

mod agent;
mod exhibit;

pub use agent::AgentEvidence;
pub use exhibit::{Exhibit, Guilty};

use crate::ballot::{Vote, is_below};
use crate::certificate::{Attestation, CertificateRefusal, Phase};
use crate::codec::CodecError;
use crate::envelope::EnvelopeRefusal;
use crate::id::{AgentId, MeshId, NodeId};

/// What convicts a voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoterEvidence {
    /// Two attestations of one phase, term and index with two hashes.
    TwoAttestations {
        /// One of them.
        first: Attestation,
        /// The other.
        second: Attestation,
    },
    /// Two votes in one term for two candidates.
    TwoVotes {
        /// One of them.
        first: Vote,
        /// The other.
        second: Vote,
    },
    /// A lock, and a vote of a later term that shows or names less.
    VoteBelowLock {
        /// The lock.
        lock: Attestation,
        /// The vote.
        vote: Vote,
    },
    /// A vote for a candidate that showed less than the lock that the vote itself names.
    VoteBelowItself {
        /// The vote.
        vote: Vote,
    },
}

/// Why something is no evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceRefusal {
    /// The statements are of another mesh, or of two.
    #[error("a statement is of group {group}")]
    OtherGroup {
        /// Which one.
        group: MeshId,
    },
    /// The statements are not of one voter.
    #[error("{first} and {second} are two: nobody contradicts itself")]
    TwoVoters {
        /// Who made one statement.
        first: NodeId,
        /// Who made the other.
        second: NodeId,
    },
    /// The statements can both be honest.
    #[error("an honest voter can say this: {why}")]
    Innocent {
        /// How.
        why: &'static str,
    },
    /// A signature is not the voter's.
    #[error(transparent)]
    Unsigned(#[from] CertificateRefusal),
    /// The certificates of the agents are not in ascending order, each once.
    #[error("agent {agent} is out of order among the certificates")]
    AgentOrder {
        /// The first that is.
        agent: AgentId,
    },
    /// No node has certified an agent's key for this mesh.
    #[error("no certificate of this mesh names agent {agent}")]
    Uncertified {
        /// The agent.
        agent: AgentId,
    },
    /// An envelope is not sealed by the agent that it names.
    #[error("what agent {agent} is said to have sealed cannot be opened: {source}")]
    Sealed {
        /// The agent.
        agent: AgentId,
        /// Why.
        source: EnvelopeRefusal,
    },
    /// An envelope says something else than it should.
    #[error("what {what} should be is something else")]
    Misplaced {
        /// What it should be.
        what: &'static str,
    },
    /// An envelope's content cannot be read.
    #[error("the {what} cannot be read: {source}")]
    Unreadable {
        /// What it should be.
        what: &'static str,
        /// Why.
        source: CodecError,
    },
}

impl EvidenceRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherGroup { .. } => "HMS-EVID-GROUP",
            Self::TwoVoters { .. } => "HMS-EVID-VOTERS",
            Self::Innocent { .. } => "HMS-EVID-INNOCENT",
            Self::Unsigned(_) => "HMS-EVID-SIGNATURE",
            Self::AgentOrder { .. } => "HMS-EVID-AGENT-ORDER",
            Self::Uncertified { .. } => "HMS-EVID-AGENT",
            Self::Sealed { .. } => "HMS-EVID-SEALED",
            Self::Misplaced { .. } => "HMS-EVID-MISPLACED",
            Self::Unreadable { .. } => "HMS-EVID-CONTENT",
        }
    }
}

impl VoterEvidence {
    /// Whom it accuses. Not yet checked.
    pub const fn accused(&self) -> NodeId {
        match self {
            Self::TwoAttestations { first, .. } => first.voter,
            Self::TwoVotes { first, .. } => first.voter,
            Self::VoteBelowLock { vote, .. } | Self::VoteBelowItself { vote } => vote.voter,
        }
    }

    /// What it shows, as a sentence's end for people.
    pub const fn describe(&self) -> &'static str {
        match self {
            Self::TwoAttestations { .. } => "signed two logs for one term and index",
            Self::TwoVotes { .. } => "voted for two candidates in one term",
            Self::VoteBelowLock { .. } => "voted for a candidate below its earlier lock",
            Self::VoteBelowItself { .. } => "voted for a candidate below its own lock",
        }
    }

    /// Checks it and names the guilty voter. Takes one or two verifications of a signature.
    pub fn verify(&self, group: MeshId) -> Result<NodeId, EvidenceRefusal> {
        match self {
            Self::TwoAttestations { first, second } => {
                check_group(group, &[first.statement.group, second.statement.group])?;
                check_one(first.voter, second.voter)?;
                check_conflict(first, second)?;
                first.check_signature()?;
                second.check_signature()?;
                Ok(first.voter)
            }
            Self::TwoVotes { first, second } => {
                check_group(group, &[first.ballot.group, second.ballot.group])?;
                check_one(first.voter, second.voter)?;
                check_guilty(first.ballot.term == second.ballot.term, "the terms differ")?;
                let differ = first.ballot.candidate != second.ballot.candidate;
                check_guilty(differ, "both votes are for one candidate")?;
                first.check_signature()?;
                second.check_signature()?;
                Ok(first.voter)
            }
            Self::VoteBelowLock { lock, vote } => {
                check_group(group, &[lock.statement.group, vote.ballot.group])?;
                check_one(lock.voter, vote.voter)?;
                check_below(lock, vote)?;
                lock.check_signature()?;
                vote.check_signature()?;
                Ok(vote.voter)
            }
            Self::VoteBelowItself { vote } => {
                check_group(group, &[vote.ballot.group])?;
                let below = vote.ballot.is_below_its_lock();
                check_guilty(below, "the candidate showed the lock or more")?;
                vote.check_signature()?;
                Ok(vote.voter)
            }
        }
    }
}

fn check_group(group: MeshId, groups: &[MeshId]) -> Result<(), EvidenceRefusal> {
    match groups.iter().find(|other| **other != group) {
        Some(other) => Err(EvidenceRefusal::OtherGroup { group: *other }),
        None => Ok(()),
    }
}

fn check_one(first: NodeId, second: NodeId) -> Result<(), EvidenceRefusal> {
    if first == second {
        return Ok(());
    }
    Err(EvidenceRefusal::TwoVoters { first, second })
}

fn check_guilty(is_guilty: bool, why: &'static str) -> Result<(), EvidenceRefusal> {
    if is_guilty {
        return Ok(());
    }
    Err(EvidenceRefusal::Innocent { why })
}

/// Epochs are not compared: after a change of voters a voter may attest the same entry again, but no other one.
fn check_conflict(first: &Attestation, second: &Attestation) -> Result<(), EvidenceRefusal> {
    let (first, second) = (&first.statement, &second.statement);
    check_guilty(first.phase == second.phase, "the phases differ")?;
    check_guilty(first.term == second.term, "the terms differ")?;
    check_guilty(first.index == second.index, "the indexes differ")?;
    check_guilty(first.hash != second.hash, "both are of one log")
}

/// A lock only rises, and it is attested in its own term: whoever votes in a later one is bound by it.
fn check_below(lock: &Attestation, vote: &Vote) -> Result<(), EvidenceRefusal> {
    let statement = &lock.statement;
    check_guilty(statement.phase == Phase::Locked, "it is not a lock")?;
    check_guilty(statement.term < vote.ballot.term, "the vote came first")?;
    let mark = Some(statement.mark());
    let shown = is_below(vote.ballot.shown, mark);
    let named = is_below(vote.ballot.lock, mark);
    check_guilty(shown || named, "the vote shows and names the lock or more")
}
