//! The only room that knows the raft crate: it keeps the log in agreement and says what is
//! committed.
//!
//! A [`Driver`] takes ticks, peers' messages, proposals and the news that a write is durable;
//! [`Driver::settle`] gives back what follows from them. It promises that nothing leaves before
//! what it depends on is on stable storage, that every committed entry is handed out once and in
//! order with its chain hash, and that no message of a peer can make it panic. Election timeouts
//! are drawn from the node's key and a count, so a driver is a function of its inputs.
//!
//! It does not look into the entries or checkpoints that it carries, and it decides nothing about
//! who should take part: it asks a [`Jury`] before it takes a change of members or a command.

pub mod limits;

mod bridge;
mod bundle;
mod changes;
mod claims;
mod delivery;
mod driver;
mod election;
mod log;
mod members;
mod office;
mod progress;
mod reads;
mod reception;
mod refusal;
mod release;
mod restore;
mod row;
mod salvage;
mod scrutiny;
mod sentry;
mod settle;
mod standing;
mod suffix;
mod tally;
mod transfer;
mod vouch;

#[cfg(test)]
mod tests;

pub use driver::{Driver, RaftSettings, Restored};
pub use log::{Anchor, Point};
pub use members::{Members, MembershipChange, raft_id};
pub use progress::{Committed, Progress, RaftRole, RaftStatus};
pub use refusal::RaftRefusal;
pub use restore::{ReadAnchor, RestoreError};
pub use row::{RowError, read_row};
pub use salvage::{Graft, Holding, graft};
pub use scrutiny::{Jury, Reading};
pub use vouch::Seat;
