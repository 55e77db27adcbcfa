//! What a leader looks after whether or not anybody asks: work to place, time that has run out, nodes that fell silent or
//! came back, voters to be taken in.
//!
//! Everything here only proposes; `apply` checks it again. A leader acts once its state holds what its predecessors
//! decided, and takes nothing away before their word has run out.

use hms_protocol::heartbeat::DEAD_AFTER_MS;
use hms_protocol::id::{NodeId, TaskId};
use hms_protocol::member::{Member, Presence};
use hms_protocol::task::AttemptEnd;
use hms_protocol::time::Moment;

use crate::limits::{
    EXPIRY_GRACE_MS, OVERDUE_PER_ROUND_MAX, PLACEMENTS_PER_ROUND_MAX, TAKEOVER_MS,
};
use crate::liveness::{Condition, Liveness};
use crate::schedule;
use crate::state::command::Command;
use crate::supervisor::Supervisor;
use crate::supervisor::proposals::Errand;

impl Supervisor {
    /// Proposes placements for tasks that wait, if anything has changed that could matter to them.
    pub(super) fn place(&mut self, liveness: &Liveness) {
        if !self.acting() || !std::mem::take(&mut self.unplaced) {
            return;
        }
        let suggested = schedule::schedule(
            self.replica.state(),
            liveness,
            self.now,
            self.proposals.placing(),
            PLACEMENTS_PER_ROUND_MAX,
        );
        for command in suggested {
            if let Some(task) = placed(&command) {
                self.proposals.run(command, Errand::Place(task));
            }
        }
    }

    /// Proposes whatever has run out of time.
    pub(super) fn watch_clock(&mut self) {
        let Some(began_at) = self.acting_since() else {
            return;
        };
        let state = self.replica.state();
        let (index, now) = (state.ledger().index(), self.now);
        let lapsed = index.lapsed(now).take(OVERDUE_PER_ROUND_MAX);
        let mut due: Vec<(Command, Errand)> = lapsed
            .map(|task| (Command::Lapse { task }, Errand::Lapse(task)))
            .collect();
        let overdue = index.overdue(now).take(OVERDUE_PER_ROUND_MAX);
        due.extend(overdue.filter_map(|task| {
            let round = state.ledger().task(task)?.round.as_ref()?.number;
            Some((Command::Redraw { task, round }, Errand::Redraw(task)))
        }));
        if began_at.plus_ms(TAKEOVER_MS) <= now {
            let grace = Moment(now.0.saturating_sub(EXPIRY_GRACE_MS));
            let expired = index.expired(grace).take(OVERDUE_PER_ROUND_MAX);
            due.extend(expired.filter_map(|task| {
                let attempt = state.ledger().task(task)?.attempts.last()?.number;
                let command = Command::Expire {
                    task,
                    attempt,
                    end: AttemptEnd::LeaseExpired,
                };
                Some((command, Errand::Expire(task)))
            }));
        }
        for (command, errand) in due {
            self.proposals.run(command, errand);
        }
    }

    /// Proposes what has become of the nodes: those that fell silent are lost, those that beat are greeted.
    pub(super) fn watch_nodes(&mut self, liveness: &Liveness) {
        let Some(began_at) = self.acting_since() else {
            return;
        };
        let now = self.now;
        let mut found = Vec::new();
        let members = self.replica.state().roster().members();
        for member in members.filter(|member| member.takes_part()) {
            if let Some(command) = greeting(member, liveness, now) {
                found.push((command, Errand::Greet(member.id)));
            } else if member.id != self.me && is_lost(member, began_at, liveness, now) {
                let command = Command::Lose {
                    node: member.id,
                    incarnation: member.incarnation,
                };
                found.push((command, Errand::Lose(member.id)));
            }
        }
        for (command, errand) in found {
            self.proposals.run(command, errand);
        }
    }
}

/// The task that a suggestion of the schedule is about.
fn placed(command: &Command) -> Option<TaskId> {
    match command {
        Command::Assign { task, .. } | Command::Block { task, .. } | Command::Unblock { task } => {
            Some(*task)
        }
        Command::Admit(_)
        | Command::Greet { .. }
        | Command::Lose { .. }
        | Command::Enrol(_)
        | Command::Retire { .. }
        | Command::Submit { .. }
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
        | Command::ReplaceLost { .. } => None,
    }
}

/// The greeting that a node is owed: it beats, in a life that the ledger does not know or after it was given up.
fn greeting(member: &Member, liveness: &Liveness, now: Moment) -> Option<Command> {
    let node: NodeId = member.id;
    let beat = liveness.heartbeat(node)?;
    let new_life = member.incarnation < beat.incarnation;
    let back = member.presence == Presence::Lost && member.incarnation == beat.incarnation;
    let alive = liveness.condition(node, now) == Condition::Alive;
    (alive && (new_life || back)).then_some(Command::Greet {
        node,
        incarnation: beat.incarnation,
    })
}

/// Whether a node was silent for so long, since this leader began to listen, that its work goes to others.
fn is_lost(member: &Member, began_at: Moment, liveness: &Liveness, now: Moment) -> bool {
    let silent_ms = liveness.silent_ms(member.id, now).unwrap_or(u64::MAX);
    let listening_ms = now.since_ms(began_at);
    member.presence == Presence::Present && DEAD_AFTER_MS < silent_ms.min(listening_ms)
}
