//! Calls: one stream each. A request, then replies until the callee has no more to say.
//!
//! The end is said aloud, so that a broken connection is never taken for it. A call may come from a stranger: that is how
//! a node joins.

mod answer;

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use hms_protocol::limits::CALL_REPLY_BYTES_MAX;
use libp2p::{PeerId, StreamProtocol};
use tokio::time::Sleep;

use super::frames::{FrameError, FrameReader, FrameWriter};
use super::streams::{self, Opener, Pipe};
use super::{CallError, keys};

pub(super) use answer::accept;

/// The name of the protocol.
pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new("/hms/call/1");

/// Asks a connected peer.
pub(super) async fn ask(
    opener: Opener,
    peer: PeerId,
    request: Bytes,
    within: Duration,
) -> Result<Replies, CallError> {
    let within_ms = millis(within);
    let mut deadline = Box::pin(tokio::time::sleep(within));
    let asking = async {
        let opened = streams::open(&opener, peer, PROTOCOL).await;
        let mut pipe = opened.map_err(|error| {
            tracing::debug!(%peer, %error, "call not opened");
            keys::node_of(&peer).map_or(CallError::Closed, |node| CallError::NotConnected { node })
        })?;
        let mut writer = FrameWriter::new();
        writer
            .put(&mut pipe, &request)
            .await
            .map_err(|_| CallError::Cut)?;
        writer.flush(&mut pipe).await.map_err(|_| CallError::Cut)?;
        Ok(pipe)
    };
    let pipe = tokio::select! {
        asked = asking => asked?,
        () = &mut deadline => return Err(CallError::TooSlow { within_ms }),
    };
    let reader = FrameReader::new(pipe, CALL_REPLY_BYTES_MAX);
    Ok(Replies {
        reader: Some(reader),
        deadline,
        within_ms,
    })
}

/// The replies to a call. Dropping it tells the callee that nobody listens any more.
pub struct Replies {
    // `None` once the last reply was read.
    reader: Option<FrameReader<Pipe>>,
    deadline: Pin<Box<Sleep>>,
    within_ms: u64,
}

impl Replies {
    /// The next reply; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let read = tokio::select! {
            // A reply that is there counts, however late it is asked for.
            biased;
            read = reader.next() => read,
            () = &mut self.deadline => return Err(CallError::TooSlow { within_ms: self.within_ms }),
        };
        match read {
            Ok(Some(reply)) => Ok(Some(reply)),
            Ok(None) => {
                self.reader = None;
                Ok(None)
            }
            Err(FrameError::Cut | FrameError::Io(_) | FrameError::TooLarge { .. }) => {
                Err(CallError::Cut)
            }
        }
    }

    /// The only reply of a call that has one. `Cut` when there was none.
    pub async fn only(&mut self) -> Result<Bytes, CallError> {
        self.next().await?.ok_or(CallError::Cut)
    }
}

impl std::fmt::Debug for Replies {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Replies")
            .field("ended", &self.reader.is_none())
            .finish_non_exhaustive()
    }
}

/// Whole milliseconds of a span.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
