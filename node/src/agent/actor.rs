//! One agent: a task that runs what it is given, as many attempts at once as it has slots, and some checks of others'
//! results beside them: a full agent must not hold up a verdict.
//!
//! It lives until its mailboxes close or its task is aborted, which ends what it runs; a skill that panics costs one run
//! and nothing else.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use hms_consensus::input::Input;
use hms_protocol::peer::{Dispatch, Run};

use super::execution::{Voice, execute};
use super::registry::Resident;
use super::skill::SkillSet;
use crate::limits::{AGENT_CHECKS_AT_ONCE, AGENT_MAILBOX_CAPACITY};
use crate::mailbox::Mailbox;

/// An order to one agent.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) dispatch: Box<Dispatch>,
    /// Cancelled when the run's outcome is not wanted any more.
    pub(super) cancelled: CancellationToken,
}

/// The ways to hand an agent its work.
#[derive(Debug)]
pub(super) struct Desk {
    attempts: mpsc::Sender<Assignment>,
    checks: mpsc::Sender<Assignment>,
}

impl Desk {
    /// Hands over a run, or gives it back when the agent has no room.
    pub(super) fn hand(&self, assignment: Assignment) -> Result<(), Assignment> {
        let mailbox = match assignment.dispatch.run {
            Run::Attempt { .. } => &self.attempts,
            Run::Check { .. } => &self.checks,
        };
        mailbox
            .try_send(assignment)
            .map_err(TrySendError::into_inner)
    }
}

/// What waits for an agent.
#[derive(Debug)]
pub(super) struct Pile {
    attempts: mpsc::Receiver<Assignment>,
    checks: mpsc::Receiver<Assignment>,
}

/// A desk, and the pile behind it.
pub(super) fn furnish() -> (Desk, Pile) {
    let (attempts, attempts_waiting) = mpsc::channel(AGENT_MAILBOX_CAPACITY);
    let (checks, checks_waiting) = mpsc::channel(AGENT_MAILBOX_CAPACITY);
    let pile = Pile {
        attempts: attempts_waiting,
        checks: checks_waiting,
    };
    (Desk { attempts, checks }, pile)
}

/// One agent, as a task.
pub(super) struct Actor {
    pub(super) resident: Arc<Resident>,
    pub(super) skills: SkillSet,
    pub(super) voice: Voice,
    pub(super) mailbox: Mailbox,
    /// Where the runtime hears that a run is over.
    pub(super) over: mpsc::Sender<Run>,
}

impl Actor {
    /// Runs what comes until the desk is gone, then drops what is still under way.
    pub(super) async fn live(self, mut pile: Pile) {
        let (mut attempts, mut checks) = (JoinSet::new(), JoinSet::new());
        let slots = self.resident.certificate.slots as usize;
        loop {
            let (assignment, runs) = tokio::select! {
                Some(_) = attempts.join_next(), if !attempts.is_empty() => continue,
                Some(_) = checks.join_next(), if !checks.is_empty() => continue,
                next = pile.attempts.recv(), if attempts.len() < slots => (next, &mut attempts),
                next = pile.checks.recv(), if checks.len() < AGENT_CHECKS_AT_ONCE => (next, &mut checks),
            };
            let Some(assignment) = assignment else {
                return;
            };
            runs.spawn(self.run(assignment));
        }
    }

    fn run(&self, assignment: Assignment) -> impl Future<Output = ()> + Send + use<> {
        let Assignment {
            dispatch,
            cancelled,
        } = assignment;
        let skill = self.skills.get(&dispatch.skill).cloned();
        let run = dispatch.run;
        let work = execute(
            *dispatch,
            skill,
            Arc::clone(&self.resident),
            self.voice.clone(),
            cancelled,
        );
        let (mailbox, over) = (self.mailbox.clone(), self.over.clone());
        async move {
            let ended = work.await;
            // First, so that whoever hears the result may give the same order again.
            let _ = over.send(run).await;
            if let Some(sealed) = ended {
                // A closed mailbox means that the node is stopping: the ledger will give the work to another.
                let _ = mailbox.send(Input::Ended { run, sealed }).await;
            }
        }
    }
}
