//! What is in scope at one place of a Metamath text (Metamath book, section 4.2.8).
//!
//! A scope grows with every statement and shrinks with every `$}`. It refuses symbols that are not declared, variables
//! without a type and labels that are taken, so that nothing read through it can change the meaning of what came before.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::kernel::KernelRefusal;
use super::library::{Frame, Hypothesis, Symbol, Symbols};

/// The statements in scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    symbols: Symbols,
    constants: HashSet<Symbol>,
    variables: HashSet<Symbol>,
    typed: HashSet<Symbol>,
    labels: HashSet<String>,
    // Labels of a whole database, shared by the scopes of all its submissions.
    labels_below: Arc<HashSet<String>>,
    // Grounds in order of appearance; a block's end cuts them back to where the block began.
    grounds: Vec<Ground>,
    blocks: Vec<usize>,
}

/// A statement that others stand on.
#[derive(Clone, Debug)]
enum Ground {
    Variable(Symbol),
    Hypothesis(Hypothesis),
    Disjoint(Symbol, Symbol),
}

impl Scope {
    /// Names of the symbols.
    pub(super) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// How many blocks are open.
    pub(super) fn depth(&self) -> usize {
        self.blocks.len()
    }

    /// Begins a block.
    pub(super) fn open(&mut self) {
        self.blocks.push(self.grounds.len());
    }

    /// Ends a block; false if none is open.
    pub(super) fn close(&mut self) -> bool {
        let Some(start) = self.blocks.pop() else {
            return false;
        };
        for ground in self.grounds.drain(start..) {
            match ground {
                Ground::Variable(variable) => {
                    self.variables.remove(&variable);
                }
                Ground::Hypothesis(Hypothesis::Floating { variable, .. }) => {
                    self.typed.remove(&variable);
                }
                Ground::Hypothesis(Hypothesis::Essential { .. }) | Ground::Disjoint(..) => {}
            }
        }
        true
    }

    /// Ends a database: what follows is cheap to copy.
    pub(super) fn settle(&mut self) {
        self.labels_below = Arc::new(std::mem::take(&mut self.labels));
    }

    /// `$c`
    pub(super) fn add_constants(&mut self, names: &[&str]) -> Result<(), KernelRefusal> {
        for name in names {
            let symbol = self.symbols.intern(name);
            if !self.blocks.is_empty() || self.is_variable(symbol) || !self.constants.insert(symbol)
            {
                return Err(misused(
                    name,
                    "a constant is declared once, outside all blocks",
                ));
            }
        }
        Ok(())
    }

    /// `$v`
    pub(super) fn add_variables(&mut self, names: &[&str]) -> Result<(), KernelRefusal> {
        for name in names {
            let symbol = self.symbols.intern(name);
            if self.constants.contains(&symbol) || !self.variables.insert(symbol) {
                return Err(misused(name, "it is declared already"));
            }
            self.grounds.push(Ground::Variable(symbol));
        }
        Ok(())
    }

    /// `$d`
    pub(super) fn add_disjoint(&mut self, names: &[&str]) -> Result<(), KernelRefusal> {
        let mut variables = BTreeSet::new();
        for name in names {
            let variable = self
                .symbols
                .find(name)
                .filter(|symbol| self.is_variable(*symbol));
            let variable = variable.ok_or_else(|| misused(name, "it is not a variable"))?;
            if !variables.insert(variable) {
                return Err(misused(name, "it cannot be distinct from itself"));
            }
        }
        for (place, first) in variables.iter().enumerate() {
            for second in variables.iter().skip(place + 1) {
                self.grounds.push(Ground::Disjoint(*first, *second));
            }
        }
        Ok(())
    }

    /// `$f`
    pub(super) fn add_floating(&mut self, label: &str, math: &[&str]) -> Result<(), KernelRefusal> {
        let [code_name, name] = *math else {
            return Err(misused(label, "$f takes a type and a variable"));
        };
        let code = self.constant(code_name)?;
        let variable = self
            .symbols
            .find(name)
            .filter(|symbol| self.is_variable(*symbol));
        let variable = variable.ok_or_else(|| misused(name, "it is not a variable"))?;
        if !self.typed.insert(variable) {
            return Err(misused(name, "it has a type already"));
        }
        self.take_label(label)?;
        let label = label.to_owned();
        self.grounds.push(Ground::Hypothesis(Hypothesis::Floating {
            label,
            code,
            variable,
        }));
        Ok(())
    }

    /// `$e`
    pub(super) fn add_essential(
        &mut self,
        label: &str,
        math: &[&str],
    ) -> Result<(), KernelRefusal> {
        let math = self.read(math)?;
        self.take_label(label)?;
        let label = label.to_owned();
        self.grounds
            .push(Ground::Hypothesis(Hypothesis::Essential { label, math }));
        Ok(())
    }

    /// `$a` or `$p`: makes the frame of the assertion.
    pub(super) fn add_assertion(
        &mut self,
        label: &str,
        math: &[&str],
        axiom: bool,
    ) -> Result<Frame, KernelRefusal> {
        let statement = self.read(math)?;
        self.take_label(label)?;
        let mandatory = self.mandatory(&statement);
        let hypotheses = self.hypotheses().filter(|hypothesis| match hypothesis {
            Hypothesis::Floating { variable, .. } => mandatory.contains(variable),
            Hypothesis::Essential { .. } => true,
        });
        let hypotheses = hypotheses.cloned().collect();
        let disjoint = self.disjoint();
        let both =
            |pair: &&(Symbol, Symbol)| mandatory.contains(&pair.0) && mandatory.contains(&pair.1);
        let disjoint = disjoint.iter().filter(both).copied().collect();
        Ok(Frame {
            label: label.to_owned(),
            axiom,
            hypotheses,
            disjoint,
            statement,
        })
    }

    /// The hypotheses in scope, in order of appearance.
    pub(super) fn hypotheses(&self) -> impl Iterator<Item = &Hypothesis> {
        self.grounds.iter().filter_map(|ground| match ground {
            Ground::Hypothesis(hypothesis) => Some(hypothesis),
            Ground::Variable(_) | Ground::Disjoint(..) => None,
        })
    }

    /// Every pair of variables in scope that must stay distinct, smaller symbol first.
    pub(super) fn disjoint(&self) -> BTreeSet<(Symbol, Symbol)> {
        let pairs = self.grounds.iter().filter_map(|ground| match ground {
            Ground::Disjoint(first, second) => Some((*first, *second)),
            Ground::Variable(_) | Ground::Hypothesis(_) => None,
        });
        pairs.collect()
    }

    /// Whether a symbol is a variable in scope.
    pub(super) fn is_variable(&self, symbol: Symbol) -> bool {
        self.variables.contains(&symbol)
    }

    /// Whether a label is taken.
    pub(super) fn has_label(&self, label: &str) -> bool {
        self.labels.contains(label) || self.labels_below.contains(label)
    }

    fn mandatory(&self, statement: &[Symbol]) -> HashSet<Symbol> {
        let essentials = self.hypotheses().filter_map(|hypothesis| match hypothesis {
            Hypothesis::Essential { math, .. } => Some(math.as_slice()),
            Hypothesis::Floating { .. } => None,
        });
        let symbols = essentials.chain([statement]).flatten();
        symbols
            .copied()
            .filter(|symbol| !self.constants.contains(symbol))
            .collect()
    }

    /// Reads the symbols of a statement: a constant first, then constants and variables that have a type.
    fn read(&self, math: &[&str]) -> Result<Vec<Symbol>, KernelRefusal> {
        let (first, rest) = math
            .split_first()
            .ok_or_else(|| misused("", "a statement is empty"))?;
        let mut symbols = vec![self.constant(first)?];
        for name in rest {
            let symbol = self
                .symbols
                .find(name)
                .ok_or_else(|| misused(name, "it is not declared"))?;
            if !self.constants.contains(&symbol) && !self.typed.contains(&symbol) {
                return Err(misused(
                    name,
                    "it is no constant and no variable with a type",
                ));
            }
            symbols.push(symbol);
        }
        Ok(symbols)
    }

    fn constant(&self, name: &str) -> Result<Symbol, KernelRefusal> {
        let symbol = self
            .symbols
            .find(name)
            .filter(|symbol| self.constants.contains(symbol));
        symbol.ok_or_else(|| misused(name, "it is not a constant"))
    }

    fn take_label(&mut self, label: &str) -> Result<(), KernelRefusal> {
        if self.symbols.find(label).is_some() {
            return Err(misused(label, "a label must not be a symbol"));
        }
        if self.has_label(label) {
            return Err(KernelRefusal::LabelTaken {
                label: label.to_owned(),
            });
        }
        self.labels.insert(label.to_owned());
        Ok(())
    }
}

fn misused(symbol: &str, what: &'static str) -> KernelRefusal {
    KernelRefusal::SymbolMisused {
        symbol: symbol.to_owned(),
        what,
    }
}
