//! A theorem to prove: the claim, and the database that it is claimed over.
//!
//! The input of `prove.metamath` and `verify.metamath`, and how a file of theorems becomes such claims. A text is read
//! here into statements and back into one canonical text, so that no two readers ever see two different things in it.
//! The kernel that checks a proof is in the node's skills; nothing here knows whether a theorem is true.

pub mod fragment;
pub mod submission;

use crate::digest::{Domain, Hash, hash_fields};
use crate::limits;
use submission::Submission;

/// What is to be proved, over which axioms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Digest of the base database's bytes, as [`hash_database`] makes it: the axioms are pinned, nobody can bring their own.
    pub base: Hash,
    /// The label of the theorem.
    pub label: String,
    /// A Metamath fragment with `$p` (and the `$e $f $d $v` that it needs) and nothing else. Its proof may be `?`, then
    /// the prover searches.
    pub submission: String,
}

/// Why a text is not a claim or a database. Metamath's own rules, and those that keep axioms out of submissions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefusal {
    /// A byte that Metamath does not allow.
    #[error("line {line}: byte {byte:#04x} is not printable ASCII")]
    BadByte {
        /// Where, from 1.
        line: usize,
        /// The byte.
        byte: u8,
    },
    /// A statement that breaks Metamath's grammar.
    #[error("line {line}: {what}")]
    Malformed {
        /// Where, from 1.
        line: usize,
        /// The first thing that is wrong.
        what: &'static str,
    },
    /// A file inclusion. What is included would not be covered by any digest.
    #[error("line {line}: $[ inclusions are not followed: the text must stand alone")]
    Inclusion {
        /// Where, from 1.
        line: usize,
    },
    /// A submission with an axiom or a constant of its own: whoever may add axioms can prove anything.
    #[error(
        "line {line}: a submission must not hold {keyword}: axioms and constants come from the base alone"
    )]
    OwnAxiom {
        /// Where, from 1.
        line: usize,
        /// `$a` or `$c`.
        keyword: &'static str,
    },
    /// The text has no theorem of that label, or none at all.
    #[error("there is no $p statement {label:?}")]
    NoTheorem {
        /// The label; empty if there is no theorem at all.
        label: String,
    },
    /// A claim that would not fit into a task.
    #[error("the claim {label} has {bytes} bytes, more than {max}")]
    TooLarge {
        /// The label of the theorem.
        label: String,
        /// Its size.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
}

impl ProofRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadByte { .. } => "HMS-PROOF-BYTE",
            Self::Malformed { .. } => "HMS-PROOF-MALFORMED",
            Self::Inclusion { .. } => "HMS-PROOF-INCLUSION",
            Self::OwnAxiom { .. } => "HMS-PROOF-AXIOM",
            Self::NoTheorem { .. } => "HMS-PROOF-NONE",
            Self::TooLarge { .. } => "HMS-PROOF-LARGE",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::BadByte { .. } => "Metamath files are plain ASCII",
            Self::Malformed { .. } => "check the text with any Metamath verifier",
            Self::Inclusion { .. } => "write the included text into the file",
            Self::OwnAxiom { .. } => {
                "name the database that holds the axioms with --db and leave them out of the file"
            }
            Self::NoTheorem { .. } => "a theorem is written: label $p |- ... $= ? $.",
            Self::TooLarge { .. } => "split the lemmas off into the base database",
        }
    }
}

/// The digest that names a proof database: over its bytes, whatever it is called.
pub fn hash_database(bytes: &[u8]) -> Hash {
    hash_fields(Domain::ProofBase, &[bytes])
}

/// The offer that an agent makes when it holds a base, and the need of a task that is claimed over it.
pub fn database_offer(base: Hash) -> String {
    format!("base={base}")
}

/// Splits a file of theorems into one claim each, in order. A claim carries what its theorem stands on: the hypotheses
/// in scope, and the earlier theorems of the file that its proof mentions.
pub fn split_claims(text: &str, base: Hash) -> Result<Vec<Claim>, ProofRefusal> {
    let whole = Submission::parse(text)?;
    let labels: Vec<String> = whole
        .theorems()
        .map(|theorem| theorem.label.clone())
        .collect();
    if labels.is_empty() {
        return Err(ProofRefusal::NoTheorem {
            label: String::new(),
        });
    }
    labels
        .into_iter()
        .map(|label| claim_of(&whole, label, base))
        .collect()
}

fn claim_of(whole: &Submission, label: String, base: Hash) -> Result<Claim, ProofRefusal> {
    let submission = whole.excerpt(&label)?.render();
    let bytes = submission.len();
    // The claim's other fields and its framing take less than a kilobyte.
    let max = limits::TASK_INPUT_BYTES_MAX - 1_024;
    if bytes + label.len() > max {
        return Err(ProofRefusal::TooLarge { label, bytes, max });
    }
    Ok(Claim {
        base,
        label,
        submission,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
        $( Two goals. $)
        ${ one.1 $e |- ph $. one $p |- ph $= one.1 $. $}
        ${ two.1 $e |- ps $. two $p |- ps $= two.1 one $. three $p |- ( ps -> ps ) $= ? $. $}
    ";

    #[test]
    fn a_file_of_theorems_becomes_one_claim_each_with_the_lemmas_that_it_mentions() {
        let claims = split_claims(FILE, Hash::default()).unwrap();
        let texts: Vec<_> = claims
            .iter()
            .map(|claim| (claim.label.as_str(), claim.submission.replace('\n', " ")))
            .collect();
        assert_eq!(
            texts,
            [
                (
                    "one",
                    "${ one.1 $e |- ph $. one $p |- ph $= one.1 $. $} ".to_owned()
                ),
                (
                    "two",
                    "${ one.1 $e |- ph $. one $p |- ph $= one.1 $. $} \
                     ${ two.1 $e |- ps $. two $p |- ps $= two.1 one $. $} "
                        .to_owned()
                ),
                (
                    "three",
                    "${ two.1 $e |- ps $. three $p |- ( ps -> ps ) $= ? $. $} ".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn a_file_without_theorems_is_refused() {
        let refusal = split_claims("$( nothing $)", Hash::default()).unwrap_err();
        assert_eq!(refusal.code(), "HMS-PROOF-NONE");
    }

    #[test]
    fn a_base_is_named_by_its_bytes() {
        assert_ne!(hash_database(b"$c wff $."), hash_database(b"$c wff $. "));
        assert!(database_offer(Hash::default()).starts_with("base=0000"));
    }
}
