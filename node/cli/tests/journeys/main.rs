//! UI-6, TST-3: what people do with `hms`, done by the program itself against meshes that it brings up: real
//! nodes, real sockets, real exit codes.
//!
//! What each command's text looks like in detail is for the unit tests beside it.

mod agents;
mod auditing;
mod drills;
mod evidence;
mod founding;
mod local;
mod mesh;
mod operator;
mod proofs;
mod receipts;
mod recovery;
mod services;
mod taking;
mod tasks;
mod usage;
