//! Rooms that are one task each: serving, hosting, keeping, remembering.

use std::path::PathBuf;
use std::sync::Arc;

use hms_consensus::input::Admission;
use hms_protocol::limits::ADDRESSES_MAX;
use hms_protocol::member::{Role, RosterView};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::NodeError;
use crate::agent::{Order, Runtime, Wish};
use crate::facts::Facts;
use crate::gateway::Gateway;
use crate::limits::JOIN_RETRY;
use crate::metrics::Metrics;
use crate::pages;
use crate::post::Memory;

/// Addresses of members that a node remembers: enough to find the mesh again when most of it has moved.
const REMEMBERED_MAX: usize = 64;

/// Serves clients.
pub(super) async fn serve_calls(
    gateway: Gateway,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    Ok(gateway.serve(listener, stop).await?)
}

/// Serves metrics.
pub(super) async fn serve_pages(
    listener: TcpListener,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    pages::serve(listener, metrics, stop).await;
    Ok(())
}

/// Brings the agents up and hosts them.
pub(super) async fn host_agents(
    mut runtime: Runtime,
    wishes: Vec<Wish>,
    orders: mpsc::Receiver<Order>,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    runtime.wake(wishes).await?;
    runtime.live(orders, stop).await;
    Ok(())
}

/// Keeps a replay window on disk.
pub(super) async fn keep_memory(
    memory: Arc<Memory>,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    Ok(memory.keep(stop).await?)
}

/// Writes down where the members are, whenever that changes, so that the next life finds them.
pub(super) async fn remember_members(
    (data_dir, mut facts): (PathBuf, Facts),
    mut roster: watch::Receiver<Arc<RosterView>>,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = roster.changed() => if changed.is_err() { return Ok(()) },
        }
        let members = addresses(&roster.borrow_and_update(), &facts);
        if members != facts.members {
            facts.members = members;
            facts.write(&data_dir)?;
        }
    }
}

/// Has the mesh told where this node listens when the roster says otherwise: a port may have been taken while it was down.
pub(super) async fn announce_addresses(
    gateway: Gateway,
    admission: Admission,
    mut roster: watch::Receiver<Arc<RosterView>>,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    let renewed = async {
        let mut told = false;
        while !told {
            if roster.wait_for(|it| moved(it, &admission)).await.is_err() {
                return;
            }
            told = match gateway.admit(&admission).await {
                Ok(()) => true,
                Err(failure) => {
                    tracing::warn!(%failure, "the mesh was not told where this node listens now");
                    tokio::time::sleep(JOIN_RETRY).await;
                    false
                }
            };
        }
        tracing::info!(addresses = ?admission.addresses, "the mesh knows where this node listens now");
    };
    tokio::select! {
        () = stop.cancelled() => return Ok(()),
        () = renewed => {}
    }
    stop.cancelled().await;
    Ok(())
}

/// Whether the roster has this node elsewhere.
fn moved(roster: &RosterView, admission: &Admission) -> bool {
    let known = roster
        .members
        .iter()
        .find(|member| member.id == admission.id);
    known.is_some_and(|member| {
        let listens = admission.addresses.iter().take(ADDRESSES_MAX);
        member.gateway != admission.gateway || !listens.eq(&member.addresses)
    })
}

/// Voters first: they can answer.
fn addresses(roster: &RosterView, facts: &Facts) -> Vec<String> {
    let others = || {
        roster
            .members
            .iter()
            .filter(|member| member.id != facts.node)
    };
    let voters = others().filter(|member| member.role == Role::Voter);
    let workers = others().filter(|member| member.role == Role::Worker);
    let all = voters
        .chain(workers)
        .flat_map(|member| member.addresses.iter().cloned());
    all.take(REMEMBERED_MAX).collect()
}
