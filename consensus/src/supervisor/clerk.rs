//! Writes the warrants of orders: what shows a node that the certified ledger holds the command behind each.
//!
//! Orders come in bursts that one entry gave rise to; what they share is made once in a burst. What is not in memory any
//! more cannot be shown: then the order goes out without, and a node that was shown it before still obeys.

use hms_protocol::codec;
use hms_protocol::id::{Index, Position};
use hms_protocol::peer::Run;
use hms_protocol::receipt::Showcase;
use hms_protocol::task::{Task, TaskState};

use crate::supervisor::lead::Desk;

/// What the orders of one burst share.
#[derive(Debug, Default)]
pub(super) struct Clerk {
    /// The entry that was looked at last, if it can be shown.
    last: Option<(Index, Option<Showcase>)>,
}

impl Clerk {
    /// The warrant of a run, encoded; empty if there is none.
    pub(super) fn warrant(&mut self, run: Run, desk: &Desk<'_>) -> Vec<u8> {
        let (Run::Attempt { task, .. } | Run::Check { task, .. }) = run;
        let task = desk.state.ledger().task(task);
        let Some(position) = task.and_then(|task| cause(task, run)) else {
            return Vec::new();
        };
        let showcase = self.showcase(position.index, desk);
        let shown = showcase.and_then(|showcase| showcase.show(position.offset));
        shown.map_or_else(Vec::new, |shown| codec::encode(&shown))
    }

    fn showcase(&mut self, index: Index, desk: &Desk<'_>) -> Option<&Showcase> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != index) {
            let built = desk.driver.showcase(index);
            if let Err(refusal) = &built {
                tracing::debug!(%index, %refusal, "an order goes without a warrant");
            }
            self.last = Some((index, built.ok()));
        }
        self.last.as_ref()?.1.as_ref()
    }
}

/// Where the command stands that gave rise to a run: the newest assignment, or the newest report that is to be checked.
fn cause(task: &Task, run: Run) -> Option<Position> {
    let wanted = match run {
        Run::Attempt { .. } => TaskState::Assigned,
        Run::Check { .. } => TaskState::Verifying,
    };
    let steps = task.history.iter().rev();
    let mut fitting = steps.filter(|step| step.state == wanted);
    fitting.next().map(|step| step.position)
}
