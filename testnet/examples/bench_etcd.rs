//! Puts to a running etcd, measured as `hms bench commit` measures our own commits.
//!
//! Speaks etcd's gRPC directly, so that no other client's overhead is measured, and to the leader
//! only, which is the shortest way through etcd. It starts and stops nothing: `scripts/bench-etcd`
//! does.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// Clients that share a connection; one connection for all would measure HTTP/2, not etcd.
const CLIENTS_PER_CONNECTION: usize = 16;

/// How long a fresh cluster may take to elect a leader.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The histogram's top; a put that takes longer counts as this long.
const SLOWEST_US: u64 = 60_000_000;

/// Puts to a running etcd and prints puts per second and latency.
#[derive(Parser)]
struct CommandLine {
    /// The client addresses of all members.
    #[arg(long, value_delimiter = ',', required = true)]
    endpoints: Vec<String>,
    /// How many clients at a time; each waits for its answer before it puts again.
    #[arg(long, value_delimiter = ',', default_value = "1,64,256")]
    clients: Vec<usize>,
    /// How long each round is measured, after one second of warming up.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The size of each value.
    #[arg(long, default_value_t = 256)]
    value_bytes: usize,
}

/// `etcdserverpb.PutRequest`, the fields that we use.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// A request or an answer of which no field matters here.
#[derive(Clone, PartialEq, prost::Message)]
struct Blank {}

/// `etcdserverpb.ResponseHeader`, the fields that we use.
#[derive(Clone, PartialEq, prost::Message)]
struct ResponseHeader {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}

/// `etcdserverpb.StatusResponse`, the fields that we use.
#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<ResponseHeader>,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let line = CommandLine::parse();
    ensure!(
        line.clients.iter().all(|clients| 0 < *clients),
        "a round needs at least one client"
    );
    let leader = leader_of(&line.endpoints).await?;
    println!(
        "{:>8} {:>10} {:>9} {:>9} {:>9}",
        "clients", "ops/s", "p50 ms", "p95 ms", "p99 ms"
    );
    for clients in line.clients {
        let measured = Duration::from_secs(line.seconds);
        let latency = round(&leader, clients, line.value_bytes, measured).await?;
        let per_second = latency.len() / line.seconds.max(1);
        let ms = |quantile| {
            Duration::from_micros(latency.value_at_quantile(quantile)).as_secs_f64() * 1_000.0
        };
        let (p50, p95, p99) = (ms(0.5), ms(0.95), ms(0.99));
        println!("{clients:>8} {per_second:>10} {p50:>9.2} {p95:>9.2} {p99:>9.2}");
    }
    Ok(())
}

/// The member that says of itself that it leads; waits for an election to end.
async fn leader_of(endpoints: &[String]) -> anyhow::Result<Endpoint> {
    let mut last = None;
    let asking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        loop {
            for address in endpoints {
                let endpoint = Endpoint::from_shared(address.clone()).context("a bad address")?;
                match status(&endpoint).await {
                    Ok(answer) if leads(&answer) => return Ok(endpoint),
                    Ok(_) => {}
                    Err(error) => last = Some(error),
                }
            }
            pause.tick().await;
        }
    };
    match tokio::time::timeout(READY_WITHIN, asking).await {
        Ok(found) => found,
        Err(_) => bail!("no member leads after {READY_WITHIN:?}; the last answer was {last:?}"),
    }
}

fn leads(answer: &StatusResponse) -> bool {
    answer.leader != 0
        && answer
            .header
            .as_ref()
            .is_some_and(|header| header.member_id == answer.leader)
}

async fn status(endpoint: &Endpoint) -> anyhow::Result<StatusResponse> {
    let mut member = Grpc::new(endpoint.connect().await?);
    member.ready().await?;
    let path = PathAndQuery::from_static("/etcdserverpb.Maintenance/Status");
    let codec = ProstCodec::<Blank, StatusResponse>::default();
    Ok(member
        .unary(tonic::Request::new(Blank {}), path, codec)
        .await?
        .into_inner())
}

/// One round: `clients` at a time for a second of warming up and then `measured`; the latencies in
/// microseconds.
async fn round(
    leader: &Endpoint,
    clients: usize,
    value_bytes: usize,
    measured: Duration,
) -> anyhow::Result<Histogram<u64>> {
    let mut connections = Vec::new();
    for _ in 0..clients.div_ceil(CLIENTS_PER_CONNECTION) {
        connections.push(leader.connect().await?);
    }
    let from = Instant::now() + Duration::from_secs(1);
    let until = from + measured;
    let mut running = JoinSet::new();
    for client in 0..clients {
        let connection = connections[client % connections.len()].clone();
        running.spawn(put_until(connection, client, value_bytes, from, until));
    }
    let mut all = Histogram::new_with_bounds(1, SLOWEST_US, 3)?;
    while let Some(ended) = running.join_next().await {
        all.add(ended??)?;
    }
    Ok(all)
}

async fn put_until(
    connection: Channel,
    client: usize,
    value_bytes: usize,
    from: Instant,
    until: Instant,
) -> anyhow::Result<Histogram<u64>> {
    let mut member = Grpc::new(connection);
    let mut latency = Histogram::new_with_bounds(1, SLOWEST_US, 3)?;
    let value = vec![0x5a; value_bytes];
    for count in 0_u64.. {
        let key = format!("{client}/{count}").into_bytes();
        let started = Instant::now();
        if until <= started {
            break;
        }
        member.ready().await?;
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Put");
        let codec = ProstCodec::<PutRequest, Blank>::default();
        let put = PutRequest {
            key,
            value: value.clone(),
        };
        member
            .unary(tonic::Request::new(put), path, codec)
            .await
            .context("a put failed")?;
        if from <= started {
            latency.saturating_record(
                u64::try_from(started.elapsed().as_micros()).unwrap_or(SLOWEST_US),
            );
        }
    }
    Ok(latency)
}
