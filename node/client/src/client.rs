//! The client itself: addresses, tries, and the time that they may take.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hms_proto::v1::mesh_client::MeshClient;
use hms_protocol::limits::CALL_BYTES_MAX;
use prost::Message;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::error::{ClientError, Failure, transport_reason};
use crate::limits::{
    CALL_WITHIN, CONNECT_WITHIN, KEEPALIVE_EVERY, KEEPALIVE_WITHIN, REPLY_BYTES_MAX, TRY_WITHIN_MIN,
};
use crate::view::Staleness;

/// Where a gateway listens, as `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

impl FromStr for Address {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let bad = |reason: &str| ClientError::BadAddress {
            text: text
                .chars()
                .take(hms_protocol::limits::QUOTED_CHARS_MAX)
                .collect(),
            reason: reason.to_owned(),
        };
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| bad("the port is missing"))?;
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(bad("the host is not a name or an IP address"));
        }
        match port.parse::<u16>() {
            Ok(0) | Err(_) => Err(bad("the port is not a number from 1 to 65535")),
            Ok(_) => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A client of one mesh. Cloning shares its connections.
#[derive(Clone, Debug)]
pub struct Client {
    gateways: Arc<[Gateway]>,
    // Which one answered last: the next call begins there.
    current: Arc<AtomicUsize>,
    // Of the newest answer.
    staleness: Arc<Mutex<Option<Staleness>>>,
    within: Duration,
}

#[derive(Clone, Debug)]
struct Gateway {
    address: Address,
    mesh: MeshClient<Channel>,
}

impl Client {
    /// Makes a client of the nodes whose gateways listen at these addresses. Connects when the first call is made.
    ///
    /// Must be called within a Tokio runtime.
    pub fn new<A: AsRef<str>>(addresses: &[A]) -> Result<Self, ClientError> {
        let gateways: Result<Vec<_>, _> = addresses
            .iter()
            .map(|address| Gateway::at(address.as_ref().parse()?))
            .collect();
        let gateways = gateways?;
        if gateways.is_empty() {
            return Err(ClientError::NoAddress);
        }
        let current = Arc::new(AtomicUsize::new(0));
        Ok(Self {
            gateways: gateways.into(),
            current,
            staleness: Arc::default(),
            within: CALL_WITHIN,
        })
    }

    /// The same client, whose calls may take so long, all tries included. Watches take as long as they are told.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Why the newest answer may be out of date; `None` when it was the leader's.
    pub fn staleness(&self) -> Option<Staleness> {
        *self
            .staleness
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, staleness: Option<Staleness>) {
        *self
            .staleness
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = staleness;
    }

    /// How many addresses there are.
    pub(crate) fn addresses(&self) -> usize {
        self.gateways.len()
    }

    /// Makes a call at the node that answered last, and at the next ones if it does not answer.
    pub(crate) async fn call<Q, R, F>(
        &self,
        request: Q,
        mut ask: impl FnMut(MeshClient<Channel>, Request<Q>) -> F,
    ) -> Result<R, ClientError>
    where
        Q: Message + Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        check_size(&request)?;
        let deadline = crate::clock::instant() + self.within;
        let mut tried = Vec::new();
        let mut last = None;
        let first = self.current.load(Ordering::Relaxed);
        for turn in 0..self.gateways.len() {
            let place = (first + turn) % self.gateways.len();
            let gateway = &self.gateways[place];
            let left = deadline.saturating_duration_since(crate::clock::instant());
            if left.is_zero() {
                break;
            }
            let share = share_of(left, self.gateways.len() - turn);
            let mut request = Request::new(request.clone());
            request.set_timeout(share);
            let error = match timeout(share, ask(gateway.mesh.clone(), request)).await {
                Ok(Ok(reply)) => {
                    self.current.store(place, Ordering::Relaxed);
                    self.note(staleness(&reply));
                    return Ok(reply.into_inner());
                }
                Ok(Err(status)) => explain(&gateway.address, &status),
                Err(_) => ClientError::TooSlow { within: share },
            };
            if !error.is_passing() {
                return Err(error);
            }
            tried.push(if let ClientError::Unreachable { tried } = &error {
                tried.concat()
            } else {
                format!("{}: {error}", gateway.address)
            });
            last = Some(error);
        }
        Err(self.give_up(tried, last))
    }

    /// Opens a stream at one node, and says at which; `turn` counts on from the one that answered last.
    pub(crate) async fn open<Q, R, F>(
        &self,
        turn: usize,
        request: Q,
        ask: impl FnOnce(MeshClient<Channel>, Request<Q>) -> F,
    ) -> Result<(Address, R), ClientError>
    where
        Q: Message,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        check_size(&request)?;
        let place = (self.current.load(Ordering::Relaxed) + turn) % self.gateways.len();
        let gateway = &self.gateways[place];
        let opened = timeout(
            self.within,
            ask(gateway.mesh.clone(), Request::new(request)),
        );
        match opened.await {
            Ok(Ok(reply)) => {
                self.current.store(place, Ordering::Relaxed);
                Ok((gateway.address.clone(), reply.into_inner()))
            }
            Ok(Err(status)) => Err(explain(&gateway.address, &status)),
            Err(_) => Err(ClientError::TooSlow {
                within: self.within,
            }),
        }
    }

    /// The one failure to report: what a gateway said counts more than that others did not answer.
    fn give_up(&self, tried: Vec<String>, last: Option<ClientError>) -> ClientError {
        match last {
            Some(ClientError::Unreachable { .. }) => ClientError::Unreachable { tried },
            Some(ClientError::TooSlow { .. }) | None => ClientError::TooSlow {
                within: self.within,
            },
            Some(said) => said,
        }
    }
}

impl Gateway {
    fn at(address: Address) -> Result<Self, ClientError> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| {
            ClientError::BadAddress {
                text: address.to_string(),
                reason: error.to_string(),
            }
        })?;
        let channel = endpoint
            .connect_timeout(CONNECT_WITHIN)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE_EVERY)
            .keep_alive_timeout(KEEPALIVE_WITHIN)
            .connect_lazy();
        let mesh = MeshClient::new(channel).max_decoding_message_size(REPLY_BYTES_MAX);
        Ok(Self { address, mesh })
    }
}

/// What a failed call means: the mesh's word, or that nobody could be asked.
pub(crate) fn explain(address: &Address, status: &Status) -> ClientError {
    if let Some(failure) = Failure::of(status) {
        return failure.into();
    }
    let reason = transport_reason(status);
    match status.code() {
        // A server that is no gateway: a wrong port, most likely.
        Code::Unimplemented | Code::OutOfRange => ClientError::NoGateway {
            address: address.clone(),
            reason,
        },
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => ClientError::Unreachable {
            tried: vec![format!("{address}: {reason}")],
        },
    }
}

/// What one try may take: an equal share of what is left, but long enough for an election.
fn share_of(left: Duration, tries: usize) -> Duration {
    let share = left / u32::try_from(tries).unwrap_or(u32::MAX).max(1);
    share.max(TRY_WITHIN_MIN).min(left)
}

/// A call that is too large is not even sent.
fn check_size(request: &impl Message) -> Result<(), ClientError> {
    let (bytes, max) = (request.encoded_len(), CALL_BYTES_MAX);
    if bytes <= max {
        Ok(())
    } else {
        Err(ClientError::TooLarge { bytes, max })
    }
}

/// What the headers of an answer say of its age.
fn staleness<R>(reply: &Response<R>) -> Option<Staleness> {
    let header = |name: &str| reply.metadata().get(name)?.to_str().ok()?.parse().ok();
    Some(Staleness {
        age_ms: header("hms-stale-ms")?,
        need: header("hms-stale-need")?,
        voters: header("hms-stale-voters")?,
        have: header("hms-stale-have")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["127.0.0.1:7400", "[::1]:7400", "localhost:1"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "7400",
            "127.0.0.1",
            "127.0.0.1:0",
            ":7400",
            "http://x:1",
            "a:b",
            "x:70000",
        ] {
            let error = bad.parse::<Address>().unwrap_err();
            assert_eq!(error.code(), "HMS-BAD-ADDRESS", "{bad:?}");
        }
    }

    #[test]
    fn every_try_gets_its_share_of_the_time() {
        let ms = Duration::from_millis;
        assert_eq!(share_of(ms(9_000), 3), ms(3_000));
        assert_eq!(share_of(ms(3_000), 3), TRY_WITHIN_MIN);
        assert_eq!(share_of(ms(500), 3), ms(500));
    }

    #[tokio::test]
    async fn nobody_at_any_address_is_unreachable_and_says_why() {
        // Ports that were just given back: nobody listens there.
        let mut addresses = Vec::new();
        for _ in 0..2 {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap().to_string());
        }
        let error = Client::new(&addresses).unwrap().ping().await.unwrap_err();
        let ClientError::Unreachable { tried } = &error else {
            panic!("{error}")
        };
        assert_eq!(tried.len(), 2);
        assert!(
            tried[0].contains(&addresses[0]) && tried[0].contains("refused"),
            "{tried:?}"
        );
    }

    #[tokio::test]
    async fn a_call_that_is_too_large_is_not_sent() {
        let client = Client::new(&["127.0.0.1:1"]).unwrap();
        let work = crate::Submission::new("echo".parse().unwrap(), vec![0; CALL_BYTES_MAX]);
        assert_eq!(
            client.submit(work).await.unwrap_err().code(),
            "HMS-TOO-LARGE"
        );
    }

    #[tokio::test]
    async fn a_client_without_addresses_is_refused() {
        assert_eq!(
            Client::new::<&str>(&[]).unwrap_err().code(),
            "HMS-NO-ADDRESS"
        );
    }
}
