//! An assertion as the prover uses it: templates of what it states and needs, with holes for its variables.

use std::collections::HashMap;

use super::grammar::{Formula, Grammar, Head, Tree};
use super::library::{Frame, Hypothesis, Symbol};

/// One piece of a template, in prefix order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Any term, the same wherever the number stands.
    Hole(usize),
    /// A head and how many terms follow as its arguments.
    Apply(Head, usize),
}

/// A statement with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// The typecode of the statement, for example `|-`.
    pub(super) code: Symbol,
    /// The type of its body.
    pub(super) body_code: Symbol,
    /// The body.
    pub(super) pieces: Vec<Piece>,
}

/// What a proof puts before the label of an assertion, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ingredient {
    /// The syntax of what fills a hole.
    Hole(usize),
    /// The proof of a hypothesis, by its place among them.
    Proof(usize),
}

/// An assertion.
#[derive(Clone, Debug)]
pub(super) struct Lemma {
    /// Its label.
    pub(super) label: String,
    /// The types of its holes.
    pub(super) holes: Vec<Symbol>,
    /// Pairs of holes whose terms must share no variable.
    pub(super) disjoint: Vec<(usize, usize)>,
    /// What it needs.
    pub(super) hypotheses: Vec<Template>,
    /// What it states.
    pub(super) conclusion: Template,
    /// How it stands in a proof.
    pub(super) recipe: Vec<Ingredient>,
    /// What its use costs in a search: the more it leaves to guess, the more.
    pub(super) cost: u32,
}

impl Lemma {
    /// Reads the assertion of a frame; `None` if the grammar cannot.
    pub(super) fn of_frame(grammar: &Grammar, frame: &Frame) -> Option<Self> {
        let types = types_of(frame.hypotheses.iter());
        let mut places = HashMap::new();
        let mut holes = Vec::new();
        let mut needed = Vec::new();
        let mut recipe = Vec::new();
        for hypothesis in &frame.hypotheses {
            match hypothesis {
                Hypothesis::Floating { code, variable, .. } => {
                    places.insert(*variable, holes.len());
                    recipe.push(Ingredient::Hole(holes.len()));
                    holes.push(*code);
                }
                Hypothesis::Essential { math, .. } => {
                    recipe.push(Ingredient::Proof(needed.len()));
                    needed.push(grammar.read(math, &types)?);
                }
            }
        }
        let hypotheses = needed
            .iter()
            .map(|formula| Template::of(formula, &places))
            .collect();
        let conclusion = Template::of(&grammar.read(&frame.statement, &types)?, &places);
        let place = |symbol: &Symbol| places.get(symbol).copied();
        let pairs = frame.disjoint.iter();
        let disjoint = pairs
            .filter_map(|(one, other)| Some((place(one)?, place(other)?)))
            .collect();
        let cost = cost_of(holes.len(), &conclusion);
        let label = frame.label.clone();
        Some(Self {
            label,
            holes,
            disjoint,
            hypotheses,
            conclusion,
            recipe,
            cost,
        })
    }

    /// A hypothesis of the claim: it needs nothing, and its variables are what they are.
    pub(super) fn of_given(label: &str, formula: &Formula) -> Self {
        Self {
            label: label.to_owned(),
            holes: Vec::new(),
            disjoint: Vec::new(),
            hypotheses: Vec::new(),
            conclusion: Template::of(formula, &HashMap::new()),
            recipe: Vec::new(),
            cost: 1,
        }
    }
}

/// One, and one for each hole that a goal does not fill; a conclusion that fits everything costs one more.
fn cost_of(holes: usize, conclusion: &Template) -> u32 {
    let filled = (0..holes).filter(|place| conclusion.pieces.contains(&Piece::Hole(*place)));
    let guessed = holes - filled.count() + usize::from(conclusion.root().is_none());
    u32::try_from(guessed).unwrap_or(u32::MAX).saturating_add(1)
}

impl Template {
    /// The head of the body; `None` if the whole body is a hole.
    pub(super) fn root(&self) -> Option<Head> {
        match self.pieces.first() {
            Some(Piece::Apply(head, _)) => Some(*head),
            Some(Piece::Hole(_)) | None => None,
        }
    }

    /// A statement with holes at these variables. Other variables stand for themselves.
    pub(super) fn of(formula: &Formula, places: &HashMap<Symbol, usize>) -> Self {
        let mut pieces = Vec::new();
        push_pieces(&formula.body, places, &mut pieces);
        Self {
            code: formula.code,
            body_code: formula.body_code,
            pieces,
        }
    }
}

fn push_pieces(tree: &Tree, places: &HashMap<Symbol, usize>, pieces: &mut Vec<Piece>) {
    match tree {
        Tree::Variable(symbol) => pieces.push(match places.get(symbol) {
            Some(place) => Piece::Hole(*place),
            None => Piece::Apply(Head::variable(*symbol), 0),
        }),
        Tree::Node(head, arguments) => {
            pieces.push(Piece::Apply(*head, arguments.len()));
            for argument in arguments {
                push_pieces(argument, places, pieces);
            }
        }
    }
}

/// The types of the variables that have one.
pub(super) fn types_of<'a>(
    hypotheses: impl Iterator<Item = &'a Hypothesis>,
) -> HashMap<Symbol, Symbol> {
    let typed = hypotheses.filter_map(|hypothesis| match hypothesis {
        Hypothesis::Floating { code, variable, .. } => Some((*variable, *code)),
        Hypothesis::Essential { .. } => None,
    });
    typed.collect()
}
