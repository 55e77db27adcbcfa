//! What is asked of the supervisor, and by which way the answer comes: through the log, through a read, or from a node
//! that brings up an agent.
//!
//! A node that does not lead answers at once. Of what `apply` checks anyway, only authors are checked here: no voter would take
//! from this node what is not its author's.

use std::collections::BTreeSet;

use hms_protocol::id::{AgentId, NodeId, SkillName};
use hms_protocol::refusal::Refusal;

use crate::effect::{Answer, Effect, Staleness};
use crate::input::{Question, Request, Ticket};
use crate::liveness::Liveness;
use crate::outbox::Outbox;
use crate::state::command::Command;
use crate::supervisor::Supervisor;
use crate::supervisor::proposals::Errand;
use crate::supervisor::raising::{Raising, Wish};

/// Where a request goes.
enum Way {
    Log(Command),
    Read(Question),
    Node(Raising),
}

impl Supervisor {
    /// Takes a request. It is answered now, or later, exactly once.
    pub fn ask(
        &mut self,
        ticket: Ticket,
        request: Request,
        liveness: &Liveness,
        outbox: &mut Outbox,
    ) {
        if let Request::Glance(question) = request {
            let answer = self.glance(question, liveness);
            return outbox.push(Effect::Answer { ticket, answer });
        }
        if let Err(refusal) = self.take(ticket, request, liveness) {
            let answer = Err(refusal);
            outbox.push(Effect::Answer { ticket, answer });
        }
    }

    fn take(
        &mut self,
        ticket: Ticket,
        request: Request,
        liveness: &Liveness,
    ) -> Result<(), Refusal> {
        if self.tenure.is_none() {
            return Err(self.not_leading(liveness));
        }
        match self.way(request, liveness)? {
            Way::Log(command) => {
                self.replica.state().check_author(&command)?;
                self.proposals.ask(command, ticket)
            }
            Way::Read(question) => self.reads.ask(ticket, question),
            Way::Node(raising) => self.raisings.ask(ticket, raising),
        }
    }

    /// Answers from what this voter has, if there is no quorum that could tell more.
    fn glance(&self, question: Question, liveness: &Liveness) -> Result<Answer, Refusal> {
        let refusal = self.not_leading(liveness);
        if let Refusal::NoQuorum { need, voters, have } = refusal
            && self.tenure.is_none()
        {
            let age_ms = self.now.since_ms(self.led_at);
            let staleness = Staleness {
                age_ms,
                need,
                voters,
                have,
            };
            // A refusal carries no mark of the past, and what this voter does not know may be what it has missed.
            let answer = self.view(question, liveness).map_err(|_| refusal)?;
            let answer = Box::new(answer);
            return Ok(Answer::Stale { staleness, answer });
        }
        Err(refusal)
    }

    fn way(&mut self, request: Request, liveness: &Liveness) -> Result<Way, Refusal> {
        let request = match Command::of(request) {
            Ok(command) => return Ok(Way::Log(command)),
            Err(request) => request,
        };
        Ok(match *request {
            Request::Spawn {
                agent,
                node,
                skills,
                slots,
            } => {
                let node = match node {
                    Some(node) => self.known_node(node)?,
                    None => self.roomiest(&skills, liveness)?,
                };
                let wish = Wish::Up { skills, slots };
                Way::Node(Raising::new(agent, node, wish, self.now))
            }
            Request::Stop { agent } => self.stop(agent)?,
            Request::Read(question) | Request::Glance(question) => Way::Read(question),
            Request::Admit(_)
            | Request::Submit { .. }
            | Request::Cancel { .. }
            | Request::Operate(_)
            | Request::Declare(_)
            | Request::Withdraw { .. } => unreachable!("it has become a command"),
        })
    }

    /// Stopping goes through the agent's node. If that is lost, the ledger alone decides, and the node is told when it
    /// comes back.
    fn stop(&mut self, agent: AgentId) -> Result<Way, Refusal> {
        let roster = self.replica.state().roster();
        let node = roster.enrolled(agent)?.certificate.node;
        if !roster.is_present(node) {
            let agents = vec![agent];
            let command = Command::Retire { node, agents };
            self.proposals.run(command, Errand::Retire(node));
        }
        Ok(Way::Node(Raising::new(agent, node, Wish::Down, self.now)))
    }

    fn known_node(&self, node: NodeId) -> Result<NodeId, Refusal> {
        Ok(self.replica.state().roster().known(node)?.id)
    }

    /// The present node with the fewest agents that can do what is wanted; ties go by load, then by id.
    fn roomiest(
        &self,
        skills: &BTreeSet<SkillName>,
        liveness: &Liveness,
    ) -> Result<NodeId, Refusal> {
        let roster = self.replica.state().roster();
        let able = |node: NodeId| skills.iter().all(|skill| self.adverts.has(node, skill));
        let agents = |node: NodeId| {
            let agents = roster.agents_of(node);
            agents.filter(|agent| !agent.standing.is_over()).count()
        };
        let members = roster.members().map(|member| member.id);
        members
            .filter(|node| roster.takes_work(*node) && able(*node))
            .map(|node| (agents(node), liveness.load_permille(node), node))
            .min()
            .map(|(_, _, node)| node)
            .ok_or_else(|| Refusal::Invalid {
                field: "skills",
                reason: "no present node offers all of them".to_owned(),
            })
    }
}
