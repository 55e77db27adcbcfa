//! What a node is made of beyond its settings: the skills of its agents, the loop that drives its mind, and what passes the
//! network's events on.
//!
//! The program `hms-node` has the usual makeup. A node that works otherwise is another program: one with skills of its own,
//! or an adversary.

use futures::future::BoxFuture;
use hms_consensus::mind::Mind;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agent::SkillSet;
use crate::drive::drive;
use crate::mailbox::Inbox;
use crate::net::{Net, NetEvent};
use crate::perform::{Fault, Hands};

/// The loop that feeds a mind and has its orders carried out, until it is told to stop.
pub type Driver = Box<
    dyn FnOnce(Mind, Inbox, Hands, CancellationToken) -> BoxFuture<'static, Result<(), Fault>>
        + Send,
>;

/// What passes the network's events on to the post room.
pub type Relay = Box<dyn FnOnce(Net, mpsc::Receiver<NetEvent>) -> mpsc::Receiver<NetEvent> + Send>;

/// What a node is made of.
pub struct Makeup {
    /// What its agents can do beyond the built-in skills; one of the same name is replaced.
    pub skills: SkillSet,
    /// The loop.
    pub driver: Driver,
    /// What passes the network's events on.
    pub relay: Relay,
}

impl Default for Makeup {
    fn default() -> Self {
        Self::skilled(SkillSet::default())
    }
}

impl Makeup {
    /// The usual makeup, with these skills.
    pub fn skilled(skills: SkillSet) -> Self {
        Self {
            skills,
            driver: Box::new(|mind, inbox, hands, stop| Box::pin(drive(mind, inbox, hands, stop))),
            relay: Box::new(|_, events| events),
        }
    }
}
