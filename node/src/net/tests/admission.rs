//! Who gets in: members by their key; strangers only as far as a call.

use std::time::Duration;

use bytes::Bytes;

use super::station::{MESH, Station, WITHIN, introduce, mesh};
use crate::net::{CallError, NetEvent, Topic};

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// A stranger that knows the mesh's name and addresses can call, and reaches neither a topic nor a direct stream.
#[tokio::test]
async fn a_stranger_reaches_no_topic_and_no_direct_stream_until_it_is_enrolled() {
    let [mut one, mut two] = mesh().await;
    let mut stranger = Station::start(3).await;
    stranger.net.enter(MESH);
    stranger.net.enrol(vec![one.entry(), two.entry()]);
    stranger.until_all_linked().await;

    // It speaks where it should not, for real: its gossip goes out, its direct stream is asked for.
    stranger
        .wait_for("listeners", |net| net.topics()[1].subscribers == 2)
        .await;
    stranger
        .net
        .publish(Topic::Events, text("let me in"))
        .unwrap();
    stranger
        .wait_for("its gossip to go out", |net| net.topics()[1].published == 1)
        .await;
    stranger.send(one.id(), text("let me in")).await;

    // Everybody else goes on; then the stranger calls, which it may.
    for _ in 0..20 {
        one.net.publish(Topic::Events, unique()).unwrap();
        two.send(one.id(), text("among us")).await;
    }
    let calling = stranger.net.call(one.id(), text("may I join?"), WITHIN);
    let answering = async {
        let (mut frames, mut calls) = (0, 0);
        while calls == 0 || frames < 20 {
            match one.events.recv().await.unwrap() {
                NetEvent::Frame { from, .. } => {
                    assert_eq!(from, two.id());
                    frames += 1;
                }
                NetEvent::Call(call) => {
                    assert_eq!((call.from, call.is_member), (stranger.id(), false));
                    call.replies.send(text("no")).await.unwrap();
                    calls += 1;
                }
                NetEvent::Gossip(gossip) => panic!("heard {gossip:?}"),
                NetEvent::Link { .. }
                | NetEvent::Listening { .. }
                | NetEvent::Discovered { .. } => {}
            }
        }
    };
    let (replies, ()) = tokio::join!(calling, answering);
    assert_eq!(replies.unwrap().only().await.unwrap(), "no");
    for _ in 0..20 {
        two.until_gossip(Topic::Events).await;
    }
    while let Ok(event) = stranger.events.try_recv() {
        assert!(
            !matches!(event, NetEvent::Gossip(_) | NetEvent::Frame { .. }),
            "{event:?}"
        );
    }

    // Once it is enrolled, the same connections carry everything.
    introduce(&[&one, &two, &stranger]);
    assert_eq!(one.until_frame(stranger.id()).await, "let me in");
    one.wait_for("two mesh peers", |net| net.topics()[1].mesh_peers == 2)
        .await;
    stranger
        .net
        .publish(Topic::Events, text("thank you"))
        .unwrap();
    assert_eq!(one.until_gossip(Topic::Events).await, "thank you");
    one.net.publish(Topic::Events, text("welcome")).unwrap();
    assert_eq!(stranger.until_gossip(Topic::Events).await, "welcome");
}

/// A different message each time: gossip delivers a message once.
fn unique() -> Bytes {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Bytes::from(format!("among us {}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

#[tokio::test]
async fn a_removed_member_is_cut_off() {
    let [mut one, mut two] = mesh().await;
    one.net.enrol(vec![]);
    two.until_link(one.id(), false).await;
    one.until_link(two.id(), false).await;
    assert_eq!(
        one.net.send(two.id(), text("x")).unwrap_err().code(),
        "HMS-NET-NOT-A-MEMBER"
    );
}

/// MSH-3: a peer with a wrong key cannot complete the handshake in another's name.
#[tokio::test]
async fn a_wrong_key_cannot_impersonate_a_member() {
    let mut one = Station::start(1).await;
    let real = Station::start(2).await;
    let mut impostor = Station::start(66).await;
    for station in [&one, &real, &impostor] {
        station.net.enter(MESH);
    }
    impostor.net.enrol(vec![(one.id(), vec![])]);
    real.net.enrol(vec![(one.id(), vec![])]);
    one.net.enrol(vec![(real.id(), impostor.net.addresses())]);

    // Naming the member in the address fails, and says who answers instead.
    let address = format!("{}/p2p/{}", impostor.address(), real.net.peer_id());
    let error = one
        .net
        .call_address(&address, text("hello"), WITHIN)
        .await
        .unwrap_err();
    let found = impostor.net.peer_id();
    assert_eq!(error, CallError::OtherNode { address, found });
    assert!(!error.hint().is_empty());
    assert!(!one.net.links()[0].up);

    // The member itself, found where it really is, gets through.
    one.net.enrol(vec![]);
    one.net.enrol(vec![real.entry()]);
    one.until_link(real.id(), true).await;
    while let Ok(event) = impostor.events.try_recv() {
        let is_harmless = matches!(event, NetEvent::Listening { .. } | NetEvent::Link { .. });
        assert!(is_harmless, "the impostor got {event:?}");
    }
}

/// How a node joins: by an address alone, as a stranger, and it learns who answered.
#[tokio::test]
async fn a_node_that_knows_only_an_address_can_call() {
    let mut one = Station::start(1).await;
    let joiner = Station::start(2).await;
    for address in [
        one.address(),
        format!("{}/p2p/{}", one.address(), one.net.peer_id()),
    ] {
        let calling = joiner.net.call_address(&address, text("join"), WITHIN);
        let answering = async {
            let call = one.until_call().await;
            assert_eq!((&call.request[..], call.from), (&b"join"[..], joiner.id()));
            call.replies.send(text("welcome")).await.unwrap();
        };
        let (called, ()) = tokio::join!(calling, answering);
        let (node, mut replies) = called.unwrap();
        assert_eq!(node, one.id());
        assert_eq!(replies.only().await.unwrap(), "welcome");
    }
}

#[tokio::test]
async fn a_call_to_nowhere_fails_with_a_reason() {
    let one = Station::start(1).await;
    let gone = Station::start(2).await;
    let address = gone.address();
    gone.net.stop().await;
    let within = Duration::from_secs(5);
    let error = one
        .net
        .call_address(&address, text("x"), within)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "HMS-NET-UNREACHABLE");
    let error = one
        .net
        .call_address("nonsense", text("x"), WITHIN)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "HMS-NET-BAD-ADDRESS");
    let error = one
        .net
        .call_address(&one.address(), text("x"), WITHIN)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "HMS-NET-UNREACHABLE");
}
