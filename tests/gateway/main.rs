//! The gateway, with real nodes in this process: real minds, real networks, real disks, real gRPC clients.
//!
//! What a crash does to it is told in `e2e`, where nodes are processes that can be killed.

mod bounds;
mod calls;
mod host;
mod plan;
mod watches;
