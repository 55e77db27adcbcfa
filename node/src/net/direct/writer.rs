//! Writes a member's frames to its stream: several at once when they queue up, none of an old connection to a new one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::{mpsc, watch};

use super::super::frames::FrameWriter;
use super::super::streams::{self, Opener, Pipe};
use super::{Load, PROTOCOL, RELAXED};

/// How long opening a stream may take before it is tried anew.
const OPEN_WITHIN: Duration = Duration::from_secs(2);

/// Pause after a stream could not be opened on a connection that still seems alive.
const PAUSE: Duration = Duration::from_millis(50);

/// Writes frames for as long as the node is a member.
pub(super) struct Writer {
    peer: PeerId,
    opener: Opener,
    waiting: mpsc::Receiver<Bytes>,
    up: watch::Receiver<bool>,
    load: Arc<Load>,
    // Frames and bytes taken from the queue and not yet sent off.
    in_hand: (u64, u64),
}

impl Writer {
    pub(super) fn new(
        peer: PeerId,
        opener: Opener,
        waiting: mpsc::Receiver<Bytes>,
        up: watch::Receiver<bool>,
        load: Arc<Load>,
    ) -> Self {
        Self {
            peer,
            opener,
            waiting,
            up,
            load,
            in_hand: (0, 0),
        }
    }

    /// Runs until the wire is cut.
    pub(super) async fn run(mut self) {
        while self.up.wait_for(|up| *up).await.is_ok() {
            let mut up = self.up.clone();
            tokio::select! {
                // Also when the wire is cut.
                _ = up.wait_for(|up| !*up) => {}
                () = self.write_until_closed() => return,
            }
            self.discard();
        }
    }

    async fn write_until_closed(&mut self) {
        while let Some(first) = self.next().await {
            let pipe = self.open().await;
            if let Err(error) = self.write_to(pipe, first).await {
                tracing::debug!(peer = %self.peer, %error, "direct stream broke");
            }
            self.drop_in_hand();
        }
    }

    async fn open(&mut self) -> Pipe {
        loop {
            let opening = streams::open(&self.opener, self.peer, PROTOCOL);
            match tokio::time::timeout(OPEN_WITHIN, opening).await {
                Ok(Ok(pipe)) => return pipe,
                Ok(Err(error)) => {
                    tracing::debug!(peer = %self.peer, %error, "direct stream not opened");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(_) => tracing::debug!(peer = %self.peer, "direct stream not taken"),
            }
        }
    }

    /// Writes until the stream breaks or the queue is closed.
    async fn write_to(&mut self, mut pipe: Pipe, first: Bytes) -> io::Result<()> {
        let mut writer = FrameWriter::new();
        let mut next = Some(first);
        while let Some(frame) = next {
            writer.put(&mut pipe, &frame).await?;
            while !writer.is_full()
                && let Ok(frame) = self.waiting.try_recv()
            {
                self.take_in_hand(&frame);
                writer.put(&mut pipe, &frame).await?;
            }
            writer.flush(&mut pipe).await?;
            self.count_sent();
            next = tokio::select! {
                frame = self.next() => frame,
                () = streams::gone(&mut pipe) => return Err(io::ErrorKind::BrokenPipe.into()),
            };
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Bytes> {
        let frame = self.waiting.recv().await?;
        self.take_in_hand(&frame);
        Some(frame)
    }

    fn take_in_hand(&mut self, frame: &Bytes) {
        self.load.waiting_bytes.fetch_sub(frame.len(), RELAXED);
        self.in_hand.0 += 1;
        self.in_hand.1 += frame.len() as u64;
    }

    fn count_sent(&mut self) {
        let (frames, bytes) = std::mem::take(&mut self.in_hand);
        self.load.frames_sent.fetch_add(frames, RELAXED);
        self.load.bytes_sent.fetch_add(bytes, RELAXED);
    }

    fn drop_in_hand(&mut self) {
        let (frames, _) = std::mem::take(&mut self.in_hand);
        self.load.frames_dropped.fetch_add(frames, RELAXED);
    }

    /// Drops what waits: it was meant for a connection that is gone.
    fn discard(&mut self) {
        while let Ok(frame) = self.waiting.try_recv() {
            self.take_in_hand(&frame);
        }
        self.drop_in_hand();
    }
}
