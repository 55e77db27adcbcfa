//! Drivers in conversation: a mesh of real drivers, disks that forget what was not synced, and a
//! network that the test holds in its hands.

mod certificates;
mod chaos;
mod clauses;
mod delivery;
mod disk;
mod elections;
mod forgery;
mod liar;
mod lies;
mod membership;
mod mesh;
mod replication;
mod restart;
mod scrutiny;
mod transfer;
