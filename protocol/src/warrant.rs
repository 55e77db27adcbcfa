//! Warrants: what shows a node without a ledger that the certified ledger holds the command behind an order.
//!
//! An attempt is warranted by its assignment, a check by the report that is to be checked. The certificate may be anybody's
//! to bring: whoever keeps the voters' [`Succession`] checks it, so a leader that is cut off from its quorum can start
//! nothing that was not decided before.
//!
//! A warrant says that the command is in the ledger, and not that the replicas carried it out: that follows from a state
//! which a stranger does not hold. It names task, attempt and agent; what the order says beside them is the leader's word.

use crate::certificate::Certificate;
use crate::codec::{self, CodecError};
use crate::envelope::BodyKind;
use crate::id::Position;
use crate::peer::{Dispatch, Run};
use crate::receipt::{Decision, ReceiptRefusal, ShownCommand, ShownEntry, Succession};
use crate::task::Report;

/// Why an order is not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WarrantRefusal {
    /// The order shows nothing, and nothing was shown before.
    #[error("the order has no warrant")]
    Missing,
    /// What it shows cannot be read.
    #[error("the warrant cannot be read: {0}")]
    Unreadable(#[source] CodecError),
    /// What it shows is not in the certified ledger, as far as can be told.
    #[error("the warrant proves nothing: {0}")]
    Unproven(#[source] ReceiptRefusal),
    /// It shows another command than the one behind this order.
    #[error("the warrant is of another command, at {position}")]
    OtherCommand {
        /// Where that stands.
        position: Position,
    },
    /// The ledger has decided something newer of this task, which this node was shown.
    #[error("the warrant at {position} is older than {newest}")]
    Outdated {
        /// Where its command stands.
        position: Position,
        /// Where the newest one stands that was shown.
        newest: Position,
    },
    /// This node does not know yet how the voters came about.
    #[error("the voters are not known yet")]
    NoSuccession,
}

impl WarrantRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "HMS-WARRANT-MISSING",
            Self::Unreadable(_) => "HMS-WARRANT-MALFORMED",
            Self::Unproven(source) => source.code(),
            Self::OtherCommand { .. } => "HMS-WARRANT-OTHER",
            Self::Outdated { .. } => "HMS-WARRANT-OLD",
            Self::NoSuccession => "HMS-WARRANT-NO-SUCCESSION",
        }
    }

    /// Whether the same order may be good once newer voters are known.
    pub const fn is_early(&self) -> bool {
        matches!(
            self,
            Self::NoSuccession | Self::Unproven(ReceiptRefusal::UnknownEpoch { .. })
        )
    }
}

/// A warrant that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warranted {
    /// Where the command stands in the ledger.
    pub position: Position,
    /// What certifies it: good, so that it need not be verified again.
    pub certificate: Certificate,
}

/// Checks the warrant of an order. The signatures of a certificate that was found `good` before are not verified again.
pub fn check(
    order: &Dispatch,
    succession: &Succession,
    good: Option<&Certificate>,
) -> Result<Warranted, WarrantRefusal> {
    if order.warrant.is_empty() {
        return Err(WarrantRefusal::Missing);
    }
    let shown: ShownEntry =
        codec::decode_exact(&order.warrant).map_err(WarrantRefusal::Unreadable)?;
    let verified = shown.verify(succession, good);
    let (position, command) = verified.map_err(WarrantRefusal::Unproven)?;
    if !is_behind(&command, order) {
        return Err(WarrantRefusal::OtherCommand { position });
    }
    let certificate = shown.stretch.certificate;
    Ok(Warranted {
        position,
        certificate,
    })
}

/// Whether a command is the one that gives rise to an order.
fn is_behind(command: &ShownCommand, order: &Dispatch) -> bool {
    match order.run {
        Run::Attempt { task, attempt } => {
            let given = Decision::Assign {
                attempt,
                agent: order.agent,
            };
            command.task == Some(task) && command.decision == given
        }
        Run::Check { task, attempt, .. } => {
            let Decision::Report(sealed) = &command.decision else {
                return false;
            };
            let (_, body, _) = sealed.parts();
            let is_report = sealed.claimed().kind == BodyKind::Report;
            let report = codec::decode::<Report>(body).ok().filter(|_| is_report);
            report.is_some_and(|report| {
                (report.task, report.attempt) == (task, attempt)
                    && order.report.as_ref() == Some(&report)
            })
        }
    }
}
