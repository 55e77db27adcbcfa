//! Agents come and go with their nodes' word.

use std::collections::BTreeSet;

use hms_protocol::agent::{Agent, AgentCertificate, AgentStanding};
use hms_protocol::id::{AgentId, NodeId};
use hms_protocol::limits;
use hms_protocol::peer::Run;
use hms_protocol::refusal::{Refusal, check_bytes, check_range};
use hms_protocol::task::AttemptEnd;

use super::Turn;
use crate::state::Change;
use crate::state::event::Event;

impl Turn<'_> {
    /// Takes certificates, each for itself.
    pub(super) fn enrol(&mut self, certificates: &[AgentCertificate]) -> Result<Change, Refusal> {
        let most = limits::AGENTS_PER_ENROLMENT_MAX as u64;
        check_range(
            "number of certificates",
            certificates.len() as u64,
            (0, most),
        )?;
        let mut nodes = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(certificates.len());
        let mut changed = Vec::new();
        for certificate in certificates {
            let outcome = self.enrol_one(certificate);
            if let Ok((_, true)) = outcome {
                nodes.insert(certificate.node);
                changed.push((certificate.node, certificate.agent));
            }
            outcomes.push((certificate.agent, outcome.map(|(standing, _)| standing)));
        }
        for node in nodes {
            let agents = changed
                .iter()
                .filter(|(of, _)| *of == node)
                .map(|(_, agent)| *agent);
            let agents = agents.collect();
            self.tell(Event::AgentsChanged { node, agents });
            // A new certificate may bring a skill, or take one away.
            self.redraw_services(node);
            self.fill_services(node);
        }
        Ok(Change::Enrolled(outcomes))
    }

    /// Takes one certificate. Gives the agent's standing, and whether anything has changed.
    fn enrol_one(
        &mut self,
        certificate: &AgentCertificate,
    ) -> Result<(AgentStanding, bool), Refusal> {
        let id = certificate.agent;
        let former = self.state.roster.agent(id);
        if let Some(former) = former {
            let held = &former.certificate;
            if held == certificate {
                return Ok((former.standing, false));
            }
            if held.node != certificate.node || held.key != certificate.key {
                return Err(Refusal::Invalid {
                    field: "certificate",
                    reason: format!("agent {id} has another node or key"),
                });
            }
            if certificate.issued_at <= held.issued_at || former.standing.is_over() {
                return Ok((former.standing, false));
            }
        }
        let standing = former.map_or(AgentStanding::Ready, |former| former.standing);
        self.state.roster.known(certificate.node)?;
        self.state.roster.check_standing(certificate.node)?;
        check_certificate(certificate)?;
        if !certificate.verify(self.state.charter.mesh) {
            return Err(Refusal::BadSignature {
                what: "certificate",
                signer: certificate.node.to_string(),
            });
        }
        self.put_agent(Agent {
            certificate: certificate.clone(),
            standing,
        })?;
        Ok((standing, true))
    }

    /// A node has stopped agents for good. Those that are not its own, or not known, are passed over.
    pub(super) fn retire(&mut self, node: NodeId, agents: &[AgentId]) -> Result<Change, Refusal> {
        self.state.roster.known(node)?;
        let mut gone = Vec::new();
        for id in agents {
            let Some(agent) = self.state.roster.agent(*id) else {
                continue;
            };
            if agent.certificate.node != node || agent.standing.is_over() {
                continue;
            }
            self.dismiss(*id, AgentStanding::Stopped);
            gone.push(*id);
        }
        if !gone.is_empty() {
            self.tell(Event::AgentsChanged { node, agents: gone });
            self.redraw_services(node);
        }
        Ok(Change::Done)
    }

    /// Takes an agent out of service and ends what it runs.
    pub(super) fn dismiss(&mut self, id: AgentId, standing: AgentStanding) {
        let Some(agent) = self.state.roster.agent(id) else {
            return;
        };
        let agent = Agent {
            standing,
            ..agent.clone()
        };
        let node = agent.certificate.node;
        let put = self.put_agent(agent);
        debug_assert!(put.is_ok(), "replacing a record needs no room");
        let runs: Vec<Run> = self.state.crew.runs_of(node, id).collect();
        for run in runs {
            match run {
                Run::Attempt { task, .. } => self.lose_attempt(task, AttemptEnd::AgentLost),
                Run::Check { task, round, .. } => self.miss_check(task, round),
            }
        }
    }

    fn put_agent(&mut self, agent: Agent) -> Result<(), Refusal> {
        self.state.roster.put_agent(agent.clone())?;
        self.state.crew.enlist(&agent);
        Ok(())
    }
}

/// Checks what a certificate may say.
fn check_certificate(certificate: &AgentCertificate) -> Result<(), Refusal> {
    let skills = (1, limits::SKILLS_PER_AGENT_MAX as u64);
    check_range("number of skills", certificate.skills.len() as u64, skills)?;
    let offers = (0, limits::LABELS_MAX as u64);
    check_range("number of offers", certificate.offers.len() as u64, offers)?;
    for offer in &certificate.offers {
        check_bytes("offer", offer.len(), limits::LABEL_BYTES_MAX)?;
    }
    check_range(
        "slots",
        certificate.slots.into(),
        (1, limits::SLOTS_MAX.into()),
    )
}
