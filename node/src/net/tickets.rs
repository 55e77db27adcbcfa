//! Tickets: gossip messages that wait for their judgement, each for a bounded time.
//!
//! gossipsub forgets an unjudged message by itself after a while and then complains about a late judgement; a ticket
//! expires before that, so that a late judgement is simply nothing.

use std::collections::VecDeque;

use libp2p::PeerId;
use libp2p::gossipsub::MessageId;

use super::Topic;
use crate::limits::TICKETS_MAX;

/// How long a message waits for its judgement. Shorter than gossipsub's memory (see `topics::settings`).
pub(super) const TICKET_MS: u64 = 4_000;

/// Names one gossip message until it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GossipTicket(pub(super) u64);

/// What a gossip message is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is good: it is forwarded.
    Accept,
    /// Its relay should have known better: it is not forwarded, and the relay's score falls.
    Reject,
    /// Nobody's fault (old, seen, unknown yet): it is not forwarded.
    Ignore,
}

/// A message that waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// What gossipsub calls it.
    pub(super) message: MessageId,
    /// Whom it came from.
    pub(super) relay: PeerId,
    /// Where it was published.
    pub(super) topic: Topic,
    /// When it arrived, in milliseconds of uptime.
    pub(super) since_ms: u64,
}

/// Every message that waits, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    // Invariant: `waiting[i]` has ticket `first + i`; a judged one is `None` until it reaches the front.
    waiting: VecDeque<Option<Waiting>>,
    first: u64,
}

impl Tickets {
    /// Issues a ticket. When too many wait, the oldest one is given back, unjudged.
    pub(super) fn issue(&mut self, waiting: Waiting) -> (GossipTicket, Option<Waiting>) {
        let crowded = if self.waiting.len() < TICKETS_MAX {
            None
        } else {
            self.pop()
        };
        let ticket = GossipTicket(self.first + self.waiting.len() as u64);
        self.waiting.push_back(Some(waiting));
        (ticket, crowded)
    }

    /// Redeems a ticket; `None` when it is expired, judged or was never issued.
    pub(super) fn redeem(&mut self, ticket: GossipTicket) -> Option<Waiting> {
        let place = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        let waiting = self.waiting.get_mut(place)?.take();
        while self.waiting.front().is_some_and(Option::is_none) {
            self.pop();
        }
        waiting
    }

    /// Gives back one message that has waited too long, oldest first.
    pub(super) fn expire(&mut self, now_ms: u64) -> Option<Waiting> {
        while let Some(oldest) = self.waiting.front() {
            let is_young = oldest
                .as_ref()
                .is_some_and(|waiting| now_ms < waiting.since_ms + TICKET_MS);
            if is_young {
                return None;
            }
            if let Some(expired) = self.pop() {
                return Some(expired);
            }
        }
        None
    }

    fn pop(&mut self) -> Option<Waiting> {
        let front = self.waiting.pop_front()?;
        self.first += 1;
        front
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(since_ms: u64) -> Waiting {
        Waiting {
            message: MessageId::new(&since_ms.to_le_bytes()),
            relay: PeerId::random(),
            topic: Topic::Events,
            since_ms,
        }
    }

    #[test]
    fn a_ticket_is_good_once() {
        let mut tickets = Tickets::default();
        let (first, _) = tickets.issue(waiting(1));
        let (second, _) = tickets.issue(waiting(2));
        assert_eq!(tickets.redeem(second).unwrap().since_ms, 2);
        assert_eq!(tickets.redeem(second), None);
        assert_eq!(tickets.redeem(first).unwrap().since_ms, 1);
        assert_eq!(tickets.redeem(GossipTicket(99)), None);
        assert!(tickets.waiting.is_empty());
    }

    #[test]
    fn an_unanswered_ticket_expires_and_a_late_judgement_is_nothing() {
        let mut tickets = Tickets::default();
        let (ticket, _) = tickets.issue(waiting(10));
        assert_eq!(tickets.expire(10 + TICKET_MS - 1), None);
        assert_eq!(tickets.expire(10 + TICKET_MS).unwrap().since_ms, 10);
        assert_eq!(tickets.expire(u64::MAX), None);
        assert_eq!(tickets.redeem(ticket), None);
    }

    #[test]
    fn a_crowd_pushes_out_the_oldest() {
        let mut tickets = Tickets::default();
        for number in 0..TICKETS_MAX as u64 {
            assert_eq!(tickets.issue(waiting(number)).1, None);
        }
        assert_eq!(tickets.issue(waiting(7_777)).1.unwrap().since_ms, 0);
        assert_eq!(tickets.waiting.len(), TICKETS_MAX);
    }
}
