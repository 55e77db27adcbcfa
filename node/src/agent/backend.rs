//! What proves: the master plan's `ProofBackend` (its section 3.4), and the skills that any back end becomes.
//!
//! A back end proves and checks. What it proves counts for nothing until others have checked it, so a back end without a
//! kernel has no place here: its results could only be attested.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use hms_protocol::codec::{self, CodecError};
use hms_protocol::proof::Claim;
use hms_protocol::skill::SkillSpec;
use hms_protocol::task::{Outcome, Report, TaskResult};
use hms_protocol::verdict::Finding;
use tokio_util::sync::CancellationToken;

use super::skill::{Job, Skill, failure};

/// A theorem to prove, as the mesh hands it over.
#[derive(Clone, Debug)]
pub struct ProofTask {
    /// What is to be proved.
    pub claim: Claim,
    /// Cancelled when nobody wants the proof any more.
    pub cancelled: CancellationToken,
}

/// A proof that its own back end's kernel has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofResult {
    /// The proof object, for anybody's kernel.
    pub proof: Vec<u8>,
    /// How it was found, for people.
    pub trace: String,
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    /// The claim or its proof is wrong, or no proof was found: asking again gives the same answer.
    #[error("{code}: {reason}")]
    Refused {
        /// The stable code.
        code: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The back end cannot judge the claim here: a database or a tool is missing. Never a pass.
    #[error("{code}: {reason}")]
    Unavailable {
        /// The stable code.
        code: &'static str,
        /// What is missing.
        reason: String,
    },
    /// The work was given up from outside.
    #[error("the work was given up")]
    Stopped,
}

/// A prover with its kernel.
pub trait ProofBackend: Send + Sync + fmt::Debug + 'static {
    /// Proves a claim, or finds out that it cannot.
    fn prove(&self, task: ProofTask) -> BoxFuture<'static, Result<ProofResult, VerificationError>>;

    /// Checks somebody's proof of a claim, without searching.
    fn verify(
        &self,
        claim: Claim,
        proof: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), VerificationError>>;

    /// Its name, which is the suffix of its two skills, for example `metamath`.
    fn name(&self) -> String;

    /// What agents offer that have it, for example `base=<digest>`.
    fn offers(&self) -> Vec<String>;
}

/// The skill `prove.<name>` of a back end.
#[derive(Clone, Debug)]
pub struct Prove(pub Arc<dyn ProofBackend>);

/// The skill `verify.<name>` of a back end.
#[derive(Clone, Debug)]
pub struct Verify(pub Arc<dyn ProofBackend>);

impl Skill for Prove {
    fn spec(&self) -> SkillSpec {
        spec_of(
            &*self.0,
            "prove",
            "Proves a theorem; an open proof is searched for.",
        )
    }

    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        let backend = Arc::clone(&self.0);
        Box::pin(async move {
            let claim = match read_claim(&job.input) {
                Ok(claim) => claim,
                Err(error) => return refusal(error),
            };
            match backend
                .prove(ProofTask {
                    claim,
                    cancelled: job.cancelled,
                })
                .await
            {
                Ok(ProofResult { proof, trace }) => TaskResult {
                    trace,
                    ..super::skill::success(proof)
                },
                Err(error) => refusal(error),
            }
        })
    }
}

impl Skill for Verify {
    fn spec(&self) -> SkillSpec {
        spec_of(&*self.0, "verify", "Checks a proof; searches for nothing.")
    }

    /// As a task of its own it checks the proof that the claim brings along.
    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        let backend = Arc::clone(&self.0);
        Box::pin(async move {
            let judged = match read_claim(&job.input) {
                Ok(claim) => {
                    let proof = claim.submission.clone().into_bytes();
                    backend.verify(claim, proof).await
                }
                Err(error) => Err(error),
            };
            match judged {
                Ok(()) => super::skill::success(b"accepted".to_vec()),
                Err(error) => refusal(error),
            }
        })
    }

    fn check(&self, job: Job) -> BoxFuture<'static, Finding> {
        let backend = Arc::clone(&self.0);
        Box::pin(async move {
            let Some(Report { result, .. }) = job.report else {
                return Finding::Unavailable("there is no report to check".to_owned());
            };
            if result.outcome != Outcome::Success {
                return Finding::Rejected("the report does not claim success".to_owned());
            }
            let judged = match read_claim(&job.input) {
                Ok(claim) => backend.verify(claim, result.output).await,
                Err(error) => Err(error),
            };
            match judged {
                Ok(()) => Finding::Accepted,
                Err(error @ VerificationError::Refused { .. }) => {
                    Finding::Rejected(error.to_string())
                }
                Err(
                    error @ (VerificationError::Unavailable { .. } | VerificationError::Stopped),
                ) => Finding::Unavailable(error.to_string()),
            }
        })
    }
}

fn spec_of(backend: &dyn ProofBackend, kind: &str, summary: &str) -> SkillSpec {
    let name = format!("{kind}.{}", backend.name());
    SkillSpec {
        name: name
            .parse()
            .expect("a back end's name is part of a skill's name"),
        version: "1.0".to_owned(),
        summary: summary.to_owned(),
        input: "a claim: database digest, label and submission (hms prove makes it)".to_owned(),
        offers: backend.offers().into_iter().collect(),
    }
}

fn read_claim(input: &[u8]) -> Result<Claim, VerificationError> {
    codec::decode(input).map_err(|error: CodecError| VerificationError::Refused {
        code: error.code(),
        reason: error.to_string(),
    })
}

fn refusal(error: VerificationError) -> TaskResult {
    let outcome = match error {
        VerificationError::Refused { .. } => Outcome::Failure,
        VerificationError::Unavailable { .. } => Outcome::Unavailable,
        VerificationError::Stopped => Outcome::Cancelled,
    };
    failure(outcome, error.to_string())
}
