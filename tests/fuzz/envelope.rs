//! Envelopes, and what stands in them.

use std::fmt::Debug;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolero::check;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::codec::envelope::{self, Content};
use hms_protocol::codec::{self, Wire};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sealed, Sender};
use hms_protocol::id::{Incarnation, MeshId, NodeId, Sequence};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits;
use hms_protocol::peer::PeerMessage;
use hms_protocol::time::Moment;

use crate::spoil::{FOR, HARVEST, Spoilt};

/// Pieces of each kind that are sealed.
const PIECES_MAX: usize = 400;

static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::from_seed(&[1; 32]));

/// Bodies, with who says them: everything that a simulated mesh has said.
static BODIES: LazyLock<Vec<(Sender, BodyKind, Vec<u8>)>> = LazyLock::new(bodies);

/// The same as bare bytes.
static BARE: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| BODIES.iter().map(|(_, _, body)| body.clone()).collect());

static FRAMES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let sealed = BODIES
        .iter()
        .map(|(sender, kind, body)| seal(*sender, *kind, body.clone()));
    sealed.map(|sealed| envelope::encode(&sealed)).collect()
});

fn bodies() -> Vec<(Sender, BodyKind, Vec<u8>)> {
    let mut bodies = Vec::new();
    let step = HARVEST.said.len().div_ceil(PIECES_MAX);
    for (from, _, message) in HARVEST.said.iter().step_by(step) {
        let bundle = Bundle(vec![message.clone()]);
        bodies.push((Sender::Node(*from), BodyKind::Peer, codec::encode(&bundle)));
    }
    for (_, _, message) in &HARVEST.said {
        if let PeerMessage::Report(sealed) | PeerMessage::Verdict(sealed) = message {
            let (_, body, _) = sealed.parts();
            let claimed = sealed.claimed();
            bodies.push((claimed.sender, claimed.kind, body.to_vec()));
        }
    }
    for beat in HARVEST.beats.iter().take(PIECES_MAX) {
        bodies.push((
            Sender::Node(beat.node),
            BodyKind::Heartbeat,
            codec::encode(beat),
        ));
    }
    for (from, announcement) in HARVEST.announced.iter().take(PIECES_MAX) {
        let body = codec::encode(announcement);
        bodies.push((Sender::Node(*from), BodyKind::Announcement, body));
    }
    bodies
}

fn seal(sender: Sender, kind: BodyKind, body: Vec<u8>) -> Sealed {
    let now = Moment(1_750_000_000_000);
    let header = Header {
        mesh: MeshId::from_bytes([9; 32]),
        sender,
        audience: Audience::Node(NodeId::from_bytes([2; 32])),
        incarnation: Incarnation(1),
        sequence: Sequence(1),
        issued_at: now,
        expires_at: now.plus_ms(limits::ENVELOPE_TTL_MS),
        kind,
        body_hash: Hash::default(),
    };
    envelope::seal(header, body, &KEY)
}

/// A2A-1: what is accepted as an envelope has no other encoding, and opens only as it was sealed.
#[test]
fn a_spoilt_envelope_is_refused_or_does_not_open() {
    let (read, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    LazyLock::force(&FRAMES);
    check!()
        .with_type::<Spoilt>()
        .with_test_time(FOR)
        .for_each(|spoilt| {
            let bytes = spoilt.make(&FRAMES);
            let Ok(sealed) = envelope::decode(&bytes) else {
                refused.fetch_add(1, Ordering::Relaxed);
                return;
            };
            read.fetch_add(1, Ordering::Relaxed);
            assert_eq!(envelope::encode(&sealed), bytes);
            if sealed.open(KEY.public()).is_ok() {
                assert!(FRAMES.contains(&bytes), "a forgery was opened");
            }
        });
    assert!(0 < read.into_inner() && 0 < refused.into_inner());
}

/// A member may say anything under its own seal: it is refused, or it has one meaning.
#[test]
fn a_spoilt_body_under_a_good_seal_is_refused_or_means_one_thing() {
    let (read, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    LazyLock::force(&BARE);
    check!()
        .with_type::<Spoilt>()
        .with_test_time(FOR)
        .for_each(|spoilt| {
            let (sender, kind, _) = spoilt.choose(&BODIES);
            let sealed = seal(*sender, *kind, spoilt.make(&BARE));
            let opened = sealed.open(KEY.public()).expect("it was sealed just now");
            match envelope::read(&opened) {
                Ok(content) => {
                    read.fetch_add(1, Ordering::Relaxed);
                    check_content(content);
                }
                Err(_) => {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    assert!(0 < read.into_inner() && 0 < refused.into_inner());
}

fn check_content(content: Content) {
    match content {
        Content::Peer(messages) => check_value(&Bundle(messages)),
        Content::Heartbeat(heartbeat) => check_value(&heartbeat),
        Content::Announcement(announcement) => check_value(&announcement),
        Content::Report(report) => check_value(&report),
        Content::Verdict(verdict) => check_value(&verdict),
    }
}

fn check_value<T: Wire + Debug + PartialEq>(value: &T) {
    let bytes = codec::encode(value);
    let again = codec::decode::<T>(&bytes);
    assert_eq!(again.as_ref(), Ok(value));
    assert_eq!(again.as_ref().map(codec::encode), Ok(bytes));
}
