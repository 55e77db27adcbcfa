//! The doorway: the gRPC server of one node, for clients on the same machine.
//!
//! Bounded in connections, in calls per connection and second, and in bytes per call. It listens on loopback only: there is no
//! authentication yet, so nobody else may come in.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{self, Stream};
use hms_proto::DESCRIPTOR_SET;
use hms_proto::agent::supervisor_service_server::SupervisorServiceServer;
use hms_proto::v1::mesh_server::MeshServer;
use hms_protocol::limits::CALL_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic_health::pb::health_server::{Health, HealthServer};

use super::pace::{Pace, Paced};
use super::plan::PlanFace;
use super::rpc::MeshFace;
use super::status::Coded;
use super::{Gateway, Hall};
use crate::limits::{CALLS_PER_CONNECTION_MAX, CONNECTIONS_MAX};

/// Names of the services, as health checks and reflection know them.
const MESH: &str = "hms.v1.Mesh";
const SUPERVISOR: &str = "agent.SupervisorService";

/// How often a silent connection is asked whether it still lives. One that does not answer gives its place back.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long to wait before accepting again after the system refused to, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the doorway does not open, or does not stay open.
#[derive(Debug, thiserror::Error)]
pub enum DoorwayError {
    /// Others than this machine could come in.
    #[error("the gateway would listen on {address}, which others can reach")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The listener is of no use.
    #[error("the gateway cannot listen")]
    Listener(#[source] io::Error),
    /// The schema that the node was built with cannot be served.
    #[error("the schema cannot be served")]
    Schema(#[source] tonic_reflection::server::Error),
    /// The server stopped.
    #[error("the gateway cannot go on")]
    Server(#[source] tonic::transport::Error),
}

impl DoorwayError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotLoopback { .. } => "HMS-GATEWAY-NOT-LOOPBACK",
            Self::Listener(_) => "HMS-GATEWAY-LISTENER",
            Self::Schema(_) => "HMS-GATEWAY-SCHEMA",
            Self::Server(_) => "HMS-GATEWAY-SERVER",
        }
    }

    /// What the operator can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotLoopback { .. } => "listen on 127.0.0.1 or [::1]",
            Self::Listener(_) => "choose a free port with --gateway, or 0 for any",
            Self::Schema(_) | Self::Server(_) => "start the node again, and report this",
        }
    }
}

impl Gateway {
    /// Serves clients at `listener` until `stop` is cancelled; then ends the watches and lets calls under way finish.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), DoorwayError> {
        let address = listener.local_addr().map_err(DoorwayError::Listener)?;
        if !address.ip().is_loopback() {
            return Err(DoorwayError::NotLoopback { address });
        }
        let hall = self.hall;
        let mesh = MeshServer::new(MeshFace::new(Arc::clone(&hall)))
            .max_decoding_message_size(CALL_BYTES_MAX);
        let plan = SupervisorServiceServer::new(PlanFace::new(Arc::clone(&hall)))
            .max_decoding_message_size(CALL_BYTES_MAX);
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(DoorwayError::Schema)?;
        let (health, reporting) = health(&hall);
        let entrance = hall.entrance.clone();

        let stopped = {
            let hall = Arc::clone(&hall);
            async move {
                stop.cancelled().await;
                hall.stopping.cancel();
            }
        };
        let serving = Server::builder()
            .max_concurrent_streams(CALLS_PER_CONNECTION_MAX)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .add_service(Paced::new(Coded(mesh), &hall))
            .add_service(Paced::new(Coded(plan), &hall))
            .add_service(reflection)
            .add_service(health)
            .serve_with_incoming_shutdown(guests(listener), stopped);
        tokio::select! {
            served = serving => served.map_err(DoorwayError::Server),
            () = reporting => unreachable!("reporting goes on for ever"),
            () = entrance.tend() => unreachable!("tending goes on for ever"),
        }
    }
}

/// The health service, and the future that keeps it true: the mesh is served while somebody leads.
fn health(hall: &Arc<Hall>) -> (HealthServer<impl Health>, impl Future<Output = ()> + use<>) {
    let (reporter, service) = tonic_health::server::health_reporter();
    let mut heading = hall.compass.subscribe();
    let reporting = async move {
        loop {
            let led = heading.borrow_and_update().leader.is_some();
            let status = if led {
                tonic_health::ServingStatus::Serving
            } else {
                tonic_health::ServingStatus::NotServing
            };
            for service in [MESH, SUPERVISOR] {
                reporter.set_service_status(service, status).await;
            }
            if heading.changed().await.is_err() {
                // The compass is gone with its gateway; there is nothing left to report.
                std::future::pending::<()>().await;
            }
        }
    };
    (service, reporting)
}

/// A client's connection, with its place among those that there may be.
#[derive(Debug)]
struct Guest {
    stream: TcpStream,
    pace: Pace,
    // Given back when the connection ends.
    _place: OwnedSemaphorePermit,
}

/// Where clients come in.
struct Entry {
    listener: TcpListener,
    places: Arc<Semaphore>,
    /// The number of the next client.
    next: u64,
}

/// Accepts clients as long as there is a place; one too many is closed at once.
fn guests(listener: TcpListener) -> impl Stream<Item = io::Result<Guest>> {
    let entry = Entry {
        listener,
        places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        next: 1,
    };
    stream::unfold(entry, async |mut entry| {
        let guest = entry.accept().await;
        Some((Ok(guest), entry))
    })
}

impl Entry {
    async fn accept(&mut self) -> Guest {
        loop {
            let (stream, client) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a client could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // The server sets this only on sockets that it accepts itself. Without it an answer of two parts takes 40 ms.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%client, %error, "a client was gone at once");
                continue;
            }
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                let number = self.next;
                self.next += 1;
                return Guest {
                    stream,
                    pace: Pace::new(number),
                    _place: place,
                };
            }
            tracing::warn!(%client, max = CONNECTIONS_MAX, "too many clients");
        }
    }
}

impl Connected for Guest {
    type ConnectInfo = Pace;

    fn connect_info(&self) -> Pace {
        self.pace.clone()
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
