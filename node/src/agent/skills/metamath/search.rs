//! The prover's search: backwards from the goal, by unification, the shortest proof first.
//!
//! Iterative deepening over the cost of a proof, so that a cheap one is found first, and the same one every time. What is
//! learnt about a goal without unknowns (its shortest proof, or that there is none so short) is kept for the rest of the
//! search. The search decides nothing: what it finds goes to the kernel like anybody's proof.

mod harvest;

use std::collections::HashMap;
use std::sync::Arc;

use super::grammar::Head;
use super::lemma::{Lemma, Template};
use super::library::Symbol;
use super::model::Judge;
use super::terms::{Bank, Ground, Holes, Term};

/// Heads of one goal. A goal that has grown beyond it is given up.
const GOAL_HEADS_MAX: usize = 400;

/// What all uses of assertions may cost in the last and widest search.
const COST_MAX: u32 = 40;

/// What they may cost in the first search between one goal without unknowns and the next ones. Guesses are what makes a
/// search long, and few proofs need many in a row: so the gap grows more slowly than the whole, by one in `GAP_EVERY`.
/// Both were found by trial on the theorems of this repository.
const GAP_FIRST: u32 = 5;

/// See [`GAP_FIRST`].
const GAP_EVERY: u32 = 6;

/// Goals that something is kept of. With more, the search goes on and repeats itself.
const KNOWN_MAX: usize = 200_000;

/// A proof as a tree.
#[derive(Debug)]
pub(super) struct Proof {
    /// The assertion at its root, by its place among the lemmas.
    pub(super) lemma: usize,
    /// What fills its holes.
    pub(super) values: Vec<Ground>,
    /// The proofs of its hypotheses.
    pub(super) children: Vec<Arc<Proof>>,
    /// Assertions used, each use counted.
    pub(super) steps: u32,
    /// What all those uses cost.
    cost: u32,
}

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    /// What all uses of assertions may cost.
    whole: u32,
    /// What they may cost between one goal without unknowns and the next ones.
    gap: u32,
}

/// What is known of a goal without unknowns.
#[derive(Clone, Debug)]
enum Known {
    Proved(Arc<Proof>),
    /// Nothing proves it.
    Refuted,
    /// It has no proof within this reach.
    Beyond(Reach),
}

/// Something still to be proved.
#[derive(Clone, Copy, Debug)]
struct Goal {
    code: Symbol,
    body_code: Symbol,
    term: Term,
    /// The step that needs it and the place among that step's hypotheses; `None` for the root.
    parent: Option<(usize, usize)>,
}

/// An assertion in use.
#[derive(Debug)]
struct Step {
    lemma: usize,
    holes: Holes,
    children: Vec<Child>,
}

#[derive(Clone, Debug)]
enum Child {
    Open,
    Step(usize),
    Proof(Arc<Proof>),
}

/// What a search is told from outside.
#[derive(Clone, Copy)]
pub(super) struct Guide<'a> {
    /// Names a variable of a type, for terms that a proof leaves open.
    pub(super) spare: &'a dyn Fn(Symbol) -> Option<Head>,
    /// Knows goals that nothing proves.
    pub(super) judge: &'a Judge<'a>,
    /// Asked now and then whether to give up.
    pub(super) stop: &'a dyn Fn() -> bool,
}

/// A search over a set of lemmas.
pub(super) struct Search<'a> {
    lemmas: &'a [&'a Lemma],
    // Lemmas that may conclude a goal with this head; those with a bare hole as conclusion are in every list.
    by_head: HashMap<Head, Arc<[usize]>>,
    any_head: Arc<[usize]>,
    all: Arc<[usize]>,
    guide: Guide<'a>,
    bank: Bank,
    steps: Vec<Step>,
    known: HashMap<(Symbol, Ground), Known>,
    tried: u64,
}

impl<'a> Search<'a> {
    /// Prepares a search of at most so many comparisons.
    pub(super) fn new(lemmas: &'a [&'a Lemma], effort_max: u64, guide: Guide<'a>) -> Self {
        let mut by_head: HashMap<Head, Arc<[usize]>> = HashMap::new();
        let mut order: Vec<usize> = (0..lemmas.len()).collect();
        order.sort_by_key(|place| lemmas[*place].hypotheses.len());
        let root = |place: &usize| lemmas[*place].conclusion.root();
        let any_head = order
            .iter()
            .filter(|place| root(place).is_none())
            .copied()
            .collect();
        for head in order.iter().filter_map(root) {
            by_head.entry(head).or_insert_with(|| {
                let fits = |place: &&usize| root(place).is_none_or(|found| found == head);
                order.iter().filter(fits).copied().collect()
            });
        }
        Self {
            lemmas,
            by_head,
            any_head,
            all: order.into(),
            guide,
            bank: Bank::new(effort_max),
            steps: Vec::new(),
            known: HashMap::new(),
            tried: 0,
        }
    }

    /// Searches a proof, in ever wider searches.
    pub(super) fn prove(&mut self, goal: &Template) -> Option<Arc<Proof>> {
        let term = self
            .bank
            .build(&mut goal.pieces.as_slice(), &mut Holes::new(), &[]);
        let goal = Goal {
            code: goal.code,
            body_code: goal.body_code,
            term,
            parent: None,
        };
        let ground = self.ground(term)?;
        for whole in 1..=COST_MAX {
            let gap = GAP_FIRST + whole / GAP_EVERY;
            let reach = Reach { whole, gap };
            if let Some(proof) = self.prove_ground(goal, ground.clone(), reach) {
                return Some(proof);
            }
        }
        None
    }

    /// Assertions tried and comparisons made.
    pub(super) fn effort(&self) -> (u64, u64) {
        (self.tried, self.bank.effort())
    }

    /// Whether the search was given up rather than finished.
    pub(super) fn is_stopped(&self) -> bool {
        self.bank.is_spent() || (self.guide.stop)()
    }

    /// The cheapest proof of a goal without unknowns, within a reach.
    fn prove_ground(&mut self, goal: Goal, ground: Ground, reach: Reach) -> Option<Arc<Proof>> {
        let key = (goal.code, ground);
        let first = match self.known.get(&key) {
            Some(Known::Proved(proof)) => {
                return (proof.cost <= reach.whole).then(|| Arc::clone(proof));
            }
            Some(Known::Refuted) => return None,
            Some(Known::Beyond(done)) if reach.gap <= done.gap => done.whole + 1,
            None if self.guide.judge.refutes(&key.1) => {
                self.learn(key, Known::Refuted);
                return None;
            }
            Some(Known::Beyond(_)) | None => 1,
        };
        for whole in first..=reach.whole {
            let reach = Reach { whole, ..reach };
            let (mark, start) = (self.bank.mark(), self.steps.len());
            let found = self.expand(
                Goal {
                    parent: None,
                    ..goal
                },
                &[],
                reach.gap,
                reach,
            );
            let proof = if found { self.harvest(start) } else { None };
            self.steps.truncate(start);
            self.bank.undo(mark);
            if let Some(proof) = proof {
                self.learn(key, Known::Proved(Arc::clone(&proof)));
                return Some(proof);
            }
            if self.is_stopped() {
                return None;
            }
            self.learn(key.clone(), Known::Beyond(reach));
        }
        None
    }

    fn learn(&mut self, key: (Symbol, Ground), known: Known) {
        if self.known.len() < KNOWN_MAX || self.known.contains_key(&key) {
            self.known.insert(key, known);
        }
    }

    /// Tries every assertion that could conclude a goal, then solves what that leaves and the rest. `left` is what the
    /// gap still allows.
    fn expand(&mut self, goal: Goal, rest: &[Goal], left: u32, reach: Reach) -> bool {
        let lemmas = self.lemmas;
        for place in self.candidates(goal.term).iter().copied() {
            let lemma = lemmas[place];
            // Every goal left costs at least one.
            let needed = lemma.cost as usize + lemma.hypotheses.len() + rest.len();
            if lemma.cost <= left
                && needed <= reach.whole as usize
                && self.attempt(goal, place, rest, (left, reach))
            {
                return true;
            }
            if self.is_stopped() {
                return false;
            }
        }
        false
    }

    fn attempt(
        &mut self,
        goal: Goal,
        place: usize,
        rest: &[Goal],
        (left, reach): (u32, Reach),
    ) -> bool {
        let lemma = self.lemmas[place];
        let conclusion = &lemma.conclusion;
        if conclusion.code != goal.code || conclusion.body_code != goal.body_code {
            return false;
        }
        self.tried += 1;
        let (mark, start) = (self.bank.mark(), self.steps.len());
        let mut holes: Holes = vec![None; lemma.holes.len()];
        let mut pieces = conclusion.pieces.as_slice();
        if self
            .bank
            .fit(&mut pieces, &mut holes, &lemma.holes, goal.term)
        {
            let mut agenda = rest.to_vec();
            for (child, template) in lemma.hypotheses.iter().enumerate() {
                let mut pieces = template.pieces.as_slice();
                let term = self.bank.build(&mut pieces, &mut holes, &lemma.holes);
                let parent = Some((start, child));
                let Template {
                    code, body_code, ..
                } = *template;
                agenda.push(Goal {
                    code,
                    body_code,
                    term,
                    parent,
                });
            }
            let children = vec![Child::Open; lemma.hypotheses.len()];
            self.steps.push(Step {
                lemma: place,
                holes,
                children,
            });
            self.settle(goal.parent, Child::Step(start));
            let reach = Reach {
                whole: reach.whole - lemma.cost,
                ..reach
            };
            if self.solve(agenda, left - lemma.cost, reach) {
                return true;
            }
        }
        self.steps.truncate(start);
        self.bank.undo(mark);
        false
    }

    /// Proves every goal of an agenda. Goals without unknowns come first and are settled for good, each with a gap of
    /// its own; of the others, the one that leaves the fewest choices.
    fn solve(&mut self, mut agenda: Vec<Goal>, left: u32, mut reach: Reach) -> bool {
        while let Some((place, ground)) = self.find_ground(&agenda) {
            let goal = agenda.swap_remove(place);
            let others = u32::try_from(agenda.len()).unwrap_or(u32::MAX);
            let allowed = Reach {
                whole: reach.whole.saturating_sub(others),
                ..reach
            };
            let Some(proof) = self.prove_ground(goal, ground, allowed) else {
                return false;
            };
            reach.whole -= proof.cost;
            self.settle(goal.parent, Child::Proof(proof));
        }
        let Some(place) = self.choose(&agenda) else {
            return true;
        };
        let goal = agenda.swap_remove(place);
        self.expand(goal, &agenda, left, reach)
    }

    fn find_ground(&self, agenda: &[Goal]) -> Option<(usize, Ground)> {
        let mut goals = agenda.iter().enumerate();
        goals.find_map(|(place, goal)| Some((place, self.ground(goal.term)?)))
    }

    /// The goal that leaves the fewest choices: few unknowns, then many heads. A bare unknown comes last.
    fn choose(&mut self, agenda: &[Goal]) -> Option<usize> {
        let mut best: Option<((bool, u32, u32), usize)> = None;
        for (place, goal) in agenda.iter().enumerate() {
            let (mut heads, mut unknowns) = (0, 0);
            self.bank.measure(goal.term, &mut heads, &mut unknowns);
            let rank = (heads == 0, unknowns, u32::MAX - heads);
            if best.is_none_or(|(other, _)| rank < other) {
                best = Some((rank, place));
            }
        }
        best.map(|(_, place)| place)
    }

    fn candidates(&self, term: Term) -> Arc<[usize]> {
        let list = match self.bank.head(term) {
            Some(head) => self.by_head.get(&head).unwrap_or(&self.any_head),
            None => &self.all,
        };
        Arc::clone(list)
    }

    fn settle(&mut self, parent: Option<(usize, usize)>, child: Child) {
        if let Some((step, place)) = parent {
            self.steps[step].children[place] = child;
        }
    }

    /// The term written down, if it has no unknowns.
    fn ground(&self, term: Term) -> Option<Ground> {
        let mut text = Ground::new();
        let whole = self.bank.write(term, &|_| None, GOAL_HEADS_MAX, &mut text);
        whole.then_some(text)
    }
}
