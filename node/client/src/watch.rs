//! Watches that survive the node they were opened at: they go on at the next address from where they stood.

use std::time::Duration;

use hms_proto::v1::{self as wire, watch_events_reply, watch_task_reply};
use hms_protocol::codec::{CodecError, Wire as _, field};
use hms_protocol::id::{AgentId, Cursor, Index, TaskId};
use hms_protocol::task::{Task, Transition};
use hms_protocol::transcript::TranscriptPart;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::Streaming;

use crate::client::{Address, Client, explain};
use crate::error::ClientError;
use crate::limits::{RECONNECT_WITHIN, RETRY_AFTER};
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

/// A stream, and the address that it comes from.
pub(crate) type Opened<T> = (Address, Streaming<T>);

/// Tries to reopen a watch: which address is next, and since when nobody answers.
#[derive(Debug, Default)]
pub(crate) struct Reopening {
    pub(crate) turn: usize,
    since: Option<Instant>,
}

impl Reopening {
    /// A reply came: whoever sent it is the one to stay with.
    pub(crate) fn succeed(&mut self) {
        *self = Self::default();
    }

    /// Waits before the next try, or gives the error back when there is no point in another.
    pub(crate) async fn wait(
        &mut self,
        client: &Client,
        error: ClientError,
    ) -> Result<(), ClientError> {
        let since = *self.since.get_or_insert_with(crate::clock::instant);
        if !error.is_passing() || RECONNECT_WITHIN < since.elapsed() {
            return Err(error);
        }
        self.turn += 1;
        if self.turn.is_multiple_of(client.addresses()) {
            sleep(RETRY_AFTER).await;
        }
        Ok(())
    }
}

/// Follows one task to its end.
#[derive(Debug)]
pub struct TaskWatch {
    client: Client,
    task: TaskId,
    after: Option<Cursor>,
    stream: Option<Opened<wire::WatchTaskReply>>,
    reopening: Reopening,
    done: bool,
}

impl TaskWatch {
    /// The next news; `None` after the end of the task has been told.
    pub async fn next(&mut self) -> Result<Option<TaskNews>, ClientError> {
        while !self.done {
            match self.receive().await {
                Ok(news) => {
                    self.reopening.succeed();
                    match &news {
                        TaskNews::Step(step) => self.after = Some(step.cursor),
                        TaskNews::Done(_) => self.done = true,
                    }
                    return Ok(Some(news));
                }
                Err(error) => {
                    self.stream = None;
                    self.reopening.wait(&self.client, error).await?;
                }
            }
        }
        Ok(None)
    }

    async fn receive(&mut self) -> Result<TaskNews, ClientError> {
        if self.stream.is_none() {
            let request = wire::WatchTaskRequest {
                task: self.task.as_bytes().to_vec(),
                after: self.after.map(reading::cursor_to_wire),
            };
            let opened = self
                .client
                .open(self.reopening.turn, request, async |mut mesh, request| {
                    mesh.watch_task(request).await
                })
                .await?;
            self.stream = Some(opened);
        }
        let stream = self.stream.as_mut().expect("opened above");
        let reply = next_of(stream).await?;
        match field::required("watch.what", reply.what)? {
            watch_task_reply::What::Step(step) => Ok(TaskNews::Step(read_step(step)?)),
            watch_task_reply::What::Done(task) => {
                Ok(TaskNews::Done(Box::new(Task::from_wire(task)?)))
            }
        }
    }
}

/// Follows the ledger.
#[derive(Debug)]
pub struct EventWatch {
    client: Client,
    after: Option<Cursor>,
    begun: bool,
    stream: Option<Opened<wire::WatchEventsReply>>,
    reopening: Reopening,
}

impl EventWatch {
    /// The next news. There is always a next one, or an error.
    pub async fn next(&mut self) -> Result<News, ClientError> {
        loop {
            match self.receive().await {
                Ok(news) => {
                    self.reopening.succeed();
                    let stand = match &news {
                        News::Start(cursor) => *cursor,
                        News::Event(event) => event.cursor,
                        News::Gap { until, .. } => *until,
                    };
                    self.after = Some(stand);
                    let again = matches!(news, News::Start(_)) && self.begun;
                    self.begun = true;
                    if !again {
                        return Ok(news);
                    }
                }
                Err(error) => {
                    self.stream = None;
                    self.reopening.wait(&self.client, error).await?;
                }
            }
        }
    }

    async fn receive(&mut self) -> Result<News, ClientError> {
        if self.stream.is_none() {
            let after = self.after.map(reading::cursor_to_wire);
            let request = wire::WatchEventsRequest {
                after,
                kinds: Vec::new(),
            };
            let opened = self
                .client
                .open(self.reopening.turn, request, async |mut mesh, request| {
                    mesh.watch_events(request).await
                })
                .await?;
            self.stream = Some(opened);
        }
        let stream = self.stream.as_mut().expect("opened above");
        let reply = next_of(stream).await?;
        Ok(match field::required("watch.what", reply.what)? {
            watch_events_reply::What::Start(cursor) => News::Start(reading::cursor(Some(cursor))?),
            watch_events_reply::What::Event(event) => News::Event(reading::event(event)?),
            watch_events_reply::What::Gap(gap) => {
                let (after, until) = (reading::cursor(gap.after)?, reading::cursor(gap.until)?);
                News::Gap { after, until }
            }
        })
    }
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
    client: Client,
    query: LedgerQuery,
    begun: bool,
    stream: Option<Opened<wire::ReadLedgerReply>>,
    reopening: Reopening,
    done: bool,
}

impl LedgerWatch {
    /// The next parts; `None` after the last ones.
    pub async fn next(&mut self) -> Result<Option<Vec<TranscriptPart>>, ClientError> {
        while !self.done {
            match self.receive().await {
                Ok(parts) => {
                    self.reopening.succeed();
                    return Ok(Some(self.go_on_after(parts)));
                }
                Err(error) => {
                    self.stream = None;
                    self.reopening.wait(&self.client, error).await?;
                }
            }
        }
        Ok(None)
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

    async fn receive(&mut self) -> Result<Vec<TranscriptPart>, ClientError> {
        if self.stream.is_none() {
            let query = self.query;
            let request = wire::ReadLedgerRequest {
                from: query.from.unwrap_or_default().0,
                last: query.last.unwrap_or_default(),
                follow: query.follow,
            };
            let opened = self
                .client
                .open(self.reopening.turn, request, async |mut mesh, request| {
                    mesh.read_ledger(request).await
                })
                .await?;
            self.stream = Some(opened);
        }
        let stream = self.stream.as_mut().expect("opened above");
        let reply = next_of(stream).await?;
        let parts = reply.parts.into_iter().map(TranscriptPart::from_wire);
        let parts = parts.collect::<Result<_, _>>()?;
        self.done = reply.done;
        Ok(parts)
    }
}

/// The next message of a stream. A stream never ends by itself before its last word.
pub(crate) async fn next_of<T>((address, stream): &mut Opened<T>) -> Result<T, ClientError> {
    match stream.message().await {
        Ok(Some(reply)) => Ok(reply),
        Ok(None) => {
            let tried = vec![format!("{address}: the node closed the watch")];
            Err(ClientError::Unreachable { tried })
        }
        Err(status) => Err(explain(address, &status)),
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
        let client = self.clone();
        TaskWatch {
            client,
            task,
            after,
            stream: None,
            reopening: Reopening::default(),
            done: false,
        }
    }

    /// Follows everything that happens in the ledger, from now on or from after a cursor.
    pub fn watch_events(&self, after: Option<Cursor>) -> EventWatch {
        let client = self.clone();
        EventWatch {
            client,
            after,
            begun: false,
            stream: None,
            reopening: Reopening::default(),
        }
    }

    /// Reads the certified ledger.
    pub fn read_ledger(&self, query: LedgerQuery) -> LedgerWatch {
        let client = self.clone();
        LedgerWatch {
            client,
            query,
            begun: false,
            stream: None,
            reopening: Reopening::default(),
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
