//! Drills: attacks on a mesh that is made for it, each with what is expected to hold, and an honest verdict.
//!
//! A [`Drill`] says what is tested, what is done, and what must follow. A world carries it out (the seeded simulation, or
//! real processes) and gives a [`Run`]: what happened, when. [`verdict::judge`] says what that is worth, and a
//! [`Report`] tells it to people, signed. Nothing in here starts a process or reads a clock.

pub mod catalogue;
pub mod fault;
pub mod manifest;
pub mod mixture;
pub mod page;
pub mod report;
pub mod run;
pub mod seal;
pub mod tally;
pub mod text;
pub mod verdict;

pub use fault::DrillFault;
pub use manifest::{Drill, World};
pub use report::Report;
pub use run::{Mark, Run, Stage};
pub use seal::{SealFault, Sealed};
pub use verdict::Verdict;
