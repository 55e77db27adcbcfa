//! How many opinions become one decision: who is drawn to give them, and when they are enough.
//!
//! Both are pure functions of what is in the ledger, so every replica draws and counts alike. What a decision *does* is
//! the business of `state`.

pub mod draw;
pub mod tally;
