//! The program `hms-adversary`: a real node that does nothing wrong until it is told to.
//!
//! It takes the same command line as `hms-node`. Its orders lie in its data directory, where a drill puts them; while there
//! are none it is an honest node. It speaks with its own key only.

mod corruption;
mod desk;
mod noise;
mod relay;
mod skills;

use std::process::ExitCode;
use std::sync::Arc;

use hms_node::agent::SkillSet;
use hms_node::agent::skills::built_in;
use hms_node::config::Config;
use hms_node::makeup::Makeup;

use crate::corruption::{Corruption, drive};
use crate::skills::{Lazy, Lying};

/// As in the honest node.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hms_node::program::run_as(makeup)
}

/// The makeup of a node that may misbehave: every part asks the same corruption.
fn makeup(config: &Config) -> Makeup {
    let corruption = Arc::new(Corruption::new(config.data_dir.clone()));
    let (driven, relayed) = (Arc::clone(&corruption), Arc::clone(&corruption));
    Makeup {
        skills: corrupted(config, &corruption),
        driver: Box::new(|mind, inbox, hands, stop| {
            Box::pin(drive(driven, mind, inbox, hands, stop))
        }),
        relay: Box::new(|net, events| relay::relay(relayed, net, events)),
    }
}

/// The built-in skills that prove and verify, which do so badly when they are told to. A node whose skills cannot be had
/// says so itself.
fn corrupted(config: &Config, corruption: &Arc<Corruption>) -> SkillSet {
    let Ok(honest) = built_in(&config.bases) else {
        return SkillSet::default();
    };
    let mut skills = SkillSet::default();
    for spec in honest.specs() {
        let name = spec.name;
        let Some(skill) = honest.get(&name).cloned() else {
            continue;
        };
        if name.as_str().starts_with("prove.") {
            skills = skills.with(Lying::new(skill, Arc::clone(corruption)));
        } else if name.as_str().starts_with("verify.") {
            skills = skills.with(Lazy::new(skill, Arc::clone(corruption)));
        }
    }
    skills
}
