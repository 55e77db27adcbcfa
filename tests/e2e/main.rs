//! End to end: real nodes as processes, real sockets, real disks, killed and paused as machines are (TST-2, TST-3).
//!
//! Each test brings up a mesh of its own in a folder of its own on free loopback ports, and takes it down.

mod mesh;

mod discovery;
mod example;
mod full_disk;
mod large;
mod leader;
mod linear;
mod logs;
mod memory;
mod nodes;
mod partition;
mod proofs;
mod quorum;
mod receipts;
mod seats;
mod services;
mod small;
