//! Transcripts: the certified ledger, read from this node's disk and shown piece by piece.
//!
//! Each piece ends with a certificate where there is one, so whoever reads along knows soon what is certified. Nothing that is
//! not certified is shown. It is not checked here: whoever gets it does that.

use std::collections::BTreeSet;

use hms_consensus::effect::Answer;
use hms_consensus::input::{Question, Request};
use hms_proto::v1::{self as wire, reply};
use hms_protocol::certificate::Certificate;
use hms_protocol::codec::Wire;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Index, MeshId};
use hms_protocol::receipt::{FIRST_INDEX, Handover};
use hms_protocol::transcript::{LedgerEntry, Opening, TranscriptPart};
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use super::Hall;
use super::call::LedgerPart;
use super::desk::millis_since;
use super::failure::Failure;
use super::watch::Out;
use crate::limits::{CALL_WITHIN, TRANSCRIPT_PIECE_BYTES};
use crate::store::{History, StoreError};

/// A transcript under way.
#[derive(Debug)]
struct Telling {
    /// The next entry.
    next: Index,
    /// Every change of voters that the mind knows.
    handovers: Vec<Handover>,
    /// Those that were told.
    told: BTreeSet<Index>,
}

/// The next entries, with a certificate where there is one, and whether that was all for now.
struct Piece {
    parts: Vec<TranscriptPart>,
    next: Index,
    is_all: bool,
    /// The newest certificate is by voters that are not among the known ones.
    is_of_others: bool,
}

impl Hall {
    /// Serves a transcript at this node, as long as it leads.
    pub(super) async fn serve_ledger(&self, wanted: LedgerPart, out: &Out) -> Result<(), Failure> {
        let mut growth = self.history.growth();
        let (applied, handovers) = self.extent().await?;
        self.until_certified(applied).await?;
        let (history, mesh) = (self.history.clone(), self.profile.mesh);
        let opening = read(move || open(&history, mesh, wanted)).await?;
        let mut telling = Telling {
            next: opening.first,
            handovers,
            told: BTreeSet::new(),
        };
        if out
            .send(piece(&[TranscriptPart::Opening(opening)], false))
            .await
            .is_err()
        {
            return Ok(());
        }
        loop {
            let (history, next) = (self.history.clone(), telling.next);
            let handovers = telling.handovers.clone();
            let found = read(move || read_piece(&history, next, &handovers)).await?;
            if found.is_of_others && telling.learn(self.extent().await?.1) {
                continue;
            }
            let parts = telling.with_handovers(found.parts);
            telling.next = found.next;
            let is_over = found.is_all && !wanted.follow;
            let is_news = is_over || !parts.is_empty();
            if is_news && out.send(piece(&parts, is_over)).await.is_err() || is_over {
                return Ok(());
            }
            if !found.is_all {
                continue;
            }
            tokio::select! {
                grown = growth.more() => if !grown { return Err(Failure::stopping()) },
                () = self.compass.deposed(self.me()) => return Err(self.not_leading()),
                () = out.closed() => return Ok(()),
            }
        }
    }

    /// The newest entry that is applied, and every change of voters.
    async fn extent(&self) -> Result<(Index, Vec<Handover>), Failure> {
        let question = Request::Read(Question::Extent);
        let deadline = crate::clock::instant() + CALL_WITHIN;
        let answer = self.desk.ask(question, deadline).await?;
        let Answer::Extent { applied, handovers } = answer else {
            return Err(Failure::malformed("the mind answered another question"));
        };
        Ok((applied, handovers))
    }

    /// Waits until the disk has what certifies an entry that is applied, so that whoever has seen something done finds it in
    /// the ledger.
    async fn until_certified(&self, applied: Index) -> Result<(), Failure> {
        let started = crate::clock::instant();
        let mut growth = self.history.growth();
        loop {
            let history = self.history.clone();
            let head = read(move || history.head()).await?;
            if head.is_some_and(|head| applied <= head.statement.index) || applied < FIRST_INDEX {
                return Ok(());
            }
            match timeout_at(started + CALL_WITHIN, growth.more()).await {
                Ok(true) => {}
                Ok(false) => return Err(Failure::stopping()),
                Err(_) => return Err(Failure::too_slow("the disk", millis_since(started))),
            }
        }
    }
}

impl Telling {
    /// Learns of changes of voters; false if there are no new ones.
    fn learn(&mut self, handovers: Vec<Handover>) -> bool {
        let is_news = self.handovers.len() < handovers.len();
        self.handovers = handovers;
        is_news
    }

    /// The parts, after the changes of voters that whoever reads must know by now.
    fn with_handovers(&mut self, parts: Vec<TranscriptPart>) -> Vec<TranscriptPart> {
        let told = &mut self.told;
        let fresh = self
            .handovers
            .iter()
            .filter(|it| told.insert(it.stretch.index));
        let fresh = fresh
            .cloned()
            .map(|it| TranscriptPart::Handover(Box::new(it)));
        fresh.chain(parts).collect()
    }
}

/// Reads what is on disk, outside the loop.
async fn read<T: Send + 'static>(
    reading: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Failure> {
    let read = spawn_blocking(reading).await;
    let read = read.map_err(|_| Failure::stopping())?;
    read.map_err(|error| Failure::unreadable(&error))
}

/// Where the transcript begins: the entry that was asked for, or the oldest with a known past.
fn open(history: &History, mesh: MeshId, wanted: LedgerPart) -> Result<Opening, StoreError> {
    let beginning = Hash::from_bytes(*mesh.as_bytes());
    let oldest = history.oldest()?.unwrap_or(FIRST_INDEX);
    // Of the oldest row that is no first one only the hash is of use.
    let oldest = if oldest <= FIRST_INDEX {
        FIRST_INDEX
    } else {
        oldest.next()
    };
    let end = history
        .head()?
        .map_or(FIRST_INDEX, |head| head.statement.index.next());
    let from = match wanted.last {
        0 => wanted.from,
        last => Index(end.0.saturating_sub(last)),
    };
    let first = from.max(oldest);
    let before = Index(first.0 - 1);
    let kept = history.entries(before, before, 1)?;
    Ok(Opening {
        mesh,
        first,
        before: kept.get(&before).map_or(beginning, |entry| entry.chain),
    })
}

fn read_piece(history: &History, next: Index, handovers: &[Handover]) -> Result<Piece, StoreError> {
    let mut found = Piece {
        parts: Vec::new(),
        next,
        is_all: true,
        is_of_others: false,
    };
    let Some(head) = history.head()?.map(|head| head.statement) else {
        return Ok(found);
    };
    let entries = history.entries(next, head.index, TRANSCRIPT_PIECE_BYTES)?;
    let Some((last, _)) = entries.last_key_value() else {
        return Ok(found);
    };
    let last = *last;
    found.is_of_others = newest_epoch(handovers) < head.epoch;
    let certificate = history.newest_certificate(next, last, |it| counts(it, handovers))?;
    let certified = certificate.as_ref().map(|it| it.statement.index);
    // What nobody has certified waits for its certificate at the end of what there is.
    let end = if last == head.index {
        certified.unwrap_or(Index(next.0 - 1))
    } else {
        last
    };
    for (index, kept) in entries {
        if end < index {
            break;
        }
        found.next = index.next();
        found
            .parts
            .push(TranscriptPart::Entry(LedgerEntry { index, kept }));
        if Some(index) == certified {
            let certificate = certificate.clone().map(Box::new);
            found
                .parts
                .extend(certificate.map(TranscriptPart::Certificate));
        }
    }
    found.is_all = last == head.index;
    Ok(found)
}

/// The epoch of the newest voters that are known; the founder's is the first.
fn newest_epoch(handovers: &[Handover]) -> Epoch {
    handovers
        .last()
        .map_or(Epoch(1), |it| Epoch(it.stretch.index.0))
}

/// Whether a certificate is by voters whose word counts at its own entry.
fn counts(certificate: &Certificate, handovers: &[Handover]) -> bool {
    let statement = &certificate.statement;
    let changes = handovers.iter().map(|it| it.stretch.index);
    let since = changes.filter(|since| *since < statement.index).max();
    since.is_none_or(|since| since.0 <= statement.epoch.0)
}

fn piece(parts: &[TranscriptPart], done: bool) -> reply::Reply {
    let parts = parts.iter().map(Wire::to_wire).collect();
    reply::Reply::ReadLedger(wire::ReadLedgerReply { parts, done })
}
