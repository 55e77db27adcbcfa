//! What a node passes on of what others gossip: nothing, or something else.

use std::sync::Arc;

use bytes::Bytes;
use hms_node::limits::NET_EVENTS_CAPACITY;
use hms_node::net::{Judgement, Net, NetEvent};
use hms_testnet::attack::Attack;
use tokio::sync::mpsc;

use crate::corruption::Corruption;

/// Stands between the network and the post room.
pub(crate) fn relay(
    corruption: Arc<Corruption>,
    net: Net,
    mut events: mpsc::Receiver<NetEvent>,
) -> mpsc::Receiver<NetEvent> {
    let (passed, receiver) = mpsc::channel(NET_EVENTS_CAPACITY);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let NetEvent::Gossip(gossip) = &event {
                let silences = corruption.does(Attack::SilenceRelay);
                let tampers = !silences && corruption.does(Attack::TamperRelayed);
                if silences || tampers {
                    net.judge(gossip.ticket, Judgement::Ignore);
                }
                if tampers {
                    let mut bytes = gossip.frame.to_vec();
                    if let Some(last) = bytes.last_mut() {
                        *last ^= 1;
                    }
                    // Whatever is refused here never leaves the node.
                    let _ = net.publish(gossip.topic, Bytes::from(bytes));
                }
            }
            if passed.send(event).await.is_err() {
                return;
            }
        }
    });
    receiver
}
