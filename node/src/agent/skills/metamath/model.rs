//! Two-valued models of a database: what is false in one of them is not worth searching for.
//!
//! A model gives every syntax axiom a truth table under which all axioms hold. Whatever can be proved then holds too, so
//! a goal that does not can be dropped at once. Models are found by trying; most databases beyond propositional logic
//! have none, and nothing is dropped. A mistake here could only hide a proof, never make one.

use std::collections::HashMap;

use super::grammar::{Head, HeadKind};
use super::lemma::{Lemma, Piece, Template};
use super::library::Symbol;
use super::terms::Ground;

/// Variables of one formula that can be judged: 64 valuations fit into one word.
const ATOMS_MAX: usize = 6;

/// The values of each atom in all 64 valuations.
const ATOMS: [u64; ATOMS_MAX] = [
    0xaaaa_aaaa_aaaa_aaaa,
    0xcccc_cccc_cccc_cccc,
    0xf0f0_f0f0_f0f0_f0f0,
    0xff00_ff00_ff00_ff00,
    0xffff_0000_ffff_0000,
    0xffff_ffff_0000_0000,
];

/// Arguments of a rule that can have a table.
const ARITY_MAX: usize = 3;

/// Models kept. One is enough for classical logic; weaker logics have several.
const MODELS_MAX: usize = 4;

/// Evaluations made in looking for models. Beyond it the database counts as having none.
const TRIALS_MAX: u64 = 200_000;

/// A truth table: the bit of a row is the value for the arguments that the row's number spells.
type Table = u8;

/// For each rule that has one, by its place: how many arguments it takes, and its table.
type Model = HashMap<usize, (usize, Table)>;

/// The models of a database.
#[derive(Debug, Default)]
pub(super) struct Models {
    models: Vec<Model>,
}

impl Models {
    /// Looks for models of these axioms.
    pub(super) fn of(axioms: &[&Lemma]) -> Self {
        let mut rules: Vec<(usize, usize)> = Vec::new();
        let templates = axioms.iter().flat_map(|axiom| templates_of(axiom));
        for piece in templates.flat_map(|template| &template.pieces) {
            let Piece::Apply(head, arity) = piece else {
                continue;
            };
            let HeadKind::Rule(place) = head.kind() else {
                continue;
            };
            if !rules.contains(&(place, *arity)) {
                rules.push((place, *arity));
            }
        }
        let small = |axiom: &&Lemma| axiom.holes.len() <= ATOMS_MAX;
        if rules.iter().any(|(_, arity)| *arity > ARITY_MAX) || !axioms.iter().all(small) {
            return Self::default();
        }
        let mut finder = Finder {
            axioms,
            rules: &rules,
            trials: 0,
            found: Vec::new(),
        };
        finder.extend(&mut Model::new());
        if finder.trials > TRIALS_MAX {
            return Self::default();
        }
        Self {
            models: finder.found,
        }
    }

    /// Prepares to judge goals that are to follow from what is given.
    pub(super) fn judge(&self, givens: &[&Lemma]) -> Judge<'_> {
        let mut judge = Judge {
            models: &self.models,
            atoms: HashMap::new(),
            given: Vec::new(),
        };
        for given in givens {
            judge.note_atoms(&given.conclusion);
        }
        judge.given = self
            .models
            .iter()
            .map(|model| judge.conjunction(model, givens))
            .collect();
        judge
    }
}

fn templates_of(lemma: &Lemma) -> impl Iterator<Item = &Template> {
    lemma.hypotheses.iter().chain([&lemma.conclusion])
}

/// Looks for tables rule by rule; an axiom is tested as soon as all its rules have one.
struct Finder<'a> {
    axioms: &'a [&'a Lemma],
    rules: &'a [(usize, usize)],
    trials: u64,
    found: Vec<Model>,
}

impl Finder<'_> {
    fn extend(&mut self, model: &mut Model) {
        let Some((place, arity)) = self.rules.get(model.len()).copied() else {
            self.found.push(model.clone());
            return;
        };
        let tables = 1_u32 << (1 << arity);
        for table in 0..tables {
            if self.found.len() >= MODELS_MAX || self.trials > TRIALS_MAX {
                return;
            }
            let table = Table::try_from(table).expect("a table of three arguments has eight rows");
            model.insert(place, (arity, table));
            if self.holds(model, place) {
                self.extend(model);
            }
            model.remove(&place);
        }
    }

    /// Whether every axiom that the newest rule has made testable holds.
    fn holds(&mut self, model: &Model, newest: usize) -> bool {
        self.axioms.iter().all(|axiom| {
            let concerns = templates_of(axiom).any(|template| {
                template.pieces.iter().any(|piece| match piece {
                    Piece::Apply(head, _) => head.kind() == HeadKind::Rule(newest),
                    Piece::Hole(_) => false,
                })
            });
            if !concerns {
                return true;
            }
            self.trials += 1;
            let value = |template: &Template| {
                evaluate(&mut template.pieces.iter().copied(), model, &|_| None)
            };
            let needed: Option<Vec<u64>> = axiom.hypotheses.iter().map(value).collect();
            match (needed, value(&axiom.conclusion)) {
                (Some(needed), Some(conclusion)) => {
                    let given = needed.iter().fold(u64::MAX, |all, each| all & each);
                    given & !conclusion == 0
                }
                // Some rule has no table yet.
                (None, _) | (_, None) => true,
            }
        })
    }
}

/// Judges goals of one claim.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    models: &'a [Model],
    atoms: HashMap<Symbol, usize>,
    // For each model, the valuations in which everything that is given holds.
    given: Vec<u64>,
}

impl Judge<'_> {
    /// Gives the variables of a formula their atoms.
    pub(super) fn note_atoms(&mut self, template: &Template) {
        for piece in &template.pieces {
            if let Piece::Apply(head, 0) = piece
                && let HeadKind::Variable(symbol) = head.kind()
            {
                let next = self.atoms.len();
                self.atoms.entry(symbol).or_insert(next);
            }
        }
    }

    /// Whether some model has the givens true and the goal false: then nothing proves it.
    pub(super) fn refutes(&self, goal: &Ground) -> bool {
        self.models.iter().zip(&self.given).any(|(model, given)| {
            let value = evaluate(&mut goal.iter().copied().map(as_piece), model, &|symbol| {
                self.atom(symbol)
            });
            value.is_some_and(|value| given & !value != 0)
        })
    }

    fn conjunction(&self, model: &Model, givens: &[&Lemma]) -> u64 {
        givens.iter().fold(u64::MAX, |all, given| {
            let mut pieces = given.conclusion.pieces.iter().copied();
            // What cannot be judged may be false everywhere: then nothing is refuted.
            all & evaluate(&mut pieces, model, &|symbol| self.atom(symbol)).unwrap_or(0)
        })
    }

    fn atom(&self, symbol: Symbol) -> Option<u64> {
        self.atoms
            .get(&symbol)
            .and_then(|place| ATOMS.get(*place))
            .copied()
    }
}

/// A written head as a piece; the number of arguments is the model's business.
fn as_piece(head: Head) -> Piece {
    Piece::Apply(head, 0)
}

/// The value of the next term in all valuations; `None` if some rule has no table or some variable no atom.
fn evaluate(
    pieces: &mut dyn Iterator<Item = Piece>,
    model: &Model,
    atom: &dyn Fn(Symbol) -> Option<u64>,
) -> Option<u64> {
    let place = match pieces.next()? {
        Piece::Hole(place) => return ATOMS.get(place).copied(),
        Piece::Apply(head, _) => match head.kind() {
            HeadKind::Variable(symbol) => return atom(symbol),
            HeadKind::Rule(place) => place,
        },
    };
    let (arity, table) = *model.get(&place)?;
    let mut arguments = [0_u64; ARITY_MAX];
    for argument in &mut arguments[..arity] {
        *argument = evaluate(pieces, model, atom)?;
    }
    let mut value = 0;
    for row in (0..1_usize << arity).filter(|row| table >> row & 1 == 1) {
        let columns = arguments[..arity].iter().enumerate();
        value |= columns.fold(u64::MAX, |all, (column, argument)| {
            all & if row >> column & 1 == 1 {
                *argument
            } else {
                !argument
            }
        });
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::super::grammar::Grammar;
    use super::super::library::Library;
    use super::*;

    const IMPLICATION: &str = "
        $c wff |- ( -> ) ~ $. $v p q r $. wp $f wff p $. wq $f wff q $. wr $f wff r $.
        wi $a wff ( p -> q ) $. wn $a wff ~ p $.
        a1 $a |- ( p -> ( q -> p ) ) $.
        a2 $a |- ( ( p -> ( q -> r ) ) -> ( ( p -> q ) -> ( p -> r ) ) ) $.
        a3 $a |- ( ( ~ p -> ~ q ) -> ( q -> p ) ) $.
        ${ m1 $e |- p $. m2 $e |- ( p -> q ) $. mp $a |- q $. $}";

    #[test]
    fn classical_axioms_have_the_classical_tables_as_their_only_model() {
        let grammar = Grammar::of(&Library::read(IMPLICATION).unwrap());
        let tables: Vec<Table> = grammar.models().models[0]
            .values()
            .map(|each| each.1)
            .collect();
        assert_eq!(grammar.models().models.len(), 1);
        // Rows spell the first argument in their lowest bit: only "true implies false" is false.
        assert!(
            tables.contains(&0b1101) && tables.contains(&0b01),
            "{tables:?}"
        );
    }

    #[test]
    fn a_database_with_rules_of_many_arguments_has_no_models() {
        let many = "$c wff |- F $. $v p q r s $. wp $f wff p $. wq $f wff q $. wr $f wff r $.
            ws $f wff s $. wf $a wff F p q r s $. a $a |- F p q r s $.";
        let grammar = Grammar::of(&Library::read(many).unwrap());
        assert!(grammar.models().models.is_empty());
    }
}
