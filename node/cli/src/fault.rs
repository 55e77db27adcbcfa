//! Why a command did not succeed, with a code and a hint, and what it means for the exit code.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hms_client::domain::codec::CodecError;
use hms_client::domain::evidence::EvidenceRefusal;
use hms_client::domain::proof::ProofRefusal;
use hms_client::domain::receipt::ReceiptRefusal;
use hms_client::domain::token::TokenRefusal;
use hms_client::domain::transcript::TranscriptRefusal;
use hms_client::{Class, ClientError};
use hms_keystore::{DeedError, KeyError};

use crate::exit::Exit;
use crate::program::Complaint;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The mesh said no, or could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is there already.
    #[error("{} is there already", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// A file is too large to be sent.
    #[error("{} has more than {max} bytes, the most that a task may carry", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it may be.
        max: u64,
    },
    /// A file is not a list of services.
    #[error("{} is not a list of services:\n{message}", path.display())]
    BadServices {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A file is not a list of theorems.
    #[error("{}: {source}", path.display())]
    BadTheorems {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: ProofRefusal,
    },
    /// A file is not a receipt.
    #[error("{} is not a receipt: {source}", path.display())]
    BadReceipt {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: CodecError,
    },
    /// A file is not a genesis.
    #[error("{} is not a genesis: {source}", path.display())]
    BadGenesis {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: CodecError,
    },
    /// A file is not evidence.
    #[error("{} is not a piece of evidence: {source}", path.display())]
    BadEvidence {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: CodecError,
    },
    /// Evidence convicts nobody.
    #[error("{} convicts nobody: {source}", path.display())]
    Unconvincing {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        source: EvidenceRefusal,
    },
    /// A receipt does not prove what it claims.
    #[error("{} proves nothing: {source}", path.display())]
    Unproven {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        source: ReceiptRefusal,
    },
    /// A file is not a transcript of a ledger.
    #[error("{} is not an exported ledger: {source}", path.display())]
    BadTranscript {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: CodecError,
    },
    /// A transcript ends in the middle of a part.
    #[error("{} is cut off", path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
    },
    /// A ledger is not what its voters certified.
    #[error("{} is not what the voters certified: {source}", path.display())]
    Tampered {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        source: TranscriptRefusal,
    },
    /// The proof database is neither a file nor a digest.
    #[error("{text:?} is neither a file nor the digest of a proof database")]
    BadBase {
        /// What was given.
        text: String,
    },
    /// No agent holds a proof database, so none can be chosen.
    #[error("no agent of the mesh holds a proof database")]
    NoBase,
    /// Agents hold different proof databases.
    #[error("agents hold {} different proof databases: {}", bases.len(), bases.join(", "))]
    ManyBases {
        /// Their digests.
        bases: Vec<String>,
    },
    /// Nobody is called so.
    #[error("no member of the mesh is called {name:?}")]
    UnknownNode {
        /// The name.
        name: String,
    },
    /// What was ordered is not so yet.
    #[error("the order is in the ledger, but it was not carried out within {within:?}: {stands}")]
    NotYet {
        /// How long was waited.
        within: Duration,
        /// How far it is.
        stands: String,
    },
    /// A snapshot is not one that can be restored.
    #[error("{}: {}", path.display(), complaint.message)]
    BadSnapshot {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        complaint: Complaint,
    },
    /// What it is about would change for good, and the person has not said so.
    #[error("nothing was changed")]
    Unconfirmed,
    /// The node's ledger was left as it is.
    #[error("{}", .0.message)]
    Survivor(Complaint),
    /// The program of the node does not do its work.
    #[error("hms-node does not answer: {source}")]
    NodeProgram {
        /// What happened.
        source: io::Error,
    },
    /// No key is named, and there is no local mesh that has one.
    #[error("it takes the operator's key, and none is named")]
    NoOperatorKey,
    /// The first node has no name.
    #[error("the data directory's name is no name for a node")]
    NoName,
    /// A key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A genesis cannot be made or read.
    #[error(transparent)]
    Deed(#[from] DeedError),
    /// A token cannot be made.
    #[error(transparent)]
    Token(TokenRefusal),
    /// The local mesh does not do what it should.
    #[error(transparent)]
    Testnet(#[from] hms_testnet::TestnetFault),
    /// A drill cannot be run.
    #[error(transparent)]
    Drill(#[from] hms_testnet::drill::DrillFault),
    /// A report is not believed.
    #[error("{}: {source}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// Why.
        source: hms_testnet::drill::SealFault,
    },
    /// The program that simulates does not do its work.
    #[error("hms-simulate does not answer: {reason}")]
    Simulator {
        /// What happened.
        reason: String,
    },
    /// Standard output cannot be written.
    #[error("the answer cannot be written: {0}")]
    Screen(io::Error),
    /// Whoever read standard output has gone away.
    #[error("nobody reads the answer")]
    PipeClosed,
    /// The process cannot run tasks.
    #[error("the process cannot be set up: {0}")]
    Runtime(io::Error),
}

impl Fault {
    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Client(error) => error.code(),
            Self::Unreadable { .. } => "HMS-FILE-UNREADABLE",
            Self::Unwritable { .. } => "HMS-FILE-UNWRITABLE",
            Self::FileExists { .. } => "HMS-FILE-EXISTS",
            Self::TooLarge { .. } => "HMS-TOO-LARGE",
            Self::BadServices { .. } => "HMS-FILE-SERVICES",
            Self::BadTheorems { source, .. } => source.code(),
            Self::BadReceipt { .. } => "HMS-FILE-RECEIPT",
            Self::BadGenesis { .. } => "HMS-FILE-GENESIS",
            Self::BadEvidence { .. } => "HMS-FILE-EVIDENCE",
            Self::Unconvincing { source, .. } => source.code(),
            Self::Unproven { source, .. } => source.code(),
            Self::BadTranscript { .. } => "HMS-FILE-TRANSCRIPT",
            Self::CutOff { .. } => "HMS-FILE-CUT-OFF",
            Self::Tampered { source, .. } => source.code(),
            Self::BadBase { .. } => "HMS-BASE-UNKNOWN",
            Self::NoBase => "HMS-BASE-NONE",
            Self::ManyBases { .. } => "HMS-BASE-AMBIGUOUS",
            Self::UnknownNode { .. } => "HMS-UNKNOWN-NODE",
            Self::NotYet { .. } => "HMS-NOT-YET",
            Self::Unconfirmed => "HMS-UNCONFIRMED",
            Self::BadSnapshot { complaint, .. } | Self::Survivor(complaint) => &complaint.code,
            Self::NodeProgram { .. } => "HMS-NODE-PROGRAM",
            Self::NoOperatorKey => "HMS-OPERATOR-KEY-UNNAMED",
            Self::NoName => "HMS-NODE-NAME",
            Self::Key(error) => error.code(),
            Self::Deed(error) => error.code(),
            Self::Token(why) => why.code(),
            Self::Testnet(fault) => fault.code(),
            Self::Drill(fault) => fault.code(),
            Self::Report { source, .. } => source.code(),
            Self::Simulator { .. } => "HMS-DRILL-SIMULATOR",
            Self::Screen(_) | Self::PipeClosed => "HMS-SCREEN",
            Self::Runtime(_) => "HMS-RUNTIME",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> &str {
        match self {
            Self::Drill(fault) => fault.hint(),
            Self::Report { source, .. } => source.hint(),
            Self::Simulator { .. } => {
                "use the `hms-simulate` of the same version: `cargo build --workspace --bins` builds all programs"
            }
            Self::Client(error) => error.hint(),
            Self::Unreadable { .. } => "check the path and its permissions",
            Self::Unwritable { .. } => "check the folder, its permissions and the room on the disk",
            Self::FileExists { .. } => "name another file with --out, or replace it with --force",
            Self::TooLarge { .. } => "keep the content elsewhere and send its digest",
            Self::BadServices { .. } => "see `hms service apply --help` for an example",
            Self::BadTheorems { source, .. } => source.hint(),
            Self::BadReceipt { .. } => "take the receipt anew; a file that was changed is none",
            Self::BadGenesis { .. } => {
                "take the genesis from somebody whom you trust: all else follows from it"
            }
            Self::BadEvidence { .. } => "take it anew with `hms evidence show NUMBER --out FILE`",
            Self::Unconvincing { .. } => "blame nobody for it; ask who made the file",
            Self::Unproven { .. } => {
                "do not rely on it: take the receipt anew from another node, and ask who changed this one"
            }
            Self::BadTranscript { .. } | Self::CutOff { .. } => {
                "export the ledger anew with `hms audit export`"
            }
            Self::Tampered { .. } => {
                "do not rely on it from that entry on: export the ledger anew from another node, and ask who changed this one"
            }
            Self::BadBase { .. } => "give --db a file, or 64 hexadecimal digits",
            Self::NoBase => "start a node with --base FILE, or name the database with --db",
            Self::ManyBases { .. } => "choose one with --db",
            Self::UnknownNode { .. } => "list the nodes with `hms node list`",
            Self::NotYet { .. } => {
                "the order stands, and the mesh goes on with it: see `hms node list` and `hms operator raft list`"
            }
            Self::Unconfirmed => "read what is above, and say --yes",
            Self::BadSnapshot { complaint, .. } | Self::Survivor(complaint) => &complaint.hint,
            Self::NodeProgram { .. } => "use the `hms-node` of the same version; HMS_NODE names it",
            Self::NoOperatorKey => {
                "name it with --operator-key or HMS_OPERATOR_KEY; the founder's data directory has it unless it was put elsewhere"
            }
            Self::NoName => "give one with --name: lowercase letters, digits, hyphens",
            Self::Key(error) => error.hint(),
            Self::Deed(error) => error.hint(),
            Self::Token(why) => why.hint(),
            Self::Testnet(fault) => fault.hint(),
            Self::Screen(_) | Self::PipeClosed => "check where standard output goes",
            Self::Runtime(_) => "check the limits of this user: threads and open files",
        }
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Client(ClientError::BadAddress { .. } | ClientError::NoAddress)
            | Self::Drill(_) => Exit::Usage,
            Self::Client(error) => match error.class() {
                Class::Refused => Exit::Failed,
                Class::Unavailable => Exit::Unavailable,
                Class::TimedOut => Exit::TimedOut,
            },
            Self::Unproven { .. }
            | Self::Report { .. }
            | Self::Unconvincing { .. }
            | Self::Tampered { .. }
            | Self::BadSnapshot { .. } => Exit::Unverified,
            Self::NotYet { .. } => Exit::TimedOut,
            Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::FileExists { .. }
            | Self::TooLarge { .. }
            | Self::BadServices { .. }
            | Self::BadTheorems { .. }
            | Self::BadReceipt { .. }
            | Self::BadGenesis { .. }
            | Self::BadTranscript { .. }
            | Self::CutOff { .. }
            | Self::BadEvidence { .. }
            | Self::BadBase { .. }
            | Self::NoBase
            | Self::ManyBases { .. }
            | Self::UnknownNode { .. }
            | Self::Unconfirmed
            | Self::Survivor(_)
            | Self::NodeProgram { .. }
            | Self::NoOperatorKey
            | Self::NoName
            | Self::Key(_)
            | Self::Deed(_)
            | Self::Token(_)
            | Self::Testnet(_)
            | Self::Simulator { .. }
            | Self::Screen(_)
            | Self::PipeClosed
            | Self::Runtime(_) => Exit::Failed,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::PipeClosed
        } else {
            Self::Screen(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_follows_from_what_went_wrong() {
        let unreachable = ClientError::Unreachable { tried: Vec::new() };
        assert_eq!(Fault::from(unreachable).exit(), Exit::Unavailable);
        let slow = ClientError::TooSlow {
            within: Duration::from_secs(1),
        };
        assert_eq!(Fault::from(slow).exit(), Exit::TimedOut);
        assert_eq!(Fault::from(ClientError::NoAddress).exit(), Exit::Usage);
        assert_eq!(Fault::NoBase.exit(), Exit::Failed);
    }

    #[test]
    fn a_broken_pipe_is_not_an_error_to_report() {
        let fault = Fault::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(matches!(fault, Fault::PipeClosed));
    }
}
