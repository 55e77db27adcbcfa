//! The network over real sockets on loopback: what it carries, whom it refuses, and how it mends.

mod admission;
mod calls;
mod direct;
mod gossip;
mod links;
mod proxy;
mod secrecy;
mod station;
