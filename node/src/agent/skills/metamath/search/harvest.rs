//! The end of a search: the steps that it has taken, brought in as the tree of a proof.

use std::sync::Arc;

use super::{Child, GOAL_HEADS_MAX, Proof, Search};
use crate::agent::skills::metamath::terms::Ground;

impl Search<'_> {
    /// The proof whose root is a step, with every open term filled; `None` if it breaks a distinctness condition.
    pub(super) fn harvest(&self, root: usize) -> Option<Arc<Proof>> {
        let step = &self.steps[root];
        let lemma = self.lemmas[step.lemma];
        let mut values = Vec::new();
        for (hole, code) in step.holes.iter().zip(&lemma.holes) {
            let mut text = Ground::new();
            let whole = match hole {
                Some(term) => self
                    .bank
                    .write(*term, self.guide.spare, GOAL_HEADS_MAX, &mut text),
                None => (self.guide.spare)(*code).is_some_and(|head| {
                    text.push(head);
                    true
                }),
            };
            if !whole {
                return None;
            }
            values.push(text);
        }
        if !lemma
            .disjoint
            .iter()
            .all(|(one, other)| are_apart(&values[*one], &values[*other]))
        {
            return None;
        }
        let children: Option<Vec<Arc<Proof>>> = step
            .children
            .iter()
            .map(|child| match child {
                Child::Open => None,
                Child::Step(place) => self.harvest(*place),
                Child::Proof(proof) => Some(Arc::clone(proof)),
            })
            .collect();
        let children = children?;
        let steps = children
            .iter()
            .fold(1_u32, |sum, child| sum.saturating_add(child.steps));
        let cost = children
            .iter()
            .fold(lemma.cost, |sum, child| sum.saturating_add(child.cost));
        Some(Arc::new(Proof {
            lemma: step.lemma,
            values,
            children,
            steps,
            cost,
        }))
    }
}

/// Whether two terms share no variable. That the claim declares them distinct is for the kernel to see.
fn are_apart(one: &Ground, other: &Ground) -> bool {
    one.iter()
        .all(|head| !head.is_variable() || !other.contains(head))
}
