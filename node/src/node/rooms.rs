//! A node's rooms while it lives: they are opened together, watched, and closed in order.
//!
//! Rooms talk through bounded channels only. The first one that fails stops the node; closing goes gateway, agents, post,
//! mind, network, disk, so that nothing is acknowledged that is not kept.

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::furnish::{House, furnish};
use super::open::Opened;
use super::{NodeError, close};
use crate::makeup::Driver;
use crate::perform::Fault;

/// What tells each group of rooms to close, in the order in which they close.
#[derive(Clone, Debug, Default)]
pub(super) struct Stops {
    pub(super) gateway: CancellationToken,
    pub(super) agents: CancellationToken,
    pub(super) mind: CancellationToken,
    pub(super) post: CancellationToken,
}

/// The rooms beside the drive loop. Invariant: every task of a node belongs to one of the two.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// Rooms that live as long as the node; each ends with a reason.
    pub(super) set: JoinSet<Result<(), NodeError>>,
    /// What they start: a lane per peer, a task per call.
    pub(super) tasks: TaskTracker,
    /// How to close them.
    pub(super) stops: Stops,
}

impl Rooms {
    /// Opens a room that lives as long as the node.
    pub(super) fn open(
        &mut self,
        room: impl Future<Output = Result<(), NodeError>> + Send + 'static,
    ) {
        self.set.spawn(room);
    }
}

/// Lives until `stop` is cancelled or a room fails.
pub(super) async fn live(
    opened: Opened,
    driver: Driver,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    let House {
        mut rooms,
        mind,
        inbox,
        hands,
        net,
        ready,
    } = furnish(opened)?;
    let driving = tokio::spawn(driver(mind, inbox, hands, rooms.stops.mind.clone()));
    let outcome = match ready.announce() {
        Ok(()) => supervise(driving, &mut rooms, stop).await,
        Err(error) => {
            stop.cancel();
            supervise(driving, &mut rooms, stop)
                .await
                .and(Err(NodeError::Ready(error)))
        }
    };
    net.stop().await;
    close(&rooms.tasks, "lanes").await;
    outcome
}

/// Waits for the end and brings everything to it.
async fn supervise(
    mut driving: JoinHandle<Result<(), Fault>>,
    rooms: &mut Rooms,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    let mut outcome = Ok(());
    let mut mind_has_ended = false;
    tokio::select! {
        () = stop.cancelled() => {}
        Some(ended) = rooms.set.join_next() => outcome = ended.unwrap_or_else(|_| broken("a room")),
        ended = &mut driving => {
            mind_has_ended = true;
            outcome = of_mind(ended);
        }
    }
    tracing::info!("stopping");
    rooms.stops.gateway.cancel();
    rooms.stops.agents.cancel();
    rooms.stops.post.cancel();
    while let Some(ended) = rooms.set.join_next().await {
        outcome = outcome.and(ended.unwrap_or_else(|_| broken("a room")));
    }
    // The mind holds the disk, on which the post room has just written what it let in.
    rooms.stops.mind.cancel();
    if !mind_has_ended {
        outcome = outcome.and(of_mind(driving.await));
    }
    outcome
}

fn of_mind(ended: Result<Result<(), Fault>, tokio::task::JoinError>) -> Result<(), NodeError> {
    match ended {
        Ok(outcome) => Ok(outcome?),
        Err(_) => broken("the mind"),
    }
}

fn broken(room: &'static str) -> Result<(), NodeError> {
    Err(Fault::RoomGone(room).into())
}
