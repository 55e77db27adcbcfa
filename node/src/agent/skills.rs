//! What every node can do without being taught: the built-in skills.

pub mod echo;
pub mod sleep;

use super::skill::SkillSet;

/// The built-in skills that need no setting.
pub fn built_in() -> SkillSet {
    SkillSet::default().with(echo::Echo).with(sleep::Sleep)
}
