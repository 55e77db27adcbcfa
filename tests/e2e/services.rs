//! Real services are watched, and a real break is seen.

use std::collections::BTreeMap;

use hms_protocol::service::{Health, ServiceSpec};
use tokio::net::TcpListener;

use crate::mesh::Mesh;

fn spec(name: &str, probe: &str, target: &[(&str, &str)]) -> ServiceSpec {
    let target = target
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    ServiceSpec {
        name: name.parse().expect("a name"),
        probe: probe.parse().expect("a skill"),
        target: target.collect::<BTreeMap<_, _>>(),
        interval_ms: 200,
        timeout_ms: 200,
        retries: 1,
        probers: 3,
        quorum: 2,
        nodes: Vec::new(),
    }
}

async fn health(mesh: &Mesh, name: &str) -> Health {
    let service = mesh.client.service(&name.parse().expect("a name")).await;
    service.map_or(Health::Unknown, |service| service.health)
}

/// AGX-10, MSH-9: a TCP service is healthy while it listens and down by quorum when it stops; its history says so, and
/// why.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_listening_is_down_by_quorum() {
    let mesh = Mesh::up(3).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let accepting = tokio::spawn(async move {
        loop {
            let _ = listener.accept().await;
        }
    });
    let target = [("address", address.as_str())];
    mesh.client
        .declare(&[spec("shop", "probe.tcp", &target)], false)
        .await
        .unwrap();
    mesh.until("the service is healthy", async |mesh: &Mesh| {
        health(mesh, "shop").await == Health::Healthy
    })
    .await;

    accepting.abort();
    mesh.until("the service is down", async |mesh: &Mesh| {
        health(mesh, "shop").await == Health::Down
    })
    .await;
    let service = mesh.client.service(&"shop".parse().unwrap()).await.unwrap();
    let last = service.history.last().unwrap();
    assert_eq!(last.health, Health::Down);
    assert!(last.reason.contains("refused"), "{}", last.reason);
    assert!(
        service
            .history
            .iter()
            .any(|change| change.health == Health::Healthy)
    );
}
