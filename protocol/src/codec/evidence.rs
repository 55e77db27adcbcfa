//! Evidence on the wire. Decoding checks forms only: `verify` checks who is guilty.

use hms_proto::v1;
use hms_proto::v1::exhibit::What;
use hms_proto::v1::guilty::Who;
use hms_proto::v1::voter_evidence::Kind;

use super::{CodecError, Wire, envelope, field};
use crate::evidence::{AgentEvidence, Exhibit, Guilty, VoterEvidence};
use crate::limits;

/// The layout of exhibits that this version writes and reads.
pub const EXHIBIT_VERSION: u32 = 1;

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

impl Wire for AgentEvidence {
    type Message = v1::AgentEvidence;
    const NAME: &'static str = "agent evidence";

    fn to_wire(&self) -> v1::AgentEvidence {
        v1::AgentEvidence {
            agents: self.agents.iter().map(Wire::to_wire).collect(),
            report: envelope::encode(&self.report),
            verdicts: self.verdicts.iter().map(envelope::encode).collect(),
        }
    }

    fn from_wire(message: v1::AgentEvidence) -> Result<Self, CodecError> {
        let (agents, verdicts) = (limits::EXHIBIT_AGENTS_MAX, limits::VERDICTS_MAX);
        let sealed = |bytes: Vec<u8>| field::sealed("evidence.verdicts", &bytes);
        Ok(Self {
            agents: field::parts("evidence.agents", message.agents, agents)?,
            report: field::sealed("evidence.report", &message.report)?,
            verdicts: field::list("evidence.verdicts", message.verdicts, verdicts, sealed)?,
        })
    }
}

impl Wire for Exhibit {
    type Message = v1::Exhibit;
    const NAME: &'static str = "evidence";

    fn to_wire(&self) -> v1::Exhibit {
        v1::Exhibit {
            version: EXHIBIT_VERSION,
            what: Some(match self {
                Self::Voter(evidence) => What::Voter(evidence.to_wire()),
                Self::Agent(evidence) => What::Agent(evidence.to_wire()),
            }),
        }
    }

    fn from_wire(message: v1::Exhibit) -> Result<Self, CodecError> {
        if message.version != EXHIBIT_VERSION {
            return Err(CodecError::UnknownValue {
                field: "evidence.version",
                value: i32::try_from(message.version).unwrap_or(i32::MAX),
            });
        }
        match field::required("evidence.what", message.what)? {
            What::Voter(evidence) => Ok(Self::Voter(Box::new(Wire::from_wire(evidence)?))),
            What::Agent(evidence) => Ok(Self::Agent(Box::new(Wire::from_wire(evidence)?))),
        }
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        field::check_length("evidence", bytes.len(), limits::EXHIBIT_BYTES_MAX)
    }
}

impl Wire for Guilty {
    type Message = v1::Guilty;
    const NAME: &'static str = "guilty";

    fn to_wire(&self) -> v1::Guilty {
        let who = match self {
            Self::Node(node) => Who::Node(node.as_bytes().to_vec()),
            Self::Agent {
                agent,
                node,
                task,
                attempt,
            } => Who::Agent(v1::GuiltyAgent {
                agent: agent.as_bytes().to_vec(),
                node: node.as_bytes().to_vec(),
                task: task.as_bytes().to_vec(),
                attempt: *attempt,
            }),
        };
        v1::Guilty { who: Some(who) }
    }

    fn from_wire(message: v1::Guilty) -> Result<Self, CodecError> {
        match field::required("guilty.who", message.who)? {
            Who::Node(node) => Ok(Self::Node(field::node_id("guilty.node", &node)?)),
            Who::Agent(agent) => Ok(Self::Agent {
                agent: field::agent_id("guilty.agent", &agent.agent)?,
                node: field::node_id("guilty.node", &agent.node)?,
                task: field::task_id("guilty.task", &agent.task)?,
                attempt: agent.attempt,
            }),
        }
    }
}
