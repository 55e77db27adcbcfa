//! What follows for whoever waited, once an entry is applied on the leader that proposed it.

use hms_protocol::agent::{AgentCertificate, AgentStanding};
use hms_protocol::id::{AgentId, NodeId, Position};
use hms_protocol::peer::PeerMessage;

use crate::effect::{Answer, Effect};
use crate::outbox::Outbox;
use crate::state::command::Command;
use crate::state::{Change, State};
use crate::supervisor::Supervisor;
use crate::supervisor::bulletin::Bulletin;
use crate::supervisor::proposals::{Errand, Origin};
use crate::supervisor::replica::Outcome;

impl Supervisor {
    /// Answers everybody who waited for a command of this entry.
    pub(super) fn reply(&mut self, outcome: &Outcome, outbox: &mut Outbox) {
        let Some(origins) = self.proposals.applied(outcome.term, outcome.index) else {
            return;
        };
        assert_eq!(
            origins.len(),
            outcome.decided.len(),
            "an entry is not what was proposed"
        );
        let state = self.replica.state();
        for ((offset, origin), (command, change)) in (0..).zip(origins).zip(&outcome.decided) {
            match origin {
                Origin::Asked(ticket) => {
                    let position = Position {
                        index: outcome.index,
                        offset,
                    };
                    let told = (&mut self.bulletin, state);
                    let answer = change.clone().map(|change| answer(change, position, told));
                    outbox.push(Effect::Answer { ticket, answer });
                }
                Origin::Errand(errand) => report_back(errand, command, state, outbox),
            }
            if let Err(refusal) = change {
                tracing::debug!(index = %outcome.index, offset, %refusal, "refused");
            }
        }
    }
}

/// What a client is told of its command.
fn answer(
    change: Change,
    position: Position,
    (bulletin, state): (&mut Bulletin, &State),
) -> Answer {
    match change {
        Change::Admitted(member) => Answer::Admitted {
            member,
            roster: bulletin.of(state.roster()),
        },
        Change::Submitted { task, fresh } => Answer::Submitted {
            task,
            position,
            fresh,
        },
        Change::Ordered(_) => Answer::Ordered { position },
        Change::Cancelled(task) => Answer::Cancelled(task),
        Change::Declared { revision, changed } => Answer::Declared { revision, changed },
        Change::Withdrawn => Answer::Withdrawn,
        Change::Enrolled(_) | Change::Taken(_) | Change::Done => {
            unreachable!("no request becomes a command that ends like this")
        }
    }
}

/// Tells a node that the ledger knows what it keeps repeating, or never will.
fn report_back(errand: Errand, command: &Command, state: &State, outbox: &mut Outbox) {
    match errand {
        Errand::Take { run, from } => outbox.send(from, PeerMessage::Taken { run }),
        Errand::Enrol(node) | Errand::Retire(node) => {
            let agents = named(command).map(|agent| (agent, is_ready(agent, node, state)));
            let agents = agents.collect();
            outbox.send(node, PeerMessage::Enrolled { agents });
        }
        Errand::Place(_)
        | Errand::Expire(_)
        | Errand::Lapse(_)
        | Errand::Redraw(_)
        | Errand::Confirm(_)
        | Errand::Greet(_)
        | Errand::Lose(_)
        | Errand::Observe(..)
        | Errand::Replace(_)
        | Errand::Convict(_)
        | Errand::Petition(_) => {}
    }
}

/// The agents that an enrolment or a retirement is about.
fn named(command: &Command) -> impl Iterator<Item = AgentId> {
    let (enrolled, retired): (&[AgentCertificate], &[AgentId]) = match command {
        Command::Enrol(certificates) => (certificates, &[]),
        Command::Retire { agents, .. } => (&[], agents),
        Command::Admit(_)
        | Command::Greet { .. }
        | Command::Lose { .. }
        | Command::Submit { .. }
        | Command::Assign { .. }
        | Command::Block { .. }
        | Command::Unblock { .. }
        | Command::Start { .. }
        | Command::Report(_)
        | Command::Judge(_)
        | Command::Redraw { .. }
        | Command::Expire { .. }
        | Command::Cancel { .. }
        | Command::Lapse { .. }
        | Command::Declare(_)
        | Command::Withdraw { .. }
        | Command::Observe(_)
        | Command::Convict(_)
        | Command::Operate(_)
        | Command::ReplaceLost { .. } => (&[], &[]),
    };
    let enrolled = enrolled.iter().map(|certificate| certificate.agent);
    enrolled.chain(retired.iter().copied())
}

fn is_ready(agent: AgentId, node: NodeId, state: &State) -> bool {
    state.roster().agent(agent).is_some_and(|known| {
        known.certificate.node == node && known.standing == AgentStanding::Ready
    })
}
