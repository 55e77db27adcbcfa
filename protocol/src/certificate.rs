//! Attestations, which are one voter's signed word about its log, and certificates, which are a quorum's.
//!
//! Whoever has the voters' ids can check either, offline and without trusting whoever brings it. Nothing here says what a
//! voter *may* attest, or when a certificate is enough to act on: that is the commit rule,
//! `consensus/decisions/0001-commit-rule.md`.

use std::collections::BTreeMap;

use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{Epoch, Index, MeshId, NodeId, Term};
use crate::keyring::{PublicKey, SecretKey, Signature};
use crate::trust::VoterSet;
use crate::vetting::Verified;

/// What an attestation says of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The voter holds it, durably, and every entry in it is valid to the voter.
    Held,
    /// The voter is locked on it: it keeps a certificate of holdings for it.
    Locked,
}

impl Phase {
    /// The number under which the phase is signed. It never changes meaning.
    const fn number(self) -> u8 {
        match self {
            Self::Held => 1,
            Self::Locked => 2,
        }
    }
}

/// What is attested: a log up to an index, named by its chain hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// Whose ledger it is.
    pub group: MeshId,
    /// Which voters' word it is to be.
    pub epoch: Epoch,
    /// What is said of the log.
    pub phase: Phase,
    /// The term in which it is said; the entries may be of earlier ones.
    pub term: Term,
    /// The log's last entry.
    pub index: Index,
    /// The chain hash up to there.
    pub hash: Hash,
}

/// The place of a certificate of holdings. Marks are ordered by term, then by index: the higher one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The term in which it was attested.
    pub term: Term,
    /// The log's last entry.
    pub index: Index,
    /// The chain hash up to there.
    pub hash: Hash,
}

/// One voter's word. Not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// What it says.
    pub statement: Statement,
    /// Who says it.
    pub voter: NodeId,
    /// Its signature.
    pub signature: Signature,
}

/// A quorum's word. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it says.
    pub statement: Statement,
    /// Who signed, in ascending order of id.
    pub signers: Vec<(NodeId, Signature)>,
}

/// Why an attestation, a certificate, a vote or a mandate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// It is of another mesh.
    #[error("it is of group {group}")]
    OtherGroup {
        /// Which one.
        group: MeshId,
    },
    /// It is the word of voters before or after a change.
    #[error("it is of epoch {epoch}: the voters are those of epoch {expected}")]
    OtherEpoch {
        /// Which epoch it is of.
        epoch: Epoch,
        /// Which one it should be of.
        expected: Epoch,
    },
    /// Somebody signed who is not a voter.
    #[error("{node} is not a voter")]
    NotAVoter {
        /// Who.
        node: NodeId,
    },
    /// Somebody signed twice.
    #[error("{node} signed twice")]
    DuplicateSigner {
        /// Who.
        node: NodeId,
    },
    /// The signers are not in ascending order.
    #[error("{node} is out of order among the signers")]
    Unordered {
        /// Who stands after a higher id.
        node: NodeId,
    },
    /// There is no quorum.
    #[error("{have} voters signed: {need} are needed")]
    TooFew {
        /// How many signed.
        have: usize,
        /// How many must.
        need: usize,
    },
    /// A signature is not the signer's over what it is said to sign.
    #[error("the signature is not {node}'s")]
    BadSignature {
        /// Who is said to have signed.
        node: NodeId,
    },
    /// The votes of a mandate are not for one candidate in one term.
    #[error("the vote of {node} is for another candidate or term")]
    OtherBallot {
        /// Whose vote differs from the first.
        node: NodeId,
    },
    /// A vote names a lock above the certificate that the candidate showed.
    #[error("the vote of {node} is below its own lock")]
    BelowLock {
        /// Whose vote.
        node: NodeId,
    },
}

impl CertificateRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherGroup { .. } => "HMS-CERT-GROUP",
            Self::OtherEpoch { .. } => "HMS-CERT-EPOCH",
            Self::NotAVoter { .. } => "HMS-CERT-VOTER",
            Self::DuplicateSigner { .. } => "HMS-CERT-DUPLICATE",
            Self::Unordered { .. } => "HMS-CERT-ORDER",
            Self::TooFew { .. } => "HMS-CERT-TOO-FEW",
            Self::BadSignature { .. } => "HMS-CERT-SIGNATURE",
            Self::OtherBallot { .. } => "HMS-CERT-BALLOT",
            Self::BelowLock { .. } => "HMS-CERT-LOCK",
        }
    }
}

impl Statement {
    /// Signs it. Whether that is allowed is for the commit rule to say, before this is called.
    pub fn attest(self, key: &SecretKey) -> Attestation {
        Attestation {
            statement: self,
            voter: key.public().into(),
            signature: key.sign(Domain::Attestation, self.digest()),
        }
    }

    /// The mark of a certificate of it.
    pub const fn mark(&self) -> Mark {
        Mark {
            term: self.term,
            index: self.index,
            hash: self.hash,
        }
    }

    fn digest(&self) -> Hash {
        hash_fields(
            Domain::Attestation,
            &[
                self.group.as_bytes(),
                &self.epoch.0.to_le_bytes(),
                &[self.phase.number()],
                &self.term.0.to_le_bytes(),
                &self.index.0.to_le_bytes(),
                self.hash.as_bytes(),
            ],
        )
    }

    pub(crate) fn check_signature(
        &self,
        node: NodeId,
        signature: &Signature,
    ) -> Result<(), CertificateRefusal> {
        let key = PublicKey::from(node);
        if key.verifies(Domain::Attestation, self.digest(), signature) {
            return Ok(());
        }
        Err(CertificateRefusal::BadSignature { node })
    }
}

impl Mark {
    /// What marks are compared by. `None`, which is no certificate, has a lower rank than any.
    pub const fn rank(&self) -> (Term, Index) {
        (self.term, self.index)
    }
}

impl Attestation {
    /// Whether the one who is named has signed it, voter or not: what a stranger can tell.
    pub fn check_signature(&self) -> Result<(), CertificateRefusal> {
        self.statement.check_signature(self.voter, &self.signature)
    }

    /// Whether it is the word of one of these voters.
    pub fn verify(&self, set: &VoterSet) -> Result<(), CertificateRefusal> {
        check_set(set, self.statement.group, self.statement.epoch)?;
        check_voter(set, self.voter)?;
        self.check_signature()
    }
}

impl Certificate {
    /// Makes a certificate of attestations that were verified against these voters. Those of another statement are left
    /// out and a voter counts once; `None` when what is left is no quorum.
    pub fn gather<'a>(
        set: &VoterSet,
        statement: Statement,
        verified: impl IntoIterator<Item = &'a Attestation>,
    ) -> Option<Self> {
        let same = |it: &&Attestation| it.statement == statement && set.has(it.voter);
        let verified = verified.into_iter().filter(same);
        let signers: BTreeMap<NodeId, Signature> =
            verified.map(|it| (it.voter, it.signature)).collect();
        let enough = set.quorum() <= signers.len();
        enough.then(|| Self {
            statement,
            signers: signers.into_iter().collect(),
        })
    }

    /// Whether it is the word of a quorum of these voters. Signatures are checked last, because they cost most; every one
    /// of them must be good, so that a certificate has one reading.
    pub fn verify(&self, set: &VoterSet) -> Result<(), CertificateRefusal> {
        self.verify_beside(set, None, &Verified::default())
    }

    /// The same, for a voter whose `own` word may be among those that were gathered: that one needs no verification, and
    /// what is `known` needs none again.
    pub fn verify_beside(
        &self,
        set: &VoterSet,
        own: Option<&Attestation>,
        known: &Verified,
    ) -> Result<(), CertificateRefusal> {
        check_set(set, self.statement.group, self.statement.epoch)?;
        check_signers(set, self.signers.iter().map(|(node, _)| *node))?;
        let own = own.filter(|own| own.statement == self.statement);
        let own = own.map(|own| (own.voter, own.signature));
        let of = &self.statement;
        let open = |(node, signature): &&(NodeId, Signature)| {
            Some((*node, *signature)) != own && !known.has(of, *node, signature)
        };
        let mut open = self.signers.iter().filter(open);
        open.try_for_each(|(node, signature)| of.check_signature(*node, signature))
    }
}

/// Whether something is of this group and this epoch.
pub(crate) fn check_set(
    set: &VoterSet,
    group: MeshId,
    epoch: Epoch,
) -> Result<(), CertificateRefusal> {
    if group != set.group() {
        return Err(CertificateRefusal::OtherGroup { group });
    }
    if epoch != set.epoch() {
        let expected = set.epoch();
        return Err(CertificateRefusal::OtherEpoch { epoch, expected });
    }
    Ok(())
}

/// Whether a node is a voter.
pub(crate) fn check_voter(set: &VoterSet, node: NodeId) -> Result<(), CertificateRefusal> {
    if set.has(node) {
        return Ok(());
    }
    Err(CertificateRefusal::NotAVoter { node })
}

/// Whether nodes in ascending order are a quorum of distinct voters.
pub(crate) fn check_signers(
    set: &VoterSet,
    signers: impl Iterator<Item = NodeId>,
) -> Result<(), CertificateRefusal> {
    let (mut have, mut last) = (0, None);
    for node in signers {
        check_voter(set, node)?;
        if last == Some(node) {
            return Err(CertificateRefusal::DuplicateSigner { node });
        }
        if Some(node) < last {
            return Err(CertificateRefusal::Unordered { node });
        }
        (have, last) = (have + 1, Some(node));
    }
    let need = set.quorum();
    if need <= have {
        return Ok(());
    }
    Err(CertificateRefusal::TooFew { have, need })
}
