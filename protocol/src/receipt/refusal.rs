//! Why a receipt is not believed: the first thing that is wrong, and where.

use crate::certificate::CertificateRefusal;
use crate::codec::CodecError;
use crate::envelope::EnvelopeRefusal;
use crate::id::{AgentId, Epoch, Index, MeshId, NodeId, Position, TaskId};
use crate::order::OrderRefusal;
use crate::trust::VoterSetRefusal;

/// Why a receipt is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefusal {
    /// It is of another mesh.
    #[error("it is of mesh {mesh}: the genesis is that of {expected}")]
    OtherMesh {
        /// Which mesh it is of.
        mesh: MeshId,
        /// Which one it should be of.
        expected: MeshId,
    },
    /// The changes of voters are not in ascending order.
    #[error("the change of voters at entry {index} comes after that at entry {after}")]
    HandoverOrder {
        /// The change.
        index: Index,
        /// The one before it.
        after: Index,
    },
    /// What is said to be a change of voters cannot be read as one.
    #[error("the change of voters at entry {index} cannot be read: {source}")]
    BadChange {
        /// The entry.
        index: Index,
        /// What is wrong with it.
        #[source]
        source: CodecError,
    },
    /// What is said to be a change of voters leaves them as they are.
    #[error("the change at entry {index} leaves the voters as they are")]
    NoHandover {
        /// The entry.
        index: Index,
    },
    /// A change leaves voters that cannot be.
    #[error("after the change at entry {index}: {source}")]
    BadVoters {
        /// The entry.
        index: Index,
        /// Why they cannot be.
        #[source]
        source: VoterSetRefusal,
    },
    /// What is said to be a recovery was not ordered by the operator.
    #[error("the recovery at entry {index} is not the operator's: {source}")]
    Recovery {
        /// The entry.
        index: Index,
        /// What is wrong with the order.
        #[source]
        source: OrderRefusal,
    },
    /// The operator has ordered a recovery, but not this one.
    #[error("the recovery at entry {index} was ordered for another place")]
    RecoveryPlace {
        /// The entry.
        index: Index,
    },
    /// A recovery was shown to somebody who does not know whose order counts.
    #[error("the recovery at entry {index} cannot be checked without the genesis")]
    RecoveryUnknown {
        /// The entry.
        index: Index,
    },
    /// The entries of the task are not in ascending order.
    #[error("entry {index} comes after entry {after}")]
    EntryOrder {
        /// The entry.
        index: Index,
        /// The one before it.
        after: Index,
    },
    /// An entry is shown of which nothing is of the task.
    #[error("no command of entry {index} is shown")]
    NoCommand {
        /// The entry.
        index: Index,
    },
    /// The commands of an entry are not in ascending order, or stand where none can.
    #[error("the command at {position} is out of order")]
    CommandOrder {
        /// Where it claims to stand.
        position: Position,
    },
    /// A field does not belong to its entry, or not at its place.
    #[error("field {field} does not belong to entry {index}")]
    Path {
        /// The entry.
        index: Index,
        /// The field's place in the entry's data, from 0.
        field: u32,
    },
    /// The links from an entry end before or beyond the certified one.
    #[error("from entry {index} there are {links} links: the certificate is of entry {certified}")]
    Links {
        /// The entry.
        index: Index,
        /// How many links there are.
        links: usize,
        /// The certified entry.
        certified: Index,
    },
    /// The chain from an entry does not end at the hash that is certified.
    #[error("the chain is broken between entry {index} and entry {certified}, which is certified")]
    Broken {
        /// The entry.
        index: Index,
        /// The certified entry.
        certified: Index,
    },
    /// An entry is certified by voters of whom nothing is shown.
    #[error("entry {index} is certified in epoch {epoch}, to which no change of voters leads")]
    UnknownEpoch {
        /// The entry.
        index: Index,
        /// The epoch.
        epoch: Epoch,
    },
    /// An entry is certified by voters whose time was over.
    #[error("entry {index} is certified in epoch {epoch}, which ended at entry {since}")]
    Superseded {
        /// The entry.
        index: Index,
        /// The epoch.
        epoch: Epoch,
        /// Where the next epoch begins.
        since: Index,
    },
    /// A certificate is not enough to act on: holdings where one of the voters may lie, or locks where none may.
    #[error("the certificate for entry {index} is not the final one of its voters")]
    NotFinal {
        /// The entry.
        index: Index,
    },
    /// A certificate is not good.
    #[error("the certificate for entry {index} is not good: {source}")]
    Certificate {
        /// The entry.
        index: Index,
        /// Why.
        #[source]
        source: CertificateRefusal,
    },
    /// A command cannot be read, or is about no task.
    #[error("the command at {position} cannot be read: {source}")]
    BadCommand {
        /// Where it stands.
        position: Position,
        /// What is wrong with it.
        #[source]
        source: CodecError,
    },
    /// A command is about another task.
    #[error("the command at {position} is about task {task}")]
    OtherTask {
        /// Where it stands.
        position: Position,
        /// The task.
        task: TaskId,
    },
    /// The first command is not the task's submission.
    #[error("the task is not shown to have been submitted")]
    Unsubmitted,
    /// The task is submitted twice.
    #[error("the command at {position} submits the task once more")]
    Resubmitted {
        /// Where it stands.
        position: Position,
    },
    /// The certificates of agents are not in ascending order.
    #[error("the certificate of agent {agent} is out of order")]
    AgentOrder {
        /// The agent.
        agent: AgentId,
    },
    /// An agent's certificate is not signed by the node that it names, for this mesh.
    #[error("the certificate of agent {agent} is not signed by node {node}")]
    AgentUncertified {
        /// The agent.
        agent: AgentId,
        /// The node.
        node: NodeId,
    },
    /// There is no certificate of an agent that sealed something.
    #[error("the command at {position} is sealed by agent {agent}, whose certificate is missing")]
    UnknownAgent {
        /// Where it stands.
        position: Position,
        /// The agent.
        agent: AgentId,
    },
    /// A sealed command does not open.
    #[error("the command at {position} does not open: {source}")]
    Sealed {
        /// Where it stands.
        position: Position,
        /// Why.
        #[source]
        source: EnvelopeRefusal,
    },
    /// A sealed command was not sealed as such, by an agent and for the ledger.
    #[error("the command at {position} was not sealed by an agent for the ledger as what it is")]
    Misaddressed {
        /// Where it stands.
        position: Position,
    },
    /// A report is of an attempt that the agent was not given.
    #[error("the report at {position} is of attempt {attempt}, which {agent} was not given")]
    Unassigned {
        /// Where it stands.
        position: Position,
        /// The attempt.
        attempt: u32,
        /// The agent.
        agent: AgentId,
    },
    /// A verdict is on a report that is not shown.
    #[error("the verdict at {position} is on a report that is not shown")]
    NoReport {
        /// Where it stands.
        position: Position,
    },
}

impl ReceiptRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherMesh { .. } => "HMS-RECEIPT-MESH",
            Self::HandoverOrder { .. } => "HMS-RECEIPT-HANDOVER-ORDER",
            Self::BadChange { .. } => "HMS-RECEIPT-CHANGE",
            Self::NoHandover { .. } => "HMS-RECEIPT-NO-HANDOVER",
            Self::BadVoters { .. } => "HMS-RECEIPT-VOTERS",
            Self::Recovery { .. } => "HMS-RECEIPT-RECOVERY",
            Self::RecoveryPlace { .. } => "HMS-RECEIPT-RECOVERY-PLACE",
            Self::RecoveryUnknown { .. } => "HMS-RECEIPT-RECOVERY-UNKNOWN",
            Self::EntryOrder { .. } => "HMS-RECEIPT-ENTRY-ORDER",
            Self::NoCommand { .. } => "HMS-RECEIPT-NO-COMMAND",
            Self::CommandOrder { .. } => "HMS-RECEIPT-COMMAND-ORDER",
            Self::Path { .. } => "HMS-RECEIPT-PATH",
            Self::Links { .. } => "HMS-RECEIPT-LINKS",
            Self::Broken { .. } => "HMS-RECEIPT-BROKEN",
            Self::UnknownEpoch { .. } => "HMS-RECEIPT-EPOCH",
            Self::Superseded { .. } => "HMS-RECEIPT-SUPERSEDED",
            Self::NotFinal { .. } => "HMS-RECEIPT-NOT-FINAL",
            Self::Certificate { source, .. } => certificate_code(source),
            Self::BadCommand { .. } => "HMS-RECEIPT-COMMAND",
            Self::OtherTask { .. } => "HMS-RECEIPT-TASK",
            Self::Unsubmitted => "HMS-RECEIPT-UNSUBMITTED",
            Self::Resubmitted { .. } => "HMS-RECEIPT-RESUBMITTED",
            Self::AgentOrder { .. } => "HMS-RECEIPT-AGENT-ORDER",
            Self::AgentUncertified { .. } => "HMS-RECEIPT-AGENT-SIGNATURE",
            Self::UnknownAgent { .. } => "HMS-RECEIPT-AGENT",
            Self::Sealed { .. } => "HMS-RECEIPT-SEALED",
            Self::Misaddressed { .. } => "HMS-RECEIPT-ADDRESS",
            Self::Unassigned { .. } => "HMS-RECEIPT-UNASSIGNED",
            Self::NoReport { .. } => "HMS-RECEIPT-NO-REPORT",
        }
    }
}

/// A receipt's own codes for what is wrong with a certificate: a script that reads them need not know the others.
const fn certificate_code(refusal: &CertificateRefusal) -> &'static str {
    match refusal {
        CertificateRefusal::OtherGroup { .. } => "HMS-RECEIPT-CERT-GROUP",
        CertificateRefusal::OtherEpoch { .. } => "HMS-RECEIPT-CERT-EPOCH",
        CertificateRefusal::NotAVoter { .. } => "HMS-RECEIPT-CERT-VOTER",
        CertificateRefusal::DuplicateSigner { .. } => "HMS-RECEIPT-CERT-DUPLICATE",
        CertificateRefusal::Unordered { .. } => "HMS-RECEIPT-CERT-ORDER",
        CertificateRefusal::TooFew { .. } => "HMS-RECEIPT-CERT-TOO-FEW",
        CertificateRefusal::BadSignature { .. } => "HMS-RECEIPT-CERT-SIGNATURE",
        CertificateRefusal::OtherBallot { .. } | CertificateRefusal::BelowLock { .. } => {
            "HMS-RECEIPT-CERT-BALLOT"
        }
    }
}
