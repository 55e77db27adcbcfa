//! The operator's orders, on their way to the ledger.

use hms_proto::v1 as wire;
use hms_protocol::codec::Wire as _;
use hms_protocol::id::Position;
use hms_protocol::order::SignedOrder;

use crate::client::Client;
use crate::error::ClientError;

impl Client {
    /// Has the mesh carry out an order of its operator. Gives its place in the ledger; `None` when an earlier try of this call
    /// had put it there.
    pub async fn operate(&self, order: &SignedOrder) -> Result<Option<Position>, ClientError> {
        let request = wire::OperateRequest {
            order: Some(order.to_wire()),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.operate(request).await
            })
            .await?;
        Ok(reply.position.map(Position::from_wire).transpose()?)
    }
}
