//! Votes for a leader, and the mandate that a quorum of them gives it for one term.
//!
//! A vote names the certificate that the candidate showed and the voter's own lock, so that a voter that votes against its
//! lock has signed the proof of it. Whom a voter may vote for is the commit rule,
//! `consensus/decisions/0001-commit-rule.md`.

use crate::certificate::{CertificateRefusal, Mark, check_set, check_signers, check_voter};
use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{Epoch, Index, MeshId, NodeId, Term};
use crate::keyring::{PublicKey, SecretKey, Signature};
use crate::trust::VoterSet;

/// What a vote says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// Whose ledger is to be led.
    pub group: MeshId,
    /// Which voters' word it is to be.
    pub epoch: Epoch,
    /// For which term.
    pub term: Term,
    /// To whom.
    pub candidate: NodeId,
    /// The highest certificate of holdings that the candidate showed.
    pub shown: Option<Mark>,
    /// The voter's own lock.
    pub lock: Option<Mark>,
}

/// One voter's vote. Not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// What it says.
    pub ballot: Ballot,
    /// Who gives it.
    pub voter: NodeId,
    /// Its signature.
    pub signature: Signature,
}

/// A quorum's votes: what makes a node the leader of a term. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// The votes, in ascending order of the voters' ids.
    pub votes: Vec<Vote>,
}

/// A leader's word that another voter may stand for election while it leads. Without it, a voter that has a leader passes
/// over whoever asks for its vote. Not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Whose ledger is led.
    pub group: MeshId,
    /// Which voters the leader is one of.
    pub epoch: Epoch,
    /// The term in which it leads. The election is for the next one.
    pub term: Term,
    /// Who may stand.
    pub candidate: NodeId,
    /// The leader's signature.
    pub signature: Signature,
}

/// Whether one mark is below another; no mark is below every mark.
pub(crate) fn is_below(one: Option<Mark>, other: Option<Mark>) -> bool {
    one.map(|mark| mark.rank()) < other.map(|mark| mark.rank())
}

impl Ballot {
    /// Signs it. Whether that is allowed is for the commit rule to say, before this is called.
    pub fn cast(self, key: &SecretKey) -> Vote {
        Vote {
            ballot: self,
            voter: key.public().into(),
            signature: key.sign(Domain::Vote, self.digest()),
        }
    }

    /// Whether the candidate showed less than the voter's own lock: no honest voter signs that.
    pub fn is_below_its_lock(&self) -> bool {
        is_below(self.shown, self.lock)
    }

    /// What is signed: every field, a mark by four fields of which the first says whether it is there.
    fn digest(&self) -> Hash {
        let marks = [self.shown, self.lock].map(mark_fields);
        let epoch = self.epoch.0.to_le_bytes();
        let term = self.term.0.to_le_bytes();
        let head: [&[u8]; 4] = [
            self.group.as_bytes(),
            &epoch,
            &term,
            self.candidate.as_bytes(),
        ];
        let marks = marks.iter().map(|fields| &fields[..]);
        let fields: Vec<&[u8]> = head.into_iter().chain(marks).collect();
        hash_fields(Domain::Vote, &fields)
    }
}

/// A mark as bytes of one length: a flag, term, index and hash.
fn mark_fields(mark: Option<Mark>) -> [u8; 49] {
    let mut bytes = [0; 49];
    bytes[0] = u8::from(mark.is_some());
    let mark = mark.unwrap_or(Mark {
        term: Term(0),
        index: Index(0),
        hash: Hash::default(),
    });
    bytes[1..9].copy_from_slice(&mark.term.0.to_le_bytes());
    bytes[9..17].copy_from_slice(&mark.index.0.to_le_bytes());
    bytes[17..].copy_from_slice(mark.hash.as_bytes());
    bytes
}

impl Vote {
    /// Whether the one who is named has signed it, voter or not: what a stranger can tell.
    pub fn check_signature(&self) -> Result<(), CertificateRefusal> {
        let key = PublicKey::from(self.voter);
        if key.verifies(Domain::Vote, self.ballot.digest(), &self.signature) {
            return Ok(());
        }
        Err(CertificateRefusal::BadSignature { node: self.voter })
    }

    /// Whether it is the vote of one of these voters, and not below the lock that it names.
    pub fn verify(&self, set: &VoterSet) -> Result<(), CertificateRefusal> {
        check_set(set, self.ballot.group, self.ballot.epoch)?;
        check_voter(set, self.voter)?;
        if self.ballot.is_below_its_lock() {
            return Err(CertificateRefusal::BelowLock { node: self.voter });
        }
        self.check_signature()
    }
}

impl Release {
    /// The word of a leader, one of these voters, in its term.
    pub fn sign(set: &VoterSet, (term, candidate): (Term, NodeId), key: &SecretKey) -> Self {
        let digest = release_digest((set.group(), set.epoch()), term, candidate);
        Self {
            group: set.group(),
            epoch: set.epoch(),
            term,
            candidate,
            signature: key.sign(Domain::Release, digest),
        }
    }

    /// Whether the leader of this term, one of these voters, has given it to this candidate.
    pub fn verify(
        &self,
        set: &VoterSet,
        leader: NodeId,
        (term, candidate): (Term, NodeId),
    ) -> Result<(), CertificateRefusal> {
        check_set(set, self.group, self.epoch)?;
        check_voter(set, leader)?;
        if (self.term, self.candidate) != (term, candidate) {
            return Err(CertificateRefusal::OtherBallot { node: leader });
        }
        let digest = release_digest((self.group, self.epoch), self.term, self.candidate);
        if PublicKey::from(leader).verifies(Domain::Release, digest, &self.signature) {
            return Ok(());
        }
        Err(CertificateRefusal::BadSignature { node: leader })
    }
}

fn release_digest((group, epoch): (MeshId, Epoch), term: Term, candidate: NodeId) -> Hash {
    let (epoch, term) = (epoch.0.to_le_bytes(), term.0.to_le_bytes());
    hash_fields(
        Domain::Release,
        &[group.as_bytes(), &epoch, &term, candidate.as_bytes()],
    )
}

impl Mandate {
    /// Makes a mandate of votes that were verified against these voters. Those for another term or candidate are left out
    /// and a voter counts once, with its first vote; `None` when what is left is no quorum.
    pub fn gather<'a>(
        set: &VoterSet,
        (term, candidate): (Term, NodeId),
        verified: impl IntoIterator<Item = &'a Vote>,
    ) -> Option<Self> {
        let same = |vote: &&Vote| {
            vote.ballot.term == term && vote.ballot.candidate == candidate && set.has(vote.voter)
        };
        let mut votes: Vec<Vote> = verified.into_iter().filter(same).copied().collect();
        votes.sort_by_key(|vote| vote.voter);
        votes.dedup_by_key(|vote| vote.voter);
        (set.quorum() <= votes.len()).then_some(Self { votes })
    }

    /// Whether a quorum of these voters gave it; for which term, and to whom.
    pub fn verify(&self, set: &VoterSet) -> Result<(Term, NodeId), CertificateRefusal> {
        check_signers(set, self.votes.iter().map(|vote| vote.voter))?;
        let Some(first) = self.votes.first() else {
            let need = set.quorum();
            return Err(CertificateRefusal::TooFew { have: 0, need });
        };
        let given = |vote: &Vote| (vote.ballot.term, vote.ballot.candidate);
        for vote in &self.votes {
            if given(vote) != given(first) {
                return Err(CertificateRefusal::OtherBallot { node: vote.voter });
            }
            vote.verify(set)?;
        }
        Ok(given(first))
    }
}
