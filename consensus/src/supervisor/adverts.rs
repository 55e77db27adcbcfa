//! What the nodes say they can do, from their newest announcements.
//!
//! It is hearsay, good for choosing a node and for showing to people; what an agent may be given is in the roster.

use std::collections::BTreeMap;

use hms_protocol::id::{NodeId, SkillName};
use hms_protocol::limits::MEMBERS_MAX;
use hms_protocol::skill::SkillSpec;

use crate::limits::SKILLS_PER_NODE_MAX;

/// Announcements by node.
#[derive(Debug, Default)]
pub struct Adverts {
    by_node: BTreeMap<NodeId, BTreeMap<SkillName, SkillSpec>>,
}

impl Adverts {
    /// Takes a node's announcement, which replaces its former one.
    pub fn hear(&mut self, from: NodeId, skills: Vec<SkillSpec>) {
        if self.by_node.len() >= MEMBERS_MAX && !self.by_node.contains_key(&from) {
            return;
        }
        let skills = skills.into_iter().take(SKILLS_PER_NODE_MAX);
        let by_name = skills.map(|skill| (skill.name.clone(), skill)).collect();
        self.by_node.insert(from, by_name);
    }

    /// Whether a node says that it has a skill.
    pub fn has(&self, node: NodeId, skill: &SkillName) -> bool {
        let skills = self.by_node.get(&node);
        skills.is_some_and(|skills| skills.contains_key(skill))
    }

    /// What the nodes say of one skill, by node.
    pub fn of(&self, skill: &SkillName) -> impl Iterator<Item = &SkillSpec> {
        self.by_node.values().filter_map(|skills| skills.get(skill))
    }
}
