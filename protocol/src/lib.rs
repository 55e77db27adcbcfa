//! The vocabulary of the mesh: who is who, what a message, a task and a service are, and why something is refused.
//!
//! Everything here is a value or a function of values. Two nodes that run this crate on the same bytes reach the same
//! conclusion.
//!
//! It does not read a clock, draw randomness, open a socket or touch a disk, and it decides nothing about *what should
//! happen next*: that is `hms-consensus`.

pub mod act;
pub mod agent;
pub mod ballot;
pub mod certificate;
pub mod chain;
pub mod codec;
pub mod digest;
pub mod envelope;
pub mod evidence;
pub mod frame;
pub mod genesis;
pub mod heartbeat;
pub mod id;
pub mod keyring;
pub mod limits;
pub mod member;
pub mod membership;
pub mod order;
pub mod peer;
pub mod proof;
pub mod receipt;
pub mod recovery;
pub mod refusal;
pub mod replay;
pub mod service;
pub mod skill;
pub mod task;
pub mod text;
pub mod time;
pub mod token;
pub mod transcript;
pub mod tree;
pub mod trust;
pub mod verdict;
pub mod vetting;
pub mod warrant;
