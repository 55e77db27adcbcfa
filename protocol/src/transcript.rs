//! Transcripts: the certified ledger from end to end, for somebody who trusts nobody who shows it.
//!
//! A transcript is an opening, then entries in order; among them the changes of voters and certificates of what came before.
//! An [`Examiner`] takes part after part and says what is wrong first. What it has let pass up to a certificate is what the
//! voters certified: nothing edited, left out, added or moved.
//!
//! What is *not* shown: that a command was carried out (the ledger holds commands that every replica refused, too), and what
//! came before the transcript begins or after it ends.

use crate::certificate::Certificate;
use crate::chain::{self, EntryKind};
use crate::digest::Hash;
use crate::id::{Index, MeshId, Term};
use crate::receipt::{
    FIRST_INDEX, Handover, Head, KeptEntry, Origin, ReceiptRefusal, Stretch, Succession,
};

/// One part of a transcript. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TranscriptPart {
    /// What comes first.
    Opening(Opening),
    /// A change of voters: before anything that the voters after it have certified.
    Handover(Box<Handover>),
    /// The next entry.
    Entry(LedgerEntry),
    /// A certificate of the entry before it.
    Certificate(Box<Certificate>),
}

/// What a transcript begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The mesh.
    pub mesh: MeshId,
    /// The index of the first entry.
    pub first: Index,
    /// The chain hash before it; before the [first](FIRST_INDEX) of a mesh, the mesh's id.
    pub before: Hash,
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its index.
    pub index: Index,
    /// What it is.
    pub kept: KeptEntry,
}

/// Why a transcript is not believed: the first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptRefusal {
    /// It is of another mesh.
    #[error("it is of mesh {mesh}: the genesis is that of {expected}")]
    OtherMesh {
        /// Which mesh it is of.
        mesh: MeshId,
        /// Which one it should be of.
        expected: MeshId,
    },
    /// It does not begin with an opening, or has two.
    #[error("a transcript has one opening, at its beginning")]
    Opening,
    /// It claims to hold the first entry, after something else than the mesh's beginning.
    #[error("entry {FIRST_INDEX} does not follow the mesh's beginning")]
    Beginning,
    /// An entry is not there, or not in its place.
    #[error("entry {expected} is missing: the next one is entry {found}")]
    Missing {
        /// The entry that should come next.
        expected: Index,
        /// The one that does.
        found: Index,
    },
    /// An entry does not hash to what it says.
    #[error("the chain breaks at entry {index}: it was changed")]
    Changed {
        /// The first one that does not.
        index: Index,
    },
    /// The entries are a chain, but not the one that was certified.
    #[error(
        "of entries {since} to {index} one was changed: they are not what the voters certified"
    )]
    Forged {
        /// The first one after what is known to be good.
        since: Index,
        /// The one that the certificate is of.
        index: Index,
    },
    /// A certificate is of another entry than the one before it.
    #[error("the certificate after entry {index} is of entry {certified}")]
    Misplaced {
        /// The entry before it.
        index: Index,
        /// The entry that it is of.
        certified: Index,
    },
    /// A certificate is not the word of those whose word counts.
    #[error("the certificate of entry {index} is not good: {source}")]
    Certificate {
        /// The entry.
        index: Index,
        /// Why not.
        #[source]
        source: ReceiptRefusal,
    },
    /// A change of voters is not certified.
    #[error("a change of voters is not good: {source}")]
    Handover {
        /// Why not.
        #[from]
        source: ReceiptRefusal,
    },
    /// Nobody has certified how it ends.
    #[error("entries {since} and later are certified by nobody")]
    Uncertified {
        /// The first of them.
        since: Index,
    },
}

impl TranscriptRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherMesh { .. } => "HMS-TRANSCRIPT-MESH",
            Self::Opening => "HMS-TRANSCRIPT-OPENING",
            Self::Beginning => "HMS-TRANSCRIPT-BEGINNING",
            Self::Missing { .. } => "HMS-TRANSCRIPT-MISSING",
            Self::Changed { .. } => "HMS-TRANSCRIPT-CHANGED",
            Self::Forged { .. } => "HMS-TRANSCRIPT-FORGED",
            Self::Misplaced { .. } => "HMS-TRANSCRIPT-MISPLACED",
            Self::Certificate { .. } => "HMS-TRANSCRIPT-CERTIFICATE",
            Self::Handover { .. } => "HMS-TRANSCRIPT-HANDOVER",
            Self::Uncertified { .. } => "HMS-TRANSCRIPT-UNCERTIFIED",
        }
    }
}

/// Reads a transcript part after part, with nothing but the mesh's genesis. It keeps the voters and the last entry only, so a
/// transcript may be of any length.
#[derive(Clone, Debug)]
pub struct Examiner {
    mesh: MeshId,
    succession: Succession,
    /// `None` before the opening.
    stand: Option<Stand>,
}

/// Where a transcript stands.
#[derive(Clone, Debug)]
struct Stand {
    next: Index,
    /// The chain hash before the next entry.
    chain: Hash,
    /// The entry before it.
    last: Option<Last>,
    /// The first entry that is not certified yet.
    uncertified: Index,
    head: Option<Head>,
}

/// What a certificate of an entry is checked against.
#[derive(Clone, Copy, Debug)]
struct Last {
    before: Hash,
    term: Term,
    index: Index,
    kind: EntryKind,
    digest: Hash,
}

impl Examiner {
    /// An examiner who trusts this genesis.
    pub fn new(origin: &Origin) -> Self {
        Self {
            mesh: origin.mesh,
            succession: Succession::found(origin),
            stand: None,
        }
    }

    /// Takes the next part.
    pub fn take(&mut self, part: &TranscriptPart) -> Result<(), TranscriptRefusal> {
        match part {
            TranscriptPart::Opening(opening) => self.open(opening),
            TranscriptPart::Handover(handover) => self.hand_over(handover),
            TranscriptPart::Entry(entry) => {
                let stand = self.stand.as_mut().ok_or(TranscriptRefusal::Opening)?;
                stand.follow(entry)
            }
            TranscriptPart::Certificate(certificate) => {
                let stand = self.stand.as_mut().ok_or(TranscriptRefusal::Opening)?;
                stand.certify(certificate, &self.succession)
            }
        }
    }

    /// Up to where the ledger is certified so far.
    pub fn head(&self) -> Option<&Head> {
        self.stand.as_ref()?.head.as_ref()
    }

    /// The entries at which the operator gave the ledger to one node, because its voters were lost.
    pub fn recoveries(&self) -> &[Index] {
        self.succession.recoveries()
    }

    /// Ends the transcript and gives its certified head; `None` for one without entries.
    pub fn end(self) -> Result<Option<Head>, TranscriptRefusal> {
        let stand = self.stand.ok_or(TranscriptRefusal::Opening)?;
        if stand.uncertified < stand.next {
            let since = stand.uncertified;
            return Err(TranscriptRefusal::Uncertified { since });
        }
        Ok(stand.head)
    }

    fn open(&mut self, opening: &Opening) -> Result<(), TranscriptRefusal> {
        let (mesh, expected) = (opening.mesh, self.mesh);
        if mesh != expected {
            return Err(TranscriptRefusal::OtherMesh { mesh, expected });
        }
        if self.stand.is_some() {
            return Err(TranscriptRefusal::Opening);
        }
        let beginning = Hash::from_bytes(*mesh.as_bytes());
        let first = opening.first;
        if first < FIRST_INDEX || (first == FIRST_INDEX && opening.before != beginning) {
            return Err(TranscriptRefusal::Beginning);
        }
        self.stand = Some(Stand {
            next: first,
            chain: opening.before,
            last: None,
            uncertified: first,
            head: None,
        });
        Ok(())
    }

    /// A change that is known already, or older than one that is, is passed over: whoever continues a transcript shows all
    /// of them again.
    fn hand_over(&mut self, handover: &Handover) -> Result<(), TranscriptRefusal> {
        if self.succession.voters().epoch().0 < handover.stretch.index.0 {
            self.succession.take(handover)?;
        }
        Ok(())
    }
}

impl Stand {
    fn follow(&mut self, entry: &LedgerEntry) -> Result<(), TranscriptRefusal> {
        let (index, expected, kept) = (entry.index, self.next, &entry.kept);
        if index != expected {
            let found = index;
            return Err(TranscriptRefusal::Missing { expected, found });
        }
        let digest = chain::digest(kept.kind, &kept.data);
        let chain = chain::link_digest(self.chain, kept.term, index, kept.kind, digest);
        if chain != kept.chain {
            return Err(TranscriptRefusal::Changed { index });
        }
        self.last = Some(Last {
            before: self.chain,
            term: kept.term,
            index,
            kind: kept.kind,
            digest,
        });
        (self.next, self.chain) = (index.next(), chain);
        Ok(())
    }

    fn certify(
        &mut self,
        certificate: &Certificate,
        succession: &Succession,
    ) -> Result<(), TranscriptRefusal> {
        let certified = certificate.statement.index;
        let last = self.last.filter(|last| last.index == certified);
        let Some(last) = last else {
            let index = Index(self.next.0.saturating_sub(1));
            return Err(TranscriptRefusal::Misplaced { index, certified });
        };
        let (since, index) = (self.uncertified, last.index);
        let stretch = Stretch {
            before: last.before,
            term: last.term,
            index,
            links: Vec::new(),
            certificate: certificate.clone(),
        };
        let good = succession.certify(&stretch, last.kind, last.digest, None);
        good.map_err(|source| {
            if matches!(source, ReceiptRefusal::Broken { .. }) {
                return TranscriptRefusal::Forged { since, index };
            }
            TranscriptRefusal::Certificate { index, source }
        })?;
        self.uncertified = self.next;
        self.head = Some(Head::of(certificate));
        Ok(())
    }
}
