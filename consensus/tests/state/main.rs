//! The replicated state and what is computed from it, through the door that every replica uses: `State::apply`.
//!
//! Every test plays commands on a [`stage`] with real keys, real envelopes and real certificates.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test that finds what it did not expect shall stop"
)]

mod authors;
mod bounds;
mod checkpoint;
mod convictions;
mod orders;
mod placement;
mod proofs;
mod recovery;
mod replicas;
mod roster;
mod services;
mod stage;
mod submissions;
mod tasks;
