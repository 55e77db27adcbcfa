//! Why a step of a proof cannot be taken: what the stack machine says of the first wrong one.

use super::meter::PROOF_BYTES_MAX;

/// Why a step cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepFault {
    /// The proof has a gap.
    #[error("the proof is incomplete: it holds a ?")]
    Gap,
    /// The text is neither a normal nor a compressed proof.
    #[error("{token:?} does not belong in a proof")]
    BadToken {
        /// What was found.
        token: String,
    },
    /// The step names nothing that may be used here.
    #[error("{label:?} is not an assertion proved before, nor a hypothesis in scope")]
    UnknownLabel {
        /// What it names.
        label: String,
    },
    /// A number of a compressed proof points nowhere.
    #[error("a reference points to nothing")]
    BadReference,
    /// The assertion has more hypotheses than there are results.
    #[error("{label} needs more hypotheses than have been proved")]
    Underflow {
        /// The assertion.
        label: String,
    },
    /// A result is not what the hypothesis wants.
    #[error("{label} wants {wanted:?} for {hypothesis}, the proof gives {found:?}")]
    Mismatch {
        /// The assertion.
        label: String,
        /// Its hypothesis.
        hypothesis: String,
        /// What the hypothesis comes to here.
        wanted: String,
        /// What was proved.
        found: String,
    },
    /// Variables that must stay distinct do not.
    #[error("{label} needs {first} and {second} to be distinct, which is not given")]
    NotDistinct {
        /// The assertion.
        label: String,
        /// A variable.
        first: String,
        /// Another, or the same.
        second: String,
    },
    /// The proof ends with another result, or with several.
    #[error("the proof ends with {found:?} instead of {wanted:?}")]
    OtherResult {
        /// What was claimed.
        wanted: String,
        /// What was proved.
        found: String,
    },
    /// The meter has run out.
    #[error("the proof handles more than {PROOF_BYTES_MAX} bytes")]
    TooHeavy,
}
