//! A2A-5: every way to tamper with an envelope, or to send a good one where it does not belong, has a refusal of its own.

use std::collections::BTreeSet;

use hms_proto::v1;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::codec::envelope::{Content, decode, encode, read, seal};
use hms_protocol::codec::{self, CodecError};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, EnvelopeRefusal, Header, Sealed, Sender};
use hms_protocol::id::{AgentId, Incarnation, MeshId, NodeId, Sequence, TaskId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits;
use hms_protocol::peer::PeerMessage;
use hms_protocol::replay::ReplayWindow;
use hms_protocol::task::{Outcome, Report, TaskResult};
use hms_protocol::time::Moment;
use prost::Message as _;

const NOW: Moment = Moment(1_700_000_000_000);
const MESH: MeshId = MeshId::from_bytes([9; 32]);

fn sender_key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn receiver() -> NodeId {
    SecretKey::from_seed(&[2; 32]).public().into()
}

fn header() -> Header {
    Header {
        mesh: MESH,
        sender: Sender::Node(sender_key().public().into()),
        audience: Audience::Node(receiver()),
        incarnation: Incarnation(3),
        sequence: Sequence(42),
        issued_at: NOW,
        expires_at: NOW.plus_ms(limits::ENVELOPE_TTL_MS),
        kind: BodyKind::Peer,
        body_hash: Hash::default(),
    }
}

fn bundle() -> Bundle {
    Bundle(vec![PeerMessage::AskRoster { have_revision: 7 }])
}

fn frame_of(header: Header) -> Vec<u8> {
    encode(&seal(header, codec::encode(&bundle()), &sender_key()))
}

/// The whole road of a receiver: from bytes to what they say.
fn receive(frame: &[u8], window: &mut ReplayWindow) -> Result<Content, &'static str> {
    let refused = |refusal: EnvelopeRefusal| refusal.code();
    let opened = decode(frame)
        .map_err(refused)?
        .open(sender_key().public())
        .map_err(refused)?;
    opened
        .check_address(MESH, receiver(), NOW)
        .map_err(refused)?;
    let _ = window.admit(opened.header(), NOW).map_err(refused)?;
    read(&opened).map_err(|error| error.code())
}

fn check(frame: &[u8], expected: Result<(), &'static str>) {
    let content = receive(frame, &mut ReplayWindow::default());
    assert_eq!(content, expected.map(|()| Content::Peer(bundle().0)));
}

#[test]
fn a_good_envelope_is_read() {
    check(&frame_of(header()), Ok(()));
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let frame = frame_of(header());
    let mut codes = BTreeSet::new();
    for at in 0..frame.len() {
        for bit in 0..8 {
            let mut bad = frame.clone();
            bad[at] ^= 1 << bit;
            let refused = receive(&bad, &mut ReplayWindow::default());
            codes.insert(refused.expect_err("a changed frame was accepted"));
        }
    }
    let expected = [
        "HMS-ENV-BODY",
        "HMS-ENV-MALFORMED",
        "HMS-ENV-SIGNATURE",
        "HMS-ENV-VERSION",
    ];
    assert_eq!(codes, BTreeSet::from(expected));
}

#[test]
fn a_body_that_was_not_signed_is_refused() {
    let mut wire = v1::Envelope::decode(&*frame_of(header())).unwrap();
    wire.body = codec::encode(&Bundle(vec![PeerMessage::AskWatch]));
    check(&wire.encode_to_vec(), Err("HMS-ENV-BODY"));
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let forged = seal(
        header(),
        codec::encode(&bundle()),
        &SecretKey::from_seed(&[3; 32]),
    );
    check(&encode(&forged), Err("HMS-ENV-SIGNATURE"));
}

#[test]
fn a_replay_is_refused() {
    let frame = frame_of(header());
    let mut window = ReplayWindow::default();
    assert!(receive(&frame, &mut window).is_ok());
    assert_eq!(receive(&frame, &mut window), Err("HMS-ENV-REPLAY"));
}

#[test]
fn a_message_too_old_for_the_window_is_refused() {
    let mut window = ReplayWindow::default();
    let newest = Sequence(42 + limits::REPLAY_WINDOW);
    assert!(
        receive(
            &frame_of(Header {
                sequence: newest,
                ..header()
            }),
            &mut window
        )
        .is_ok()
    );
    assert_eq!(
        receive(&frame_of(header()), &mut window),
        Err("HMS-ENV-STALE")
    );
}

#[test]
fn a_message_of_a_former_life_is_refused() {
    let mut window = ReplayWindow::default();
    assert!(receive(&frame_of(header()), &mut window).is_ok());
    let former = Header {
        incarnation: Incarnation(2),
        sequence: Sequence(99),
        ..header()
    };
    assert_eq!(
        receive(&frame_of(former), &mut window),
        Err("HMS-ENV-INCARNATION")
    );
}

#[test]
fn a_replay_after_the_receivers_restart_is_refused() {
    let frame = frame_of(header());
    let mut window = ReplayWindow::default();
    assert!(receive(&frame, &mut window).is_ok());
    let record = window.save(NOW).record;
    let read_back = codec::decode(&codec::encode(&record)).unwrap();
    assert_eq!(
        receive(&frame, &mut ReplayWindow::restore(read_back)),
        Err("HMS-ENV-RESTART")
    );
}

#[test]
fn an_expired_message_is_refused() {
    let expires_at = Moment(NOW.0 - limits::CLOCK_SKEW_MS_MAX);
    check(
        &frame_of(Header {
            expires_at,
            ..header()
        }),
        Ok(()),
    );
    let expires_at = Moment(expires_at.0 - 1);
    check(
        &frame_of(Header {
            expires_at,
            ..header()
        }),
        Err("HMS-ENV-EXPIRED"),
    );
}

#[test]
fn a_message_from_the_future_is_refused() {
    let issued_at = NOW.plus_ms(limits::CLOCK_SKEW_MS_MAX);
    check(
        &frame_of(Header {
            issued_at,
            ..header()
        }),
        Ok(()),
    );
    let issued_at = issued_at.plus_ms(1);
    check(
        &frame_of(Header {
            issued_at,
            ..header()
        }),
        Err("HMS-ENV-FUTURE"),
    );
}

#[test]
fn a_message_for_another_mesh_is_refused() {
    let mesh = MeshId::from_bytes([8; 32]);
    check(&frame_of(Header { mesh, ..header() }), Err("HMS-ENV-MESH"));
}

#[test]
fn a_message_for_another_node_is_refused() {
    let audience = Audience::Node(NodeId::from_bytes([7; 32]));
    check(
        &frame_of(Header {
            audience,
            ..header()
        }),
        Err("HMS-ENV-AUDIENCE"),
    );
}

#[test]
fn a_message_to_the_whole_mesh_is_for_every_node() {
    check(
        &frame_of(Header {
            audience: Audience::Mesh,
            ..header()
        }),
        Ok(()),
    );
}

#[test]
fn an_unknown_version_is_refused_as_such_whatever_follows() {
    let mut frame = vec![0x08, 0x02];
    frame.extend_from_slice(b"\x12\x03abc\x35\x01\x02\x03\x04");
    check(&frame, Err("HMS-ENV-VERSION"));
    let refusal = decode(&frame).unwrap_err();
    assert_eq!(
        refusal,
        EnvelopeRefusal::UnknownVersion {
            version: 2,
            spoken: 1
        }
    );
}

#[test]
fn a_second_encoding_of_an_envelope_is_refused() {
    let frame = frame_of(header());
    let (version, rest) = frame.split_at(2);
    let padded = [&[0x08, 0x81, 0x00], rest].concat();
    let unknown_field = [&frame[..], &[0x28, 0x01]].concat();
    let moved = [rest, version].concat();
    let repeated = [version, &frame].concat();
    for bad in [padded, unknown_field, moved, repeated] {
        check(&bad, Err("HMS-ENV-MALFORMED"));
    }
}

#[test]
fn a_header_with_more_than_its_fields_is_refused() {
    let mut wire = v1::Envelope::decode(&*frame_of(header())).unwrap();
    wire.header.extend_from_slice(&[0x78, 0x01]);
    check(&wire.encode_to_vec(), Err("HMS-ENV-MALFORMED"));
}

#[test]
fn noise_and_nothing_are_refused() {
    check(&[], Err("HMS-ENV-MALFORMED"));
    check(b"GET / HTTP/1.1\r\n\r\n", Err("HMS-ENV-MALFORMED"));
}

#[test]
fn a_body_larger_than_its_kind_allows_is_refused() {
    let sized = |bytes| {
        let header = Header {
            kind: BodyKind::Heartbeat,
            ..header()
        };
        decode(&encode(&seal(header, vec![0; bytes], &sender_key()))).map(|_| ())
    };
    assert_eq!(sized(limits::GOSSIP_BYTES_MAX), Ok(()));
    let refusal = sized(limits::GOSSIP_BYTES_MAX + 1).unwrap_err();
    assert_eq!(refusal.code(), "HMS-ENV-MALFORMED");
}

#[test]
fn every_refusal_has_a_code_of_its_own() {
    let (sender, audience) = (header().sender, header().audience);
    let (incarnation, sequence) = (Incarnation(1), Sequence(1));
    let refusals = [
        EnvelopeRefusal::Malformed { what: "x" },
        EnvelopeRefusal::UnknownVersion {
            version: 2,
            spoken: 1,
        },
        EnvelopeRefusal::BadSignature { sender },
        EnvelopeRefusal::BodyMismatch,
        EnvelopeRefusal::UnknownSender { sender },
        EnvelopeRefusal::OtherMesh { mesh: MESH },
        EnvelopeRefusal::OtherAudience { audience },
        EnvelopeRefusal::Expired { late_ms: 1 },
        EnvelopeRefusal::FromTheFuture { early_ms: 1 },
        EnvelopeRefusal::Replayed {
            incarnation,
            sequence,
        },
        EnvelopeRefusal::Stale {
            sequence,
            highest: sequence,
        },
        EnvelopeRefusal::BeforeRestart {
            issued_at: NOW,
            floor: NOW,
        },
        EnvelopeRefusal::FormerLife {
            incarnation,
            current: incarnation,
        },
    ];
    let codes: BTreeSet<_> = refusals.iter().map(EnvelopeRefusal::code).collect();
    assert_eq!(codes.len(), refusals.len());
}

fn report_of(agent: AgentId) -> Report {
    Report {
        task: TaskId::from_bytes([5; 16]),
        attempt: 1,
        agent,
        result: TaskResult {
            outcome: Outcome::Success,
            output: b"done".to_vec(),
            stdout: String::new(),
            stderr: String::new(),
            trace: String::new(),
            duration_ms: 3,
        },
    }
}

fn sealed_report(sender: Sender, report: &Report) -> Sealed {
    let header = Header {
        sender,
        audience: Audience::Ledger,
        kind: BodyKind::Report,
        ..header()
    };
    seal(header, codec::encode(report), &sender_key())
}

#[test]
fn an_agent_reports_for_itself_only() {
    let (me, other) = (AgentId::from_bytes([1; 16]), AgentId::from_bytes([2; 16]));
    let read_as = |sender| {
        let sealed = sealed_report(sender, &report_of(me));
        read(&sealed.open(sender_key().public()).unwrap())
    };
    assert_eq!(
        read_as(Sender::Agent(me)),
        Ok(Content::Report(report_of(me)))
    );
    for sender in [Sender::Agent(other), header().sender] {
        let error = read_as(sender).unwrap_err();
        assert!(matches!(
            error,
            CodecError::Contradiction {
                field: "header.sender",
                ..
            }
        ));
    }
}

#[test]
fn a_message_to_the_ledger_neither_expires_nor_counts_as_a_replay() {
    let agent = AgentId::from_bytes([1; 16]);
    let sealed = sealed_report(Sender::Agent(agent), &report_of(agent));
    let opened = sealed.open(sender_key().public()).unwrap();
    let years_later = NOW.plus_ms(1_000_000_000_000);
    let mut window = ReplayWindow::default();
    for _ in 0..2 {
        assert_eq!(opened.check_address(MESH, receiver(), years_later), Ok(()));
        assert!(window.admit(opened.header(), years_later).is_ok());
    }
    assert_eq!(window.senders(), 0);
}
