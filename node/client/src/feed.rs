//! A stream from the mesh that survives the node it was opened at: it goes on at the next address.

use hms_proto::v1::mesh_client::MeshClient;
use prost::Message;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use crate::client::{Address, Client, explain};
use crate::error::ClientError;
use crate::limits::{RECONNECT_WITHIN, RETRY_AFTER};

/// What is asked for streams.
pub(crate) type Mesh = MeshClient<Channel>;

/// Replies of one kind, from whichever node gives them.
#[derive(Debug)]
pub(crate) struct Feed<R> {
    client: Client,
    stream: Option<(Address, Streaming<R>)>,
    /// Which address is next, counted on from the one that answered last.
    turn: usize,
    /// Since when nobody has answered.
    since: Option<Instant>,
}

impl<R> Feed<R> {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            stream: None,
            turn: 0,
            since: None,
        }
    }

    /// The next reply. Where the stream has to be opened anew, it is with this request.
    pub(crate) async fn next<Q, F>(
        &mut self,
        request: &Q,
        ask: impl Fn(Mesh, Request<Q>) -> F,
    ) -> Result<R, ClientError>
    where
        Q: Message + Clone,
        F: Future<Output = Result<Response<Streaming<R>>, Status>>,
    {
        loop {
            match self.receive(request, &ask).await {
                Ok(reply) => {
                    (self.turn, self.since) = (0, None);
                    return Ok(reply);
                }
                Err(error) => self.leave(error).await?,
            }
        }
    }

    async fn receive<Q, F>(
        &mut self,
        request: &Q,
        ask: impl Fn(Mesh, Request<Q>) -> F,
    ) -> Result<R, ClientError>
    where
        Q: Message + Clone,
        F: Future<Output = Result<Response<Streaming<R>>, Status>>,
    {
        let (address, stream) = match &mut self.stream {
            Some(opened) => opened,
            closed @ None => {
                let opened = self.client.open(self.turn, request.clone(), ask).await?;
                closed.insert(opened)
            }
        };
        match stream.message().await {
            Ok(Some(reply)) => Ok(reply),
            // A stream never ends by itself before its last word.
            Ok(None) => {
                let tried = vec![format!("{address}: the node closed the watch")];
                Err(ClientError::Unreachable { tried })
            }
            Err(status) => Err(explain(address, &status)),
        }
    }

    /// Does not believe the node that it comes from any more: the next reply is another's.
    pub(crate) async fn distrust(&mut self, reason: String) -> Result<(), ClientError> {
        let Some((address, _)) = &self.stream else {
            return Ok(());
        };
        let address = address.clone();
        self.leave(ClientError::NoGateway { address, reason }).await
    }

    /// Waits before the next try, or gives the error back when there is no point in another.
    async fn leave(&mut self, error: ClientError) -> Result<(), ClientError> {
        self.stream = None;
        let since = *self.since.get_or_insert_with(crate::clock::instant);
        if !error.is_passing() || RECONNECT_WITHIN < since.elapsed() {
            return Err(error);
        }
        self.turn += 1;
        if self.turn.is_multiple_of(self.client.addresses()) {
            sleep(RETRY_AFTER).await;
        }
        Ok(())
    }
}
