//! How clients of a simulated world get receipts: made of what the answering host has on disk, and checked as a stranger
//! would.

use std::collections::BTreeMap;

use hms_consensus::outline::Outline;
use hms_consensus::raft::read_row;
use hms_protocol::certificate::Certificate;
use hms_protocol::chain::EntryKind;
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, Term};
use hms_protocol::receipt::{FIRST_INDEX, KeptEntry, Origin, Receipt};
use hms_protocol::trust::Trust;

use super::World;
use super::found::operator;
use crate::sim::host::HostId;

impl World {
    /// Makes the receipt to which an outline points, if the host's disk holds all of it, and shows what it proves to the
    /// oracle.
    pub(super) fn take_receipt(&mut self, host: HostId, outline: &Outline) {
        let Some(receipt) = self.make_receipt(host, outline) else {
            return;
        };
        let origin = Origin {
            mesh: self.mesh,
            operator: operator().public(),
            founder: self.hosts[0].node,
            trust: Trust::Byzantine,
        };
        match receipt.verify(&origin) {
            Ok(proven) => self.oracle.receipted(proven.head.index, proven.head.hash),
            Err(refusal) => self.oracle.bad_receipt(outline.task, refusal.to_string()),
        }
    }

    fn make_receipt(&self, host: HostId, outline: &Outline) -> Option<Receipt> {
        let disk = &self.hosts[host.0].disk;
        let certificates: BTreeMap<Index, Certificate> = disk
            .certificates_ever()
            .filter_map(|(index, bytes)| Some((index, codec::decode(bytes).ok()?)))
            .collect();
        let covering = |(_, it): &(&Index, &Certificate)| outline.is_covered_by(it);
        let (end, _) = certificates.iter().find(covering)?;
        let before = Index(outline.first.0.saturating_sub(1));
        let mut entries = BTreeMap::new();
        for (_, row) in disk.rows_ever(before, *end) {
            let (index, entry) = read_row(row).expect("a mind writes rows that it can read");
            entries.insert(index, entry);
        }
        if outline.first == FIRST_INDEX {
            entries.insert(before, self.beginning());
        }
        let records = outline.records(&entries, &certificates);
        Receipt::build(outline.task, &records).ok()
    }

    /// What the first entry follows.
    fn beginning(&self) -> KeptEntry {
        KeptEntry {
            kind: EntryKind::Empty,
            term: Term::default(),
            data: Vec::new(),
            chain: Hash::from_bytes(*self.mesh.as_bytes()),
        }
    }

    /// Holds what receipts prove against what every host has ever had on disk and not replaced.
    pub(crate) fn audit_receipts(&mut self) {
        for host in &self.hosts {
            for (index, row) in host.disk.rows_ever(Index(0), Index(u64::MAX)) {
                let (_, entry) = read_row(row).expect("a mind writes rows that it can read");
                let committed = index <= host.applied();
                if committed {
                    self.oracle.found(host.id, index, entry.chain);
                }
            }
        }
    }
}
