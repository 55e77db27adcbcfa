//! The kernel: whether a submission proves a claim over a base, and if not, why not.
//!
//! A proof counts when two readers that share no code accept it: our own machine and metamath-rs. What is proved must be
//! token for token what was claimed; everything but the proofs must be equal. The kernel never searches, and no bytes
//! make it panic, run long or grow large.

use std::collections::HashMap;

use hms_protocol::digest::Hash;
use hms_protocol::proof::submission::{Ground, Keyword, Piece, Submission, Theorem};
use hms_protocol::proof::{Claim, ProofRefusal};

use super::fault::StepFault;
use super::library::{Frame, Library};
use super::machine;
use super::meter::Meter;
use super::scope::Scope;
use super::shelf::Volume;

/// Why a submission does not prove a claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelRefusal {
    /// The text is not a submission, or not a database.
    #[error(transparent)]
    Text(#[from] ProofRefusal),
    /// This node does not hold the database that the claim is made over.
    #[error("the proof database {database} is not held here")]
    UnknownDatabase {
        /// Its digest.
        database: Hash,
    },
    /// A label is used twice, or belongs to the base.
    #[error("the label {label:?} is taken")]
    LabelTaken {
        /// The label.
        label: String,
    },
    /// A symbol or label is used against Metamath's rules.
    #[error("{symbol:?} is misused: {what}")]
    SymbolMisused {
        /// The symbol.
        symbol: String,
        /// The rule.
        what: &'static str,
    },
    /// The submission is about something else than the claim.
    #[error("the submission does not state what was claimed")]
    OtherStatement,
    /// A proof is left open.
    #[error("the proof of {label} is incomplete")]
    Incomplete {
        /// The theorem.
        label: String,
    },
    /// A proof is wrong.
    #[error("the proof of {label} is wrong at step {step}: {fault}")]
    WrongProof {
        /// The theorem.
        label: String,
        /// The step, from 1.
        step: usize,
        /// What is wrong with it.
        fault: Box<StepFault>,
    },
    /// The second reader does not accept the proof.
    #[error("metamath-rs does not accept the proof: {complaint}")]
    Disputed {
        /// What it says.
        complaint: String,
    },
}

impl KernelRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(refusal) => refusal.code(),
            Self::UnknownDatabase { .. } => "HMS-PROOF-DATABASE",
            Self::LabelTaken { .. } => "HMS-PROOF-LABEL",
            Self::SymbolMisused { .. } => "HMS-PROOF-SYMBOL",
            Self::OtherStatement => "HMS-PROOF-STATEMENT",
            Self::Incomplete { .. } => "HMS-PROOF-INCOMPLETE",
            Self::WrongProof { .. } => "HMS-PROOF-WRONG",
            Self::Disputed { .. } => "HMS-PROOF-DISPUTED",
        }
    }
}

/// Checks that `proved` is a complete proof of `claim` over the database of `volume`.
pub fn check(volume: &Volume, claim: &Claim, proved: &str) -> Result<(), KernelRefusal> {
    let claimed = Submission::parse(&claim.submission)?;
    claimed.theorem(&claim.label)?;
    let submission = Submission::parse(proved)?;
    if submission.skeleton() != claimed.skeleton() {
        return Err(KernelRefusal::OtherStatement);
    }
    let library = volume.library();
    let mut meter = Meter::default();
    read(library, &submission, |reading, frame, theorem| {
        let ground = machine::Ground {
            library,
            scope: reading.scope,
            lemmas: reading.lemmas,
        };
        machine::run(&ground, frame, &theorem.proof, &mut meter).map_err(|(step, fault)| {
            let label = theorem.label.clone();
            if fault == StepFault::Gap {
                return KernelRefusal::Incomplete { label };
            }
            let fault = Box::new(fault);
            KernelRefusal::WrongProof { label, step, fault }
        })
    })?;
    let labels: Vec<&str> = submission
        .theorems()
        .map(|theorem| theorem.label.as_str())
        .collect();
    // The outer block keeps hypotheses from standing at top level, which metamath-rs forbids.
    let text = format!("${{\n{}$}}\n", submission.render());
    let judged = volume.knife().check(&text, &labels);
    judged.map_err(|complaint| KernelRefusal::Disputed { complaint })
}

/// What a theorem of a submission stands on.
pub(super) struct Reading<'a> {
    /// What is in scope.
    pub(super) scope: &'a Scope,
    /// The submission's earlier theorems.
    pub(super) lemmas: &'a HashMap<String, Frame>,
}

/// Reads a submission on top of a database, and visits each theorem where it stands.
pub(super) fn read(
    library: &Library,
    submission: &Submission,
    mut visit: impl FnMut(Reading<'_>, &Frame, &Theorem) -> Result<(), KernelRefusal>,
) -> Result<(), KernelRefusal> {
    let mut scope = library.scope.clone();
    let mut lemmas = HashMap::new();
    for piece in submission.pieces() {
        match piece {
            Piece::Open => scope.open(),
            Piece::Close => {
                assert!(scope.close(), "a submission's blocks are balanced");
            }
            Piece::Ground(ground) => add_ground(&mut scope, ground)?,
            Piece::Theorem(theorem) => {
                let math: Vec<&str> = theorem.math.iter().map(String::as_str).collect();
                let frame = scope.add_assertion(&theorem.label, &math, false)?;
                visit(
                    Reading {
                        scope: &scope,
                        lemmas: &lemmas,
                    },
                    &frame,
                    theorem,
                )?;
                lemmas.insert(theorem.label.clone(), frame);
            }
        }
    }
    Ok(())
}

fn add_ground(scope: &mut Scope, ground: &Ground) -> Result<(), KernelRefusal> {
    let math: Vec<&str> = ground.math.iter().map(String::as_str).collect();
    let label = ground.label.as_deref().unwrap_or_default();
    match ground.keyword {
        Keyword::Variables => scope.add_variables(&math),
        Keyword::Disjoint => scope.add_disjoint(&math),
        Keyword::Floating => scope.add_floating(label, &math),
        Keyword::Essential => scope.add_essential(label, &math),
    }
}
