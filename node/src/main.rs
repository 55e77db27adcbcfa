//! The program `hms-node`, with the built-in skills.

use std::process::ExitCode;

use hms_node::agent::SkillSet;

/// A node makes and drops many small values on many threads: the system's allocator takes a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hms_node::program::main(SkillSet::default())
}
