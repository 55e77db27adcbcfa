//! Whether an agent can take a task, and whether anybody can: the ledger's own view, in which a node is present or lost.
//!
//! The leader's rounds add what only it knows (suspicion, measured load). `apply` asks only here, so that every replica
//! answers alike.

use std::fmt;

use hms_protocol::agent::{Agent, AgentStanding};
use hms_protocol::id::{AgentId, NodeId};
use hms_protocol::refusal::Refusal;
use hms_protocol::task::{Blockage, TaskSpec};

use super::State;
use super::crew::Class;
use super::waiting::Demand;

/// The first thing that an agent lacks for a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The skill.
    Skill,
    /// An offer that the task needs.
    Offer(String),
    /// It is quarantined.
    Quarantined,
    /// It was stopped.
    Stopped,
    /// The operator has revoked it.
    Revoked,
    /// Its node is lost.
    Lost,
    /// Its node is cordoned.
    Cordoned,
    /// A free slot.
    Slot,
    /// Somebody else who could check its result.
    Verifier,
}

impl Lack {
    /// A fixed text for refusals.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Skill => "it lacks the skill",
            Self::Offer(_) => "it lacks an offer that the task needs",
            Self::Quarantined => "it is quarantined",
            Self::Stopped => "it was stopped",
            Self::Revoked => "the operator has revoked it",
            Self::Lost => "its node is lost",
            Self::Cordoned => "its node is cordoned: it gets no new work",
            Self::Slot => "all its slots are taken",
            Self::Verifier => "nobody else could check its result",
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offer(need) => write!(out, "it does not offer {need}"),
            Self::Skill
            | Self::Quarantined
            | Self::Stopped
            | Self::Revoked
            | Self::Lost
            | Self::Cordoned
            | Self::Slot
            | Self::Verifier => out.write_str(self.reason()),
        }
    }
}

/// Who could check a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verifiers {
    /// Nobody needs to.
    Needless,
    /// Nobody.
    Nobody,
    /// This agent alone.
    Only(AgentId),
    /// Two or more.
    Several,
}

impl Verifiers {
    /// Whether somebody could check a result of this agent.
    pub fn besides(self, agent: AgentId) -> bool {
        match self {
            Self::Needless | Self::Several => true,
            Self::Nobody => false,
            Self::Only(only) => only != agent,
        }
    }
}

impl State {
    /// Whether the agent could take a task now; else the first thing that it lacks.
    pub fn lack(&self, agent: &Agent, spec: &TaskSpec) -> Option<Lack> {
        let certificate = &agent.certificate;
        match agent.standing {
            AgentStanding::Ready => {}
            AgentStanding::Quarantined => return Some(Lack::Quarantined),
            AgentStanding::Stopped => return Some(Lack::Stopped),
            AgentStanding::Revoked => return Some(Lack::Revoked),
        }
        if !certificate.skills.contains(&spec.skill) {
            return Some(Lack::Skill);
        }
        if let Some(need) = spec.needs.difference(&certificate.offers).next() {
            return Some(Lack::Offer(need.clone()));
        }
        if !self.roster().is_present(certificate.node) {
            return Some(Lack::Lost);
        }
        if !self.roster().takes_work(certificate.node) {
            return Some(Lack::Cordoned);
        }
        let running = self.crew().running(certificate.node, certificate.agent);
        if certificate.slots as usize <= running {
            return Some(Lack::Slot);
        }
        let verifiers = self.verifiers(&Demand::of(spec));
        (!verifiers.besides(certificate.agent)).then_some(Lack::Verifier)
    }

    /// Refuses an agent that could not take the task now.
    pub(super) fn check_fit(&self, agent: AgentId, spec: &TaskSpec) -> Result<&Agent, Refusal> {
        let record = self.roster().enrolled(agent)?;
        match self.lack(record, spec) {
            None => Ok(record),
            Some(lack) => Err(Refusal::Unfit {
                agent,
                reason: lack.reason(),
            }),
        }
    }

    /// Why nobody can take a task of this demand, however idle; `None` if somebody can.
    pub fn blockage(&self, demand: &Demand) -> Option<Blockage> {
        let crew = self.crew();
        let Some((closest, _)) = crew
            .with_skill(&demand.skill)
            .min_by_key(|(ability, _)| demand.needs.difference(&ability.offers).count())
        else {
            return Some(Blockage::NoSkill);
        };
        if let Some(need) = demand.needs.difference(&closest.offers).next() {
            return Some(Blockage::NoOffer(need.clone()));
        }
        let present = |class: &Class| class.keys().any(|node| self.roster().takes_work(*node));
        if !crew.capable(demand).any(present) {
            return Some(Blockage::NobodyPresent);
        }
        let blocked = match self.verifiers(demand) {
            Verifiers::Needless | Verifiers::Several => false,
            Verifiers::Nobody => true,
            Verifiers::Only(only) => self.some_present(demand).all(|(_, agent)| agent == only),
        };
        blocked.then_some(Blockage::NoVerifier)
    }

    /// Who could check a result of this demand.
    pub fn verifiers(&self, demand: &Demand) -> Verifiers {
        let Some(verifying) = demand.verifying() else {
            return Verifiers::Needless;
        };
        let mut found = self.some_present(&verifying);
        match (found.next(), found.next()) {
            (None, _) => Verifiers::Nobody,
            (Some((_, only)), None) => Verifiers::Only(only),
            (Some(_), Some(_)) => Verifiers::Several,
        }
    }

    /// Ready agents on nodes that take work that have what is demanded.
    fn some_present(&self, demand: &Demand) -> impl Iterator<Item = (NodeId, AgentId)> {
        let nodes = self.crew().capable(demand).flatten();
        let present = nodes.filter(|(node, _)| self.roster().takes_work(**node));
        present.flat_map(|(node, agents)| agents.iter().map(|(_, agent)| (*node, *agent)))
    }
}
