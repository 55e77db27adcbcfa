//! The commit rule of `consensus/decisions/0001-commit-rule.md`, small enough to be checked in every state it can reach.
//!
//! Four voters, of whom one lies. The three [honest](voter) ones do what the [rule] says; the liar may do anything
//! that keys allow. `tests/commit_rule.rs` visits every state of several [scopes](steps::Scope) and asks in each whether
//! the [promises] hold, then leaves out one clause after another and shows which promise falls, in how many steps.
//!
//! # What stands for what
//!
//! - **The liar has no state.** Whatever honest voters have signed, it has; whatever it could sign, it has signed. So a
//!   certificate exists as soon as *two honest* voters attested the same log in the same term, and the liar leads a term as
//!   soon as two honest voters are free to vote in it: it can always show the highest certificate there is, and lies about
//!   its log. As leader it may put before each voter, in any order, any log that exists, or any start of one, with one
//!   more entry of either of two values. Staying silent is not doing any of this.
//! - **Messages** are the statements that were ever signed. Each may arrive at any time, late, repeatedly or never, at
//!   anybody: certificates by [`Learn`](steps::Step::Learn), proposals by [`Accept`](steps::Step::Accept). Crashes are
//!   silence, because an honest voter signs nothing that is not durable.
//! - **A log** stands for the hash of its last entry. An attestation is of exactly one log and says nothing of its starts.
//! - **An election is one step** of just enough voters. A voter that has voted does nothing in that term before there is a
//!   leader, and no voter's choice depends on another's, so votes can be moved next to each other. An election that fails
//!   only takes voters out of lower terms, where they could have done more.
//! - **A certificate arrives with its entries**, and to release a lock, to take the entries and to lock again is one step;
//!   so it must be one durable write in the program.
//! - **What a term leaves behind.** When every honest voter has left a term, only its certificates are remembered.
//! - **Names do not matter**: states that differ only in the names of honest voters, or of the two values, count once.
//!
//! # What it does not show
//!
//! Other numbers of voters, more than one liar, changes of membership, checkpoints, and scopes beyond those in the tests
//! are argued in the decision record and simulated elsewhere, not checked here. [`Leaders::Liar`](steps::Leaders::Liar)
//! leaves honest leaders out: as far as logs and certificates go, a lying leader can do what an honest one does, with the
//! same voters, in the same order. Progress is checked as [a possibility](promises::NO_WEDGE), not under a schedule.

pub mod log;
pub mod mesh;
pub mod promises;
pub mod rule;
pub mod steps;
pub mod voter;
