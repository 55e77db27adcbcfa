//! Sorts what the network brings: frames to their lanes, gossip to be judged, calls to the gateway, links to the mind.
//!
//! It never waits for one peer at the expense of another: what finds a full queue is dropped and counted.

use hms_consensus::input::Input;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::NodeError;
use crate::gateway::Gateway;
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;
use crate::net::{Gossip, InboundCall, Judgement, Net, NetEvent};
use crate::perform::Fault;
use crate::post::Inbound;

/// Where things go.
pub(super) struct Sorting {
    pub(super) inbound: Inbound,
    pub(super) gossip: mpsc::Sender<Gossip>,
    pub(super) gateway: Gateway,
    pub(super) mailbox: Mailbox,
    pub(super) metrics: Metrics,
    pub(super) net: Net,
    pub(super) tasks: TaskTracker,
}

/// Sorts until told to stop, or until the network is gone.
pub(super) async fn sort(
    mut sorting: Sorting,
    mut events: mpsc::Receiver<NetEvent>,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            event = events.recv() => event.ok_or(Fault::RoomGone("the network"))?,
        };
        sorting.take(event).await;
    }
}

impl Sorting {
    async fn take(&mut self, event: NetEvent) {
        match event {
            NetEvent::Frame { from, frame } => self.inbound.receive(from, frame),
            NetEvent::Gossip(gossip) => self.judge_later(gossip),
            NetEvent::Link { node, up } => {
                self.metrics.net_links_count.add(if up { 1 } else { -1 });
                // A closed mailbox means that the node is stopping.
                let _ = self.mailbox.send(Input::Linked { node, up }).await;
            }
            NetEvent::Call(call) => self.answer(call),
            NetEvent::Listening { address } => tracing::info!(%address, "listening"),
            NetEvent::Discovered { node, address } => {
                tracing::debug!(node = %node.short(), %address, "discovered");
            }
        }
    }

    fn judge_later(&self, gossip: Gossip) {
        if let Err(error) = self.gossip.try_send(gossip) {
            self.metrics.post_dropped_total.inc();
            let gossip = error.into_inner();
            self.net.judge(gossip.ticket, Judgement::Ignore);
        }
    }

    fn answer(&self, call: InboundCall) {
        let InboundCall {
            from,
            request,
            replies,
            ..
        } = call;
        self.tasks.spawn(Gateway::serve_call(
            self.gateway.clone(),
            from,
            request,
            replies,
        ));
    }
}
