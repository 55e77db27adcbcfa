//! `hms audit verify`: whether an exported ledger is what the voters certified. No node is asked.

use std::path::Path;
use std::time::Duration;

use hms_client::domain::id::{Index, NodeId};
use hms_client::domain::receipt::Head;
use hms_client::domain::transcript::{Examiner, TranscriptPart};
use serde_json::{Value, json};

use super::file::Transcript;
use crate::clock::stopwatch;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::read_genesis;
use crate::phrase::count;
use crate::receipt::recovered;
use crate::screen::{Screen, Tone};

/// What an exported ledger covers.
#[derive(Debug)]
struct Covered {
    mesh: String,
    first: u64,
    entries: u64,
    certificates: u64,
    head: Option<Head>,
    recoveries: Vec<Index>,
    took: Duration,
}

/// Checks a file.
pub(super) fn run(file: &Path, genesis: &Path, screen: Screen) -> Result<Exit, Fault> {
    let origin = read_genesis(genesis)?;
    let started = stopwatch();
    let mut transcript = Transcript::open(file)?;
    let mut examiner = Examiner::new(&origin);
    let tampered = |source| Fault::Tampered {
        path: file.to_owned(),
        source,
    };
    let mut covered = Covered {
        mesh: origin.mesh.to_string(),
        first: 0,
        entries: 0,
        certificates: 0,
        head: None,
        recoveries: Vec::new(),
        took: Duration::ZERO,
    };
    while let Some(part) = transcript.next()? {
        examiner.take(&part).map_err(tampered)?;
        match part {
            TranscriptPart::Opening(opening) => covered.first = opening.first.0,
            TranscriptPart::Entry(_) => covered.entries += 1,
            TranscriptPart::Certificate(_) => covered.certificates += 1,
            TranscriptPart::Handover(_) => {}
        }
    }
    covered.recoveries = examiner.recoveries().to_vec();
    covered.head = examiner.end().map_err(tampered)?;
    covered.took = started.elapsed();
    screen.show(|screen| covered.text(screen), || covered.as_json())?;
    Ok(Exit::Done)
}

impl Covered {
    fn text(&self, screen: Screen) -> String {
        let mut lines = vec![
            ("ledger", screen.tint("good", Tone::Good)),
            ("mesh", self.mesh.clone()),
        ];
        if let Some(head) = &self.head {
            let signers: Vec<String> = head.signers.iter().map(NodeId::short).collect();
            lines.push(("entries", format!("{} to {}", self.first, head.index)));
            lines.push((
                "certified",
                format!(
                    "up to entry {} in term {} by the nodes {}",
                    head.index,
                    head.term,
                    signers.join(" ")
                ),
            ));
            lines.push(("head", head.hash.to_string()));
        } else {
            lines.push(("entries", "none".to_owned()));
        }
        lines.extend(recovered(&self.recoveries));
        lines.push((
            "checked",
            format!(
                "{} and {} in {} ms",
                count(self.entries, "entry"),
                count(self.certificates, "certificate"),
                self.took.as_millis()
            ),
        ));
        let lines = lines
            .iter()
            .map(|(name, value)| format!("{name:<9} {value}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn as_json(&self) -> Value {
        let head = self.head.as_ref().map(|head| {
            let signers: Vec<String> = head.signers.iter().map(ToString::to_string).collect();
            json!({
                "index": head.index.0,
                "term": head.term.0,
                "epoch": head.epoch.0,
                "hash": head.hash.to_string(),
                "signers": signers,
            })
        });
        json!({
            "good": true,
            "mesh": self.mesh,
            "first": self.first,
            "entries": self.entries,
            "certificates": self.certificates,
            "head": head,
            "recoveries": self.recoveries.iter().map(|it| it.0).collect::<Vec<_>>(),
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}
