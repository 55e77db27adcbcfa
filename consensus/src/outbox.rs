//! What a mind has decided and its hands have not done yet, in order.
//!
//! A message to oneself never leaves the mind: it waits here until the mind has read it. So the leader treats its own
//! node exactly as it treats every other.

use std::collections::VecDeque;

use hms_protocol::id::NodeId;
use hms_protocol::peer::PeerMessage;

use crate::effect::Effect;

/// Orders to the hands, and messages to oneself.
#[derive(Debug)]
pub struct Outbox {
    me: NodeId,
    effects: Vec<Effect>,
    // Bounded by what one input can cause: the mind reads it empty before it returns.
    own: VecDeque<PeerMessage>,
}

impl Outbox {
    /// An empty outbox of a node.
    pub fn new(me: NodeId) -> Self {
        Self {
            me,
            effects: Vec::new(),
            own: VecDeque::new(),
        }
    }

    /// Adds an order. Messages go through [`Outbox::send`].
    pub fn push(&mut self, effect: Effect) {
        debug_assert!(
            !matches!(&effect, Effect::Send { to, .. } if *to == self.me),
            "a message to oneself goes through `send`"
        );
        self.effects.push(effect);
    }

    /// Adds an order, if there is one.
    pub fn extend(&mut self, effect: Option<Effect>) {
        self.effects.extend(effect);
    }

    /// Says something to a node, which may be this one.
    pub fn send(&mut self, to: NodeId, message: PeerMessage) {
        if to == self.me {
            self.own.push_back(message);
        } else {
            self.effects.push(Effect::Send { to, message });
        }
    }

    /// The next message to oneself.
    pub fn take_own(&mut self) -> Option<PeerMessage> {
        self.own.pop_front()
    }

    /// Hands over every order given so far.
    pub fn deliver(&mut self, effects: &mut Vec<Effect>) {
        assert!(self.own.is_empty(), "a message to oneself was not read");
        effects.append(&mut self.effects);
    }
}
