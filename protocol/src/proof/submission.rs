//! A submission: Metamath text that adds theorems to a base and nothing else.
//!
//! A parsed submission holds no axiom and no constant, its blocks are closed, and it renders to one canonical text. Its
//! *skeleton* is that text without the proofs: two submissions with one skeleton claim the same things.

use std::collections::BTreeSet;

use super::ProofRefusal;
use super::fragment::{Fragment, Item};

/// A parsed submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    // Invariant: blocks are balanced.
    pieces: Vec<Piece>,
}

/// One piece of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// `${`
    Open,
    /// `$}`
    Close,
    /// `$v`, `$d`, `$f` or `$e`: what theorems stand on.
    Ground(Ground),
    /// `$p`
    Theorem(Theorem),
}

/// A statement that theorems stand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// What kind of statement.
    pub keyword: Keyword,
    /// The label of `$f` and `$e`.
    pub label: Option<String>,
    /// The symbols.
    pub math: Vec<String>,
}

/// The kinds of statement that theorems stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// `$v`: variables.
    Variables,
    /// `$d`: variables that must stay distinct.
    Disjoint,
    /// `$f`: the type of a variable.
    Floating,
    /// `$e`: a hypothesis.
    Essential,
}

impl Keyword {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Variables => "$v",
            Self::Disjoint => "$d",
            Self::Floating => "$f",
            Self::Essential => "$e",
        }
    }
}

/// A theorem with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theorem {
    /// Its label.
    pub label: String,
    /// What it states, type first.
    pub math: Vec<String>,
    /// The tokens of its proof, as they stand in the text.
    pub proof: Vec<String>,
}

impl Theorem {
    /// Whether the proof is left to the prover.
    pub fn is_open(&self) -> bool {
        self.proof == ["?"]
    }
}

impl Submission {
    /// Reads a submission.
    pub fn parse(text: &str) -> Result<Self, ProofRefusal> {
        let mut fragment = Fragment::read(text)?;
        let mut pieces = Vec::new();
        let mut depth = 0_usize;
        while let Some(item) = fragment.next_item()? {
            let line = fragment.line();
            match item {
                Item::Open => depth += 1,
                Item::Close => {
                    depth = depth.checked_sub(1).ok_or(ProofRefusal::Malformed {
                        line,
                        what: "$} without ${",
                    })?;
                }
                Item::Constants(_)
                | Item::Variables(_)
                | Item::Disjoint(_)
                | Item::Floating(..)
                | Item::Essential(..)
                | Item::Axiom(..)
                | Item::Theorem(..) => {}
            }
            pieces.push(Piece::of(item, line)?);
        }
        if depth > 0 {
            return Err(ProofRefusal::Malformed {
                line: fragment.line(),
                what: "${ without $}",
            });
        }
        Ok(Self { pieces })
    }

    /// Its pieces, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Its theorems, in order.
    pub fn theorems(&self) -> impl Iterator<Item = &Theorem> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Theorem(theorem) => Some(theorem),
            Piece::Open | Piece::Close | Piece::Ground(_) => None,
        })
    }

    /// The theorem with a label.
    pub fn theorem(&self, label: &str) -> Result<&Theorem, ProofRefusal> {
        self.theorems()
            .find(|theorem| theorem.label == label)
            .ok_or_else(|| ProofRefusal::NoTheorem {
                label: label.to_owned(),
            })
    }

    /// The canonical text: one statement per line, one blank between tokens, no comments.
    pub fn render(&self) -> String {
        self.write(true)
    }

    /// The canonical text with every proof left out.
    pub fn skeleton(&self) -> String {
        self.write(false)
    }

    /// The same submission with another proof for one theorem.
    #[must_use]
    pub fn with_proof(&self, label: &str, proof: Vec<String>) -> Self {
        let mut pieces = self.pieces.clone();
        for piece in &mut pieces {
            if let Piece::Theorem(theorem) = piece
                && theorem.label == label
            {
                theorem.proof.clone_from(&proof);
            }
        }
        Self { pieces }
    }

    /// One theorem with what it stands on: everything in scope, and the earlier theorems that its proof mentions,
    /// directly or through each other.
    pub fn excerpt(&self, label: &str) -> Result<Self, ProofRefusal> {
        let kept = self.mentioned(label)?;
        let mut pieces: Vec<Piece> = Vec::new();
        // Where the open blocks begin, and whether anything is kept in them: a block of nothing is taken out again.
        let mut blocks: Vec<(usize, bool)> = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Open => {
                    blocks.push((pieces.len(), false));
                    pieces.push(Piece::Open);
                }
                Piece::Close => {
                    let (start, used) = blocks.pop().expect("a submission's blocks are balanced");
                    if used {
                        pieces.push(Piece::Close);
                    } else {
                        pieces.truncate(start);
                    }
                }
                Piece::Ground(_) => pieces.push(piece.clone()),
                Piece::Theorem(theorem) if kept.contains(theorem.label.as_str()) => {
                    for (_, used) in &mut blocks {
                        *used = true;
                    }
                    pieces.push(piece.clone());
                    if theorem.label == label {
                        break;
                    }
                }
                Piece::Theorem(_) => {}
            }
        }
        pieces.extend(blocks.iter().map(|_| Piece::Close));
        Ok(Self { pieces })
    }

    /// The labels of a theorem and of all the earlier ones that its proof needs.
    fn mentioned(&self, label: &str) -> Result<BTreeSet<&str>, ProofRefusal> {
        let goal = self.theorem(label)?;
        let mut kept = BTreeSet::from([goal.label.as_str()]);
        // Proofs look only backwards, so one walk from the end sees every mention before what it mentions.
        let theorems: Vec<&Theorem> = self.theorems().collect();
        for theorem in theorems.iter().rev() {
            if kept.contains(theorem.label.as_str()) {
                kept.extend(theorem.proof.iter().map(String::as_str));
            }
        }
        Ok(kept)
    }

    fn write(&self, proofs: bool) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Open => text.push_str("${"),
                Piece::Close => text.push_str("$}"),
                Piece::Ground(ground) => ground.write(&mut text),
                Piece::Theorem(theorem) => theorem.write(&mut text, proofs),
            }
            text.push('\n');
        }
        text
    }
}

impl Piece {
    fn of(item: Item<'_>, line: usize) -> Result<Self, ProofRefusal> {
        let ground = |keyword, label: Option<&str>, math: Vec<&str>| {
            Self::Ground(Ground {
                keyword,
                label: label.map(str::to_owned),
                math: owned(&math),
            })
        };
        match item {
            Item::Open => Ok(Self::Open),
            Item::Close => Ok(Self::Close),
            Item::Variables(math) => Ok(ground(Keyword::Variables, None, math)),
            Item::Disjoint(math) => Ok(ground(Keyword::Disjoint, None, math)),
            Item::Floating(label, math) => Ok(ground(Keyword::Floating, Some(label), math)),
            Item::Essential(label, math) => Ok(ground(Keyword::Essential, Some(label), math)),
            Item::Theorem(label, math, proof) => Ok(Self::Theorem(Theorem {
                label: label.to_owned(),
                math: owned(&math),
                proof: owned(&proof),
            })),
            Item::Constants(_) => Err(ProofRefusal::OwnAxiom {
                line,
                keyword: "$c",
            }),
            Item::Axiom(..) => Err(ProofRefusal::OwnAxiom {
                line,
                keyword: "$a",
            }),
        }
    }
}

impl Ground {
    fn write(&self, text: &mut String) {
        if let Some(label) = &self.label {
            text.push_str(label);
            text.push(' ');
        }
        text.push_str(self.keyword.as_str());
        push_tokens(text, &self.math);
        text.push_str(" $.");
    }
}

impl Theorem {
    fn write(&self, text: &mut String, proofs: bool) {
        text.push_str(&self.label);
        text.push_str(" $p");
        push_tokens(text, &self.math);
        text.push_str(" $=");
        if proofs {
            push_tokens(text, &self.proof);
        }
        text.push_str(" $.");
    }
}

fn push_tokens(text: &mut String, tokens: &[String]) {
    for token in tokens {
        text.push(' ');
        text.push_str(token);
    }
}

fn owned(tokens: &[&str]) -> Vec<String> {
    tokens.iter().map(|token| (*token).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_submission_with_axioms_constants_or_inclusions_of_its_own_is_refused() {
        for (text, code) in [
            (
                "cheat $a |- ph $. x $p |- ph $= cheat $.",
                "HMS-PROOF-AXIOM",
            ),
            ("$c yes $. x $p |- ph $= y $.", "HMS-PROOF-AXIOM"),
            ("$[ more.mm $] x $p |- ph $= y $.", "HMS-PROOF-INCLUSION"),
            ("${ x $p |- ph $= y $.", "HMS-PROOF-MALFORMED"),
            ("$} x $p |- ph $= y $.", "HMS-PROOF-MALFORMED"),
        ] {
            assert_eq!(Submission::parse(text).unwrap_err().code(), code, "{text}");
        }
    }

    #[test]
    fn the_skeleton_is_the_text_without_the_proofs() {
        let open = Submission::parse("${ h $e |- ph $. t $p |- ph $= ? $. $}").unwrap();
        let closed = open.with_proof("t", vec!["h".to_owned()]);
        assert!(open.theorem("t").unwrap().is_open());
        assert!(!closed.theorem("t").unwrap().is_open());
        assert_eq!(open.skeleton(), closed.skeleton());
        assert_ne!(open.render(), closed.render());
    }

    #[test]
    fn an_excerpt_drops_what_the_proof_does_not_mention() {
        let whole = Submission::parse(
            "v $f wff ph $. ${ a.1 $e |- ph $. a $p |- ph $= a.1 $. $}
             ${ ${ b $p |- ph $= ? $. $} c $p |- ps $= a $. $} d $p |- ps $= c $.",
        )
        .unwrap();
        let excerpt = whole.excerpt("d").unwrap();
        let labels: Vec<&str> = excerpt
            .theorems()
            .map(|theorem| theorem.label.as_str())
            .collect();
        assert_eq!(labels, ["a", "c", "d"]);
        assert_eq!(
            excerpt
                .pieces()
                .iter()
                .filter(|piece| **piece == Piece::Open)
                .count(),
            2
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_and_what_it_reads_it_reads_again(
            text in "([ \n]|\\$[cvdfeap.=\\{\\}\\(\\)\\[]|[a-z?|-]|\\PC){0,60}"
        ) {
            if let Ok(submission) = Submission::parse(&text) {
                prop_assert_eq!(Submission::parse(&submission.render()), Ok(submission));
            }
        }

        #[test]
        fn a_rendered_submission_reads_back(labels in proptest::collection::vec("[a-z]{1,4}", 1..6)) {
            let blocks: Vec<String> = labels
                .iter()
                .map(|label| format!("${{ {label}.h $e |- x $. {label} $p |- x $= {label}.h $. $}}"))
                .collect();
            let submission = Submission::parse(&blocks.join(" ")).unwrap();
            prop_assert_eq!(Submission::parse(&submission.render()), Ok(submission));
        }
    }
}
