//! The agents of one node, for real: real keys on a real disk, real processes, real sockets, real proofs.

mod life;
mod memory;
mod probes;
mod proofs;
mod stage;
