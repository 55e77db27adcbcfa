//! `prove.metamath` and `verify.metamath`: theorems over the Metamath databases that this node holds.
//!
//! The prover searches, the kernel judges, and the kernel has the last word on both sides: a proof that was found is
//! checked here before it is reported, and once more by every verifier, over the verifier's own copy of the database.

mod fault;
mod grammar;
pub mod kernel;
mod knife;
mod lemma;
mod library;
mod machine;
mod meter;
mod model;
pub mod prover;
mod scope;
mod search;
pub mod shelf;
mod terms;

use std::sync::Arc;

use futures::future::BoxFuture;
use hms_protocol::limits::TASK_OUTPUT_BYTES_MAX;
use hms_protocol::proof::{Claim, database_offer};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use self::kernel::KernelRefusal;
use self::prover::{Found, ProverError};
use self::shelf::Shelf;
use crate::agent::backend::{ProofBackend, ProofResult, ProofTask, VerificationError};
use crate::limits::PROOFS_AT_ONCE;

/// The Metamath back end of a node.
#[derive(Clone, Debug)]
pub struct MetamathBackend {
    shelf: Shelf,
    // Searching and checking keep a processor busy: more at once would only slow each other and the node.
    desks: Arc<Semaphore>,
}

impl MetamathBackend {
    /// A back end over these databases.
    pub fn new(shelf: Shelf) -> Self {
        Self {
            shelf,
            desks: Arc::new(Semaphore::new(PROOFS_AT_ONCE)),
        }
    }

    /// Does work that keeps a processor busy, off the runtime's threads.
    async fn at_desk<T: Send + 'static>(
        desks: Arc<Semaphore>,
        work: impl FnOnce() -> Result<T, VerificationError> + Send + 'static,
    ) -> Result<T, VerificationError> {
        let permit = desks.acquire_owned().await;
        let done = spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.unwrap_or_else(|_| {
            let reason = "the kernel broke on this input".to_owned();
            Err(VerificationError::Unavailable {
                code: "HMS-PROOF-BROKE",
                reason,
            })
        })
    }
}

impl ProofBackend for MetamathBackend {
    fn prove(&self, task: ProofTask) -> BoxFuture<'static, Result<ProofResult, VerificationError>> {
        let (shelf, desks) = (self.shelf.clone(), Arc::clone(&self.desks));
        Box::pin(async move {
            let ProofTask { claim, cancelled } = task;
            // When this future is dropped, the search that it waits for ends too.
            let search = cancelled.child_token();
            let _dropped = search.clone().drop_guard();
            Self::at_desk(desks, move || {
                let volume = shelf.find(claim.base)?;
                let found = prover::prove(&volume, &claim, &|| search.is_cancelled())?;
                let Found { submission, trace } = found;
                kernel::check(&volume, &claim, &submission)?;
                Ok(ProofResult {
                    proof: submission.into_bytes(),
                    trace,
                })
            })
            .await
        })
    }

    fn verify(
        &self,
        claim: Claim,
        proof: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), VerificationError>> {
        let (shelf, desks) = (self.shelf.clone(), Arc::clone(&self.desks));
        Box::pin(async move {
            if TASK_OUTPUT_BYTES_MAX < proof.len() {
                let reason = format!("the proof has {} bytes", proof.len());
                return Err(VerificationError::Refused {
                    code: "HMS-PROOF-LARGE",
                    reason,
                });
            }
            Self::at_desk(desks, move || {
                let volume = shelf.find(claim.base)?;
                // A proof of other bytes than text is read as what it is not, and refused for that.
                let text = String::from_utf8_lossy(&proof);
                Ok(kernel::check(&volume, &claim, &text)?)
            })
            .await
        })
    }

    fn name(&self) -> String {
        "metamath".to_owned()
    }

    fn offers(&self) -> Vec<String> {
        self.shelf.digests().map(database_offer).collect()
    }
}

impl From<KernelRefusal> for VerificationError {
    fn from(refusal: KernelRefusal) -> Self {
        let (code, reason) = (refusal.code(), refusal.to_string());
        match refusal {
            KernelRefusal::UnknownDatabase { .. } => Self::Unavailable { code, reason },
            KernelRefusal::Text(_)
            | KernelRefusal::LabelTaken { .. }
            | KernelRefusal::SymbolMisused { .. }
            | KernelRefusal::OtherStatement
            | KernelRefusal::Incomplete { .. }
            | KernelRefusal::WrongProof { .. }
            | KernelRefusal::Disputed { .. } => Self::Refused { code, reason },
        }
    }
}

impl From<ProverError> for VerificationError {
    fn from(error: ProverError) -> Self {
        let reason = error.to_string();
        match error {
            ProverError::Refused(refusal) => refusal.into(),
            ProverError::Stopped { .. } => Self::Stopped,
            ProverError::Unreadable { .. } => Self::Refused {
                code: "HMS-PROOF-UNREADABLE",
                reason,
            },
            ProverError::NotFound { .. } => Self::Refused {
                code: "HMS-PROOF-NOT-FOUND",
                reason,
            },
        }
    }
}
