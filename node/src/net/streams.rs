//! Streams: one side opens, the other takes. A stream that is not taken carries nothing.
//!
//! The other side may not take a stream because it does not know this node yet, or because it is busy. Until it says that
//! it has taken it, nothing was asked of it, so opening again is always safe.
//!
//! This is a behaviour of our own because the one that libp2p has opens one stream at a time per connection, keeps only
//! one of several that arrive together, and may choose a connection that is just being given up.

mod porter;
mod switchboard;

use std::io;
use std::time::Duration;

use libp2p::{PeerId, Stream, StreamProtocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _};

pub(super) use switchboard::{Arrivals, NotOpened, Opener, Switchboard};

/// What the taking side says first.
const TAKEN: u8 = 1;

/// First pause before a stream that was not taken is opened again.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// Longest pause before a stream that was not taken is opened again.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// A stream, to read and write.
pub(super) type Pipe = Compat<Stream>;

/// Opens a stream and waits until it is taken, trying again for as long as the peer is connected. Whoever calls bounds
/// the time.
pub(super) async fn open(
    opener: &Opener,
    peer: PeerId,
    protocol: StreamProtocol,
) -> Result<Pipe, NotOpened> {
    let mut pause = PAUSE_MIN;
    loop {
        let mut pipe = opener.open(peer, protocol.clone()).await?.compat();
        if matches!(pipe.read_u8().await, Ok(TAKEN)) {
            return Ok(pipe);
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(PAUSE_MAX);
    }
}

/// Takes a stream that the other side has opened.
pub(super) async fn take(stream: Stream) -> io::Result<Pipe> {
    let mut pipe = stream.compat();
    pipe.write_u8(TAKEN).await?;
    pipe.flush().await?;
    Ok(pipe)
}

/// Returns when the other side has gone. It is not expected to say anything.
pub(super) async fn gone(pipe: &mut Pipe) {
    // Whatever it says instead is a breach, which ends the stream as well.
    let _ = pipe.read_u8().await;
}
