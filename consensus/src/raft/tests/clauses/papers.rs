//! What a script has signed, under names of its own: certificates, mandates and proofs of changes, good and bad.

use std::collections::BTreeMap;

use hms_protocol::ballot::{Ballot, Mandate};
use hms_protocol::certificate::{Certificate, Statement};
use hms_protocol::id::NodeId;
use hms_protocol::receipt::Handover;

use super::super::mesh::seat;

/// What was signed.
#[derive(Debug, Default)]
pub(super) struct Papers {
    certificates: BTreeMap<String, Certificate>,
    mandates: BTreeMap<String, Mandate>,
    changes: BTreeMap<String, Vec<Handover>>,
}

/// What a script calls a mandate that is not there at all.
const NONE: &str = "none";

impl Papers {
    /// Lets nodes sign a statement. Nobody looks at whether they are enough.
    pub(super) fn certify(&mut self, name: &str, statement: Statement, by: Vec<NodeId>) {
        let signed = by.into_iter().map(|id| statement.attest(&seat(id).key));
        let mut signers: Vec<_> = signed.map(|it| (it.voter, it.signature)).collect();
        signers.sort_by_key(|(voter, _)| *voter);
        let certificate = Certificate { statement, signers };
        self.certificates.insert(name.to_owned(), certificate);
    }

    pub(super) fn keep_mandate(&mut self, name: &str, mandate: Mandate) {
        self.mandates.insert(name.to_owned(), mandate);
    }

    pub(super) fn keep_changes(&mut self, name: &str, changes: Vec<Handover>) {
        self.changes.insert(name.to_owned(), changes);
    }

    /// The certificate of a name; none if there is no name.
    pub(super) fn certificates(&self, name: Option<&str>) -> Result<Vec<Certificate>, String> {
        let found = name.map(|name| find(&self.certificates, name));
        Ok(found.transpose()?.into_iter().collect())
    }

    /// The mandate of a name; the ordinary one if there is no name.
    pub(super) fn mandate(
        &self,
        name: Option<&str>,
        ordinary: Mandate,
    ) -> Result<Option<Mandate>, String> {
        match name {
            None => Ok(Some(ordinary)),
            Some(NONE) => Ok(None),
            Some(name) => find(&self.mandates, name).map(Some),
        }
    }

    /// The proofs of changes of a name; none if there is no name.
    pub(super) fn changes(&self, name: Option<&str>) -> Result<Vec<Handover>, String> {
        let found = name.map(|name| find(&self.changes, name));
        Ok(found.transpose()?.unwrap_or_default())
    }
}

/// Lets nodes vote. Nobody looks at whether they are enough.
pub(super) fn vote(ballot: Ballot, by: Vec<NodeId>) -> Mandate {
    let votes = by.into_iter().map(|id| ballot.cast(&seat(id).key));
    let mut votes: Vec<_> = votes.collect();
    votes.sort_by_key(|vote| vote.voter);
    Mandate { votes }
}

fn find<T: Clone>(papers: &BTreeMap<String, T>, name: &str) -> Result<T, String> {
    let found = papers.get(name).cloned();
    found.ok_or_else(|| format!("nothing was signed under the name {name}"))
}
