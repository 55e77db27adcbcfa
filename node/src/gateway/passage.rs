//! The passage: where calls of other nodes come in.
//!
//! A member's gateway passes on what only the leader can answer; this node answers it or says that it does not lead. A
//! stranger may ask for one thing, to join, and any member takes that to the leader.

use std::time::Duration;

use bytes::Bytes;
use hms_consensus::turns::Manner;
use hms_proto::v1::{self as wire, call, reply};
use hms_protocol::id::NodeId;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::asker::Asker;
use super::call::{Ask, Watch, method, read, task_of};
use super::failure::Failure;
use super::pace::Visitor;
use super::redirect::Errand;
use super::{Gateway, Hall};
use crate::limits::{CALL_WITHIN, CALL_WITHIN_MAX, WATCH_CAPACITY};

impl Gateway {
    /// Answers a call of another node, frame by frame. Ends when everything is said or `replies` is closed. Never panics,
    /// whatever the bytes are.
    pub async fn serve_call(self, from: NodeId, request: Bytes, replies: mpsc::Sender<Bytes>) {
        let ended = match wire::Call::decode(request) {
            Ok(call) => self.hall.serve(from, call, &replies).await,
            Err(error) => Err(Failure::malformed(&error.to_string())),
        };
        let last = match ended {
            Ok(Some(reply)) => reply,
            Ok(None) => return,
            Err(failure) => reply::Reply::Failure(failure.into()),
        };
        // A caller that has gone away misses nothing.
        let _ = replies.send(frame(last)).await;
    }
}

impl Hall {
    /// Serves a call to its last reply; `None` if that has been sent already.
    async fn serve(
        self: &std::sync::Arc<Self>,
        from: NodeId,
        call: wire::Call,
        replies: &mpsc::Sender<Bytes>,
    ) -> Result<Option<reply::Reply>, Failure> {
        let wire::Call {
            limit_ms,
            hops,
            request_id,
            client,
            pressing,
            ask,
        } = call;
        let ask = ask.ok_or_else(|| Failure::malformed("it asks for nothing"))?;
        let member = self.roster.knows(from);
        let joining = matches!(ask, call::Ask::Join(_));
        if !member && !joining {
            return Err(Failure::stranger(from));
        }
        let ask = if member {
            ask
        } else {
            signed_by_transport(from, ask)?
        };
        let span = tracing::debug_span!(
            "passage", call = %request_id, method = method(&ask), %from, task = task_of(&ask).map(tracing::field::display),
        );
        async {
            match read(ask.clone())? {
                Ask::Watch(watch) => self.serve_watch_to(watch, replies).await.map(|()| None),
                Ask::Weigh(agent) => self.weigh_here(agent).await.map(Some),
                Ask::Once(_) => {
                    let visitor = visitor(member, client, pressing);
                    let asker = Asker {
                        request_id,
                        visitor,
                    };
                    let errand = Errand::new(asker, ask, deadline(limit_ms))?;
                    let settled = if joining && hops == 0 {
                        self.settle(&errand).await
                    } else {
                        self.answer_here(from, &errand).await
                    };
                    settled.map(Some)
                }
            }
        }
        .instrument(span)
        .await
    }

    async fn serve_watch_to(
        &self,
        watch: Watch,
        replies: &mpsc::Sender<Bytes>,
    ) -> Result<(), Failure> {
        let _permit = self.admit_watch()?;
        let (out, mut served) = mpsc::channel(WATCH_CAPACITY);
        let pass_on = async {
            loop {
                // A caller that leaves between two events is noticed at once, not at the next one.
                let reply = tokio::select! {
                    reply = served.recv() => reply,
                    () = replies.closed() => break,
                };
                let Some(reply) = reply else { break };
                if replies.send(frame(reply)).await.is_err() {
                    break;
                }
            }
            // Dropping the receiver tells the serving half that nobody listens any more.
            drop(served);
        };
        let (ended, ()) = tokio::join!(self.serve_watch(watch, out), pass_on);
        ended
    }
}

/// A stranger's wish to join counts for the key that its connection has proved, and for no other.
fn signed_by_transport(from: NodeId, ask: call::Ask) -> Result<call::Ask, Failure> {
    if let call::Ask::Join(wire::JoinRequest {
        admission: Some(admission),
    }) = &ask
        && admission.id != from.as_bytes()
    {
        return Err(Failure::malformed(
            "the id that wants to join is not that of the connection",
        ));
    }
    Ok(ask)
}

/// Who asks, by a member's word. Strangers are no member's clients, and have no word.
fn visitor(member: bool, client: u64, pressing: bool) -> Visitor {
    let manner = if member && !pressing {
        Manner::Pausing
    } else {
        Manner::Pressing
    };
    let client = if member { client } else { 0 };
    Visitor { client, manner }
}

fn deadline(limit_ms: u64) -> Instant {
    let limit = match limit_ms {
        0 => CALL_WITHIN,
        given => Duration::from_millis(given).min(CALL_WITHIN_MAX),
    };
    crate::clock::instant() + limit
}

fn frame(reply: reply::Reply) -> Bytes {
    wire::Reply { reply: Some(reply) }.encode_to_vec().into()
}
