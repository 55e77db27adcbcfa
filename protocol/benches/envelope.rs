//! What a message costs on its way: sealing, framing, reading, opening, and the look into the replay window.
//!
//! Run with `cargo bench -p hms-protocol`. The sizes are those of a heartbeat, of a small batch of the log, and of the
//! largest batch.

use divan::{Bencher, black_box, counter::BytesCount};
use hms_protocol::codec;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::codec::envelope::{decode, encode, read, seal};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sealed, Sender};
use hms_protocol::id::{Incarnation, MeshId, NodeId, Sequence};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits::ENVELOPE_TTL_MS;
use hms_protocol::peer::PeerMessage;
use hms_protocol::replay::ReplayWindow;
use hms_protocol::time::Moment;

const NOW: Moment = Moment(1_700_000_000_000);
const BODY_BYTES: [usize; 3] = [200, 16 * 1024, 1024 * 1024];

fn main() {
    divan::main();
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn header(sequence: u64) -> Header {
    Header {
        mesh: MeshId::from_bytes([9; 32]),
        sender: Sender::Node(key().public().into()),
        audience: Audience::Node(NodeId::from_bytes([2; 32])),
        incarnation: Incarnation(1),
        sequence: Sequence(sequence),
        issued_at: NOW,
        expires_at: NOW.plus_ms(ENVELOPE_TTL_MS),
        kind: BodyKind::Peer,
        body_hash: Hash::default(),
    }
}

fn bundle(body_bytes: usize) -> Bundle {
    Bundle(vec![PeerMessage::Raft(vec![7; body_bytes])])
}

fn sealed(body_bytes: usize) -> Sealed {
    seal(header(1), codec::encode(&bundle(body_bytes)), &key())
}

#[divan::bench(args = BODY_BYTES)]
fn seal_body(bencher: Bencher, body_bytes: usize) {
    let (key, body) = (key(), codec::encode(&bundle(body_bytes)));
    bencher
        .counter(BytesCount::new(body.len()))
        .with_inputs(|| body.clone())
        .bench_values(|body| seal(header(1), body, &key));
}

#[divan::bench(args = BODY_BYTES)]
fn frame_sealed(bencher: Bencher, body_bytes: usize) {
    let sealed = sealed(body_bytes);
    bencher
        .counter(BytesCount::new(body_bytes))
        .bench(|| encode(black_box(&sealed)));
}

#[divan::bench(args = BODY_BYTES)]
fn read_frame(bencher: Bencher, body_bytes: usize) {
    let frame = encode(&sealed(body_bytes));
    bencher
        .counter(BytesCount::new(frame.len()))
        .bench(|| decode(black_box(&frame)));
}

#[divan::bench(args = BODY_BYTES)]
fn open_sealed(bencher: Bencher, body_bytes: usize) {
    let (public, sealed) = (key().public(), sealed(body_bytes));
    bencher
        .counter(BytesCount::new(body_bytes))
        .with_inputs(|| sealed.clone())
        .bench_values(|sealed| sealed.open(public));
}

#[divan::bench(args = BODY_BYTES)]
fn read_opened(bencher: Bencher, body_bytes: usize) {
    let opened = sealed(body_bytes)
        .open(key().public())
        .expect("it was sealed with this key");
    bencher
        .counter(BytesCount::new(body_bytes))
        .bench(|| read(black_box(&opened)));
}

#[divan::bench]
fn admit_next(bencher: Bencher) {
    let mut window = ReplayWindow::default();
    let mut next = header(0);
    bencher.bench_local(|| {
        next.sequence = next.sequence.next();
        window.admit(&next, NOW)
    });
}
