//! Terms with unknowns, and their unification (Robinson 1965), undone as fast as they are made.
//!
//! Terms live in one bank and are numbers into it. Everything made after a mark goes away at once when the search turns
//! back. Every comparison counts as effort, so that whoever searches can bound it.

use super::grammar::Head;
use super::lemma::Piece;
use super::library::Symbol;

/// A term, as its place in the bank.
pub(super) type Term = u32;

/// A term without unknowns, written down in prefix order: equal terms are equal texts.
pub(super) type Ground = Vec<Head>;

#[derive(Clone, Copy, Debug)]
enum Cell {
    Unknown(usize),
    Apply {
        head: Head,
        first: usize,
        count: usize,
    },
}

/// All terms of a search.
#[derive(Debug)]
pub(super) struct Bank {
    cells: Vec<Cell>,
    arguments: Vec<Term>,
    // What each unknown is bound to, and its type.
    unknowns: Vec<(Option<Term>, Symbol)>,
    trail: Vec<usize>,
    effort: u64,
    effort_max: u64,
}

/// A state of the bank to come back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    cells: usize,
    arguments: usize,
    unknowns: usize,
    trail: usize,
}

/// What fills the holes of a template so far.
pub(super) type Holes = Vec<Option<Term>>;

impl Bank {
    /// An empty bank that makes at most so many comparisons; after that, nothing fits any more.
    pub(super) fn new(effort_max: u64) -> Self {
        Self {
            cells: Vec::new(),
            arguments: Vec::new(),
            unknowns: Vec::new(),
            trail: Vec::new(),
            effort: 0,
            effort_max,
        }
    }

    /// Comparisons made so far.
    pub(super) fn effort(&self) -> u64 {
        self.effort
    }

    /// Whether no more comparisons are allowed.
    pub(super) fn is_spent(&self) -> bool {
        self.effort >= self.effort_max
    }

    /// The state as it is.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            cells: self.cells.len(),
            arguments: self.arguments.len(),
            unknowns: self.unknowns.len(),
            trail: self.trail.len(),
        }
    }

    /// Back to an earlier state.
    pub(super) fn undo(&mut self, mark: Mark) {
        for unknown in self.trail.drain(mark.trail..) {
            self.unknowns[unknown].0 = None;
        }
        self.cells.truncate(mark.cells);
        self.arguments.truncate(mark.arguments);
        self.unknowns.truncate(mark.unknowns);
    }

    /// Makes a term from the next pieces of a template. Empty holes become unknowns of the given types.
    pub(super) fn build(
        &mut self,
        pieces: &mut &[Piece],
        holes: &mut Holes,
        types: &[Symbol],
    ) -> Term {
        let (piece, rest) = pieces.split_first().expect("a template is a whole term");
        *pieces = rest;
        match *piece {
            Piece::Hole(place) => {
                if let Some(term) = holes[place] {
                    return term;
                }
                let term = self.make_unknown(types[place]);
                holes[place] = Some(term);
                term
            }
            Piece::Apply(head, count) => {
                let made: Vec<Term> = (0..count)
                    .map(|_| self.build(pieces, holes, types))
                    .collect();
                self.make(head, &made)
            }
        }
    }

    /// Makes the next pieces of a template and a term the same, if that can be.
    pub(super) fn fit(
        &mut self,
        pieces: &mut &[Piece],
        holes: &mut Holes,
        types: &[Symbol],
        term: Term,
    ) -> bool {
        self.effort += 1;
        if self.is_spent() {
            return false;
        }
        let (piece, rest) = pieces.split_first().expect("a template is a whole term");
        match *piece {
            Piece::Hole(place) => {
                *pieces = rest;
                if let Some(filled) = holes[place] {
                    return self.unify(filled, term);
                }
                holes[place] = Some(term);
                true
            }
            Piece::Apply(head, _) => {
                let term = self.resolve(term);
                match self.cells[term as usize] {
                    Cell::Unknown(unknown) => {
                        let made = self.build(pieces, holes, types);
                        self.bind(unknown, made)
                    }
                    Cell::Apply {
                        head: found,
                        first,
                        count,
                    } => {
                        if found != head {
                            return false;
                        }
                        *pieces = rest;
                        (first..first + count)
                            .all(|place| self.fit(pieces, holes, types, self.arguments[place]))
                    }
                }
            }
        }
    }

    /// The term's root: `None` for an unknown.
    pub(super) fn head(&self, term: Term) -> Option<Head> {
        match self.cells[self.resolve(term) as usize] {
            Cell::Unknown(_) => None,
            Cell::Apply { head, .. } => Some(head),
        }
    }

    /// Heads and unknowns of a term, counted up to a bound.
    pub(super) fn measure(&mut self, term: Term, heads: &mut u32, unknowns: &mut u32) {
        const MEASURE_MAX: u32 = 1_000;
        self.effort += 1;
        if *heads + *unknowns > MEASURE_MAX {
            return;
        }
        match self.cells[self.resolve(term) as usize] {
            Cell::Unknown(_) => *unknowns += 1,
            Cell::Apply { first, count, .. } => {
                *heads += 1;
                for place in first..first + count {
                    self.measure(self.arguments[place], heads, unknowns);
                }
            }
        }
    }

    /// Writes a term down. Unknowns become what `spare` says for their type; false if it says nothing, or if the term
    /// is longer than `max`.
    pub(super) fn write(
        &self,
        term: Term,
        spare: &dyn Fn(Symbol) -> Option<Head>,
        max: usize,
        text: &mut Ground,
    ) -> bool {
        if text.len() >= max {
            return false;
        }
        match self.cells[self.resolve(term) as usize] {
            Cell::Unknown(unknown) => match spare(self.unknowns[unknown].1) {
                Some(head) => {
                    text.push(head);
                    true
                }
                None => false,
            },
            Cell::Apply { head, first, count } => {
                text.push(head);
                (first..first + count)
                    .all(|place| self.write(self.arguments[place], spare, max, text))
            }
        }
    }

    fn make(&mut self, head: Head, arguments: &[Term]) -> Term {
        let first = self.arguments.len();
        self.arguments.extend_from_slice(arguments);
        self.push(Cell::Apply {
            head,
            first,
            count: arguments.len(),
        })
    }

    fn make_unknown(&mut self, code: Symbol) -> Term {
        self.unknowns.push((None, code));
        self.push(Cell::Unknown(self.unknowns.len() - 1))
    }

    fn push(&mut self, cell: Cell) -> Term {
        let place = Term::try_from(self.cells.len()).expect("effort ends long before 2^32 cells");
        self.cells.push(cell);
        place
    }

    fn resolve(&self, mut term: Term) -> Term {
        while let Cell::Unknown(unknown) = self.cells[term as usize] {
            match self.unknowns[unknown].0 {
                Some(bound) => term = bound,
                None => break,
            }
        }
        term
    }

    fn unify(&mut self, one: Term, other: Term) -> bool {
        self.effort += 1;
        if self.is_spent() {
            return false;
        }
        let (one, other) = (self.resolve(one), self.resolve(other));
        if one == other {
            return true;
        }
        match (self.cells[one as usize], self.cells[other as usize]) {
            (Cell::Unknown(unknown), _) => self.bind(unknown, other),
            (_, Cell::Unknown(unknown)) => self.bind(unknown, one),
            (
                Cell::Apply {
                    head: left,
                    first: one,
                    count,
                },
                Cell::Apply {
                    head: right,
                    first: other,
                    ..
                },
            ) => {
                left == right
                    && (0..count).all(|place| {
                        self.unify(self.arguments[one + place], self.arguments[other + place])
                    })
            }
        }
    }

    fn bind(&mut self, unknown: usize, term: Term) -> bool {
        let term = self.resolve(term);
        if matches!(self.cells[term as usize], Cell::Unknown(other) if other == unknown) {
            return true;
        }
        if self.occurs(unknown, term) {
            return false;
        }
        self.unknowns[unknown].0 = Some(term);
        self.trail.push(unknown);
        true
    }

    fn occurs(&mut self, unknown: usize, term: Term) -> bool {
        self.effort += 1;
        if self.is_spent() {
            return true;
        }
        match self.cells[self.resolve(term) as usize] {
            Cell::Unknown(other) => other == unknown,
            Cell::Apply { first, count, .. } => {
                (first..first + count).any(|place| self.occurs(unknown, self.arguments[place]))
            }
        }
    }
}
