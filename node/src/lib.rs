//! One node of the mesh: the hands that carry out what the mind orders.
//!
//! [`drive`] is the loop; [`perform`] carries out effects; the other rooms are the world as a node sees it: [`net`],
//! [`store`], [`agent`], [`gateway`].
//!
//! This crate decides nothing about tasks, leaders or services: that is `hms-consensus`. Nothing imports it but its own
//! `main.rs`, the adversary of the drills and the tests.

pub mod clock;
pub mod identity;
pub mod limits;
pub mod net;
pub mod store;
