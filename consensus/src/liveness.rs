//! Who is there: what one node makes of the silence of the others.
//!
//! Suspicion is cheap and reversible; only the ledger declares anybody lost. Nothing here is replicated.

pub mod detector;

pub use self::detector::{Condition, Liveness};
