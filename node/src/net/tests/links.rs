//! Links: they come up, break, and mend without help.

use bytes::Bytes;

use super::proxy::Proxy;
use super::station::{MESH, Station, introduce, mesh};
use crate::net::{NetError, NetSettings, Topic, start};

/// Frames and gossip flow both ways.
async fn check_talk(one: &mut Station, two: &mut Station, mark: &str) {
    let say = |what: &str| Bytes::from(format!("{what} {mark}"));
    one.send(two.id(), say("direct to two")).await;
    two.send(one.id(), say("direct to one")).await;
    assert_eq!(two.until_frame(one.id()).await, say("direct to two"));
    assert_eq!(one.until_frame(two.id()).await, say("direct to one"));

    one.net
        .publish(Topic::Events, say("gossip of one"))
        .unwrap();
    assert_eq!(two.until_gossip(Topic::Events).await, say("gossip of one"));
    two.net
        .publish(Topic::Events, say("gossip of two"))
        .unwrap();
    assert_eq!(one.until_gossip(Topic::Events).await, say("gossip of two"));
}

#[tokio::test]
async fn a_peer_that_restarts_with_its_key_is_linked_again_and_hears_everything() {
    let [mut one, mut two] = mesh().await;
    check_talk(&mut one, &mut two, "before").await;
    for round in 0..2 {
        let listen = two.net.addresses();
        two.net.stop().await;
        one.until_link(two.id(), false).await;
        two = Station::start_on(2, &listen).await;
        two.net.enter(MESH);
        two.net.enrol(vec![one.entry()]);
        one.until_link(two.id(), true).await;
        two.until_link(one.id(), true).await;
        check_talk(&mut one, &mut two, &format!("after restart {round}")).await;
    }
}

/// A peer whose machine lost power comes back while its old connection still seems alive here.
#[tokio::test]
async fn a_restarted_peer_gets_through_although_its_old_connection_still_seems_alive() {
    let (mut one, mut two) = (Station::start(1).await, Station::start(2).await);
    let proxy = Proxy::to(&two.address()).await;
    one.net.enter(MESH);
    one.net.enrol(vec![(two.id(), vec![proxy.address()])]);
    two.net.enter(MESH);
    two.net.enrol(vec![(one.id(), vec![])]);
    one.until_link(two.id(), true).await;
    check_talk(&mut one, &mut two, "before").await;

    proxy.pass(false);
    two.net.stop().await;
    two = Station::start(2).await;
    introduce(&[&one, &two]);
    two.until_link(one.id(), true).await;
    check_talk(&mut one, &mut two, "after").await;
}

/// A stopped process: connections stay open, nothing answers. Its link goes down, although the buffers towards it are
/// full, and when it goes on it is dialled and hears everything again.
#[tokio::test]
async fn a_paused_peer_is_given_up_and_hears_everything_when_it_goes_on() {
    let (mut one, mut two) = (Station::start(1).await, Station::start(2).await);
    let proxy = Proxy::to(&two.address()).await;
    one.net.enter(MESH);
    one.net.enrol(vec![(two.id(), vec![proxy.address()])]);
    two.net.enter(MESH);
    two.net.enrol(vec![(one.id(), vec![])]);
    one.until_link(two.id(), true).await;
    two.until_link(one.id(), true).await;
    check_talk(&mut one, &mut two, "before").await;

    proxy.pass(false);
    for _ in 0..8 {
        one.send(two.id(), Bytes::from(vec![5; 8 * 1024 * 1024]))
            .await;
    }
    one.until_link(two.id(), false).await;
    two.until_link(one.id(), false).await;
    assert!(0 < one.net.links()[0].frames_dropped);
    proxy.pass(true);
    one.until_link(two.id(), true).await;
    two.until_link(one.id(), true).await;
    check_talk(&mut one, &mut two, "after").await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_a_code_and_a_hint() {
    let one = Station::start(1).await;
    for address in one.net.addresses() {
        let settings = NetSettings::on_loopback([2; 32]);
        let settings = NetSettings {
            listen: vec![address.clone()],
            ..settings
        };
        let error = start(settings).await.err().expect("the port is taken");
        assert!(matches!(error, NetError::PortInUse { .. }), "{error:?}");
        assert_eq!(error.code(), "HMS-NET-PORT-IN-USE");
        assert!(error.to_string().contains(&address) && error.hint().contains("port"));
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_on_is_named() {
    for (address, code) in [
        ("nonsense", "HMS-NET-BAD-ADDRESS"),
        ("/dns4/localhost/tcp/0", "HMS-NET-BAD-ADDRESS"),
        ("/ip4/192.0.2.1/tcp/0", "HMS-NET-CANNOT-LISTEN"),
        ("/ip4/192.0.2.1/udp/0/quic-v1", "HMS-NET-CANNOT-LISTEN"),
    ] {
        let settings = NetSettings::on_loopback([2; 32]);
        let settings = NetSettings {
            listen: vec![address.to_owned()],
            ..settings
        };
        let error = start(settings).await.err().expect("the address is no good");
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(address));
    }
}

/// A stopped network leaves its port free.
#[tokio::test]
async fn stopping_frees_the_ports() {
    let one = Station::start(1).await;
    let listen = one.net.addresses();
    one.net.stop().await;
    let again = Station::start_on(1, &listen).await;
    assert_eq!(again.net.addresses(), listen);
}

/// MSH-13: a mesh of many nodes comes up, everybody linked with everybody, and gossip reaches all.
#[tokio::test(flavor = "multi_thread")]
async fn a_mesh_of_twelve_comes_up_and_hears_gossip() {
    let [mut first, others @ ..] = mesh::<12>().await;
    first
        .net
        .publish(Topic::Capabilities, Bytes::from_static(b"to all"))
        .unwrap();
    for mut other in others {
        assert_eq!(other.until_gossip(Topic::Capabilities).await, "to all");
        other.send(first.id(), Bytes::from_static(b"heard")).await;
        assert_eq!(first.until_frame(other.id()).await, "heard");
    }
}
