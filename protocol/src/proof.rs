//! A theorem to prove: the claim, and the database that it is claimed over.
//!
//! The input of `prove.metamath` and `verify.metamath`. The kernel that checks a proof is in the node's skills; this is
//! only what travels.

use crate::digest::Hash;

/// What is to be proved, over which axioms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Digest of the base database's bytes: the axioms are pinned, nobody can bring their own.
    pub base: Hash,
    /// The label of the theorem.
    pub label: String,
    /// A Metamath fragment with `$p` (and the `$e $f $d $v` that it needs) and nothing else. Its proof may be `?`, then
    /// the prover searches.
    pub submission: String,
}
