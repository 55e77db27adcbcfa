//! Transcripts: what an examiner lets pass, and every way to tamper with one (DAT-2).

use std::collections::BTreeSet;

use hms_protocol::chain::{self, EntryKind};
use hms_protocol::codec::transcript::{split, write};
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Index};
use hms_protocol::membership::Becomes;
use hms_protocol::receipt::{Head, Origin};
use hms_protocol::transcript::{Examiner, LedgerEntry, Opening, TranscriptPart, TranscriptRefusal};
use hms_protocol::trust::Trust;

use crate::ledger::{Ledger, genesis};
use crate::work::worked;

/// The whole ledger from an entry on, each certificate in its place.
fn transcript(ledger: &Ledger, first: u64) -> Vec<TranscriptPart> {
    let before = Index(first - 1);
    let beginning = Hash::from_bytes(*ledger.origin.mesh.as_bytes());
    let before = ledger.entries.get(&before).map_or(beginning, |it| it.chain);
    let mut parts = vec![TranscriptPart::Opening(Opening {
        mesh: ledger.origin.mesh,
        first: Index(first),
        before,
    })];
    let handovers = ledger.handovers.iter().cloned().map(Box::new);
    parts.extend(handovers.map(TranscriptPart::Handover));
    for (index, kept) in ledger.entries.range(Index(first)..) {
        parts.push(TranscriptPart::Entry(LedgerEntry {
            index: *index,
            kept: kept.clone(),
        }));
        // Voters whose time is over in a moment certify nothing after the change that ends it.
        let certificate = ledger.certificates.get(index).cloned();
        parts.extend(certificate.map(Box::new).map(TranscriptPart::Certificate));
    }
    parts
}

fn examine(origin: &Origin, parts: &[TranscriptPart]) -> Result<Option<Head>, TranscriptRefusal> {
    let mut examiner = Examiner::new(origin);
    parts.iter().try_for_each(|part| examiner.take(part))?;
    examiner.end()
}

fn entry(parts: &mut [TranscriptPart], index: u64) -> &mut LedgerEntry {
    let mut entries = parts.iter_mut().filter_map(|part| match part {
        TranscriptPart::Entry(entry) => Some(entry),
        TranscriptPart::Opening(_)
        | TranscriptPart::Handover(_)
        | TranscriptPart::Certificate(_) => None,
    });
    let found = entries.find(|entry| entry.index == Index(index));
    found.expect("the ledger has it")
}

fn place(parts: &[TranscriptPart], index: u64) -> usize {
    let is_it = |part: &TranscriptPart| matches!(part, TranscriptPart::Entry(it) if it.index == Index(index));
    parts.iter().position(is_it).expect("the ledger has it")
}

/// Hashes everything from an entry on anew, as somebody would who wants to hide a change.
fn hide(parts: &mut [TranscriptPart], from: u64) {
    let mut previous = entry(parts, from - 1).kept.chain;
    for part in parts {
        if let TranscriptPart::Entry(LedgerEntry { index, kept }) = part
            && Index(from) <= *index
        {
            kept.chain = chain::link(previous, kept.term, *index, kept.kind, &kept.data);
            previous = kept.chain;
        }
    }
}

#[test]
fn a_transcript_is_believed_from_wherever_it_begins() {
    for (trust, voters) in [(Trust::Crash, 1), (Trust::Crash, 3), (Trust::Byzantine, 4)] {
        let ledger = worked(trust, voters);
        for first in 2..=ledger.last().0 {
            let head = examine(&ledger.origin, &transcript(&ledger, first));
            let head = head
                .expect("it is as it was certified")
                .expect("it has entries");
            assert_eq!(head.index, ledger.last());
            assert_eq!(head.signers.len(), ledger.voters.quorum());
        }
    }
}

#[test]
fn whatever_is_edited_removed_or_moved_is_named() {
    let ledger = worked(Trust::Byzantine, 4);
    let whole = transcript(&ledger, 2);
    let last = ledger.last();
    let check = |change: &dyn Fn(&mut Vec<TranscriptPart>), code: &str, says: &str| {
        let mut parts = whole.clone();
        change(&mut parts);
        let refusal = examine(&ledger.origin, &parts).expect_err("it was changed");
        assert_eq!(refusal.code(), code, "{refusal}");
        assert!(refusal.to_string().contains(says), "{refusal}");
    };
    for index in 2..=last.0 {
        let at = format!("entry {index}:");
        check(
            &|it| entry(it, index).kept.data.push(0),
            "HMS-TRANSCRIPT-CHANGED",
            &at,
        );
        check(
            &|it| entry(it, index).kept.term.0 += 1,
            "HMS-TRANSCRIPT-CHANGED",
            &at,
        );
        check(
            &|it| entry(it, index).kept.chain = Hash::default(),
            "HMS-TRANSCRIPT-CHANGED",
            &at,
        );
        let missing = format!("entry {index} is missing");
        if index < last.0 {
            let remove = |it: &mut Vec<TranscriptPart>| drop(it.remove(place(it, index)));
            let moved = |it: &mut Vec<TranscriptPart>| {
                let (one, two) = (place(it, index), place(it, index + 1));
                it.swap(one, two);
            };
            let is_certified = ledger.certificates.contains_key(&Index(index));
            let (code, says) = if is_certified {
                ("HMS-TRANSCRIPT-MISPLACED", format!("is of entry {index}"))
            } else {
                ("HMS-TRANSCRIPT-MISSING", missing.clone())
            };
            check(&remove, code, &says);
            check(&moved, "HMS-TRANSCRIPT-MISSING", &missing);
        }
    }
    let hidden = last.0;
    check(
        &|it| {
            entry(it, hidden).kept.data = Vec::new();
            entry(it, hidden).kept.kind = EntryKind::Empty;
            hide(it, hidden);
        },
        "HMS-TRANSCRIPT-FORGED",
        &format!("to {hidden} one was changed"),
    );
    check(
        &|it| drop(it.pop()),
        "HMS-TRANSCRIPT-UNCERTIFIED",
        "certified by nobody",
    );
    check(
        &|it| drop(it.remove(0)),
        "HMS-TRANSCRIPT-OPENING",
        "at its beginning",
    );
}

#[test]
fn a_transcript_of_another_mesh_or_without_its_voters_is_refused() {
    let ledger = worked(Trust::Crash, 3);
    let whole = transcript(&ledger, 2);
    let other = genesis(Trust::Crash, 8);
    let other = hms_protocol::codec::origin::read(&other).expect("it is well formed");
    let refusal = examine(&other, &whole).expect_err("it is another mesh's");
    assert_eq!(refusal.code(), "HMS-TRANSCRIPT-MESH");
    let check = |change: &dyn Fn(&mut Vec<TranscriptPart>), code: &str| {
        let mut parts = whole.clone();
        change(&mut parts);
        let refusal = examine(&ledger.origin, &parts).expect_err("it was changed");
        assert_eq!(refusal.code(), code, "{refusal}");
    };
    // The handovers follow the opening.
    check(&|it| drop(it.remove(1)), "HMS-TRANSCRIPT-HANDOVER");
    check(&|it| drop(it.remove(2)), "HMS-TRANSCRIPT-CERTIFICATE");
    check(&|it| it.insert(1, it[0].clone()), "HMS-TRANSCRIPT-OPENING");
    let reopen = |change: fn(&mut Opening)| {
        move |it: &mut Vec<TranscriptPart>| {
            if let TranscriptPart::Opening(opening) = &mut it[0] {
                change(opening);
            }
        }
    };
    let begin = "HMS-TRANSCRIPT-BEGINNING";
    check(&reopen(|it| it.before = Hash::default()), begin);
    check(&reopen(|it| it.first = Index(1)), begin);
    check(&reopen(|it| it.first = Index(3)), "HMS-TRANSCRIPT-MISSING");
    check(
        &|it| {
            if let Some(TranscriptPart::Certificate(certificate)) = it.last_mut() {
                certificate.signers.pop();
            }
        },
        "HMS-TRANSCRIPT-CERTIFICATE",
    );
    check(
        &|it| {
            if let Some(TranscriptPart::Certificate(certificate)) = it.last_mut() {
                certificate.statement.epoch = Epoch(1);
            }
        },
        "HMS-TRANSCRIPT-CERTIFICATE",
    );
    assert_eq!(
        examine(&ledger.origin, &[])
            .expect_err("it is empty")
            .code(),
        "HMS-TRANSCRIPT-OPENING"
    );
}

#[test]
fn voters_may_change_in_the_middle() {
    let mut ledger = Ledger::of(Trust::Byzantine, 4);
    ledger.append(EntryKind::Empty, Vec::new());
    ledger.certify();
    ledger.hand_over(2, Becomes::Removed);
    ledger.append(EntryKind::Empty, Vec::new());
    ledger.certify();
    let parts = transcript(&ledger, 2);
    let head = examine(&ledger.origin, &parts).expect("it is as it was certified");
    assert_eq!(head.expect("it has entries").epoch, ledger.voters.epoch());
    // Whoever goes on with a transcript shows the changes of voters again.
    let twice: Vec<TranscriptPart> = parts[..2].iter().chain(&parts[1..]).cloned().collect();
    assert!(examine(&ledger.origin, &twice).is_ok());
}

#[test]
fn no_byte_of_a_file_can_be_changed() {
    let ledger = worked(Trust::Crash, 1);
    let parts = transcript(&ledger, 2);
    let file: Vec<u8> = parts.iter().flat_map(write).collect();
    let read = |mut bytes: &[u8]| {
        let mut parts = Vec::new();
        while let Ok(Some((part, taken))) = split(bytes) {
            parts.push(part);
            bytes = &bytes[taken..];
        }
        bytes.is_empty() && examine(&ledger.origin, &parts).is_ok()
    };
    assert!(read(&file));
    let mut changed = file.clone();
    for place in 0..file.len() {
        changed[place] ^= 1;
        assert!(!read(&changed), "byte {place} does not matter");
        changed[place] = file[place];
    }
    // What ends with a certificate, or with nothing at all, is a shorter transcript and not a damaged one.
    let mut whole = BTreeSet::new();
    let mut length = 0;
    for part in &parts {
        length += write(part).len();
        if !matches!(part, TranscriptPart::Entry(_)) {
            whole.insert(length);
        }
    }
    for length in 0..file.len() {
        assert_eq!(
            read(&file[..length]),
            whole.contains(&length),
            "{length} bytes"
        );
    }
}
