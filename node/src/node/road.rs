//! Carries the gateway's wishes out on the network: calls to other nodes, reports of topics.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::NodeError;
use crate::gateway::{TopicReport, Trip, Wish};
use crate::limits::REPLIES_CAPACITY;
use crate::net::{self, Net};

/// How long a call may last at most. Calls have deadlines of their own; watches have none, and end when either side goes.
const TRIP_WITHIN: Duration = Duration::from_hours(24 * 365);

/// Carries wishes out until the gateway is gone.
pub(super) async fn carry(
    net: Net,
    mut wishes: mpsc::Receiver<Wish>,
    tasks: TaskTracker,
) -> Result<(), NodeError> {
    while let Some(wish) = wishes.recv().await {
        match wish {
            Wish::Call(trip) => {
                tasks.spawn(travel(net.clone(), trip));
            }
            // Whoever asked and has gone away needs no report.
            Wish::Topics(asked) => {
                let _ = asked.send(net.topics().into_iter().map(report).collect());
            }
        }
    }
    Ok(())
}

/// Makes one call and hands its replies on until either side has had enough.
async fn travel(net: Net, trip: Trip) {
    let Trip { to, request, begun } = trip;
    let mut replies = match net.call(to, request, TRIP_WITHIN).await {
        Ok(replies) => replies,
        Err(error) => {
            let _ = begun.send(Err(error.to_string()));
            return;
        }
    };
    let (frames, taken) = mpsc::channel(REPLIES_CAPACITY);
    if begun.send(Ok(taken)).is_err() {
        return;
    }
    loop {
        let next = tokio::select! {
            () = frames.closed() => return,
            next = replies.next() => next,
        };
        match next {
            Ok(Some(frame)) => {
                if frames.send(frame).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(to = %to.short(), %error, "a call was cut");
                return;
            }
        }
    }
}

fn report(topic: net::TopicReport) -> TopicReport {
    TopicReport {
        topic: topic.name,
        subscribers: topic.subscribers,
        peers: topic.mesh_peers,
        received: topic.received,
        published: topic.published,
    }
}
