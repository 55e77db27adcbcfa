//! One agent: a task with a mailbox that runs what it is given, as many at once as it has slots.
//!
//! It lives until its mailbox closes or it is dismissed; a skill that panics costs one run and nothing else.

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use hms_consensus::input::Input;
use hms_protocol::peer::{Dispatch, Run};

use super::execution::{Voice, execute};
use super::registry::Resident;
use super::skill::SkillSet;
use crate::mailbox::Mailbox;

/// Checks of others' results that an agent makes beside its own runs: a full agent must not hold up a verdict.
const CHECKS_BESIDE: usize = 8;

/// An order to one agent.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) dispatch: Box<Dispatch>,
    /// Cancelled when the run's outcome is not wanted any more.
    pub(super) cancelled: CancellationToken,
}

/// One agent, as a task.
pub(super) struct Actor {
    pub(super) resident: Resident,
    pub(super) skills: SkillSet,
    pub(super) voice: Voice,
    pub(super) mailbox: Mailbox,
    /// Where the runtime hears that a run is over.
    pub(super) over: mpsc::Sender<Run>,
}

impl Actor {
    /// Runs what comes until the mailbox closes, then drops what is still under way.
    pub(super) async fn live(self, mut assignments: mpsc::Receiver<Assignment>) {
        let mut runs = JoinSet::new();
        let slots = self.resident.certificate.slots as usize + CHECKS_BESIDE;
        loop {
            tokio::select! {
                Some(_) = runs.join_next(), if !runs.is_empty() => {}
                assignment = assignments.recv(), if runs.len() < slots => match assignment {
                    Some(assignment) => self.begin(assignment, &mut runs),
                    None => return,
                },
            }
        }
    }

    fn begin(&self, assignment: Assignment, runs: &mut JoinSet<()>) {
        let Assignment {
            dispatch,
            cancelled,
        } = assignment;
        let skill = self.skills.get(&dispatch.skill).cloned();
        let run = dispatch.run;
        let work = execute(
            *dispatch,
            skill,
            self.resident.clone(),
            self.voice.clone(),
            cancelled,
        );
        let (mailbox, over) = (self.mailbox.clone(), self.over.clone());
        runs.spawn(async move {
            if let Some(sealed) = work.await {
                // A closed mailbox means that the node is stopping: the ledger will give the work to another.
                let _ = mailbox.send(Input::Ended { run, sealed }).await;
            }
            let _ = over.send(run).await;
        });
    }
}
