//! A skill: a kind of work that an agent can do, as it is advertised to the mesh.

use std::collections::BTreeSet;

use crate::id::SkillName;

/// A skill as one node offers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SkillSpec {
    /// Its name, for example `probe.http`.
    pub name: SkillName,
    /// The version of its behaviour, for example `1.0`.
    pub version: String,
    /// One sentence for people.
    pub summary: String,
    /// What the input must look like, for people.
    pub input: String,
    /// What this node offers with it, for example `base=<digest>` for each proof database that it holds.
    pub offers: BTreeSet<String>,
}
