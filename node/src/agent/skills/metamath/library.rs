//! A Metamath database as the kernel and the prover read it: symbols, and one frame per assertion.
//!
//! A *frame* is what a proof needs to know of an assertion: its mandatory hypotheses in order, which variables must stay
//! distinct, and what it states (Metamath book, section 4.2.4). Proofs are not kept: that those of the database hold is
//! checked once, when it is loaded.

use std::collections::HashMap;

use hms_protocol::proof::ProofRefusal;
use hms_protocol::proof::fragment::{Fragment, Item};

use super::kernel::KernelRefusal;
use super::scope::Scope;

/// A symbol, as a number that is its own within one library.
pub(super) type Symbol = u32;

/// What a proof needs to know of an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its label.
    pub(super) label: String,
    /// Whether it is `$a`.
    pub(super) axiom: bool,
    /// Its mandatory hypotheses, in order of appearance.
    pub(super) hypotheses: Vec<Hypothesis>,
    /// Pairs of its mandatory variables that must stay distinct, smaller symbol first.
    pub(super) disjoint: Vec<(Symbol, Symbol)>,
    /// What it states, type first.
    pub(super) statement: Vec<Symbol>,
}

/// A hypothesis of an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hypothesis {
    /// `$f`: a variable and its type.
    Floating {
        /// Its label.
        label: String,
        /// The type.
        code: Symbol,
        /// The variable.
        variable: Symbol,
    },
    /// `$e`
    Essential {
        /// Its label.
        label: String,
        /// What it states, type first.
        math: Vec<Symbol>,
    },
}

impl Hypothesis {
    /// Its label.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Floating { label, .. } | Self::Essential { label, .. } => label,
        }
    }
}

/// Names of symbols, both ways.
#[derive(Clone, Debug, Default)]
pub(super) struct Symbols {
    names: Vec<String>,
    numbers: HashMap<String, Symbol>,
}

impl Symbols {
    /// The number of a name, if it has one.
    pub(super) fn find(&self, name: &str) -> Option<Symbol> {
        self.numbers.get(name).copied()
    }

    /// The number of a name, a new one if need be.
    pub(super) fn intern(&mut self, name: &str) -> Symbol {
        if let Some(number) = self.find(name) {
            return number;
        }
        let number = Symbol::try_from(self.names.len())
            .expect("a database of less than 4 GiB has less than 2^32 symbols");
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The name of a number that this table gave out.
    pub(super) fn name(&self, symbol: Symbol) -> &str {
        &self.names[symbol as usize]
    }

    /// Bytes of a symbol's name.
    pub(super) fn bytes(&self, symbol: Symbol) -> usize {
        self.names[symbol as usize].len()
    }
}

/// A whole database.
#[derive(Clone, Debug)]
pub(super) struct Library {
    /// Its assertions, in order.
    pub(super) frames: Vec<Frame>,
    /// What is in scope at its end: where a submission goes on.
    pub(super) scope: Scope,
    labels: HashMap<String, usize>,
}

impl Library {
    /// Reads a database. Its proofs are not looked at.
    pub(super) fn read(text: &str) -> Result<Self, KernelRefusal> {
        let mut library = Self {
            frames: Vec::new(),
            scope: Scope::default(),
            labels: HashMap::new(),
        };
        let mut fragment = Fragment::read(text)?;
        while let Some(item) = fragment.next_item()? {
            library.take(item, fragment.line())?;
        }
        if library.scope.depth() > 0 {
            let what = "${ without $}";
            return Err(ProofRefusal::Malformed {
                line: fragment.line(),
                what,
            }
            .into());
        }
        library.scope.settle();
        Ok(library)
    }

    /// The assertion with a label.
    pub(super) fn find(&self, label: &str) -> Option<&Frame> {
        self.labels.get(label).map(|place| &self.frames[*place])
    }

    fn take(&mut self, item: Item<'_>, line: usize) -> Result<(), KernelRefusal> {
        match item {
            Item::Open => self.scope.open(),
            Item::Close => {
                if !self.scope.close() {
                    return Err(ProofRefusal::Malformed {
                        line,
                        what: "$} without ${",
                    }
                    .into());
                }
            }
            Item::Constants(names) => self.scope.add_constants(&names)?,
            Item::Variables(names) => self.scope.add_variables(&names)?,
            Item::Disjoint(names) => self.scope.add_disjoint(&names)?,
            Item::Floating(label, math) => self.scope.add_floating(label, &math)?,
            Item::Essential(label, math) => self.scope.add_essential(label, &math)?,
            Item::Axiom(label, math) => self.add(label, &math, true)?,
            Item::Theorem(label, math, _) => self.add(label, &math, false)?,
        }
        Ok(())
    }

    fn add(&mut self, label: &str, math: &[&str], axiom: bool) -> Result<(), KernelRefusal> {
        let frame = self.scope.add_assertion(label, math, axiom)?;
        self.labels.insert(label.to_owned(), self.frames.len());
        self.frames.push(frame);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIC: &str = "
        $c wff |- ( -> ) $. $v p q r $.
        wp $f wff p $. wq $f wff q $. wr $f wff r $.
        wi $a wff ( p -> q ) $.
        ${ mp.1 $e |- q $. mp.2 $e |- ( q -> r ) $. $d q r $. mp $a |- r $. $}";

    #[test]
    fn a_frame_holds_the_mandatory_hypotheses_in_order_of_appearance() {
        let library = Library::read(LOGIC).unwrap();
        let labels = |label: &str| -> Vec<String> {
            let frame = library.find(label).unwrap();
            frame
                .hypotheses
                .iter()
                .map(|each| each.label().to_owned())
                .collect()
        };
        assert_eq!(labels("wi"), ["wp", "wq"]);
        assert_eq!(labels("mp"), ["wq", "wr", "mp.1", "mp.2"]);
        assert_eq!(library.find("mp").unwrap().disjoint.len(), 1);
        assert!(library.find("wp").is_none(), "a hypothesis is no assertion");
    }

    #[test]
    fn a_database_that_breaks_the_rules_is_refused_with_the_symbol_or_label() {
        for (text, needle) in [
            ("$c a a $.", "a"),
            ("$c a $. x $a a b $.", "b"),
            ("$c a $. x $a a $. x $a a $.", "x"),
            ("$c w $. $v v $. x $a w v $.", "v"),
            ("$c w $. $v v $. v $f w v $. u $f w v $.", "v"),
            ("$c w $. $v v $. y $f v w $.", "v"),
            ("${ $c w $. $}", "w"),
            ("$c w $. $v v $. $d v v $.", "v"),
            ("$c w $. $v w $.", "w"),
        ] {
            let message = Library::read(text).unwrap_err().to_string();
            assert!(
                message.contains(&format!("{needle:?}")),
                "{text}: {message}"
            );
        }
    }
}
