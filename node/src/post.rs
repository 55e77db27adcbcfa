//! The post room: seals what goes out, opens what comes in.
//!
//! Nothing passes unsigned, unaddressed or twice. Each peer has a lane of its own in each direction, so that its messages
//! stay in order and a slow or lying peer delays nobody else. Signatures are made and checked here, off the network's
//! task and off the drive loop.

mod gossip;
mod inbound;
mod memory;
mod outbound;
mod patience;
mod refusal;
mod seal;

pub use gossip::{GossipRoom, open_gossip};
pub use inbound::Inbound;
pub use memory::Memory;
pub use outbound::Outbound;
pub use refusal::PostRefusal;
pub use seal::Seal;
