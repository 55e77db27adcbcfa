//! Local meshes: real nodes as processes on this machine, made, hurt and taken down again.
//!
//! A mesh lives in one folder: a data folder and a log per node, and a manifest that says which processes are its own.
//! Whoever finds the manifest later (another command, another shell) can go on with it.
//!
//! It drives nodes from outside only, by their command line, their files and signals. It never touches a process that it
//! cannot prove to be its own.

pub mod arena;
pub mod attack;
pub mod chaos;
pub mod cluster;
pub mod drill;
pub mod fault;
pub mod follow;
pub mod launch;
pub mod load;
pub mod manifest;
pub mod plan;
pub mod process;

pub use cluster::Cluster;
pub use fault::TestnetFault;
pub use plan::Plan;
