//! The clauses of the commit rule, each of which can be left out.

/// One clause of `consensus/decisions/0001-commit-rule.md`, under its letter there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    /// A: q of n signatures make a certificate. Without it, one fewer does.
    Quorum,
    /// B: what a voter attests in one term is one chain.
    OneChain,
    /// C: a voter attests only what contains its lock.
    AttestLock,
    /// D: only a certificate of locks is acted on. Without it, a certificate of holdings is.
    LockBeforeAnswer,
    /// E: a lock is attested in its own term only. Without it, after the voter has moved on, too.
    LockInTerm,
    /// F: an append replaces nothing at or below the lock.
    HoldLock,
    /// G: a conflicting certificate releases the lock only if its term is higher. Without it, any one does.
    ReleaseByHigherTerm,
    /// G, the other half: such a certificate does release the lock. Without it, nothing does.
    Release,
    /// H: a suffix that conflicts with a higher certificate is dropped.
    DropSuffix,
    /// I: a vote goes only to a candidate whose highest certificate is not below the voter's lock.
    VoteByLock,
    /// J: one vote in a term.
    OneVote,
    /// K: appends of a term are taken only from the node that a quorum's votes made its leader.
    LeaderCertificate,
}

/// The rule: all clauses but at most one.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    left_out: Option<Clause>,
}

impl Rule {
    /// Every clause.
    pub const WHOLE: Self = Self { left_out: None };

    /// Every clause but one.
    pub const fn without(clause: Clause) -> Self {
        Self {
            left_out: Some(clause),
        }
    }

    /// Whether a clause is in it.
    pub fn has(self, clause: Clause) -> bool {
        self.left_out != Some(clause)
    }

    /// Honest voters that have to sign what becomes a certificate: the liar signs everything.
    pub fn honest_signers(self) -> usize {
        if self.has(Clause::Quorum) { 2 } else { 1 }
    }
}
