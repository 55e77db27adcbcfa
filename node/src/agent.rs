//! The agents of this node: who they are, what they can do, and the host that runs them.
//!
//! An agent is a supervised task with a bounded mailbox; thousands fit on a node. It proves who it is with a key of its
//! own that the node vouches for, and it keeps id and key across restarts.
//!
//! Nothing here decides who works on what: orders come from the mind, and what came of them goes back to it.

mod actor;
pub mod backend;
mod execution;
pub mod memory;
mod probing;
pub mod registry;
pub mod runtime;
pub mod sandbox;
pub mod skill;
pub mod skills;

use hms_protocol::id::{AgentId, SkillName};
use hms_protocol::peer::{Dispatch, Run};
use hms_protocol::service::ServiceSpec;

pub use execution::Voice;
pub use memory::{Memory, MemoryError};
pub use registry::{Registry, Wish};
pub use runtime::Runtime;
pub use skill::{Job, Sighting, Skill, SkillSet, failure, success};

// What one needs to write a skill, from wherever it comes.
pub use futures::future::BoxFuture;
pub use hms_protocol::skill::SkillSpec;
pub use hms_protocol::task::{Outcome, TaskResult};

use self::skills::metamath::shelf::ShelfError;
use crate::identity::IdentityError;
use crate::store::StoreError;

/// An order to the agents of this node.
#[derive(Debug)]
pub enum Order {
    /// Run this.
    Start(Dispatch),
    /// Stop this.
    Stop(Run),
    /// Bring up an agent, or say again that it is up.
    Raise(Wish),
    /// Stop an agent for good.
    Dismiss(AgentId),
    /// Look at a service once.
    Probe {
        /// What to look at.
        spec: ServiceSpec,
        /// Of which revision.
        revision: u64,
    },
}

/// Why an agent cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The agent should be able to do what this node cannot.
    #[error("this node does not have the skill {skill}")]
    UnknownSkill {
        /// The skill.
        skill: SkillName,
    },
    /// What is kept of an agent is not what this node wrote.
    #[error("the record of agent {agent} is damaged: {reason}")]
    Damaged {
        /// The agent.
        agent: AgentId,
        /// What is wrong with it.
        reason: String,
    },
    /// A key cannot be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A record cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A proof database cannot be used.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl AgentError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownSkill { .. } => "HMS-AGENT-SKILL",
            Self::Damaged { .. } => "HMS-AGENT-DAMAGED",
            Self::Identity(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Shelf(error) => error.code(),
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownSkill { .. } => "`hms skill list` shows which node has which skill",
            Self::Damaged { .. } => {
                "restore the data directory from a backup, or start with a new one"
            }
            Self::Identity(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Shelf(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests;
