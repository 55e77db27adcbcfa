//! A stretch of the hash chain: from an entry to one that is certified, without what the entries between carry.
//!
//! It checks arithmetic only. Whose certificate counts is for the [`Succession`](super::Succession) to say.

use super::ReceiptRefusal;
use crate::certificate::Certificate;
use crate::chain::{EntryKind, link_digest};
use crate::digest::Hash;
use crate::id::{Index, Term};

/// The first entry of a mesh: what it follows is the mesh's id.
pub const FIRST_INDEX: Index = Index(2);

/// An entry of which nothing is shown but what the chain needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its term.
    pub term: Term,
    /// What it carries.
    pub kind: EntryKind,
    /// The [`digest`](crate::chain::digest) of its data.
    pub digest: Hash,
}

/// The way from an entry to one that is certified. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The chain hash before the entry; before the [first](FIRST_INDEX) one, the mesh's id.
    pub before: Hash,
    /// The entry's term.
    pub term: Term,
    /// The entry's index.
    pub index: Index,
    /// The entries after it, up to the certified one. At most `RECEIPT_LINKS_MAX`.
    pub links: Vec<Link>,
    /// The certificate of the last of them; of the entry itself if there are none.
    pub certificate: Certificate,
}

impl Stretch {
    /// Whether an entry with this kind and digest of data, here, lies in the log that the certificate names.
    pub(super) fn check(&self, kind: EntryKind, digest: Hash) -> Result<(), ReceiptRefusal> {
        let (index, statement) = (self.index, &self.certificate.statement);
        let certified = statement.index;
        let reached = index.0.checked_add(self.links.len() as u64).map(Index);
        if reached != Some(certified) {
            let links = self.links.len();
            return Err(ReceiptRefusal::Links {
                index,
                links,
                certified,
            });
        }
        let mut at = index;
        let mut hash = link_digest(self.before, self.term, at, kind, digest);
        for link in &self.links {
            at = at.next();
            hash = link_digest(hash, link.term, at, link.kind, link.digest);
        }
        if hash == statement.hash {
            return Ok(());
        }
        Err(ReceiptRefusal::Broken { index, certified })
    }
}
