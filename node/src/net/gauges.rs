//! What the network counts about itself: lag, topics, wires.
//!
//! Counters only grow; whoever wants a rate asks twice. Nothing here is exact to the last message while messages fly.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use hms_protocol::id::{MeshId, NodeId};

use super::Topic;

// Relaxed everywhere: each number stands for itself.
const RELAXED: Ordering = Ordering::Relaxed;

/// How a topic does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicReport {
    /// Which.
    pub topic: Topic,
    /// Its name on the network; its name inside a mesh while there is no mesh.
    pub name: String,
    /// Members that this node exchanges whole messages with.
    pub mesh_peers: u32,
    /// Connected nodes that listen to it.
    pub subscribers: u32,
    /// Messages published by this node and told to somebody.
    pub published: u64,
    /// Messages received for the first time.
    pub received: u64,
    /// Received messages judged good and forwarded.
    pub accepted: u64,
    /// Received messages judged bad and blamed on their relay.
    pub rejected: u64,
    /// Received messages passed over: judged nobody's fault, expired, or met a full queue.
    pub ignored: u64,
    /// Messages of this node that nobody was told.
    pub unheard: u64,
}

/// How the wire to a member does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReport {
    /// The member.
    pub node: NodeId,
    /// Whether it is connected.
    pub up: bool,
    /// Bytes of frames waiting for it.
    pub waiting_bytes: usize,
    /// Frames written to its stream.
    pub frames_sent: u64,
    /// Bytes of those frames.
    pub bytes_sent: u64,
    /// Frames refused or dropped: it was away, or its wire was full.
    pub frames_dropped: u64,
}

/// Counters of one topic.
#[derive(Debug, Default)]
pub(super) struct TopicGauge {
    mesh_peers: AtomicU32,
    subscribers: AtomicU32,
    published: AtomicU64,
    received: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
    ignored: AtomicU64,
    unheard: AtomicU64,
}

/// Something that happens to a gossip message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Published,
    Received,
    Accepted,
    Rejected,
    Ignored,
    Unheard,
}

/// Everything that the network counts but the wires.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    lag_ms: AtomicU64,
    lost_judgements: AtomicU64,
    topics: [TopicGauge; Topic::ALL.len()],
}

impl Gauges {
    /// Notes how late the network's task ran.
    pub(super) fn note_lag(&self, lag_ms: u64) {
        self.lag_ms.fetch_max(lag_ms, RELAXED);
    }

    /// The worst lag since the last time.
    pub(super) fn take_lag_ms(&self) -> u64 {
        self.lag_ms.swap(0, RELAXED)
    }

    /// Counts a judgement that found the order queue full; its message will expire.
    pub(super) fn count_lost_judgement(&self) {
        self.lost_judgements.fetch_add(1, RELAXED);
    }

    /// Counts one message of a topic.
    pub(super) fn count(&self, topic: Topic, step: Step) {
        let gauge = &self.topics[topic.place()];
        let counter = match step {
            Step::Published => &gauge.published,
            Step::Received => &gauge.received,
            Step::Accepted => &gauge.accepted,
            Step::Rejected => &gauge.rejected,
            Step::Ignored => &gauge.ignored,
            Step::Unheard => &gauge.unheard,
        };
        counter.fetch_add(1, RELAXED);
    }

    /// Notes who listens to a topic.
    pub(super) fn note_listeners(&self, topic: Topic, mesh_peers: usize, subscribers: usize) {
        let gauge = &self.topics[topic.place()];
        gauge
            .mesh_peers
            .store(u32::try_from(mesh_peers).unwrap_or(u32::MAX), RELAXED);
        gauge
            .subscribers
            .store(u32::try_from(subscribers).unwrap_or(u32::MAX), RELAXED);
    }

    /// How every topic does.
    pub(super) fn topics(&self, mesh: Option<MeshId>) -> Vec<TopicReport> {
        let report = |topic: Topic| {
            let gauge = &self.topics[topic.place()];
            TopicReport {
                topic,
                name: mesh.map_or_else(|| topic.name().to_owned(), |mesh| topic.full_name(mesh)),
                mesh_peers: gauge.mesh_peers.load(RELAXED),
                subscribers: gauge.subscribers.load(RELAXED),
                published: gauge.published.load(RELAXED),
                received: gauge.received.load(RELAXED),
                accepted: gauge.accepted.load(RELAXED),
                rejected: gauge.rejected.load(RELAXED),
                ignored: gauge.ignored.load(RELAXED),
                unheard: gauge.unheard.load(RELAXED),
            }
        };
        Topic::ALL.into_iter().map(report).collect()
    }
}
