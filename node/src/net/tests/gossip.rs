//! Gossip: everybody hears it once, only after it was judged, in meshes of any size.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tracing::{Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::station::{MESH, Station, WITHIN, introduce, mesh};
use crate::net::{Judgement, Net, PublishRefusal, Topic};

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// MSH-4: a message published on one node reaches all others, on every topic.
#[tokio::test]
async fn what_one_node_publishes_all_others_hear_on_every_topic() {
    let [one, mut two, mut three] = mesh().await;
    for topic in Topic::ALL {
        one.net.publish(topic, text(topic.name())).unwrap();
        assert_eq!(two.until_gossip(topic).await, topic.name());
        assert_eq!(three.until_gossip(topic).await, topic.name());
    }
}

/// MSH-4: topics show mesh peers and messages.
#[tokio::test]
async fn the_topic_report_counts_mesh_peers_and_messages() {
    let [one, mut two, _three] = mesh().await;
    one.net.publish(Topic::Events, text("counted")).unwrap();
    two.until_gossip(Topic::Events).await;

    let events = |station: &Station| station.net.topics()[Topic::Events.place()].clone();
    one.wait_for("two mesh peers", |net| {
        net.topics()
            .iter()
            .all(|report| report.mesh_peers == 2 && report.subscribers == 2)
    })
    .await;
    two.wait_for("the judgement", |net| {
        net.topics()[Topic::Events.place()].accepted == 1
    })
    .await;
    assert_eq!(events(&one).published, 1);
    assert_eq!((events(&two).received, events(&two).rejected), (1, 0));
    assert_eq!(events(&one).name, format!("hms/{MESH}/events/v1"));
}

#[tokio::test]
async fn what_is_published_before_anybody_listens_is_kept_and_heard() {
    let (one, mut two) = (Station::start(1).await, Station::start(2).await);
    one.net.enter(MESH);
    one.net.enrol(vec![two.entry()]);
    one.net.publish(Topic::Membership, text("early")).unwrap();
    two.net.enter(MESH);
    two.net.enrol(vec![one.entry()]);
    assert_eq!(two.until_gossip(Topic::Membership).await, "early");
}

/// Three nodes in a row: the ends know each other but not where they listen.
async fn row() -> [Station; 3] {
    let (one, middle, three) = (
        Station::start(1).await,
        Station::start(2).await,
        Station::start(3).await,
    );
    for station in [&one, &middle, &three] {
        station.net.enter(MESH);
    }
    one.net.enrol(vec![middle.entry(), (three.id(), vec![])]);
    three.net.enrol(vec![middle.entry(), (one.id(), vec![])]);
    middle.net.enrol(vec![one.entry(), three.entry()]);
    middle.until_all_linked().await;
    // The way from end to end is there.
    for (station, peers) in [(&one, 1), (&three, 1), (&middle, 2)] {
        let linked = |net: &Net| net.topics()[1].mesh_peers == peers;
        station.wait_for("its mesh peers", linked).await;
    }
    [one, middle, three]
}

/// Messages pass a node in the middle only when it has judged them worth it.
#[tokio::test]
async fn only_accepted_messages_are_forwarded() {
    let [one, mut middle, mut three] = row().await;
    for (said, judgement) in [
        ("rejected", Judgement::Reject),
        ("ignored", Judgement::Ignore),
        ("accepted", Judgement::Accept),
    ] {
        one.net.publish(Topic::Events, text(said)).unwrap();
        let gossip = middle.until_unjudged(Topic::Events).await;
        assert_eq!((gossip.frame, gossip.relay), (text(said), one.id()));
        middle.net.judge(gossip.ticket, judgement);
    }
    assert_eq!(three.until_gossip(Topic::Events).await, "accepted");
    let report = middle.net.topics()[Topic::Events.place()].clone();
    assert_eq!(
        (report.accepted, report.rejected, report.ignored),
        (1, 1, 1)
    );
}

/// MSH-5: who sends garbage is not heard any more after nine messages; who is only behind is heard however much it sends.
#[tokio::test]
async fn who_sends_garbage_is_not_heard_and_who_is_behind_is() {
    let [garbler, mut middle, laggard] = row().await;
    let hear = async |middle: &mut Station, from: &Station, said: &str, judgement| {
        let said = Bytes::from(said.to_owned());
        from.net.publish(Topic::Events, said.clone()).unwrap();
        let gossip = middle.until_unjudged(Topic::Events).await;
        assert_eq!((gossip.frame, gossip.relay), (said, from.id()));
        middle.net.judge(gossip.ticket, judgement);
    };
    for number in 0..9 {
        let said = format!("garbage {number}");
        hear(&mut middle, &garbler, &said, Judgement::Reject).await;
        let said = format!("too late {number}");
        hear(&mut middle, &laggard, &said, Judgement::Ignore).await;
    }
    middle
        .wait_for("the judgements", |net| {
            let report = &net.topics()[Topic::Events.place()];
            (report.rejected, report.ignored) == (9, 9)
        })
        .await;
    // What the garbler says now comes to nobody; the laggard is heard as before.
    for number in 0..10 {
        let said = Bytes::from(format!("more garbage {number}"));
        garbler.net.publish(Topic::Events, said).unwrap();
        let said = format!("later still {number}");
        hear(&mut middle, &laggard, &said, Judgement::Ignore).await;
    }
}

#[tokio::test]
async fn an_unjudged_message_expires_and_a_late_judgement_is_nothing() {
    let [one, mut two] = mesh().await;
    one.net.publish(Topic::Events, text("forgotten")).unwrap();
    let gossip = two.until_unjudged(Topic::Events).await;
    two.wait_for("expiry", |net| {
        net.topics()[Topic::Events.place()].ignored == 1
    })
    .await;
    two.net.judge(gossip.ticket, Judgement::Accept);
    one.net.publish(Topic::Events, text("next")).unwrap();
    assert_eq!(two.until_gossip(Topic::Events).await, "next");
    two.wait_for("the judgement", |net| {
        net.topics()[Topic::Events.place()].accepted == 1
    })
    .await;
    assert_eq!(two.net.topics()[Topic::Events.place()].ignored, 1);
}

#[tokio::test]
async fn two_meshes_on_one_network_do_not_mix() {
    let [one, mut two, mut three] = mesh().await;
    let other = hms_protocol::id::MeshId::from_bytes([1; 32]);
    three.net.enter(other);
    three
        .wait_for("another name", |net| {
            net.topics()[0].name.contains(&other.to_string())
        })
        .await;
    one.wait_for("one listener", |net| net.topics()[1].subscribers == 1)
        .await;
    one.net.publish(Topic::Events, text("ours")).unwrap();
    assert_eq!(two.until_gossip(Topic::Events).await, "ours");
    two.net.enter(other);
    three
        .wait_for("one listener", |net| net.topics()[1].subscribers == 1)
        .await;
    two.net.publish(Topic::Events, text("theirs")).unwrap();
    assert_eq!(three.until_gossip(Topic::Events).await, "theirs");
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_with_a_reason() {
    let one = Station::start(1).await;
    assert_eq!(
        one.net.publish(Topic::Events, text("x")),
        Err(PublishRefusal::NoMesh)
    );
    one.net.enter(MESH);
    let max = hms_protocol::limits::GOSSIP_BYTES_MAX;
    let refusal = one
        .net
        .publish(Topic::Events, Bytes::from(vec![0; max + 1]))
        .unwrap_err();
    assert_eq!(
        refusal,
        PublishRefusal::TooLarge {
            bytes: max + 1,
            max
        }
    );
}

/// The largest gossip message passes.
#[tokio::test]
async fn the_largest_message_is_heard() {
    let [one, mut two] = mesh().await;
    let largest = Bytes::from(vec![3; hms_protocol::limits::GOSSIP_BYTES_MAX]);
    one.net.publish(Topic::Evidence, largest.clone()).unwrap();
    assert_eq!(two.until_gossip(Topic::Evidence).await, largest);
}

/// Counts what would worry an operator.
#[derive(Clone, Default)]
struct Worries(Arc<AtomicU64>);

impl<S: Subscriber> Layer<S> for Worries {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() <= Level::WARN {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Meshes of one and of two nodes work and log neither errors nor warnings.
#[tokio::test]
async fn the_smallest_meshes_work_without_a_complaint() {
    let worries = Worries::default();
    let subscriber = tracing_subscriber::registry().with(worries.clone());
    // The runtime of this test has one thread: this one.
    let _guard = tracing::subscriber::set_default(subscriber);

    let one = Station::start(1).await;
    introduce(&[&one]);
    for _ in 0..20 {
        one.net.publish(Topic::Heartbeats, text("alone")).unwrap();
    }
    // An order that was carried out shows that those before it were.
    let address = one.address();
    let error = one
        .net
        .call_address(&address, text(""), WITHIN)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "HMS-NET-UNREACHABLE");
    assert_eq!(one.net.topics()[0].unheard, 0);
    let mut two = Station::start(2).await;
    introduce(&[&one, &two]);
    one.net
        .publish(Topic::Heartbeats, text("not alone"))
        .unwrap();
    assert_eq!(two.until_gossip(Topic::Heartbeats).await, "not alone");
    assert_eq!(worries.0.load(Ordering::Relaxed), 0);
}
