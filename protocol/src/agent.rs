//! An agent's identity: a UUID and a key that its node vouches for.

use std::collections::BTreeSet;

use crate::id::{AgentId, NodeId, SkillName};
use crate::keyring::{PublicKey, Signature};
use crate::time::Moment;

/// A node's signed word that an agent is its own. The signature covers every other field and the mesh id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCertificate {
    /// The agent.
    pub agent: AgentId,
    /// Its key.
    pub key: PublicKey,
    /// The node that hosts it, which is also the signer.
    pub node: NodeId,
    /// What it can do.
    pub skills: BTreeSet<SkillName>,
    /// What it offers beside its skills, for example `base=<digest>`.
    pub offers: BTreeSet<String>,
    /// How many tasks it may run at once.
    pub slots: u32,
    /// When the certificate was made. A newer one replaces an older one.
    pub issued_at: Moment,
    /// The node's signature.
    pub signature: Signature,
}

/// Whether an agent gets work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentStanding {
    /// It does.
    Ready,
    /// It was caught reporting a false result.
    Quarantined,
    /// It was stopped; its id is never reused.
    Stopped,
}

/// An agent as the roster knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its newest certificate.
    pub certificate: AgentCertificate,
    /// Whether it gets work.
    pub standing: AgentStanding,
}
