//! The lines in which tasks wait for an agent, one line per demand, and the order among them.
//!
//! Tasks with one demand can be placed on the same agents, so when the first of a line cannot be placed, none behind it
//! can: a round looks at lines, not at tasks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use hms_protocol::id::{Position, SkillName, TaskId};
use hms_protocol::task::{Blockage, Task, TaskSpec};
use hms_protocol::verdict::verifying_skill;

/// What an agent must have to take a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    /// The skill.
    pub skill: SkillName,
    /// The offers.
    pub needs: BTreeSet<String>,
}

impl Demand {
    /// What a task demands of whoever does it.
    pub fn of(spec: &TaskSpec) -> Self {
        Self {
            skill: spec.skill.clone(),
            needs: spec.needs.clone(),
        }
    }

    /// What whoever checks results of this demand must have, if the skill is one whose results are checked.
    pub fn verifying(&self) -> Option<Self> {
        Some(Self {
            skill: verifying_skill(&self.skill)?,
            needs: self.needs.clone(),
        })
    }
}

/// A task's place: higher priority first, then age, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Higher comes first.
    pub priority: Reverse<u8>,
    /// Where it was submitted: a task that is tried again keeps its age.
    pub submitted: Position,
    /// The task.
    pub task: TaskId,
}

impl Place {
    /// The place of a task.
    pub fn of(task: &Task) -> Self {
        Self {
            priority: Reverse(task.spec.priority),
            submitted: task
                .history
                .first()
                .map(|first| first.position)
                .unwrap_or_default(),
            task: task.id,
        }
    }
}

/// Tasks that wait for an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    lines: BTreeMap<Demand, BTreeSet<Place>>,
    // Invariant: exactly the first place of every line.
    heads: BTreeSet<(Place, Demand)>,
    blocked: BTreeMap<(Demand, Blockage), BTreeSet<Place>>,
    queued: usize,
}

impl Waiting {
    /// How many tasks are queued.
    pub fn len(&self) -> usize {
        self.queued
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// The first task of every line, in the order in which they are to be placed.
    pub fn heads(&self) -> impl Iterator<Item = (&Place, &Demand)> {
        self.heads.iter().map(|(place, demand)| (place, demand))
    }

    /// The tasks of one line that stand behind a place, first to last.
    pub fn line_behind(
        &self,
        demand: &Demand,
        place: Place,
    ) -> impl Iterator<Item = Place> + use<'_> {
        let line = self.lines.get(demand).into_iter();
        line.flat_map(move |line| line.range((Excluded(place), Unbounded)).copied())
    }

    /// The blocked tasks: what they demand, why nobody can take them, and which they are.
    pub fn blocked(&self) -> impl Iterator<Item = (&Demand, &Blockage, &BTreeSet<Place>)> + Clone {
        let lines = self.blocked.iter();
        lines.map(|((demand, blockage), places)| (demand, blockage, places))
    }

    /// How many different pairs of demand and blockage there are.
    pub fn blocked_lines(&self) -> usize {
        self.blocked.len()
    }

    pub(super) fn join(&mut self, demand: Demand, place: Place) {
        let line = self.lines.entry(demand.clone()).or_default();
        let former = line.first().copied();
        if !line.insert(place) {
            return;
        }
        self.queued += 1;
        if former.is_none_or(|former| place < former) {
            if let Some(former) = former {
                self.heads.remove(&(former, demand.clone()));
            }
            self.heads.insert((place, demand));
        }
    }

    pub(super) fn leave(&mut self, demand: Demand, place: Place) {
        let Some(line) = self.lines.get_mut(&demand) else {
            return;
        };
        let was_first = line.first() == Some(&place);
        if !line.remove(&place) {
            return;
        }
        self.queued -= 1;
        let next = line.first().copied();
        if next.is_none() {
            self.lines.remove(&demand);
        }
        if was_first {
            let key = (place, demand);
            self.heads.remove(&key);
            if let Some(next) = next {
                self.heads.insert((next, key.1));
            }
        }
    }

    pub(super) fn block(&mut self, demand: Demand, blockage: Blockage, place: Place) {
        self.blocked
            .entry((demand, blockage))
            .or_default()
            .insert(place);
    }

    pub(super) fn unblock(&mut self, demand: Demand, blockage: Blockage, place: Place) {
        let key = (demand, blockage);
        if let Some(line) = self.blocked.get_mut(&key) {
            line.remove(&place);
            if line.is_empty() {
                self.blocked.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(priority: u8, index: u64) -> Place {
        Place {
            priority: Reverse(priority),
            submitted: Position {
                index: hms_protocol::id::Index(index),
                offset: 0,
            },
            task: TaskId::from_bytes([0; 16]),
        }
    }

    fn demand(skill: &str) -> Demand {
        Demand {
            skill: skill.parse().unwrap(),
            needs: BTreeSet::new(),
        }
    }

    /// Joins, then leaves, then compares the heads.
    fn check(join: &[(&str, Place)], leave: &[(&str, Place)], heads: &[(&str, Place)]) {
        let mut waiting = Waiting::default();
        for (skill, place) in join {
            waiting.join(demand(skill), *place);
        }
        for (skill, place) in leave {
            waiting.leave(demand(skill), *place);
        }
        let found: Vec<(&str, Place)> = waiting
            .heads()
            .map(|(place, demand)| (demand.skill.as_str(), *place))
            .collect();
        assert_eq!(found, heads);
        assert_eq!(waiting.len(), join.len() - leave.len());
    }

    #[test]
    fn the_heads_are_the_first_of_every_line_in_order_of_priority_and_age() {
        let all = [
            ("echo", place(0, 3)),
            ("echo", place(0, 1)),
            ("sleep", place(0, 2)),
            ("echo", place(5, 9)),
        ];
        check(&all, &[], &[("echo", place(5, 9)), ("sleep", place(0, 2))]);
        check(
            &all,
            &[("echo", place(5, 9))],
            &[("echo", place(0, 1)), ("sleep", place(0, 2))],
        );
        check(&all, &[("sleep", place(0, 2))], &[("echo", place(5, 9))]);
        check(&all[..1], &all[..1], &[]);
    }
}
