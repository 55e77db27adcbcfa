//! Following: one watch of one client, from leader to leader, until it is over.
//!
//! When the leader changes, the watch goes on at the next one from where it stands, so that the client sees one stream
//! without loss and without repetition. What a leader does for a watch is `watch.rs`.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt as _};
use hms_proto::v1::{
    self as wire, call, reply, transcript_part, watch_events_reply, watch_task_reply,
};
use hms_protocol::id::{Cursor, Index, NodeId};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use super::Hall;
use super::asker::{Asker, encode_call};
use super::call::{Watch, cursor, cursor_to_wire};
use super::desk::millis_since;
use super::failure::Failure;
use super::redirect::pause;
use crate::limits::{CALL_WITHIN, WATCH_CAPACITY, WATCH_WITHIN};

/// Where the client's replies go, the failure that ends the watch among them.
type ClientOut = mpsc::Sender<Result<reply::Reply, Failure>>;

/// One watch as the first gateway follows it.
#[derive(Debug)]
struct Follower {
    watch: Watch,
    asker: Asker,
    // Whether the client has been told where its watch starts.
    begun: bool,
    // Whether the last reply of the watch has passed.
    done: bool,
}

impl Hall {
    /// A watch as a stream of replies. It ends with the task, with a failure, at `deadline`, or when it is dropped.
    pub(super) fn follow(
        self: &Arc<Self>,
        watch: Watch,
        asker: Asker,
        deadline: Option<Instant>,
    ) -> impl Stream<Item = Result<reply::Reply, Failure>> + Send + use<> {
        let hall = Arc::clone(self);
        let (out, replies) = mpsc::channel(WATCH_CAPACITY);
        let follow = async move {
            let started = crate::clock::instant();
            let follower = Follower {
                watch,
                asker,
                begun: false,
                done: false,
            };
            let following = hall.follow_leaders(follower, &out);
            let patience = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let ended = tokio::select! {
                ended = following => ended,
                () = patience => {
                    Err(Failure::too_slow("the end of the watch", millis_since(started)))
                }
                () = hall.stopping.cancelled() => Err(Failure::stopping()),
            };
            if let Err(failure) = ended {
                // If nobody listens any more, nobody misses it.
                let _ = out.send(Err(failure)).await;
            }
        };
        let replies = ReceiverStream::new(replies).map(Some);
        let follow = stream::once(follow).map(|()| None);
        stream::select(replies, follow).filter_map(std::future::ready)
    }

    /// Follows the watch from leader to leader.
    async fn follow_leaders(&self, mut follower: Follower, out: &ClientOut) -> Result<(), Failure> {
        let _permit = self.admit_watch()?;
        loop {
            let patience = crate::clock::instant() + CALL_WITHIN;
            let Some(leader) = self.compass.leader(patience).await else {
                // Nobody leads for now; a watch has time.
                continue;
            };
            let ended = if leader == self.me() {
                self.follow_here(&mut follower, out).await
            } else {
                self.follow_there(leader, &mut follower, out).await
            };
            match ended {
                Ok(()) if follower.done || out.is_closed() => return Ok(()),
                Ok(()) => {}
                Err(failure) if failure.is_passing() || failure.is_uncertain() => {
                    let request = &follower.asker.request_id;
                    tracing::debug!(%request, ?leader, code = failure.code(), "following on");
                }
                Err(failure) => return Err(failure),
            }
            pause().await;
        }
    }

    async fn follow_here(&self, follower: &mut Follower, out: &ClientOut) -> Result<(), Failure> {
        let (inner, mut replies) = mpsc::channel(WATCH_CAPACITY);
        let serve = self.serve_watch(follower.watch.clone(), inner);
        let pass_on = async {
            while let Some(reply) = replies.recv().await {
                if !follower.pass_on(reply, out).await {
                    break;
                }
            }
            // Dropping the receiver tells the serving half that nobody listens any more.
            drop(replies);
        };
        let (served, ()) = tokio::join!(serve, pass_on);
        served
    }

    async fn follow_there(
        &self,
        leader: NodeId,
        follower: &mut Follower,
        out: &ClientOut,
    ) -> Result<(), Failure> {
        let asker = follower.asker.clone();
        let call = encode_call(asker, Duration::ZERO, follower.watch.to_wire());
        let mut journey = self.call(leader, call, WATCH_WITHIN).await?;
        loop {
            let reply = tokio::select! {
                reply = journey.next() => reply?,
                () = self.compass.somebody_else(leader) => return Ok(()),
                () = out.closed() => return Ok(()),
            };
            if !follower.pass_on(reply, out).await {
                return Ok(());
            }
        }
    }
}

impl Follower {
    /// Passes a reply on to the client and remembers where the watch stands; false when it is over.
    async fn pass_on(&mut self, reply: reply::Reply, out: &ClientOut) -> bool {
        let stand = standing_after(&reply);
        if let (Some(stand), Watch::Task { after, .. } | Watch::Events { after, .. }) =
            (stand, &mut self.watch)
        {
            *after = Some(stand);
        }
        if let (Some(next), Watch::Ledger(wanted)) = (next_entry(&reply), &mut self.watch) {
            (wanted.from, wanted.last) = (next, 0);
        }
        if is_start(&reply) && std::mem::replace(&mut self.begun, true) {
            // The next leader's word for where it goes on.
            return true;
        }
        self.done = is_done(&reply);
        out.send(Ok(reply)).await.is_ok() && !self.done
    }
}

impl Watch {
    /// The watch as it travels to the leader.
    fn to_wire(&self) -> call::Ask {
        match self {
            Self::Task { task, after } => call::Ask::WatchTask(wire::WatchTaskRequest {
                task: task.as_bytes().to_vec(),
                after: after.map(cursor_to_wire),
            }),
            Self::Events { after, kinds } => call::Ask::WatchEvents(wire::WatchEventsRequest {
                after: after.map(cursor_to_wire),
                kinds: kinds.iter().map(|kind| i32::from(*kind)).collect(),
            }),
            Self::Ledger(wanted) => call::Ask::ReadLedger(wire::ReadLedgerRequest {
                from: wanted.from.0,
                last: wanted.last,
                follow: wanted.follow,
            }),
            Self::Snapshot => call::Ask::SaveSnapshot(wire::SaveSnapshotRequest {}),
        }
    }
}

/// Where a watch stands after a reply; `None` if the reply does not move it.
fn standing_after(reply: &reply::Reply) -> Option<Cursor> {
    let stand = if let reply::Reply::WatchTask(reply) = reply {
        match reply.what.as_ref()? {
            watch_task_reply::What::Step(step) => step.cursor,
            watch_task_reply::What::Done(_) => None,
        }
    } else if let reply::Reply::WatchEvents(reply) = reply {
        match reply.what.as_ref()? {
            watch_events_reply::What::Event(event) => event.cursor,
            watch_events_reply::What::Gap(gap) => gap.until,
            watch_events_reply::What::Start(start) => Some(*start),
        }
    } else {
        None
    };
    // A leader that sends no cursor, or none that can be read, makes the watch go on from the one before.
    stand.and_then(|stand| cursor(stand).ok())
}

fn is_start(reply: &reply::Reply) -> bool {
    matches!(
        reply,
        reply::Reply::WatchEvents(wire::WatchEventsReply {
            what: Some(watch_events_reply::What::Start(_)),
        })
    ) || opening(reply).is_some()
}

/// What a piece of the ledger begins with, if it is the first one.
fn opening(reply: &reply::Reply) -> Option<&wire::TranscriptOpening> {
    let reply::Reply::ReadLedger(reply) = reply else {
        return None;
    };
    match reply.parts.first()?.part.as_ref()? {
        transcript_part::Part::Opening(opening) => Some(opening),
        transcript_part::Part::Handover(_)
        | transcript_part::Part::Entry(_)
        | transcript_part::Part::Certificate(_) => None,
    }
}

/// The entry with which the ledger goes on after a piece of it.
fn next_entry(reply: &reply::Reply) -> Option<Index> {
    if let Some(opening) = opening(reply) {
        return Some(Index(opening.first));
    }
    let reply::Reply::ReadLedger(reply) = reply else {
        return None;
    };
    let mut newest = reply.parts.iter().rev();
    newest.find_map(|part| match part.part.as_ref()? {
        transcript_part::Part::Entry(entry) => Some(Index(entry.index).next()),
        transcript_part::Part::Opening(_)
        | transcript_part::Part::Handover(_)
        | transcript_part::Part::Certificate(_) => None,
    })
}

fn is_done(reply: &reply::Reply) -> bool {
    if let reply::Reply::SaveSnapshot(reply) = reply {
        return reply.total <= reply.offset + reply.piece.len() as u64;
    }
    matches!(
        reply,
        reply::Reply::WatchTask(wire::WatchTaskReply {
            what: Some(watch_task_reply::What::Done(_)),
        }) | reply::Reply::ReadLedger(wire::ReadLedgerReply { done: true, .. })
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test]
    async fn a_follower_goes_on_from_the_last_reply_and_tells_the_start_once() {
        let watch = Watch::Events {
            after: None,
            kinds: BTreeSet::new(),
        };
        let mut follower = Follower {
            watch,
            asker: Asker::node("test"),
            begun: false,
            done: false,
        };
        let (out, mut replies) = mpsc::channel(8);
        let start = |text: &str| {
            let cursor: Cursor = text.parse().unwrap();
            let what = Some(watch_events_reply::What::Start(cursor_to_wire(cursor)));
            reply::Reply::WatchEvents(wire::WatchEventsReply { what })
        };
        assert!(follower.pass_on(start("5.0.0"), &out).await);
        assert!(follower.pass_on(start("5.0.0"), &out).await);
        drop(out);
        assert!(replies.recv().await.is_some());
        assert!(replies.recv().await.is_none());
        let Watch::Events { after, .. } = follower.watch else {
            unreachable!()
        };
        assert_eq!(after.unwrap().to_string(), "5.0.0");
    }
}
