//! Who leads, as far as this node knows, and how to wait until somebody does.

use hms_protocol::id::{NodeId, Term};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Where the compass points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heading {
    /// The leader, if one is known.
    pub(super) leader: Option<NodeId>,
    /// The newest term that is known.
    pub(super) term: Term,
}

/// Points at the leader. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Compass {
    heading: watch::Sender<Heading>,
}

impl Compass {
    /// The leader has changed.
    pub(super) fn point(&self, leader: Option<NodeId>, term: Term) {
        self.heading.send_replace(Heading { leader, term });
    }

    /// Where it points now.
    pub(super) fn heading(&self) -> Heading {
        *self.heading.borrow()
    }

    /// Waits for a leader until `deadline`.
    pub(super) async fn leader(&self, deadline: Instant) -> Option<NodeId> {
        let mut heading = self.heading.subscribe();
        let found = timeout_at(
            deadline,
            heading.wait_for(|heading| heading.leader.is_some()),
        )
        .await;
        // The sender lives as long as `self`, so only the deadline ends the wait without a leader.
        found.ok()?.ok()?.leader
    }

    /// Waits until somebody else than `node` leads. Nobody is not somebody.
    pub(super) async fn somebody_else(&self, node: NodeId) {
        let mut heading = self.heading.subscribe();
        let somebody_else = |heading: &Heading| heading.leader.is_some_and(|now| now != node);
        // As above: the sender lives as long as `self`.
        let _ = heading.wait_for(somebody_else).await;
    }

    /// Waits until `node` does not lead any more.
    pub(super) async fn deposed(&self, node: NodeId) {
        let mut heading = self.heading.subscribe();
        let _ = heading
            .wait_for(|heading| heading.leader != Some(node))
            .await;
    }

    /// A view of the heading that can be waited on.
    pub(super) fn subscribe(&self) -> watch::Receiver<Heading> {
        self.heading.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: NodeId = NodeId::from_bytes([1; 32]);
    const B: NodeId = NodeId::from_bytes([2; 32]);

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[tokio::test]
    async fn a_caller_waits_for_a_leader_and_not_beyond_its_deadline() {
        let compass = Compass::default();
        let deadline = soon();
        assert_eq!(compass.leader(deadline).await, None);
        assert!(deadline <= Instant::now());

        let far = Instant::now() + Duration::from_hours(1);
        let elect = async { compass.point(Some(A), Term(2)) };
        let (found, ()) = tokio::join!(compass.leader(far), elect);
        assert_eq!(found, Some(A));
    }

    #[tokio::test]
    async fn an_interregnum_is_not_yet_somebody_else() {
        let compass = Compass::default();
        compass.point(Some(A), Term(1));
        compass.point(None, Term(1));
        compass.deposed(A).await;
        assert!(timeout_at(soon(), compass.somebody_else(A)).await.is_err());
        compass.point(Some(B), Term(2));
        compass.somebody_else(A).await;
    }
}
