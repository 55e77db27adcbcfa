//! The prover: fills the open proofs of a claim by searching, and says how it went.
//!
//! Bounded by steps, by effort and by whoever cancels. Its word counts for nothing: the kernel has the last one.

use std::collections::HashMap;

use hms_protocol::limits::TASK_OUTPUT_BYTES_MAX;
use hms_protocol::proof::Claim;
use hms_protocol::proof::submission::{Submission, Theorem};

use super::grammar::{Grammar, Head, HeadKind};
use super::kernel::{self, KernelRefusal, Reading};
use super::lemma::{Ingredient, Lemma, Piece, Template, types_of};
use super::library::{Frame, Hypothesis, Symbol};
use super::search::{Guide, Proof, Search};
use super::shelf::Volume;
use super::terms::Ground;

/// Comparisons of one search: some ten seconds. Beyond it the theorem counts as not found.
const SEARCH_EFFORT_MAX: u64 = 200_000_000;

/// Tokens of a proof that was found. A longer one would not fit into a result.
const PROOF_TOKENS_MAX: usize = TASK_OUTPUT_BYTES_MAX / 4;

/// How a search ended without a proof.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The claim cannot be read.
    #[error(transparent)]
    Refused(#[from] KernelRefusal),
    /// The statement is outside the grammar that the prover understands.
    #[error("the prover cannot read the statement of {label} by the grammar of its database")]
    Unreadable {
        /// The theorem.
        label: String,
    },
    /// Nothing was found.
    #[error("no proof of {label} was found ({tried} assertions tried)")]
    NotFound {
        /// The theorem.
        label: String,
        /// How many assertions were tried.
        tried: u64,
    },
    /// The search was given up from outside.
    #[error("the search for {label} was given up")]
    Stopped {
        /// The theorem.
        label: String,
    },
}

/// A claim with every proof filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The complete submission.
    pub submission: String,
    /// How each theorem was found, one line each.
    pub trace: String,
}

/// Fills every open proof of a claim. `stop` is asked now and then whether to give up.
pub fn prove(
    volume: &Volume,
    claim: &Claim,
    stop: &dyn Fn() -> bool,
) -> Result<Found, ProverError> {
    let mut submission = Submission::parse(&claim.submission).map_err(KernelRefusal::from)?;
    submission
        .theorem(&claim.label)
        .map_err(KernelRefusal::from)?;
    let mut filled = Vec::new();
    let mut failure = None;
    let mut trace = String::new();
    kernel::read(volume.library(), &submission, |reading, frame, theorem| {
        if theorem.is_open() && failure.is_none() {
            match Desk::new(volume.grammar(), &reading).search(frame, stop) {
                Ok((proof, line)) => {
                    filled.push((theorem.label.clone(), proof));
                    trace.push_str(&line);
                }
                Err(error) => failure = Some(error),
            }
        } else {
            note_given(theorem, &mut trace);
        }
        Ok(())
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    for (label, proof) in filled {
        submission = submission.with_proof(&label, proof);
    }
    Ok(Found {
        submission: submission.render(),
        trace,
    })
}

fn note_given(theorem: &Theorem, trace: &mut String) {
    let line = format!(
        "{}: proof given, {} tokens\n",
        theorem.label,
        theorem.proof.len()
    );
    trace.push_str(&line);
}

/// What a search for one theorem needs.
struct Desk<'a> {
    grammar: &'a Grammar,
    reading: &'a Reading<'a>,
    types: HashMap<Symbol, Symbol>,
    // Label of the `$f` of each variable in scope, and the first variable of each type.
    floats: HashMap<Symbol, &'a str>,
    spares: HashMap<Symbol, Head>,
}

impl<'a> Desk<'a> {
    fn new(grammar: &'a Grammar, reading: &'a Reading<'a>) -> Self {
        let types = types_of(reading.scope.hypotheses());
        let (mut floats, mut spares) = (HashMap::new(), HashMap::new());
        for hypothesis in reading.scope.hypotheses() {
            if let Hypothesis::Floating {
                label,
                code,
                variable,
            } = hypothesis
            {
                floats.insert(*variable, label.as_str());
                spares.entry(*code).or_insert(Head::variable(*variable));
            }
        }
        Self {
            grammar,
            reading,
            types,
            floats,
            spares,
        }
    }

    fn search(
        &self,
        frame: &Frame,
        stop: &dyn Fn() -> bool,
    ) -> Result<(Vec<String>, String), ProverError> {
        let unreadable = || ProverError::Unreadable {
            label: frame.label.clone(),
        };
        let formula = self
            .grammar
            .read(&frame.statement, &self.types)
            .ok_or_else(unreadable)?;
        let goal = Template::of(&formula, &HashMap::new());
        if self.grammar.is_type(formula.code) {
            let line = format!("{}: read by the grammar\n", frame.label);
            return Ok((self.write_syntax(&goal), line));
        }
        let givens = self.givens(frame);
        let own = self.own_lemmas(givens.clone());
        let mut judge = self
            .grammar
            .models()
            .judge(&givens.iter().collect::<Vec<_>>());
        judge.note_atoms(&goal);
        let lemmas: Vec<&Lemma> = own.iter().chain(self.grammar.lemmas()).collect();
        let spare = |code: Symbol| self.spares.get(&code).copied();
        let guide = Guide {
            spare: &spare,
            judge: &judge,
            stop,
        };
        let mut search = Search::new(&lemmas, SEARCH_EFFORT_MAX, guide);
        let found = search.prove(&goal);
        let (tried, compared) = search.effort();
        let label = frame.label.clone();
        let Some(proof) = found else {
            return Err(if stop() {
                ProverError::Stopped { label }
            } else {
                ProverError::NotFound { label, tried }
            });
        };
        let mut tokens = Vec::new();
        if !self.write_proof(&lemmas, &proof, &mut tokens) {
            return Err(ProverError::NotFound { label, tried });
        }
        let steps = proof.steps;
        let line = format!(
            "{label}: found, {steps} steps, {tried} assertions tried, {compared} comparisons\n"
        );
        Ok((tokens, line))
    }

    /// The theorem's hypotheses.
    fn givens(&self, frame: &Frame) -> Vec<Lemma> {
        let givens = frame
            .hypotheses
            .iter()
            .filter_map(|hypothesis| match hypothesis {
                Hypothesis::Essential { label, math } => Some(Lemma::of_given(
                    label,
                    &self.grammar.read(math, &self.types)?,
                )),
                Hypothesis::Floating { .. } => None,
            });
        givens.collect()
    }

    /// The theorem's hypotheses and the submission's earlier theorems.
    fn own_lemmas(&self, mut lemmas: Vec<Lemma>) -> Vec<Lemma> {
        let mut earlier: Vec<&Frame> = self.reading.lemmas.values().collect();
        earlier.sort_by(|one, other| one.label.cmp(&other.label));
        lemmas.extend(
            earlier
                .into_iter()
                .filter_map(|frame| Lemma::of_frame(self.grammar, frame)),
        );
        lemmas
    }

    /// Writes a proof as Metamath's normal form; false if it is too long.
    fn write_proof(&self, lemmas: &[&Lemma], proof: &Proof, tokens: &mut Vec<String>) -> bool {
        let lemma = lemmas[proof.lemma];
        for ingredient in &lemma.recipe {
            let fits = match ingredient {
                Ingredient::Hole(place) => {
                    self.write_term(&proof.values[*place], &mut 0, tokens);
                    tokens.len() <= PROOF_TOKENS_MAX
                }
                Ingredient::Proof(place) => {
                    self.write_proof(lemmas, &proof.children[*place], tokens)
                }
            };
            if !fits {
                return false;
            }
        }
        tokens.push(lemma.label.clone());
        true
    }

    /// The proof that a goal is well formed.
    fn write_syntax(&self, goal: &Template) -> Vec<String> {
        let heads = goal.pieces.iter().filter_map(|piece| match piece {
            Piece::Apply(head, _) => Some(*head),
            Piece::Hole(_) => None,
        });
        let mut tokens = Vec::new();
        self.write_term(&heads.collect(), &mut 0, &mut tokens);
        tokens
    }

    /// Writes the syntax proof of the term that begins at a place of a text, and moves the place behind it.
    fn write_term(&self, text: &Ground, place: &mut usize, tokens: &mut Vec<String>) {
        let head = text[*place];
        *place += 1;
        match head.kind() {
            HeadKind::Variable(symbol) => {
                let label = self
                    .floats
                    .get(&symbol)
                    .expect("a term holds variables in scope only");
                tokens.push((*label).to_owned());
            }
            HeadKind::Rule(rule) => {
                let rule = self.grammar.rule(rule);
                for _ in 0..rule.arity() {
                    self.write_term(text, place, tokens);
                }
                tokens.push(rule.label.clone());
            }
        }
    }
}
