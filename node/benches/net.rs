//! How fast two nodes talk over loopback: round trips and frames on direct streams, calls, gossip.
//!
//! Prints one line per figure. Not a test: nothing fails when a machine is slow. `cargo bench -p hms-node --bench net`
//! measures; run in any other way, it only goes through the motions.

#![expect(clippy::print_stdout, reason = "figures are what this program is for")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use hms_node::net::{Judgement, Net, NetEvent, NetSettings, Topic, start};
use hms_protocol::id::{MeshId, NodeId};
use tokio::sync::mpsc;

/// Bytes of a frame: a small command, sealed.
const FRAME_BYTES: usize = 512;

/// Round trips measured one after the other.
const ROUND_TRIPS: usize = 20_000;

/// Round trips under way at once when throughput is measured.
const IN_FLIGHT: usize = 64;

/// Frames in the measurement of one direction.
const FRAMES: usize = 200_000;

/// Calls measured.
const CALLS: usize = 5_000;

/// Gossip messages measured.
const MESSAGES: usize = 2_000;

/// All of it when cargo measures, a hundredth of it otherwise.
fn scaled(count: usize) -> usize {
    if std::env::args().any(|argument| argument == "--bench") {
        count
    } else {
        count / 100
    }
}

struct Node {
    net: Net,
    events: mpsc::Receiver<NetEvent>,
}

#[tokio::main]
async fn main() {
    for (carrier, listen) in [
        ("tcp", "/ip4/127.0.0.1/tcp/0"),
        ("quic", "/ip4/127.0.0.1/udp/0/quic-v1"),
    ] {
        let (mut one, two) = connect(listen).await;
        let to = two.net.node();
        let echo = tokio::spawn(echo(two));
        measure_round_trips(carrier, &mut one, to).await;
        measure_in_flight(carrier, &mut one, to).await;
        measure_calls(carrier, &one, to).await;
        measure_gossip(carrier, &mut one).await;
        echo.abort();

        let (one, two) = connect(listen).await;
        measure_one_way(carrier, one, two).await;
    }
}

async fn connect(listen: &str) -> (Node, Node) {
    let mut nodes = Vec::new();
    for number in [1, 2] {
        let settings = NetSettings::on_loopback([number; 32]);
        let settings = NetSettings {
            listen: vec![listen.to_owned()],
            ..settings
        };
        let (net, events) = start(settings).await.expect("loopback can be listened on");
        nodes.push(Node { net, events });
    }
    let everybody: Vec<_> = nodes
        .iter()
        .map(|node| (node.net.node(), node.net.addresses()))
        .collect();
    for node in &nodes {
        node.net.enter(MeshId::from_bytes([1; 32]));
        node.net.enrol(everybody.clone());
    }
    let is_ready = |net: &Net| {
        net.links().iter().any(|link| link.up)
            && net.topics().iter().all(|topic| topic.subscribers == 1)
    };
    while !nodes.iter().all(|node| is_ready(&node.net)) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let second = nodes.pop().expect("two nodes were started");
    (nodes.pop().expect("two nodes were started"), second)
}

/// Sends everything back.
async fn echo(mut node: Node) {
    while let Some(event) = node.events.recv().await {
        match event {
            NetEvent::Frame { from, frame } => send(&node.net, from, frame).await,
            NetEvent::Gossip(gossip) => {
                node.net.judge(gossip.ticket, Judgement::Accept);
                send(&node.net, gossip.relay, gossip.frame).await;
            }
            NetEvent::Call(call) => {
                // A caller that has gone needs no answer.
                let _ = call.replies.send(call.request).await;
            }
            NetEvent::Link { .. } | NetEvent::Listening { .. } | NetEvent::Discovered { .. } => {}
        }
    }
}

async fn send(net: &Net, to: NodeId, frame: Bytes) {
    while net.send(to, frame.clone()).is_err() {
        tokio::task::yield_now().await;
    }
}

async fn next_frame(node: &mut Node) -> Bytes {
    loop {
        let event = node.events.recv().await.expect("the network lives");
        if let NetEvent::Frame { frame, .. } = event {
            return frame;
        }
    }
}

async fn measure_round_trips(carrier: &str, one: &mut Node, to: NodeId) {
    let frame = Bytes::from(vec![7; FRAME_BYTES]);
    let mut times = Vec::with_capacity(scaled(ROUND_TRIPS));
    for _ in 0..scaled(ROUND_TRIPS) {
        let begun = Instant::now();
        send(&one.net, to, frame.clone()).await;
        next_frame(one).await;
        times.push(begun.elapsed());
    }
    print_times(carrier, "round trip", times);
}

async fn measure_in_flight(carrier: &str, one: &mut Node, to: NodeId) {
    let frame = Bytes::from(vec![7; FRAME_BYTES]);
    let begun = Instant::now();
    for _ in 0..IN_FLIGHT {
        send(&one.net, to, frame.clone()).await;
    }
    for _ in IN_FLIGHT..scaled(FRAMES) {
        next_frame(one).await;
        send(&one.net, to, frame.clone()).await;
    }
    for _ in 0..IN_FLIGHT {
        next_frame(one).await;
    }
    print_rate(
        carrier,
        "round trips, 64 in flight",
        scaled(FRAMES),
        begun.elapsed(),
    );
}

async fn measure_one_way(carrier: &str, one: Node, mut two: Node) {
    let (net, to) = (one.net.clone(), two.net.node());
    let frame = Bytes::from(vec![7; FRAME_BYTES]);
    let begun = Instant::now();
    let sender = tokio::spawn(async move {
        for _ in 0..scaled(FRAMES) {
            send(&net, to, frame.clone()).await;
        }
    });
    for _ in 0..scaled(FRAMES) {
        next_frame(&mut two).await;
    }
    print_rate(carrier, "frames, one way", scaled(FRAMES), begun.elapsed());
    sender.await.expect("the sender does not panic");
}

async fn measure_calls(carrier: &str, one: &Node, to: NodeId) {
    let request = Bytes::from(vec![7; FRAME_BYTES]);
    let mut times = Vec::with_capacity(scaled(CALLS));
    for _ in 0..scaled(CALLS) {
        let begun = Instant::now();
        let called = one
            .net
            .call(to, request.clone(), Duration::from_secs(10))
            .await;
        called
            .expect("the echo takes calls")
            .only()
            .await
            .expect("the echo answers");
        times.push(begun.elapsed());
    }
    print_times(carrier, "call", times);

    let begun = Instant::now();
    let callers = (0..IN_FLIGHT).map(|_| {
        let (net, request) = (one.net.clone(), request.clone());
        tokio::spawn(async move {
            for _ in 0..scaled(CALLS) / IN_FLIGHT {
                let called = net.call(to, request.clone(), Duration::from_secs(10)).await;
                called
                    .expect("the echo takes calls")
                    .only()
                    .await
                    .expect("the echo answers");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller does not panic");
    }
    print_rate(
        carrier,
        "calls, 64 in flight",
        scaled(CALLS) / IN_FLIGHT * IN_FLIGHT,
        begun.elapsed(),
    );
}

/// From a publication to its echo by direct stream.
async fn measure_gossip(carrier: &str, one: &mut Node) {
    let mut times = Vec::with_capacity(scaled(MESSAGES));
    for number in 0..scaled(MESSAGES) {
        let mut frame = vec![7; FRAME_BYTES];
        frame[..8].copy_from_slice(&number.to_le_bytes());
        let begun = Instant::now();
        one.net
            .publish(Topic::Events, Bytes::from(frame))
            .expect("the network is not busy");
        next_frame(one).await;
        times.push(begun.elapsed());
    }
    print_times(carrier, "gossip and back", times);
}

fn print_times(carrier: &str, what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    println!(
        "{carrier:>4}  {what:<28} p50 {:.3} ms  p95 {:.3} ms  p99 {:.3} ms",
        at(50),
        at(95),
        at(99)
    );
}

fn print_rate(carrier: &str, what: &str, count: usize, span: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / span.as_secs_f64();
    println!("{carrier:>4}  {what:<28} {rate:.0}/s");
}
