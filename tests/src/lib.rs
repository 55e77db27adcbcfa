//! What the tests of the whole system share: a mesh in one thread, and the language of the golden scripts.
//!
//! The minds are the real ones; the hands, the network, the disks, the agents and the clients are simulated, and so is
//! time. Nothing here is part of the product, and the product knows nothing of it.

pub mod golden;
pub mod sim;
