//! Acts: who did what, about whom, and why, as the ledger tells it to people.
//!
//! An act is read from an entry as it stands there; whether the entry is certified is for a
//! [transcript](crate::transcript) to say. The ledger holds commands that every replica refused, too, and an act does not
//! tell: what came of a command follows from all that went before.

use crate::id::{AgentId, NodeId, Position, ServiceName, TaskId, Term};
use crate::time::Moment;

/// What the ledger says was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Where it stands.
    pub position: Position,
    /// The term of the leader that proposed it.
    pub term: Term,
    /// That leader's clock. Entries that are no batch have no time.
    pub at: Option<Moment>,
    /// Who did it.
    pub actor: Actor,
    /// What, in one word.
    pub verb: &'static str,
    /// About whom; the first is the one that the verb means.
    pub about: Vec<Subject>,
    /// More, for people: why, how, how much.
    pub note: String,
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// Whoever led, by the rules that every replica checks.
    Leader,
    /// The operator: what it ordered bears its signature.
    Operator,
    /// A client, at the gateway of a node if the ledger says which.
    Client(Option<NodeId>),
    /// A node.
    Node(NodeId),
    /// An agent: what it did bears its signature.
    Agent(AgentId),
}

/// About whom something was done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A task.
    Task(TaskId),
    /// An agent.
    Agent(AgentId),
    /// A node.
    Node(NodeId),
    /// A service.
    Service(ServiceName),
}

impl Act {
    /// Whether it was done by, or about, this.
    pub fn concerns(&self, subject: &Subject) -> bool {
        let did_it = match (self.actor, subject) {
            (Actor::Agent(agent), Subject::Agent(wanted)) => agent == *wanted,
            (Actor::Node(node) | Actor::Client(Some(node)), Subject::Node(wanted)) => {
                node == *wanted
            }
            (
                Actor::Leader
                | Actor::Operator
                | Actor::Client(_)
                | Actor::Node(_)
                | Actor::Agent(_),
                Subject::Task(_) | Subject::Agent(_) | Subject::Node(_) | Subject::Service(_),
            ) => false,
        };
        did_it || self.about.contains(subject)
    }
}
