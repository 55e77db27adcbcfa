//! The mind of a node: it takes an [`Input`](input::Input) and returns [`Effect`](effect::Effect)s.
//!
//! A [`Mind`](mind::Mind) is what one node thinks: every node has a [`worker`] (it holds leases, runs agents, probes
//! services), voters also have a [`supervisor`] (Raft, the ledger, and on the leader the rounds that place work).
//! Given the same inputs it gives the same effects, which is what lets a whole mesh run in one thread under one seed.
//!
//! It does not read a clock, draw randomness, open a socket, touch a disk or start a thread, and nothing slow runs
//! inside `apply`.

pub mod birth;
pub mod effect;
pub mod input;
pub mod limits;
pub mod liveness;
pub mod mind;
pub mod outbox;
pub mod outline;
pub mod quorum;
pub mod raft;
pub mod salvage;
pub mod schedule;
pub mod state;
pub mod supervisor;
pub mod turns;
pub mod verdicts;
pub mod worker;
