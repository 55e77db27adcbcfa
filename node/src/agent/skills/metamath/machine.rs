//! Runs a proof: a stack machine that applies one assertion after the other (Metamath book, section 4.3).
//!
//! It reads the two standard forms of a proof, normal and compressed, and nothing else. Every byte that it handles is
//! charged to a meter, because a short proof can build statements of any length; so no proof runs long or grows large.
//! It searches for nothing and repairs nothing.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::fault::StepFault;
use super::library::{Frame, Hypothesis, Library, Symbol};
use super::meter::Meter;
use super::scope::Scope;

/// Steps of one proof. A proof that fits into a task cannot have more.
pub(super) const PROOF_STEPS_MAX: usize = 1_000_000;

/// What a proof may refer to.
pub(super) struct Ground<'a> {
    /// The database.
    pub(super) library: &'a Library,
    /// What is in scope.
    pub(super) scope: &'a Scope,
    /// Theorems of the submission, proved before.
    pub(super) lemmas: &'a HashMap<String, Frame>,
}

/// One result on the stack: where its symbols are, and how many bytes their names have.
#[derive(Clone, Debug)]
struct Expression {
    symbols: Range<usize>,
    bytes: usize,
}

/// Something that a step may call upon.
enum Step<'a> {
    Hypothesis(&'a Hypothesis),
    Assertion(&'a Frame),
    Saved(Expression),
}

struct Machine<'a> {
    ground: &'a Ground<'a>,
    hypotheses: HashMap<&'a str, &'a Hypothesis>,
    distinct: BTreeSet<(Symbol, Symbol)>,
    meter: &'a mut Meter,
    // Every expression ever built; the stack only points into it.
    buffer: Vec<Symbol>,
    stack: Vec<Expression>,
    steps: usize,
}

/// Runs the proof of a theorem whose frame is `goal`. The fault is the first one, with the number of its step from 1.
pub(super) fn run(
    ground: &Ground<'_>,
    goal: &Frame,
    proof: &[String],
    meter: &mut Meter,
) -> Result<(), (usize, StepFault)> {
    let mut machine = Machine {
        ground,
        hypotheses: ground
            .scope
            .hypotheses()
            .map(|each| (each.label(), each))
            .collect(),
        distinct: ground.scope.disjoint(),
        meter,
        buffer: Vec::new(),
        stack: Vec::new(),
        steps: 0,
    };
    let ran = match proof.split_first() {
        Some((first, rest)) if first == "(" => machine.run_compressed(goal, rest),
        Some(_) | None => machine.run_normal(proof),
    };
    ran.and_then(|()| machine.finish(goal))
        .map_err(|fault| (machine.steps, fault))
}

impl<'a> Machine<'a> {
    fn run_normal(&mut self, proof: &[String]) -> Result<(), StepFault> {
        for token in proof {
            let step = self.find(token)?;
            self.apply(&step)?;
        }
        Ok(())
    }

    /// A compressed proof: labels in parentheses, then numbers in base 20 with base-5 prefixes; `Z` keeps a result.
    fn run_compressed(&mut self, goal: &'a Frame, rest: &[String]) -> Result<(), StepFault> {
        let end = rest.iter().position(|token| token == ")");
        let end = end.ok_or_else(|| StepFault::BadToken {
            token: "(".to_owned(),
        })?;
        let mut known: Vec<Step<'a>> = goal.hypotheses.iter().map(Step::Hypothesis).collect();
        for label in &rest[..end] {
            known.push(self.find(label)?);
        }
        let mut number = 0_usize;
        let mut may_keep = false;
        for letter in rest[end + 1..].iter().flat_map(|token| token.bytes()) {
            match letter {
                b'A'..=b'T' => {
                    let place = number * 20 + usize::from(letter - b'A');
                    self.apply(known.get(place).ok_or(StepFault::BadReference)?)?;
                    (number, may_keep) = (0, true);
                }
                b'U'..=b'Y' => {
                    number = number * 5 + usize::from(letter - b'U') + 1;
                    if number > PROOF_STEPS_MAX {
                        return Err(StepFault::BadReference);
                    }
                    may_keep = false;
                }
                b'Z' if may_keep => {
                    let top = self.stack.last().ok_or(StepFault::BadReference)?;
                    known.push(Step::Saved(top.clone()));
                    may_keep = false;
                }
                b'?' => return Err(StepFault::Gap),
                _ => {
                    return Err(StepFault::BadToken {
                        token: char::from(letter).to_string(),
                    });
                }
            }
        }
        if number > 0 {
            Err(StepFault::BadReference)
        } else {
            Ok(())
        }
    }

    fn find(&self, label: &str) -> Result<Step<'a>, StepFault> {
        if let Some(hypothesis) = self.hypotheses.get(label) {
            return Ok(Step::Hypothesis(hypothesis));
        }
        let frame = self
            .ground
            .lemmas
            .get(label)
            .or_else(|| self.ground.library.find(label));
        if let Some(frame) = frame {
            return Ok(Step::Assertion(frame));
        }
        if label == "?" {
            return Err(StepFault::Gap);
        }
        if !hms_protocol::proof::fragment::is_label(label) {
            return Err(StepFault::BadToken {
                token: label.to_owned(),
            });
        }
        Err(StepFault::UnknownLabel {
            label: label.to_owned(),
        })
    }

    fn apply(&mut self, step: &Step<'a>) -> Result<(), StepFault> {
        self.steps += 1;
        if self.steps > PROOF_STEPS_MAX {
            return Err(StepFault::TooHeavy);
        }
        match step {
            Step::Saved(expression) => self.stack.push(expression.clone()),
            Step::Hypothesis(Hypothesis::Floating { code, variable, .. }) => {
                self.push(&[*code, *variable])?;
            }
            Step::Hypothesis(Hypothesis::Essential { math, .. }) => self.push(math)?,
            Step::Assertion(frame) => self.apply_assertion(frame)?,
        }
        Ok(())
    }

    fn apply_assertion(&mut self, frame: &Frame) -> Result<(), StepFault> {
        let underflow = || StepFault::Underflow {
            label: frame.label.clone(),
        };
        let first = self
            .stack
            .len()
            .checked_sub(frame.hypotheses.len())
            .ok_or_else(underflow)?;
        let given = self.stack.split_off(first);
        let mut values: HashMap<Symbol, Range<usize>> = HashMap::new();
        for (hypothesis, found) in frame.hypotheses.iter().zip(&given) {
            self.meter.charge(found.bytes + 1)?;
            let fits = match hypothesis {
                Hypothesis::Floating { code, variable, .. } => {
                    values.insert(*variable, found.symbols.start + 1..found.symbols.end);
                    self.buffer[found.symbols.start] == *code
                }
                Hypothesis::Essential { math, .. } => self.equals(math, &values, &found.symbols),
            };
            if !fits {
                return Err(self.mismatch(frame, hypothesis, &values, found));
            }
        }
        self.check_distinct(frame, &values)?;
        self.push_instance(&frame.statement, &values)
    }

    /// Whether a template with its variables replaced is the expression found.
    fn equals(
        &self,
        template: &[Symbol],
        values: &HashMap<Symbol, Range<usize>>,
        found: &Range<usize>,
    ) -> bool {
        let mut rest = &self.buffer[found.clone()];
        for symbol in template {
            let single = [*symbol];
            let piece = match values.get(symbol) {
                Some(value) => &self.buffer[value.clone()],
                None => &single,
            };
            match rest.strip_prefix(piece) {
                Some(tail) => rest = tail,
                None => return false,
            }
        }
        rest.is_empty()
    }

    fn check_distinct(
        &mut self,
        frame: &Frame,
        values: &HashMap<Symbol, Range<usize>>,
    ) -> Result<(), StepFault> {
        for (first, second) in &frame.disjoint {
            let [first, second] =
                [first, second].map(|variable| self.variables_of(values.get(variable)));
            self.meter.charge(first.len() * second.len())?;
            for one in &first {
                for other in &second {
                    let pair = (*one.min(other), *one.max(other));
                    if one == other || !self.distinct.contains(&pair) {
                        let name = |symbol: Symbol| self.name(symbol).to_owned();
                        let label = frame.label.clone();
                        let (first, second) = (name(*one), name(*other));
                        return Err(StepFault::NotDistinct {
                            label,
                            first,
                            second,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn variables_of(&self, value: Option<&Range<usize>>) -> BTreeSet<Symbol> {
        let symbols = value.map_or(&[][..], |value| &self.buffer[value.clone()]);
        symbols
            .iter()
            .copied()
            .filter(|symbol| self.ground.scope.is_variable(*symbol))
            .collect()
    }

    fn push_instance(
        &mut self,
        template: &[Symbol],
        values: &HashMap<Symbol, Range<usize>>,
    ) -> Result<(), StepFault> {
        let start = self.buffer.len();
        let mut bytes = 0;
        for symbol in template {
            let piece = values.get(symbol).cloned();
            let end = self.buffer.len();
            match piece {
                Some(value) => self.buffer.extend_from_within(value),
                None => self.buffer.push(*symbol),
            }
            let symbols = self.ground.scope.symbols();
            let grown: usize = self.buffer[end..]
                .iter()
                .map(|each| symbols.bytes(*each))
                .sum();
            self.meter.charge(grown + 1)?;
            bytes += grown;
        }
        self.stack.push(Expression {
            symbols: start..self.buffer.len(),
            bytes,
        });
        Ok(())
    }

    fn push(&mut self, math: &[Symbol]) -> Result<(), StepFault> {
        self.push_instance(math, &HashMap::new())
    }

    fn finish(&mut self, goal: &Frame) -> Result<(), StepFault> {
        let proved = match self.stack.as_slice() {
            [one] => self.buffer[one.symbols.clone()] == goal.statement[..],
            [] | [_, _, ..] => false,
        };
        if proved {
            return Ok(());
        }
        let results = self.stack.iter().take(QUOTED_RESULTS_MAX);
        let found: Vec<String> = results
            .map(|each| self.text(&self.buffer[each.symbols.clone()]))
            .collect();
        let wanted = self.text(&goal.statement);
        Err(StepFault::OtherResult {
            wanted,
            found: found.join(" and "),
        })
    }

    fn mismatch(
        &self,
        frame: &Frame,
        hypothesis: &Hypothesis,
        values: &HashMap<Symbol, Range<usize>>,
        found: &Expression,
    ) -> StepFault {
        let wanted = match hypothesis {
            Hypothesis::Floating { code, .. } => format!("{} ...", self.name(*code)),
            Hypothesis::Essential { math, .. } => {
                let whole = math.iter().flat_map(|symbol| match values.get(symbol) {
                    Some(value) => self.buffer[value.clone()].to_vec(),
                    None => vec![*symbol],
                });
                self.text(&whole.take(QUOTED_SYMBOLS_MAX).collect::<Vec<_>>())
            }
        };
        StepFault::Mismatch {
            label: frame.label.clone(),
            hypothesis: hypothesis.label().to_owned(),
            wanted,
            found: self.text(&self.buffer[found.symbols.clone()]),
        }
    }

    /// The start of an expression, for people.
    fn text(&self, symbols: &[Symbol]) -> String {
        let shown: Vec<&str> = symbols
            .iter()
            .take(QUOTED_SYMBOLS_MAX)
            .map(|symbol| self.name(*symbol))
            .collect();
        shown.join(" ")
    }

    fn name(&self, symbol: Symbol) -> &str {
        self.ground.scope.symbols().name(symbol)
    }
}

/// Symbols of an expression that a message repeats.
const QUOTED_SYMBOLS_MAX: usize = 40;

/// Results left over at the end of a proof that a message repeats.
const QUOTED_RESULTS_MAX: usize = 3;
