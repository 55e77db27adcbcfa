//! Decides commands, one after the other: one arm per command, each arm a call.
//!
//! A refused command leaves no trace: every arm checks all that it must before it changes anything. Repeating a command
//! that was carried out is no error where the proposer cannot know.

mod attempts;
mod conviction;
mod enrolment;
mod membership;
mod operation;
pub(crate) mod submission;
mod verification;
mod watching;

use hms_protocol::agent::AgentStanding;
use hms_protocol::codec::envelope::Content;
use hms_protocol::envelope::{BodyKind, Sealed};
use hms_protocol::id::{AgentId, Index, NodeId, Position, TaskId};
use hms_protocol::peer::Run;
use hms_protocol::refusal::Refusal;
use hms_protocol::task::Task;

use super::command::{Batch, Command};
use super::event::Event;
use super::ledger::{Stamp, Step, record, step};
use super::{Applied, Change, State};

/// Applies the commands of a batch in order.
pub(super) fn apply(state: &mut State, index: Index, batch: &Batch) -> Applied {
    let mut events = Vec::new();
    let outcomes = (0..).zip(&batch.commands).map(|(offset, command)| {
        let mut turn = Turn {
            position: Position { index, offset },
            state: &mut *state,
            events: &mut events,
        };
        turn.decide(command)
    });
    Applied {
        outcomes: outcomes.collect(),
        events,
    }
}

/// One command's turn.
struct Turn<'a> {
    position: Position,
    state: &'a mut State,
    events: &'a mut Vec<(Position, Event)>,
}

impl Turn<'_> {
    fn decide(&mut self, command: &Command) -> Result<Change, Refusal> {
        match command {
            Command::Admit(admission) => self.admit(admission),
            Command::Greet { node, incarnation } => self.greet(*node, *incarnation),
            Command::Lose { node, incarnation } => self.lose(*node, *incarnation),
            Command::Enrol(certificates) => self.enrol(certificates),
            Command::Retire { node, agents } => self.retire(*node, agents),
            Command::Submit { task, spec, via } => self.submit(*task, spec, *via),
            Command::Assign {
                task,
                attempt,
                agent,
            } => self.assign(*task, *attempt, *agent),
            Command::Block { task, blockage } => self.block(*task, blockage),
            Command::Unblock { task } => self.unblock(*task),
            Command::Start {
                task,
                attempt,
                agent,
            } => self.start(*task, *attempt, *agent),
            Command::Report(sealed) => self.report(sealed),
            Command::Judge(sealed) => self.judge(sealed),
            Command::Redraw { task, round } => self.redraw(*task, *round),
            Command::Expire { task, attempt, end } => self.expire(*task, *attempt, *end),
            Command::Cancel { task } => self.cancel(*task),
            Command::Lapse { task } => self.lapse(*task),
            Command::Declare(spec) => self.declare(spec),
            Command::Withdraw { service } => self.withdraw(service),
            Command::Observe(observation) => self.observe(observation),
            Command::Convict(evidence) => self.convict_node(evidence),
            Command::Operate(signed) => self.operate(signed),
            Command::ReplaceLost {
                lost,
                incarnation,
                spare,
            } => self.replace_lost(*lost, *incarnation, *spare),
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            position: self.position,
            at: self.state.now,
        }
    }

    fn tell(&mut self, event: Event) {
        self.events.push((self.position, event));
    }

    /// Takes a step with a task. `change` is made together with it; `over` is the run that came to its own end, so that
    /// its node need not be told.
    fn advance(
        &mut self,
        task: TaskId,
        (next, note): (Step, String),
        over: Option<Run>,
        change: impl FnOnce(&mut Task),
    ) -> Result<(), Refusal> {
        let from = &self.state.ledger.known(task)?.state;
        let to = step(task, from, next)?;
        let stamp = self.stamp();
        let state = to.clone();
        self.amend(task, over, |task| {
            change(task);
            task.state = to;
            record(task, stamp, note);
        });
        self.tell(Event::TaskMoved {
            task,
            state: state.clone(),
        });
        if state.is_final() {
            self.state.ledger.close_case(task);
            self.state.ledger.forget();
        }
        Ok(())
    }

    /// Changes a task where it stands, and keeps everybody's load right.
    fn amend(&mut self, task: TaskId, over: Option<Run>, change: impl FnOnce(&mut Task)) {
        let (before, after) = self.state.ledger.change(task, change);
        for (node, agent, run) in &before {
            if after.contains(&(*node, *agent, *run)) {
                continue;
            }
            self.state.crew.release(*node, *agent, *run);
            if over != Some(*run) {
                self.tell(Event::Revoked {
                    node: *node,
                    run: *run,
                });
            }
        }
        for (node, agent, run) in after {
            self.state.crew.take(node, agent, run);
        }
    }

    /// Opens what an agent sealed for the ledger, unless nobody listens to it any more.
    fn open(&self, sealed: &Sealed, kind: BodyKind) -> Result<(AgentId, Content), Refusal> {
        let (agent, content) = self.state.unseal(sealed, kind)?;
        if self.state.roster.enrolled(agent)?.standing == AgentStanding::Revoked {
            return Err(Refusal::AgentRevoked { agent });
        }
        Ok((agent, content))
    }

    /// Brings the probers in line after agents or a node came or went.
    fn redraw_services(&mut self, lost: NodeId) {
        for name in self.state.services.probed_by(lost) {
            let Some(service) = self.state.services.service(&name) else {
                continue;
            };
            let skill = service.spec.probe.clone();
            let able = self.state.roster.is_present(lost) && self.state.crew.node_has(lost, &skill);
            if !able {
                self.redraw_service(&name);
            }
        }
    }

    /// Fills up the services that lack a prober, now that a node may have one to offer.
    fn fill_services(&mut self, gained: NodeId) {
        let Some(member) = self.state.roster.member(gained) else {
            return;
        };
        for name in self.state.services.short_of(member, &self.state.crew) {
            self.redraw_service(&name);
        }
    }
}
