//! What makes a checkpoint more than somebody's word: its voters follow from the genesis, and have certified where it ends.
//!
//! The certificate covers every entry up to there, and not the state that they made: a state that somebody has changed
//! together with its digest goes unnoticed here. Replicas compare their digests.

use std::collections::BTreeSet;

use hms_protocol::certificate::Certificate;
use hms_protocol::codec::{self, CodecError};
use hms_protocol::digest::Hash;
use hms_protocol::receipt::{ReceiptRefusal, Succession};

use super::GENESIS_INDEX;
use super::checkpoint::Checkpoint;

/// Why a checkpoint is only somebody's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineageError {
    /// Its genesis cannot be read.
    #[error("its genesis cannot be read: {0}")]
    Genesis(#[source] CodecError),
    /// A change of voters is not one.
    #[error("{0}")]
    Handover(#[source] ReceiptRefusal),
    /// It names voters to whom no change of voters leads.
    #[error("its voters are not those to whom its changes of voters lead")]
    OtherVoters,
    /// There is no certificate of where it ends.
    #[error("it carries no certificate of the entry that it ends with")]
    Uncertified,
    /// The certificate is of another entry, or not good.
    #[error("the certificate of the entry that it ends with is not good: {0}")]
    Certificate(#[source] ReceiptRefusal),
    /// The certificate is of another log.
    #[error("its certificate is of another entry")]
    OtherEntry,
}

impl LineageError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Genesis(_) => "HMS-LINEAGE-GENESIS",
            Self::Handover(_) => "HMS-LINEAGE-HANDOVER",
            Self::OtherVoters => "HMS-LINEAGE-VOTERS",
            Self::Uncertified => "HMS-LINEAGE-UNCERTIFIED",
            Self::Certificate(_) => "HMS-LINEAGE-CERTIFICATE",
            Self::OtherEntry => "HMS-LINEAGE-OTHER-ENTRY",
        }
    }
}

impl Checkpoint {
    /// How its voters came about, from the founder on.
    pub fn lineage(&self) -> Result<Succession, LineageError> {
        let origin = codec::origin::read(&self.state.charter().genesis);
        let mut succession = Succession::found(&origin.map_err(LineageError::Genesis)?);
        for handover in &self.handovers {
            succession.take(handover).map_err(LineageError::Handover)?;
        }
        let (voters, named) = (succession.voters(), self.voters.iter().copied());
        let same = (voters.epoch(), voters.trust()) == (self.epoch, self.trust)
            && *voters.voters() == named.collect::<BTreeSet<_>>();
        if same {
            Ok(succession)
        } else {
            Err(LineageError::OtherVoters)
        }
    }

    /// The same, if those voters have certified where it ends. A genesis needs no certificate.
    pub fn prove(&self) -> Result<Succession, LineageError> {
        let succession = self.lineage()?;
        if let Some(certificate) = &self.certificate {
            self.certified(certificate, &succession)?;
            return Ok(succession);
        }
        let beginning = Hash::from_bytes(*self.state.mesh().as_bytes());
        if (self.index, self.chain) == (GENESIS_INDEX, beginning) {
            Ok(succession)
        } else {
            Err(LineageError::Uncertified)
        }
    }

    fn certified(&self, by: &Certificate, succession: &Succession) -> Result<(), LineageError> {
        let statement = &by.statement;
        if (statement.index, statement.hash) != (self.index, self.chain) {
            return Err(LineageError::OtherEntry);
        }
        let certified = succession.certified(self.index, by, None);
        certified.map_err(LineageError::Certificate)
    }
}
