//! Direct streams: order, size, back-pressure.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use hms_protocol::limits::PEER_MESSAGE_BYTES_MAX;

use super::station::{Station, WITHIN, introduce, mesh};
use crate::limits::WIRE_FRAMES_MAX;
use crate::net::{NetEvent, SendRefusal};

fn numbered(number: u32, bytes: usize) -> Bytes {
    let mut frame = BytesMut::zeroed(bytes.max(4));
    (&mut frame[..4]).put_u32_le(number);
    frame.freeze()
}

async fn check_order(one: &Station, two: &mut Station, sizes: Vec<usize>) {
    let (from, to) = (one.id(), two.id());
    let sending = async {
        for (number, bytes) in (0..).zip(&sizes) {
            one.send(to, numbered(number, *bytes)).await;
        }
    };
    let reading = async {
        for (number, bytes) in (0..).zip(&sizes) {
            assert_eq!(
                two.until_frame(from).await,
                numbered(number, *bytes),
                "frame {number}"
            );
        }
    };
    tokio::join!(sending, reading);
}

#[tokio::test]
async fn frames_arrive_in_order_whatever_their_size() {
    let [one, mut two] = mesh().await;
    let mut sizes: Vec<usize> = (0..20_000).map(|number| 4 + number % 300).collect();
    sizes.splice(
        10_000..10_000,
        [20_000_000, 4, 70_000, 64 * 1024, 16 * 1024],
    );
    check_order(&one, &mut two, sizes).await;
    one.wait_for("the count", |net| net.links()[0].frames_sent == 20_005)
        .await;
    assert_eq!(one.net.links()[0].waiting_bytes, 0);
}

/// QUIC alone carries everything.
#[tokio::test]
async fn frames_arrive_in_order_over_quic_only() {
    let quic = ["/ip4/127.0.0.1/udp/0/quic-v1".to_owned()];
    let (mut one, mut two) = (
        Station::start_on(1, &quic).await,
        Station::start_on(2, &quic).await,
    );
    introduce(&[&one, &two]);
    one.until_link(two.id(), true).await;
    two.until_link(one.id(), true).await;
    let mut sizes: Vec<usize> = (0..2_000).map(|number| 4 + number % 300).collect();
    sizes.push(20_000_000);
    check_order(&one, &mut two, sizes).await;

    one.net
        .publish(crate::net::Topic::Events, Bytes::from_static(b"by quic"))
        .unwrap();
    assert_eq!(two.until_gossip(crate::net::Topic::Events).await, "by quic");
    let calling = one
        .net
        .call(two.id(), Bytes::from_static(b"by quic?"), WITHIN);
    let answering = async {
        let call = two.until_call().await;
        call.replies.send(call.request.clone()).await.unwrap();
    };
    let (replies, ()) = tokio::join!(calling, answering);
    assert_eq!(replies.unwrap().only().await.unwrap(), "by quic?");
}

/// A member that does not read fills its own wire, is told so by refusals, and delays nobody else.
#[tokio::test]
async fn a_slow_reader_is_bounded_and_harms_nobody_else() {
    let [one, mut slow, mut other] = mesh().await;
    let frame = Bytes::from(vec![1; 32 * 1024]);
    let mut taken = 0;
    let filling = async {
        // Full, and nothing moves any more.
        let mut full_for = 0;
        while full_for < 50 {
            match one.net.send(slow.id(), frame.clone()) {
                Ok(()) => (taken, full_for) = (taken + 1, 0),
                Err(refusal) => {
                    assert_eq!(refusal, SendRefusal::Full);
                    full_for += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    };
    tokio::time::timeout(WITHIN, filling)
        .await
        .expect("the wire fills up");
    // What is in flight: the queue, one write, the stream's window, what the slow one holds.
    assert!(taken < WIRE_FRAMES_MAX + 6_000, "{taken} frames were taken");
    let to_slow = one
        .net
        .links()
        .into_iter()
        .find(|link| link.node == slow.id())
        .unwrap();
    assert!(to_slow.waiting_bytes <= WIRE_FRAMES_MAX * frame.len());
    assert!(0 < to_slow.frames_dropped);

    one.send(other.id(), Bytes::from_static(b"unharmed")).await;
    assert_eq!(other.until_frame(one.id()).await, "unharmed");
    assert!(to_slow.up);

    // When it reads again, everything that was taken arrives.
    let reading = async {
        for _ in 0..taken {
            assert_eq!(slow.until_frame(one.id()).await.len(), frame.len());
        }
    };
    tokio::time::timeout(2 * WITHIN, reading)
        .await
        .expect("everything arrives");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_a_reason_and_counted() {
    let one = Station::start(1).await;
    let two = Station::start(2).await;
    let x = Bytes::from_static(b"x");
    assert_eq!(
        one.net.send(two.id(), x.clone()),
        Err(SendRefusal::NotAMember { node: two.id() })
    );
    one.net.enrol(vec![(two.id(), vec![])]);
    one.wait_for("the wire", |net| !net.links().is_empty())
        .await;
    assert_eq!(one.net.send(two.id(), x), Err(SendRefusal::NotConnected));
    let large = Bytes::from(vec![0; PEER_MESSAGE_BYTES_MAX + 1]);
    let refusal = one.net.send(two.id(), large).unwrap_err();
    assert_eq!(refusal.code(), "HMS-NET-TOO-LARGE");
    assert_eq!(one.net.links()[0].frames_dropped, 2);
}

/// The network's task says how late it runs.
#[tokio::test]
async fn a_late_task_is_noticed() {
    let one = Station::start(1).await;
    // An order that was carried out shows that the task runs.
    let error = one
        .net
        .call_address(&one.address(), Bytes::new(), WITHIN)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "HMS-NET-UNREACHABLE");
    // This test's runtime has one thread, which now does nothing else.
    std::thread::sleep(Duration::from_millis(400));
    one.wait_for("the lag", |net| 300 <= net.lag_ms()).await;
    drop(one.net);
    let mut events = one.events;
    let closing = async {
        while let Some(event) = events.recv().await {
            assert!(matches!(event, NetEvent::Listening { .. }));
        }
    };
    tokio::time::timeout(WITHIN, closing)
        .await
        .expect("the last handle closes the network");
}
