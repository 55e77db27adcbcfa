//! The ledger's hash chain: every entry commits to every entry before it.

pub mod hash;
