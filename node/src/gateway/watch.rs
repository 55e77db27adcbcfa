//! Watching: what the leader does for a watch of one task, or of all that happens in the ledger.
//!
//! The leader serves watches, because its ledger is the newest. A task's watch reads the task's history, so it cannot
//! miss a step; a ledger's watch reads what is kept and says so when that is not enough. How a client keeps its watch
//! across leaders is `follow.rs`.

use std::collections::BTreeSet;

use hms_consensus::effect::Answer;
use hms_consensus::input::{Question, Request};
use hms_proto::v1::{self as wire, EventKind, reply, watch_events_reply, watch_task_reply};
use hms_protocol::codec::Wire as _;
use hms_protocol::id::{Cursor, TaskId};
use hms_protocol::refusal::Refusal;
use tokio::sync::{SemaphorePermit, mpsc};

use super::Hall;
use super::call::{Watch, cursor_to_wire};
use super::failure::Failure;
use super::happening;
use super::notices::Read;
use super::step::{Step, steps_after};
use crate::limits::{CALL_WITHIN, WATCHES_MAX};

/// Where the replies of a watch go. Full, it makes the watch wait; closed, it ends it.
pub(super) type Out = mpsc::Sender<reply::Reply>;

impl Hall {
    /// Serves a watch at this node, as long as it leads.
    pub(super) async fn serve_watch(&self, watch: Watch, out: Out) -> Result<(), Failure> {
        match watch {
            Watch::Task { task, after } => self.serve_task(task, after, &out).await,
            Watch::Events { after, kinds } => self.serve_events(after, &kinds, &out).await,
            Watch::Ledger(wanted) => self.serve_ledger(wanted, &out).await,
            Watch::Snapshot => self.serve_snapshot(&out).await,
        }
    }

    async fn serve_task(
        &self,
        task: TaskId,
        mut after: Option<Cursor>,
        out: &Out,
    ) -> Result<(), Failure> {
        // Before the first read, so that no step can fall between the two.
        let interest = self.notices.interest(task);
        loop {
            let question = Request::Read(Question::Task(task));
            let Answer::Task(found) = self
                .desk
                .ask(question, crate::clock::instant() + CALL_WITHIN)
                .await?
            else {
                return Err(Failure::malformed("the mind answered another question"));
            };
            for step in steps_after(&found, after) {
                after = Some(step.cursor);
                if out.send(step_reply(&step)).await.is_err() {
                    return Ok(());
                }
            }
            if found.state.is_final() {
                let done = watch_task_reply::What::Done(found.to_wire());
                let reply = wire::WatchTaskReply { what: Some(done) };
                // Whether or not somebody still listens, the watch is over.
                let _ = out.send(reply::Reply::WatchTask(reply)).await;
                return Ok(());
            }
            tokio::select! {
                () = interest.moved() => {}
                () = self.compass.deposed(self.me()) => return Err(self.not_leading()),
                () = out.closed() => return Ok(()),
            }
        }
    }

    async fn serve_events(
        &self,
        after: Option<Cursor>,
        kinds: &BTreeSet<EventKind>,
        out: &Out,
    ) -> Result<(), Failure> {
        let mut seen = after.unwrap_or_else(|| self.notices.newest());
        let start = watch_events_reply::What::Start(cursor_to_wire(seen));
        if out.send(events_reply(start)).await.is_err() {
            return Ok(());
        }
        loop {
            tokio::select! {
                biased;
                () = self.compass.deposed(self.me()) => return Err(self.not_leading()),
                () = out.closed() => return Ok(()),
                () = self.notices.after(seen) => {}
            }
            let Read { gap, notices } = self.notices.read(seen);
            if let Some((after, until)) = gap {
                let gap = wire::EventGap {
                    after: Some(cursor_to_wire(after)),
                    until: Some(cursor_to_wire(until)),
                };
                if out
                    .send(events_reply(watch_events_reply::What::Gap(gap)))
                    .await
                    .is_err()
                {
                    return Ok(());
                }
                seen = until;
            }
            for kept in notices {
                seen = kept.cursor;
                if !kinds.is_empty() && !kinds.contains(&happening::kind_of(&kept.notice.event)) {
                    continue;
                }
                let event = happening::write(kept.cursor, &kept.notice);
                if out
                    .send(events_reply(watch_events_reply::What::Event(event)))
                    .await
                    .is_err()
                {
                    return Ok(());
                }
            }
        }
    }

    /// Takes a place among the watches under way.
    pub(super) fn admit_watch(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.watches.try_acquire().map_err(|_| {
            Refusal::Busy {
                what: "the list of watches",
                max: WATCHES_MAX as u64,
            }
            .into()
        })
    }

    pub(super) fn not_leading(&self) -> Failure {
        Refusal::NotLeader {
            leader: self.compass.heading().leader,
        }
        .into()
    }
}

fn step_reply(step: &Step<'_>) -> reply::Reply {
    let agent = step
        .attempt
        .map(|attempt| attempt.agent.as_bytes().to_vec());
    let step = wire::TaskStep {
        cursor: Some(cursor_to_wire(step.cursor)),
        transition: Some(step.transition.to_wire()),
        attempt: step.attempt.map_or(0, |attempt| attempt.number),
        agent: agent.unwrap_or_default(),
    };
    reply::Reply::WatchTask(wire::WatchTaskReply {
        what: Some(watch_task_reply::What::Step(step)),
    })
}

fn events_reply(what: watch_events_reply::What) -> reply::Reply {
    reply::Reply::WatchEvents(wire::WatchEventsReply { what: Some(what) })
}
