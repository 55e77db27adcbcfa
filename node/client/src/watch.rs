//! Watches that survive the node they were opened at: they go on at the next address from where they stood.

use std::time::Duration;

use hms_proto::v1::{self as wire, watch_events_reply, watch_task_reply};
use hms_protocol::codec::{CodecError, Wire as _, field};
use hms_protocol::id::{AgentId, Cursor, Index, TaskId};
use hms_protocol::task::{Task, Transition};
use hms_protocol::transcript::TranscriptPart;
use tokio::time::timeout_at;

use crate::client::Client;
use crate::error::ClientError;
use crate::feed::{Feed, Mesh};
use crate::reading;
use crate::view::Event;

/// One step of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where; a later watch may go on after it.
    pub cursor: Cursor,
    /// What.
    pub transition: Transition,
    /// The attempt that it belongs to; 0 before the first.
    pub attempt: u32,
    /// The agent of that attempt.
    pub agent: Option<AgentId>,
}

/// News of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskNews {
    /// It has taken a step.
    Step(Step),
    /// It is final; this is all of it.
    Done(Box<Task>),
}

/// News of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The watch is complete after this.
    Start(Cursor),
    /// Something happened.
    Event(Event),
    /// Events between the two are not kept any more: read afresh what you follow.
    Gap {
        /// The last one seen.
        after: Cursor,
        /// The watch is complete again after this one.
        until: Cursor,
    },
}

/// Follows one task to its end.
#[derive(Debug)]
pub struct TaskWatch {
    feed: Feed<wire::WatchTaskReply>,
    task: TaskId,
    after: Option<Cursor>,
    done: bool,
}

impl TaskWatch {
    /// The next news; `None` after the end of the task has been told.
    pub async fn next(&mut self) -> Result<Option<TaskNews>, ClientError> {
        if self.done {
            return Ok(None);
        }
        let request = wire::WatchTaskRequest {
            task: self.task.as_bytes().to_vec(),
            after: self.after.map(reading::cursor_to_wire),
        };
        let ask = async |mut mesh: Mesh, request| mesh.watch_task(request).await;
        let reply = self.feed.next(&request, ask).await?;
        let news = match field::required("watch.what", reply.what)? {
            watch_task_reply::What::Step(step) => TaskNews::Step(read_step(step)?),
            watch_task_reply::What::Done(task) => TaskNews::Done(Box::new(Task::from_wire(task)?)),
        };
        match &news {
            TaskNews::Step(step) => self.after = Some(step.cursor),
            TaskNews::Done(_) => self.done = true,
        }
        Ok(Some(news))
    }
}

/// Follows the ledger.
#[derive(Debug)]
pub struct EventWatch {
    feed: Feed<wire::WatchEventsReply>,
    after: Option<Cursor>,
    begun: bool,
}

impl EventWatch {
    /// The next news. There is always a next one, or an error.
    pub async fn next(&mut self) -> Result<News, ClientError> {
        loop {
            let request = wire::WatchEventsRequest {
                after: self.after.map(reading::cursor_to_wire),
                kinds: Vec::new(),
            };
            let ask = async |mut mesh: Mesh, request| mesh.watch_events(request).await;
            let reply = self.feed.next(&request, ask).await?;
            let news = read_news(reply)?;
            self.after = Some(match &news {
                News::Start(cursor) => *cursor,
                News::Event(event) => event.cursor,
                News::Gap { until, .. } => *until,
            });
            let again = matches!(news, News::Start(_)) && self.begun;
            self.begun = true;
            if !again {
                return Ok(news);
            }
        }
    }
}

fn read_news(reply: wire::WatchEventsReply) -> Result<News, CodecError> {
    Ok(match field::required("watch.what", reply.what)? {
        watch_events_reply::What::Start(cursor) => News::Start(reading::cursor(Some(cursor))?),
        watch_events_reply::What::Event(event) => News::Event(reading::event(event)?),
        watch_events_reply::What::Gap(gap) => {
            let (after, until) = (reading::cursor(gap.after)?, reading::cursor(gap.until)?);
            News::Gap { after, until }
        }
    })
}

/// Which entries of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerQuery {
    /// The first one; `None` for the oldest that is kept.
    pub from: Option<Index>,
    /// Only so many of the newest.
    pub last: Option<u64>,
    /// Whether to go on with those to come.
    pub follow: bool,
}

/// Reads the certified ledger, as a transcript. Nothing of it is checked here: an
/// [`Examiner`](hms_protocol::transcript::Examiner) does that.
#[derive(Debug)]
pub struct LedgerWatch {
    feed: Feed<wire::ReadLedgerReply>,
    query: LedgerQuery,
    begun: bool,
    done: bool,
}

impl LedgerWatch {
    /// The next parts; `None` after the last ones.
    pub async fn next(&mut self) -> Result<Option<Vec<TranscriptPart>>, ClientError> {
        if self.done {
            return Ok(None);
        }
        let request = wire::ReadLedgerRequest {
            from: self.query.from.unwrap_or_default().0,
            last: self.query.last.unwrap_or_default(),
            follow: self.query.follow,
        };
        let ask = async |mut mesh: Mesh, request| mesh.read_ledger(request).await;
        let reply = self.feed.next(&request, ask).await?;
        let parts = reply.parts.into_iter().map(TranscriptPart::from_wire);
        let parts = parts.collect::<Result<_, _>>()?;
        self.done = reply.done;
        Ok(Some(self.go_on_after(parts)))
    }

    /// Remembers where to go on, and leaves out the openings of those who only go on.
    fn go_on_after(&mut self, mut parts: Vec<TranscriptPart>) -> Vec<TranscriptPart> {
        let begun = self.begun;
        parts.retain(|part| !(begun && matches!(part, TranscriptPart::Opening(_))));
        for part in &parts {
            match part {
                TranscriptPart::Opening(opening) => {
                    self.begun = true;
                    (self.query.from, self.query.last) = (Some(opening.first), None);
                }
                TranscriptPart::Entry(entry) => self.query.from = Some(entry.index.next()),
                TranscriptPart::Handover(_) | TranscriptPart::Certificate(_) => {}
            }
        }
        parts
    }
}

fn read_step(step: wire::TaskStep) -> Result<Step, CodecError> {
    let agent = match step.agent.as_slice() {
        [] => None,
        bytes => Some(field::agent_id("step.agent", bytes)?),
    };
    Ok(Step {
        cursor: reading::cursor(step.cursor)?,
        transition: field::part("step.transition", step.transition)?,
        attempt: step.attempt,
        agent,
    })
}

impl Client {
    /// Follows a task from its first step, or from the one after a cursor.
    pub fn watch_task(&self, task: TaskId, after: Option<Cursor>) -> TaskWatch {
        TaskWatch {
            feed: Feed::new(self),
            task,
            after,
            done: false,
        }
    }

    /// Follows everything that happens in the ledger, from now on or from after a cursor.
    pub fn watch_events(&self, after: Option<Cursor>) -> EventWatch {
        EventWatch {
            feed: Feed::new(self),
            after,
            begun: false,
        }
    }

    /// Reads the certified ledger.
    pub fn read_ledger(&self, query: LedgerQuery) -> LedgerWatch {
        LedgerWatch {
            feed: Feed::new(self),
            query,
            begun: false,
            done: false,
        }
    }

    /// Waits until a task is final, at most so long.
    pub async fn wait(&self, task: TaskId, within: Option<Duration>) -> Result<Task, ClientError> {
        let wait = async {
            let mut watch = self.watch_task(task, None);
            loop {
                match watch.next().await? {
                    Some(TaskNews::Done(task)) => return Ok(*task),
                    Some(TaskNews::Step(_)) => {}
                    None => unreachable!("a task's watch ends with its last word"),
                }
            }
        };
        match within {
            None => wait.await,
            Some(within) => timeout_at(crate::clock::instant() + within, wait)
                .await
                .unwrap_or(Err(ClientError::TooSlow { within })),
        }
    }
}
