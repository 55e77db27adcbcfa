//! Requests to bring up or stop an agent, from the order to the node until the ledger shows that it was followed.
//!
//! The order itself is not in the log: it is repeated until the agent is enrolled (or stopped), or the time is up. A
//! repeated request with the same agent id finds the agent where the first one left it.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::agent::AgentStanding;
use hms_protocol::id::{AgentId, NodeId, SkillName};
use hms_protocol::peer::PeerMessage;
use hms_protocol::refusal::Refusal;
use hms_protocol::time::Moment;

use crate::effect::{Answer, Effect};
use crate::input::Ticket;
use crate::limits::{RAISING_WITHIN_MS, RAISINGS_WAITING_MAX, REPEAT_EVERY_MS};
use crate::outbox::Outbox;
use crate::state::State;

/// Requests under way.
#[derive(Debug, Default)]
pub struct Raisings {
    waiting: BTreeMap<Ticket, Raising>,
}

/// What is to become of an agent.
#[derive(Clone, Debug)]
pub struct Raising {
    /// The agent.
    pub agent: AgentId,
    /// The node that is to do it.
    pub node: NodeId,
    /// What it is to do.
    pub wish: Wish,
    repeat_at: Moment,
    give_up_at: Moment,
}

/// The order to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Bring it up.
    Up {
        /// What it must be able to do.
        skills: BTreeSet<SkillName>,
        /// How many tasks it may run at once.
        slots: u32,
    },
    /// Stop it for good.
    Down,
}

impl Raising {
    /// A request that comes in now.
    pub fn new(agent: AgentId, node: NodeId, wish: Wish, now: Moment) -> Self {
        Self {
            agent,
            node,
            wish,
            repeat_at: now,
            give_up_at: now.plus_ms(RAISING_WITHIN_MS),
        }
    }

    fn order(&self) -> PeerMessage {
        match &self.wish {
            Wish::Up { skills, slots } => PeerMessage::Spawn {
                agent: self.agent,
                skills: skills.clone(),
                slots: *slots,
            },
            Wish::Down => PeerMessage::Stop { agent: self.agent },
        }
    }

    /// The answer, once the ledger shows what was wished for, or that it will never be.
    fn outcome(&self, state: &State) -> Option<Result<Answer, Refusal>> {
        let known = state.roster().agent(self.agent)?;
        let agent = self.agent;
        match (&self.wish, known.standing) {
            (Wish::Up { .. }, AgentStanding::Ready | AgentStanding::Quarantined) => {
                Some(Ok(Answer::Spawned(known.certificate.clone())))
            }
            (Wish::Up { .. }, AgentStanding::Stopped) => Some(Err(Refusal::AgentStopped { agent })),
            (Wish::Up { .. }, AgentStanding::Revoked) => Some(Err(Refusal::AgentRevoked { agent })),
            (Wish::Down, AgentStanding::Stopped | AgentStanding::Revoked) => {
                Some(Ok(Answer::Stopped(agent)))
            }
            (Wish::Down, AgentStanding::Ready | AgentStanding::Quarantined) => None,
        }
    }

    fn too_slow(&self) -> Refusal {
        Refusal::TooSlow {
            what: match &self.wish {
                Wish::Up { .. } => "bringing up the agent",
                Wish::Down => "stopping the agent",
            },
            within_ms: RAISING_WITHIN_MS,
        }
    }
}

impl Raisings {
    /// Takes a request.
    pub fn ask(&mut self, ticket: Ticket, raising: Raising) -> Result<(), Refusal> {
        if self.waiting.len() >= RAISINGS_WAITING_MAX {
            return Err(Refusal::Busy {
                what: "the queue of agents to bring up or stop",
                max: RAISINGS_WAITING_MAX as u64,
            });
        }
        self.waiting.insert(ticket, raising);
        Ok(())
    }

    /// Answers what has come to an end, and repeats the orders that are due.
    pub fn follow(&mut self, state: &State, now: Moment, outbox: &mut Outbox) {
        self.waiting.retain(|ticket, raising| {
            let answer = if let Some(answer) = raising.outcome(state) {
                answer
            } else if raising.give_up_at <= now {
                Err(raising.too_slow())
            } else {
                if raising.repeat_at <= now {
                    raising.repeat_at = now.plus_ms(REPEAT_EVERY_MS);
                    outbox.send(raising.node, raising.order());
                }
                return true;
            };
            outbox.push(Effect::Answer {
                ticket: *ticket,
                answer,
            });
            false
        });
    }

    /// Gives everything up and returns who waited.
    pub fn abandon(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.waiting).into_keys().collect()
    }
}
