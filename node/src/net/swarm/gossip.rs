//! Gossip as it comes and goes.

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::gossipsub::{Event, Message, MessageAcceptance, MessageId, PublishError};

use super::super::gauges::Step;
use super::super::outbox::Letter;
use super::super::tickets::Waiting;
use super::super::topics::topic_scoring;
use super::super::{Gossip, GossipTicket, Judgement, NetEvent, Topic, keys};
use super::Exchange;

impl Exchange {
    /// Leaves the topics of the mesh that was, joins those of the mesh that is.
    pub(super) fn join_topics(&mut self) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        for (hash, _) in self.topics.drain(..) {
            gossip.unsubscribe(&libp2p::gossipsub::IdentTopic::new(hash.into_string()));
        }
        let Some(mesh) = self.mesh else { return };
        for topic in Topic::ALL {
            let ident = topic.ident(mesh);
            if let Err(error) = gossip.set_topic_params(ident.clone(), topic_scoring()) {
                tracing::error!(topic = topic.name(), error, "topic is not scored");
            }
            if let Err(error) = gossip.subscribe(&ident) {
                tracing::error!(topic = topic.name(), %error, "topic is not joined");
            }
            self.topics.push((ident.hash(), topic));
        }
    }

    /// Tells everybody, or keeps it until somebody listens.
    pub(super) fn publish(&mut self, topic: Topic, frame: Bytes) {
        // Whoever entered a mesh and then published expects this order.
        if self.circle.has_changed().unwrap_or(false) {
            self.follow_circle();
        }
        let letter = Letter::new(topic, frame, self.now_ms());
        self.post(letter);
    }

    /// Tries again what nobody has heard yet.
    pub(super) fn publish_again(&mut self, now_ms: u64) {
        if self.outbox.is_empty() {
            return;
        }
        let (letters, old) = self.outbox.take(now_ms);
        for letter in old {
            self.gauges.count(letter.topic, Step::Unheard);
        }
        for letter in letters {
            self.post(letter);
        }
    }

    fn post(&mut self, letter: Letter) {
        let topic = letter.topic;
        let known = self.topics.iter().find(|(_, known)| *known == topic);
        let Some((hash, _)) = known.cloned() else {
            return;
        };
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        match gossip.publish(hash, letter.frame.to_vec()) {
            Ok(_) => self.gauges.count(topic, Step::Published),
            // A mesh of one has nobody to tell.
            Err(PublishError::NoPeersSubscribedToTopic) if self.has_no_members() => {}
            Err(PublishError::NoPeersSubscribedToTopic) => self.keep(letter),
            Err(PublishError::Duplicate) => {}
            // When every queue is full, gossipsub counts the message as said and takes it no second time: it offers it
            // to some peers later, and the others go without.
            Err(error) => {
                tracing::debug!(topic = topic.name(), %error, "not published");
                self.gauges.count(topic, Step::Unheard);
            }
        }
    }

    fn keep(&mut self, letter: Letter) {
        if let Some(gone) = self.outbox.keep(letter) {
            self.gauges.count(gone.topic, Step::Unheard);
        }
    }

    fn has_no_members(&self) -> bool {
        self.circle.borrow().members().is_empty()
    }

    /// Something came by gossip.
    pub(super) fn hear(&mut self, event: Event) {
        match event {
            Event::Message {
                propagation_source,
                message_id,
                message,
            } => {
                self.receive(propagation_source, message_id, message);
            }
            Event::Subscribed { .. } => {
                let now_ms = self.now_ms();
                self.publish_again(now_ms);
            }
            Event::SlowPeer {
                peer_id,
                failed_messages,
            } => {
                tracing::debug!(%peer_id, ?failed_messages, "gossip dropped for a slow peer");
            }
            Event::Unsubscribed { .. } | Event::GossipsubNotSupported { .. } => {}
        }
    }

    fn receive(&mut self, relay: PeerId, message: MessageId, content: Message) {
        let known = self.topics.iter().find(|(hash, _)| *hash == content.topic);
        let topic = known.map(|(_, topic)| *topic);
        let member = keys::node_of(&relay).filter(|node| self.circle.borrow().holds(*node));
        let (Some(topic), Some(node)) = (topic, member) else {
            self.report(&message, &relay, MessageAcceptance::Ignore);
            return;
        };
        self.gauges.count(topic, Step::Received);
        let waiting = Waiting {
            message,
            relay,
            topic,
            since_ms: self.now_ms(),
        };
        let (ticket, crowded_out) = self.tickets.issue(waiting);
        if let Some(oldest) = crowded_out {
            self.settle(&oldest, Judgement::Ignore);
        }
        let frame = Bytes::from(content.data);
        let gossip = Gossip {
            topic,
            relay: node,
            frame,
            ticket,
        };
        if !self.news.mention(NetEvent::Gossip(gossip)) {
            self.judge(ticket, Judgement::Ignore);
        }
    }

    /// Forwards a message, or not. Nothing happens when the ticket is not good any more.
    pub(super) fn judge(&mut self, ticket: GossipTicket, judgement: Judgement) {
        if let Some(waiting) = self.tickets.redeem(ticket) {
            self.settle(&waiting, judgement);
        }
    }

    /// Passes over what was not judged in time.
    pub(super) fn expire_tickets(&mut self, now_ms: u64) {
        while let Some(expired) = self.tickets.expire(now_ms) {
            self.settle(&expired, Judgement::Ignore);
        }
    }

    fn settle(&mut self, waiting: &Waiting, judgement: Judgement) {
        let (step, acceptance) = match judgement {
            Judgement::Accept => (Step::Accepted, MessageAcceptance::Accept),
            Judgement::Reject => (Step::Rejected, MessageAcceptance::Reject),
            Judgement::Ignore => (Step::Ignored, MessageAcceptance::Ignore),
        };
        self.gauges.count(waiting.topic, step);
        self.report(&waiting.message, &waiting.relay, acceptance);
    }

    fn report(&mut self, message: &MessageId, relay: &PeerId, acceptance: MessageAcceptance) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        gossip.report_message_validation_result(message, relay, acceptance);
    }

    /// Counts who listens to what.
    pub(super) fn count_listeners(&mut self) {
        let gossip = &self.swarm.behaviour().gossip;
        for (hash, topic) in &self.topics {
            let mesh_peers = gossip.mesh_peers(hash).count();
            let listens = |topics: &Vec<&libp2p::gossipsub::TopicHash>| topics.contains(&hash);
            let subscribers = gossip
                .all_peers()
                .filter(|(_, topics)| listens(topics))
                .count();
            self.gauges.note_listeners(*topic, mesh_peers, subscribers);
        }
    }
}
