//! One node of the mesh: the hands that carry out what the mind orders.
//!
//! [`drive`] is the loop; [`perform`] carries out effects; the other rooms are the world as a node sees it: [`net`],
//! [`store`], [`agent`], [`gateway`].
//!
//! This crate decides nothing about tasks, leaders or services: that is `hms-consensus`. Nothing imports it but its own
//! `main.rs`, the adversary of the drills and the tests.

pub mod agent;
pub mod clock;
pub mod config;
pub mod drive;
pub mod entry;
pub mod facts;
pub mod gateway;
pub mod identity;
pub mod limits;
pub mod mailbox;
pub mod makeup;
pub mod metrics;
pub mod net;
pub mod node;
pub mod pages;
pub mod perform;
pub mod post;
pub mod program;
pub mod ready;
pub mod salvage;
pub mod store;
pub mod telemetry;
pub mod vitals;

pub use hms_keystore::space;
