//! The grammar of a database: its syntax axioms, and statements read as trees by them.
//!
//! A syntax axiom is a `$a` whose type is the type of some variable (`wff`, `class`, ...) and that has no `$e`. What it
//! cannot read, the prover leaves alone; the kernel never asks it anything.

use std::collections::HashMap;

use super::lemma::Lemma;
use super::library::{Frame, Hypothesis, Library, Symbol};
use super::model::Models;

/// Symbols of a statement that the prover reads. Longer statements it leaves alone: reading takes quadratic room.
pub(super) const STATEMENT_SYMBOLS_MAX: usize = 256;

/// Marks the head of a term that is a variable.
const VARIABLE: u32 = 1 << 31;

/// What stands at the root of a term: a syntax axiom by its place, or a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Head(u32);

/// What a head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadKind {
    /// A syntax axiom, by its place in the grammar.
    Rule(usize),
    /// A variable of the claim.
    Variable(Symbol),
}

impl Head {
    /// The head of a variable.
    pub(super) fn variable(symbol: Symbol) -> Self {
        assert!(
            symbol < VARIABLE,
            "a database of less than 256 MiB has less than 2^31 symbols"
        );
        Self(VARIABLE | symbol)
    }

    fn rule(place: usize) -> Self {
        let place = u32::try_from(place).expect("a database has fewer rules than symbols");
        assert!(
            place < VARIABLE,
            "a database of less than 256 MiB has less than 2^31 rules"
        );
        Self(place)
    }

    /// Whether it is a variable.
    pub(super) fn is_variable(self) -> bool {
        self.0 & VARIABLE != 0
    }

    /// What it is.
    pub(super) fn kind(self) -> HeadKind {
        if self.is_variable() {
            HeadKind::Variable(self.0 & !VARIABLE)
        } else {
            HeadKind::Rule(self.0 as usize)
        }
    }
}

/// A statement's body as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// A variable.
    Variable(Symbol),
    /// A syntax axiom and its arguments, in the order of its hypotheses.
    Node(Head, Vec<Tree>),
}

/// A statement as the prover sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Formula {
    /// Its typecode, for example `|-`.
    pub(super) code: Symbol,
    /// The type that its body was read as, for example `wff`.
    pub(super) body_code: Symbol,
    /// Its body.
    pub(super) body: Tree,
}

/// A syntax axiom.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Its label.
    pub(super) label: String,
    code: Symbol,
    parts: Vec<Part>,
    arity: usize,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Constant(Symbol),
    Argument { code: Symbol, place: usize },
}

impl Rule {
    /// How many arguments it takes.
    pub(super) fn arity(&self) -> usize {
        self.arity
    }
}

/// All syntax axioms of a database, and its assertions read by them.
#[derive(Debug)]
pub(super) struct Grammar {
    codes: Vec<Symbol>,
    rules: Vec<Rule>,
    rules_of: HashMap<Symbol, Vec<usize>>,
    lemmas: Vec<Lemma>,
    models: Models,
}

impl Grammar {
    /// Finds the syntax axioms of a database, and reads its other assertions.
    pub(super) fn of(library: &Library) -> Self {
        let mut codes = Vec::new();
        let scoped = library.scope.hypotheses();
        for hypothesis in library
            .frames
            .iter()
            .flat_map(|frame| &frame.hypotheses)
            .chain(scoped)
        {
            if let Hypothesis::Floating { code, .. } = hypothesis
                && !codes.contains(code)
            {
                codes.push(*code);
            }
        }
        let mut grammar = Self {
            codes,
            rules: Vec::new(),
            rules_of: HashMap::new(),
            lemmas: Vec::new(),
            models: Models::default(),
        };
        for frame in &library.frames {
            grammar.add_rule(frame);
        }
        let frames = library
            .frames
            .iter()
            .filter(|frame| !grammar.is_syntax(frame));
        let read: Vec<(&Frame, Option<Lemma>)> = frames
            .map(|frame| (frame, Lemma::of_frame(&grammar, frame)))
            .collect();
        let axioms = read
            .iter()
            .filter(|(frame, _)| frame.axiom)
            .map(|(_, lemma)| lemma.as_ref());
        // An axiom that cannot be read might hold in no model.
        grammar.models = axioms
            .collect::<Option<Vec<_>>>()
            .map(|axioms| Models::of(&axioms))
            .unwrap_or_default();
        grammar.lemmas = read.into_iter().filter_map(|(_, lemma)| lemma).collect();
        grammar
    }

    /// The database's two-valued models.
    pub(super) fn models(&self) -> &Models {
        &self.models
    }

    /// Whether statements of this type are read as terms, not claimed as truths.
    pub(super) fn is_type(&self, code: Symbol) -> bool {
        self.codes.contains(&code)
    }

    /// The database's assertions, in order, without those that cannot be read.
    pub(super) fn lemmas(&self) -> &[Lemma] {
        &self.lemmas
    }

    /// A syntax axiom by its place.
    pub(super) fn rule(&self, place: usize) -> &Rule {
        &self.rules[place]
    }

    /// Reads a statement whose variables have these types.
    pub(super) fn read(&self, math: &[Symbol], types: &HashMap<Symbol, Symbol>) -> Option<Formula> {
        let (code, rest) = math.split_first()?;
        if rest.is_empty() || rest.len() > STATEMENT_SYMBOLS_MAX {
            return None;
        }
        let own = [*code];
        let candidates = if self.codes.contains(code) {
            &own[..]
        } else {
            &self.codes[..]
        };
        let mut reader = Reader {
            grammar: self,
            symbols: rest,
            types,
            known: HashMap::new(),
        };
        candidates.iter().find_map(|body_code| {
            let body = reader.read(*body_code, 0, rest.len())?;
            Some(Formula {
                code: *code,
                body_code: *body_code,
                body,
            })
        })
    }

    fn is_syntax(&self, frame: &Frame) -> bool {
        self.is_type(frame.statement[0])
    }

    fn add_rule(&mut self, frame: &Frame) {
        if !frame.axiom || !self.is_syntax(frame) {
            return;
        }
        let mut places = HashMap::new();
        for (place, hypothesis) in frame.hypotheses.iter().enumerate() {
            match hypothesis {
                Hypothesis::Floating { code, variable, .. } => {
                    places.insert(*variable, (*code, place));
                }
                Hypothesis::Essential { .. } => return,
            }
        }
        let mut used = 0;
        let parts: Vec<Part> = frame.statement[1..]
            .iter()
            .map(|symbol| match places.get(symbol) {
                Some((code, place)) => {
                    used += 1;
                    Part::Argument {
                        code: *code,
                        place: *place,
                    }
                }
                None => Part::Constant(*symbol),
            })
            .collect();
        // A variable that stands twice, or a rule of nothing, is no context-free rule.
        if used != places.len() || parts.is_empty() {
            return;
        }
        let code = frame.statement[0];
        self.rules_of
            .entry(code)
            .or_default()
            .push(self.rules.len());
        self.rules.push(Rule {
            label: frame.label.clone(),
            code,
            parts,
            arity: places.len(),
        });
    }
}

/// Reads one statement. Each stretch of it is read as each type at most once.
struct Reader<'a> {
    grammar: &'a Grammar,
    symbols: &'a [Symbol],
    types: &'a HashMap<Symbol, Symbol>,
    known: HashMap<(Symbol, usize, usize), Option<Tree>>,
}

impl Reader<'_> {
    fn read(&mut self, code: Symbol, start: usize, end: usize) -> Option<Tree> {
        if end == start + 1 && self.types.get(&self.symbols[start]) == Some(&code) {
            return Some(Tree::Variable(self.symbols[start]));
        }
        if let Some(known) = self.known.get(&(code, start, end)) {
            return known.clone();
        }
        // Until it is known: a stretch that is read as itself, through rules of a single argument, is not read.
        self.known.insert((code, start, end), None);
        let grammar = self.grammar;
        let rules = grammar.rules_of.get(&code).map_or(&[][..], Vec::as_slice);
        let tree = rules.iter().find_map(|place| {
            let rule = &grammar.rules[*place];
            assert!(rule.code == code, "rules are listed by their type");
            let mut arguments = vec![None; rule.arity];
            if !self.could_fit(&rule.parts, start, end)
                || !self.fit(&rule.parts, start, end, &mut arguments)
            {
                return None;
            }
            let arguments = arguments.into_iter().collect::<Option<Vec<Tree>>>()?;
            Some(Tree::Node(Head::rule(*place), arguments))
        });
        self.known.insert((code, start, end), tree.clone());
        tree
    }

    /// A quick look at both ends.
    fn could_fit(&self, parts: &[Part], start: usize, end: usize) -> bool {
        let agrees = |part: Option<&Part>, symbol: Symbol| match part {
            Some(Part::Constant(constant)) => *constant == symbol,
            Some(Part::Argument { .. }) | None => true,
        };
        parts.len() <= end - start
            && agrees(parts.first(), self.symbols[start])
            && agrees(parts.last(), self.symbols[end - 1])
    }

    fn fit(
        &mut self,
        parts: &[Part],
        start: usize,
        end: usize,
        arguments: &mut [Option<Tree>],
    ) -> bool {
        let Some((part, rest)) = parts.split_first() else {
            return start == end;
        };
        // Every part takes at least one symbol.
        if end < start + parts.len() {
            return false;
        }
        match part {
            Part::Constant(constant) => {
                self.symbols[start] == *constant && self.fit(rest, start + 1, end, arguments)
            }
            Part::Argument { code, place } => {
                let cuts = if rest.is_empty() {
                    end..=end
                } else {
                    start + 1..=end - rest.len()
                };
                for cut in cuts {
                    if let Some(Part::Constant(constant)) = rest.first()
                        && self.symbols[cut] != *constant
                    {
                        continue;
                    }
                    let Some(argument) = self.read(*code, start, cut) else {
                        continue;
                    };
                    if self.fit(rest, cut, end, arguments) {
                        arguments[*place] = Some(argument);
                        return true;
                    }
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(database: &str, statement: &str, readable: bool) {
        let library = Library::read(database).unwrap();
        let grammar = Grammar::of(&library);
        let math: Vec<Symbol> = statement
            .split(' ')
            .map(|name| library.scope.symbols().find(name).unwrap())
            .collect();
        let types = super::super::lemma::types_of(library.scope.hypotheses());
        assert_eq!(
            grammar.read(&math, &types).is_some(),
            readable,
            "{statement}"
        );
    }

    #[test]
    fn statements_are_read_by_prefix_infix_postfix_and_across_types() {
        let database = "
            $c set term wff |- ( -> ) = ' -. $. $v p q x t s $.
            wp $f wff p $. wq $f wff q $. vx $f set x $. tt $f term t $. ts $f term s $.
            tx $a term x $. tp $a term t ' $. we $a wff t = s $. wn $a wff -. p $.
            wi $a wff ( p -> q ) $.";
        check(database, "|- ( p -> -. ( q -> p ) )", true);
        check(database, "|- ( x ' ' = t -> -. t = x ' )", true);
        check(database, "|- ( p -> q", false);
        check(database, "|- x = p", false);
        check(database, "wff ( p -> q )", true);
        check(database, "wff x", false);
    }
}
