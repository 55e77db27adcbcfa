//! What somebody on the wire can read: nothing.

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::proxy::Proxy;
use super::station::{MESH, Station, WITHIN};
use crate::net::Topic;

const BODY: &[u8] = b"prove |- ( ph -> ph ) for agent 7, and tell nobody";

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// MSH-3: a capture shows no plaintext task body, whichever way it travels.
#[tokio::test]
async fn a_capture_of_the_wire_holds_no_plaintext() {
    let (mut one, mut two) = (Station::start(1).await, Station::start(2).await);
    let proxy = Proxy::to(&two.address()).await;
    for station in [&one, &two] {
        station.net.enter(MESH);
    }
    one.net.enrol(vec![(two.id(), vec![proxy.address()])]);
    two.net.enrol(vec![(one.id(), vec![])]);
    one.until_link(two.id(), true).await;

    let body = Bytes::from_static(BODY);
    one.send(two.id(), body.clone()).await;
    assert_eq!(two.until_frame(one.id()).await, body);
    one.net.publish(Topic::Events, body.clone()).unwrap();
    assert_eq!(two.until_gossip(Topic::Events).await, body);
    let calling = one.net.call(two.id(), body.clone(), WITHIN);
    let answering = async {
        let call = two.until_call().await;
        call.replies.send(call.request.clone()).await.unwrap();
    };
    let (replies, ()) = tokio::join!(calling, answering);
    assert_eq!(replies.unwrap().only().await.unwrap(), body);

    let copy = proxy.copy();
    assert!(
        6 * BODY.len() < copy.len(),
        "only {} bytes passed",
        copy.len()
    );
    assert!(!contains(&copy, BODY));
    assert!(!contains(&copy, &BODY[..16]));
    assert!(!contains(&copy, Topic::Events.full_name(MESH).as_bytes()));
}

/// The capture above would show a body that travels in the clear.
#[tokio::test]
async fn the_capture_sees_what_is_not_encrypted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!(
        "/ip4/127.0.0.1/tcp/{}",
        listener.local_addr().unwrap().port()
    );
    let proxy = Proxy::to(&target).await;
    let mut stream = TcpStream::connect(proxy.socket()).await.unwrap();
    stream.write_all(BODY).await.unwrap();
    let (mut arrived, mut far) = (vec![0; BODY.len()], listener.accept().await.unwrap().0);
    tokio::io::AsyncReadExt::read_exact(&mut far, &mut arrived)
        .await
        .unwrap();
    assert_eq!(arrived, BODY);
    assert!(contains(&proxy.copy(), BODY));
}
