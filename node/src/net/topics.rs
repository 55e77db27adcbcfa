//! The page of topics, and how gossip is set up.
//!
//! Every topic's name carries the mesh, so that two meshes on one network never mix. Messages are anonymous to gossipsub:
//! they are named by their content, checked once by the node after de-duplication, and forwarded only when the node says
//! so. A relay is blamed for what it could have checked, never for the address it shares with others.

use std::time::Duration;

use hms_protocol::digest::{Domain, hash_fields};
use hms_protocol::id::MeshId;
use hms_protocol::limits::GOSSIP_BYTES_MAX;
use libp2p::gossipsub::{
    AllowAllSubscriptionFilter, Behaviour, Config, ConfigBuilder, IdentTopic, IdentityTransform,
    MaxCountSubscriptionFilter, Message, MessageAuthenticity, MessageId, PeerScoreParams,
    PeerScoreThresholds, TopicScoreParams, ValidationMode,
};

/// gossipsub as this network uses it.
pub(super) type Gossipsub =
    Behaviour<IdentityTransform, MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>>;

/// A topic. Every member hears all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// One signed digest per node and second.
    Heartbeats,
    /// What happened, for whoever watches.
    Events,
    /// Who came and who went.
    Membership,
    /// What agents can do.
    Capabilities,
    /// Proofs that somebody broke the rules.
    Evidence,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Heartbeats,
        Self::Events,
        Self::Membership,
        Self::Capabilities,
        Self::Evidence,
    ];

    /// Its name inside a mesh.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heartbeats => "heartbeats",
            Self::Events => "events",
            Self::Membership => "membership",
            Self::Capabilities => "capabilities",
            Self::Evidence => "evidence",
        }
    }

    /// Its name on the network.
    pub fn full_name(self, mesh: MeshId) -> String {
        format!("hms/{mesh}/{}/v1", self.name())
    }

    /// Its name as gossipsub takes it.
    pub(super) fn ident(self, mesh: MeshId) -> IdentTopic {
        IdentTopic::new(self.full_name(mesh))
    }

    /// Its place in [`Topic::ALL`].
    pub(super) const fn place(self) -> usize {
        match self {
            Self::Heartbeats => 0,
            Self::Events => 1,
            Self::Membership => 2,
            Self::Capabilities => 3,
            Self::Evidence => 4,
        }
    }

    /// Whether a newer message of this node makes an older one that nobody has heard yet worthless.
    pub(super) const fn keeps_newest_only(self) -> bool {
        match self {
            Self::Heartbeats => true,
            Self::Events | Self::Membership | Self::Capabilities | Self::Evidence => false,
        }
    }
}

/// How often gossipsub mends its meshes. Half a second, so that a returned peer is grafted soon.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// gossipsub's first heartbeat. Its default of five seconds would leave a new mesh deaf for as long.
const FIRST_HEARTBEAT: Duration = Duration::from_millis(150);

/// Heartbeats that a message is remembered for, judged or not: 5 s, longer than a ticket lives.
const HISTORY: usize = 10;

/// Room for the envelope of an RPC around the largest message, and for a batch of control messages.
const RPC_BYTES_MORE: usize = 16 * 1024;

/// Messages from here on are announced before they are sent, so that a peer that has one can decline. Announcing
/// smaller ones would cost more than it saves.
const DECLINE_BYTES_MIN: usize = 4 * 1024;

/// How long a message stays known, so that a copy of it is not delivered again.
const DUPLICATES: Duration = Duration::from_mins(1);

/// Messages queued for one slow peer. Beyond it, gossip to that peer is dropped.
const PEER_QUEUE_MAX: usize = 512;

/// How long a forwarded message may wait for a slow peer. Short: somebody else has told it meanwhile.
const FORWARD: Duration = Duration::from_millis(800);

/// How long an own message may wait for a slow peer.
const PUBLISH: Duration = Duration::from_secs(2);

/// Topics that a peer may subscribe to: ours, twice, for a peer that changes its mesh.
const SUBSCRIPTIONS_MAX: usize = 2 * Topic::ALL.len();

/// Score of a stranger: below every threshold, so that it is not told and not heard.
pub(super) const STRANGER_SCORE: f64 = -10_000.0;

/// Score of a member, before its deeds.
pub(super) const MEMBER_SCORE: f64 = 0.0;

/// gossipsub, with no topic yet.
pub(super) fn gossipsub() -> Gossipsub {
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: SUBSCRIPTIONS_MAX,
        max_subscriptions_per_request: SUBSCRIPTIONS_MAX,
    };
    let anonymous = MessageAuthenticity::Anonymous;
    let mut gossipsub = Gossipsub::new_with_subscription_filter(anonymous, settings(), filter)
        .expect("anonymous messages go with anonymous validation");
    let (params, thresholds) = scoring();
    gossipsub
        .with_peer_score(params, thresholds)
        .expect("the scoring on this page is valid");
    gossipsub
}

fn settings() -> Config {
    ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(message_id)
        .heartbeat_initial_delay(FIRST_HEARTBEAT)
        .heartbeat_interval(HEARTBEAT)
        .history_length(HISTORY)
        .max_transmit_size(GOSSIP_BYTES_MAX + RPC_BYTES_MORE)
        .idontwant_message_size_threshold(DECLINE_BYTES_MIN)
        .duplicate_cache_time(DUPLICATES)
        .connection_handler_queue_len(PEER_QUEUE_MAX)
        .publish_queue_duration(PUBLISH)
        .forward_queue_duration(FORWARD)
        .flood_publish(false)
        .build()
        .expect("the settings on this page are valid")
}

/// A message is named by its topic and bytes: copies are one message, whoever sends them.
fn message_id(message: &Message) -> MessageId {
    let name = hash_fields(
        Domain::Gossip,
        &[message.topic.as_str().as_bytes(), &message.data],
    );
    MessageId::new(name.as_bytes())
}

fn scoring() -> (PeerScoreParams, PeerScoreThresholds) {
    let params = PeerScoreParams {
        app_specific_weight: 1.0,
        // Many nodes on one host are normal here.
        ip_colocation_factor_weight: 0.0,
        // A restarted or paused peer grafts early and answers late: no crime.
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: 0.9,
        slow_peer_weight: 0.0,
        retain_score: Duration::from_mins(10),
        ..PeerScoreParams::default()
    };
    let thresholds = PeerScoreThresholds {
        gossip_threshold: -40.0,
        publish_threshold: -60.0,
        graylist_threshold: -80.0,
        ..PeerScoreThresholds::default()
    };
    (params, thresholds)
}

/// How a peer is scored in one topic: only invalid messages count. Nine of them grey-list a peer; a quiet peer is as good
/// as a talkative one.
pub(super) fn topic_scoring() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -1.0,
        invalid_message_deliveries_decay: 0.99,
        ..TopicScoreParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topics_name_carries_the_mesh() {
        let (mesh, other) = (MeshId::from_bytes([1; 32]), MeshId::from_bytes([2; 32]));
        for (place, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic.place(), place);
            assert_ne!(topic.full_name(mesh), topic.full_name(other));
            assert!(topic.full_name(mesh).contains(topic.name()));
        }
    }

    #[test]
    fn the_settings_build_and_remember_messages_longer_than_tickets_live() {
        gossipsub();
        let remembered = HEARTBEAT * u32::try_from(HISTORY - 1).unwrap();
        assert!(Duration::from_millis(super::super::tickets::TICKET_MS) < remembered);
    }
}
