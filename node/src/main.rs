//! The program `hms-node`, with the built-in skills.

use std::process::ExitCode;

use hms_node::agent::SkillSet;

fn main() -> ExitCode {
    hms_node::program::main(SkillSet::default())
}
