//! Bounds: what is too large, malformed or too impatient costs the one who sends it, and nobody else.

use std::time::Duration;

use hms_proto::v1 as wire;
use hms_proto::v1::mesh_client::MeshClient;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::{Code, Request};

use crate::host::Host;

const HUNDRED_MEGABYTES: usize = 100_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_are_refused_with_a_code_and_the_node_goes_on() {
    let host = Host::found().await;
    let client = host.client().await;
    let mut mesh = MeshClient::new(host.channel().await);

    let spec = wire::TaskSpec {
        skill: "echo".to_owned(),
        input: vec![7; HUNDRED_MEGABYTES],
        ..wire::TaskSpec::default()
    };
    let request = wire::SubmitTaskRequest {
        spec: Some(spec),
        ..wire::SubmitTaskRequest::default()
    };
    let refused = mesh.submit_task(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    assert_eq!(refused.metadata().get("hms-code").unwrap(), "HMS-TOO-LARGE");
    assert!(refused.metadata().get("hms-hint").is_some());

    // Small enough for a call, but not for the ledger.
    let spec = wire::TaskSpec {
        skill: "echo".to_owned(),
        input: vec![7; 512 * 1024],
        ..wire::TaskSpec::default()
    };
    let request = wire::SubmitTaskRequest {
        spec: Some(spec),
        ..wire::SubmitTaskRequest::default()
    };
    let refused = mesh.submit_task(request).await.unwrap_err();
    let failure = wire::Failure::decode(refused.details()).unwrap();
    assert_eq!(failure.code, "HMS-TOO-LARGE");
    assert_eq!(failure.details["max"], (256 * 1024).to_string());

    client.status().await.expect("the node goes on");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_hears_why_before_its_own_time_is_up() {
    let host = Host::found().await;
    host.client().await;
    let mut mesh = MeshClient::new(host.channel().await);
    // An agent on a node that does not exist is never enrolled.
    let mut request = Request::new(wire::WatchTaskRequest {
        task: vec![9; 16],
        after: None,
    });
    request.set_timeout(Duration::from_secs(5));
    let mut stream = mesh.watch_task(request).await.unwrap().into_inner();
    let refused = stream.message().await.unwrap_err();
    assert_eq!(
        refused.metadata().get("hms-code").unwrap(),
        "HMS-UNKNOWN-TASK"
    );

    let spec = wire::TaskSpec {
        skill: "sleep".to_owned(),
        input: b"600000".to_vec(),
        ..wire::TaskSpec::default()
    };
    let request = wire::SubmitTaskRequest {
        spec: Some(spec),
        ..wire::SubmitTaskRequest::default()
    };
    let task = mesh.submit_task(request).await.unwrap().into_inner().task;
    let mut request = Request::new(wire::WatchTaskRequest { task, after: None });
    request.set_timeout(Duration::from_millis(500));
    let mut stream = mesh.watch_task(request).await.unwrap().into_inner();
    let ended = loop {
        if let Err(status) = stream.message().await {
            break status;
        }
    };
    assert_eq!(ended.code(), Code::DeadlineExceeded, "{ended:?}");
    assert_eq!(ended.metadata().get("hms-code").unwrap(), "HMS-TOO-SLOW");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_at_all_does_no_harm() {
    let host = Host::found().await;
    let client = host.client().await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4_096], b""] {
        let mut stream = TcpStream::connect(&host.ready.gateway).await.unwrap();
        // The node may close the connection while it is still being written to.
        let _ = stream.write_all(garbage).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    }
    client.status().await.expect("the node goes on");
    host.stop().await;
}
