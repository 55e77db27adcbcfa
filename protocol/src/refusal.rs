//! Why the mesh said no: every deterministic refusal, its stable code, and what to do about it.
//!
//! A refusal may be part of the replicated outcome, so it holds no clock, no OS message and no address.

use crate::evidence::EvidenceRefusal;
use crate::id::{AgentId, IdError, NodeId, NodeName, ServiceName, SkillName, TaskId};
use crate::order::OrderRefusal;
use crate::receipt::BuildRefusal;
use crate::token::TokenRefusal;

/// Why the mesh said no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The id is not in the ledger, or was forgotten after its time.
    #[error("task {task} is not in the ledger")]
    UnknownTask {
        /// The id.
        task: TaskId,
    },
    /// The id was submitted before, with another content.
    #[error("task {task} exists with another content")]
    TaskExists {
        /// The id.
        task: TaskId,
    },
    /// The step is not allowed from where the task stands.
    #[error("task {task} is {state}: it cannot be {step}")]
    WrongState {
        /// The task.
        task: TaskId,
        /// Where it stands.
        state: &'static str,
        /// What was tried, as a participle.
        step: &'static str,
    },
    /// The attempt is not the current one: the result came late.
    #[error("attempt {attempt} of task {task} is over: attempt {current} is current")]
    StaleAttempt {
        /// The task.
        task: TaskId,
        /// The attempt that was named.
        attempt: u32,
        /// The attempt that counts.
        current: u32,
    },
    /// No node that is known offers the skill, and the request asks for it to exist.
    #[error("no agent has the skill {skill}")]
    UnknownSkill {
        /// The skill.
        skill: SkillName,
    },
    /// The agent is not enrolled.
    #[error("agent {agent} is not enrolled")]
    UnknownAgent {
        /// The agent.
        agent: AgentId,
    },
    /// The agent cannot take this task: skill, needs, slots, standing or presence.
    #[error("agent {agent} cannot take the task: {reason}")]
    Unfit {
        /// The agent.
        agent: AgentId,
        /// The first thing that is missing.
        reason: &'static str,
    },
    /// The node is not a member.
    #[error("node {node} is not a member of this mesh")]
    UnknownNode {
        /// The node.
        node: NodeId,
    },
    /// The node does not take part any more.
    #[error("node {node} is {standing}")]
    Excluded {
        /// The node.
        node: NodeId,
        /// Its standing.
        standing: &'static str,
    },
    /// There is no such piece of evidence, or it was forgotten after its time.
    #[error("evidence {number} is not in the ledger")]
    UnknownEvidence {
        /// The number.
        number: u64,
    },
    /// What is said to convict a node does not.
    #[error("it is no evidence: {0}")]
    NoEvidence(#[source] EvidenceRefusal),
    /// Another node has the name.
    #[error("the name {name} is taken by another node")]
    NameTaken {
        /// The name.
        name: NodeName,
    },
    /// The operator's order does not count.
    #[error(transparent)]
    Order(OrderRefusal),
    /// The agent was stopped, which is for good.
    #[error("agent {agent} was stopped")]
    AgentStopped {
        /// The agent.
        agent: AgentId,
    },
    /// The operator has revoked the agent.
    #[error("agent {agent} was revoked by the operator")]
    AgentRevoked {
        /// The agent.
        agent: AgentId,
    },
    /// The join token does not let the node in.
    #[error(transparent)]
    Token(TokenRefusal),
    /// The service is not declared.
    #[error("service {service} is not declared")]
    UnknownService {
        /// The service.
        service: ServiceName,
    },
    /// A signature does not check out.
    #[error("the {what} is not signed by {signer}")]
    BadSignature {
        /// What was signed.
        what: &'static str,
        /// Who should have signed.
        signer: String,
    },
    /// The deadline has passed.
    #[error("the deadline is {late_ms} ms in the past")]
    DeadlinePassed {
        /// How late it is.
        late_ms: u64,
    },
    /// A value is outside its bounds.
    #[error("{field} is {value}: allowed is {low} to {high}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it was.
        value: u64,
        /// The least allowed.
        low: u64,
        /// The most allowed.
        high: u64,
    },
    /// Something is too large.
    #[error("{what} has {bytes} bytes: at most {max} are allowed")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        max: u64,
    },
    /// A field is required, or its value makes no sense.
    #[error("{field} is not valid: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Why.
        reason: String,
    },
    /// A bound is met; the caller may come back later.
    #[error("{what} is full ({max}): try again later")]
    Busy {
        /// What is full.
        what: &'static str,
        /// Its bound.
        max: u64,
    },
    /// This node does not lead; the call belongs to the leader.
    #[error("this node does not lead")]
    NotLeader {
        /// Who leads, if it is known.
        leader: Option<NodeId>,
    },
    /// Too few voters can be reached to decide anything.
    #[error("no quorum: need {need} of {voters}, have {have}")]
    NoQuorum {
        /// How many are needed.
        need: u32,
        /// How many there are.
        voters: u32,
        /// How many answer.
        have: u32,
    },
    /// The leader changed while the command was under way: it may or may not be in the ledger. Asking again with the
    /// same id is safe.
    #[error("the leader changed before the outcome was known: ask again")]
    OutcomeUnknown,
    /// The ledger has the task, but a stranger cannot be shown so.
    #[error("task {task} has no receipt: {why}")]
    NoReceipt {
        /// The task.
        task: TaskId,
        /// What is missing.
        why: BuildRefusal,
    },
    /// The request did not come to an end in its time.
    #[error("{what} did not happen within {within_ms} ms")]
    TooSlow {
        /// What was waited for.
        what: &'static str,
        /// How long.
        within_ms: u64,
    },
}

impl Refusal {
    /// The stable code, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownTask { .. } => "HMS-UNKNOWN-TASK",
            Self::TaskExists { .. } => "HMS-TASK-EXISTS",
            Self::WrongState { .. } => "HMS-WRONG-STATE",
            Self::StaleAttempt { .. } => "HMS-STALE-ATTEMPT",
            Self::UnknownSkill { .. } => "HMS-UNKNOWN-SKILL",
            Self::UnknownAgent { .. } => "HMS-UNKNOWN-AGENT",
            Self::Unfit { .. } => "HMS-UNFIT",
            Self::UnknownNode { .. } => "HMS-UNKNOWN-NODE",
            Self::Excluded { .. } => "HMS-EXCLUDED",
            Self::UnknownEvidence { .. } => "HMS-UNKNOWN-EVIDENCE",
            Self::NoEvidence(why) => why.code(),
            Self::NameTaken { .. } => "HMS-NAME-TAKEN",
            Self::Order(why) => why.code(),
            Self::AgentStopped { .. } => "HMS-AGENT-STOPPED",
            Self::AgentRevoked { .. } => "HMS-AGENT-REVOKED",
            Self::Token(why) => why.code(),
            Self::UnknownService { .. } => "HMS-UNKNOWN-SERVICE",
            Self::BadSignature { .. } => "HMS-BAD-SIGNATURE",
            Self::DeadlinePassed { .. } => "HMS-DEADLINE-PASSED",
            Self::OutOfRange { .. } => "HMS-OUT-OF-RANGE",
            Self::TooLarge { .. } => "HMS-TOO-LARGE",
            Self::Invalid { .. } => "HMS-INVALID",
            Self::Busy { .. } => "HMS-BUSY",
            Self::NotLeader { .. } => "HMS-NOT-LEADER",
            Self::NoQuorum { .. } => "HMS-NO-QUORUM",
            Self::OutcomeUnknown => "HMS-OUTCOME-UNKNOWN",
            Self::NoReceipt { why, .. } => why.code(),
            Self::TooSlow { .. } => "HMS-TOO-SLOW",
        }
    }

    /// What the caller can do, for people.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::UnknownTask { .. } => "list the tasks with `hms task list`",
            Self::TaskExists { .. } => "use a new id, or an idempotency key",
            Self::WrongState { .. } => "look at the task with `hms task show`",
            Self::StaleAttempt { .. } => "nothing to do: another attempt took over",
            Self::UnknownSkill { .. } => {
                "list the skills with `hms skill list`, or start a node that has it"
            }
            Self::UnknownAgent { .. } => "list the agents with `hms agent list`",
            Self::Unfit { .. } => "see `hms task why` for the candidates",
            Self::UnknownNode { .. } => {
                "list the nodes with `hms node list`, or join this node with a token"
            }
            Self::Excluded { .. } => {
                "see `hms evidence list` for the reason; a new node needs a new data directory and key"
            }
            Self::UnknownEvidence { .. } => "list the evidence with `hms evidence list`",
            Self::NoEvidence(_) => "an honest node can have said all of it",
            Self::NameTaken { .. } => "start the node with another --name",
            Self::Order(why) => why.hint(),
            Self::AgentStopped { .. } | Self::AgentRevoked { .. } => {
                "raise another agent with `hms agent spawn`"
            }
            Self::Token(why) => why.hint(),
            Self::UnknownService { .. } => "list the services with `hms service list`",
            Self::BadSignature { .. } => "the sender uses a key that the mesh does not know",
            Self::DeadlinePassed { .. } => "give a later deadline, and check the clocks",
            Self::OutOfRange { .. } => "choose a value within the bounds",
            Self::TooLarge { .. } => "send less, or keep the content elsewhere and send its digest",
            Self::Invalid { .. } => "correct the field",
            Self::Busy { .. } => "wait for earlier work to finish",
            Self::NotLeader { .. } => "ask any node again: it passes the call on to the leader",
            Self::NoQuorum { .. } => {
                "start the missing voters; if they are lost for good, `hms operator raft recover`"
            }
            Self::OutcomeUnknown => "repeat the call with the same id: it counts once",
            Self::NoReceipt { why, .. } => why.hint(),
            Self::TooSlow { .. } => "look at `hms status`, then ask again",
        }
    }
}

/// Refuses a value outside `low..=high`.
pub fn check_range(
    field: &'static str,
    value: u64,
    (low, high): (u64, u64),
) -> Result<(), Refusal> {
    if low <= value && value <= high {
        return Ok(());
    }
    Err(Refusal::OutOfRange {
        field,
        value,
        low,
        high,
    })
}

/// Refuses more than `max` bytes.
pub fn check_bytes(what: &'static str, bytes: usize, max: usize) -> Result<(), Refusal> {
    if bytes <= max {
        return Ok(());
    }
    Err(Refusal::TooLarge {
        what,
        bytes: bytes as u64,
        max: max as u64,
    })
}

impl From<IdError> for Refusal {
    fn from(error: IdError) -> Self {
        match &error {
            IdError::Malformed { kind, .. } => Self::Invalid {
                field: kind,
                reason: error.to_string(),
            },
        }
    }
}
