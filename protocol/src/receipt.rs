//! Receipts: anybody can check, offline and with nothing but the mesh's genesis, that a task's commands and results are in
//! the certified ledger.
//!
//! A receipt leads from the genesis, which names the founder, over every change of voters, each certified by the voters
//! before it ([`Succession`]), to whoever certified the entries that hold the task's commands; from each entry along the
//! hash chain to what is certified ([`Stretch`]); and from each command along a tree of hashes to its entry
//! ([`ShownEntry`]). [`Receipt::verify`] checks all of that and gives what was [`Proven`].
//!
//! What is proven is that the commands stand in the ledger, in this order, and that the reports and verdicts among them
//! were sealed with keys that a node certified for this mesh. What is *not*:
//!
//! - that nothing was left out: a receipt may show some of a task's commands, but not others;
//! - that a command was carried out: every replica decides that alike, by a state that a receipt does not hold;
//! - that the certifying node was a member and the agent in good standing;
//! - that the voters were honest: more liars than the mesh's trust allows can certify anything;
//! - that the other fields of a shown entry are commands: voters hold no batch of another form.

mod build;
mod decision;
mod entry;
mod handover;
mod origin;
mod proven;
mod refusal;
mod story;
mod stretch;
mod succession;

use std::collections::BTreeMap;

use crate::agent::AgentCertificate;
use crate::id::{AgentId, Index, MeshId, TaskId};

use story::Story;

pub use build::{BuildRefusal, KeptEntry, Records, Showcase};
pub use decision::{Decision, ShownCommand};
pub use entry::{ShownEntry, ShownField};
pub use handover::{Cause, Handover};
pub use origin::Origin;
pub use proven::{Deed, Head, Proven, ProvenCommand};
pub use refusal::ReceiptRefusal;
pub use stretch::{FIRST_INDEX, Link, Stretch};

pub use succession::Succession;

/// A task's commands, with all that shows them to be in the certified ledger. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The mesh.
    pub mesh: MeshId,
    /// The task.
    pub task: TaskId,
    /// The entries that hold its commands, in ascending order.
    pub entries: Vec<ShownEntry>,
    /// The changes of voters, in ascending order.
    pub handovers: Vec<Handover>,
    /// The certificates of the agents that sealed reports and verdicts, in ascending order of agent.
    pub agents: Vec<AgentCertificate>,
}

impl Receipt {
    /// Checks everything and gives what is proven. Reads nothing but its arguments; costs one verification for each
    /// signature in the receipt, but for those of a certificate that the entry before has, too.
    ///
    /// ```
    /// use hms_protocol::codec;
    /// use hms_protocol::receipt::Receipt;
    ///
    /// # let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/golden/");
    /// # let read = |name: &str| std::fs::read(format!("{golden}{name}"));
    /// let origin = codec::origin::read(&read("genesis.bin")?)?;
    /// let receipt: Receipt = codec::decode_exact(&read("receipt.bin")?)?;
    /// let proven = receipt.verify(&origin)?;
    /// assert_eq!(proven.commands[0].position.to_string(), "6.1");
    /// assert_eq!(proven.head.signers.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&self, origin: &Origin) -> Result<Proven, ReceiptRefusal> {
        if self.mesh != origin.mesh {
            return Err(ReceiptRefusal::OtherMesh {
                mesh: self.mesh,
                expected: origin.mesh,
            });
        }
        let succession = self.succession(origin)?;
        let agents = self.certified_agents()?;
        if let Some((after, index)) = disorder(self.entries.iter().map(|it| it.stretch.index)) {
            return Err(ReceiptRefusal::EntryOrder { index, after });
        }
        let mut story = Story::begin((self.mesh, self.task), &agents);
        let mut good = None;
        for entry in &self.entries {
            entry.check(&succession, good)?;
            good = Some(&entry.stretch.certificate);
            story.read(entry)?;
        }
        Ok(Proven {
            recoveries: succession.recoveries().to_vec(),
            ..story.end()?
        })
    }

    /// Whose word counts when.
    fn succession(&self, origin: &Origin) -> Result<Succession, ReceiptRefusal> {
        let changes = self.handovers.iter().map(|it| it.stretch.index);
        if let Some((after, index)) = disorder(changes) {
            return Err(ReceiptRefusal::HandoverOrder { index, after });
        }
        let mut succession = Succession::found(origin);
        for handover in &self.handovers {
            succession.take(handover)?;
        }
        Ok(succession)
    }

    /// The agents whose keys some node certified for this mesh.
    fn certified_agents(&self) -> Result<BTreeMap<AgentId, &AgentCertificate>, ReceiptRefusal> {
        let mut agents = BTreeMap::new();
        for certificate in &self.agents {
            let agent = certificate.agent;
            let last = agents.last_key_value().map(|(last, _)| *last);
            if Some(agent) <= last {
                return Err(ReceiptRefusal::AgentOrder { agent });
            }
            if !certificate.verify(self.mesh) {
                let node = certificate.node;
                return Err(ReceiptRefusal::AgentUncertified { agent, node });
            }
            agents.insert(agent, certificate);
        }
        Ok(agents)
    }
}

/// The first index that is not above the one before it, and that one.
fn disorder(indexes: impl Iterator<Item = Index>) -> Option<(Index, Index)> {
    let mut last = None;
    for index in indexes {
        if let Some(after) = last
            && index <= after
        {
            return Some((after, index));
        }
        last = Some(index);
    }
    None
}
