//! Frames on a stream: four bytes of length, little-endian, then so many bytes.
//!
//! A reader's memory grows with the bytes that arrived, never with a length that was only claimed. One length is
//! special: it ends a sequence, so that a cut connection is not taken for the end.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes of a length.
const HEAD_BYTES: usize = 4;

/// The length that ends a sequence of frames.
const END: u32 = u32::MAX;

/// Bytes asked for at once. Larger frames are read in such pieces.
const READ_BYTES: usize = 64 * 1024;

/// Smaller frames are copied out, so that a small frame that is kept does not keep what arrived around it.
const COPY_BYTES_MAX: usize = 16 * 1024;

/// Frames are gathered up to about so many bytes and written at once.
pub(super) const GATHER_BYTES: usize = 64 * 1024;

/// Why a stream is of no more use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// A frame is longer than allowed.
    #[error("a frame of {bytes} bytes: at most {max} are allowed")]
    TooLarge {
        /// How long it claims to be.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// The stream ended without saying so.
    #[error("the stream was cut")]
    Cut,
    /// The transport failed.
    #[error("the stream failed")]
    Io(#[from] io::Error),
}

/// Reads frames.
pub(super) struct FrameReader<S> {
    stream: S,
    arrived: BytesMut,
    bytes_max: usize,
}

impl<S: AsyncRead + Unpin> FrameReader<S> {
    /// Reads frames of at most `bytes_max` bytes.
    pub(super) fn new(stream: S, bytes_max: usize) -> Self {
        Self {
            stream,
            arrived: BytesMut::new(),
            bytes_max,
        }
    }

    /// The next frame; `None` at the end of the sequence. Safe to cancel: nothing that arrived is lost.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        loop {
            let missing = match self.look()? {
                Look::End => return Ok(None),
                Look::Whole(bytes) => return Ok(Some(self.take(bytes))),
                Look::Missing(bytes) => bytes,
            };
            self.arrived
                .reserve(missing.clamp(READ_BYTES / 16, READ_BYTES));
            if self.stream.read_buf(&mut self.arrived).await? == 0 {
                return Err(FrameError::Cut);
            }
        }
    }

    /// The stream itself, for what else is to be read or written. What arrived beyond the last frame is dropped.
    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    fn take(&mut self, bytes: usize) -> Bytes {
        self.arrived.advance(HEAD_BYTES);
        if bytes < COPY_BYTES_MAX {
            let frame = Bytes::copy_from_slice(&self.arrived[..bytes]);
            self.arrived.advance(bytes);
            frame
        } else {
            self.arrived.split_to(bytes).freeze()
        }
    }

    fn look(&self) -> Result<Look, FrameError> {
        let Some(head) = self.arrived.first_chunk::<HEAD_BYTES>() else {
            return Ok(Look::Missing(READ_BYTES));
        };
        let length = u32::from_le_bytes(*head);
        if length == END {
            return Ok(Look::End);
        }
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        if self.bytes_max < bytes {
            return Err(FrameError::TooLarge {
                bytes,
                max: self.bytes_max,
            });
        }
        let whole = HEAD_BYTES + bytes;
        if whole <= self.arrived.len() {
            Ok(Look::Whole(bytes))
        } else {
            Ok(Look::Missing(whole - self.arrived.len()))
        }
    }
}

/// What has arrived.
enum Look {
    End,
    Whole(usize),
    Missing(usize),
}

/// Writes frames, several at once.
pub(super) struct FrameWriter {
    gathered: BytesMut,
}

impl FrameWriter {
    /// A writer with nothing gathered.
    pub(super) fn new() -> Self {
        Self {
            gathered: BytesMut::new(),
        }
    }

    /// Whether enough is gathered for one write.
    pub(super) fn is_full(&self) -> bool {
        GATHER_BYTES <= self.gathered.len()
    }

    /// Gathers a frame, or writes it at once, after what is gathered, when it is large.
    ///
    /// # Panics
    /// If the frame is longer than a length can say, which every caller's bound rules out.
    pub(super) async fn put<S>(&mut self, stream: &mut S, frame: &[u8]) -> io::Result<()>
    where
        S: AsyncWrite + Unpin,
    {
        let length = u32::try_from(frame.len()).expect("frames are bounded far below 4 GiB");
        self.gathered.put_u32_le(length);
        if frame.len() < GATHER_BYTES {
            self.gathered.put_slice(frame);
            return Ok(());
        }
        stream.write_all_buf(&mut self.gathered).await?;
        stream.write_all(frame).await
    }

    /// Gathers the end of the sequence.
    pub(super) fn put_end(&mut self) {
        self.gathered.put_u32_le(END);
    }

    /// Writes what is gathered and sends it off.
    pub(super) async fn flush<S>(&mut self, stream: &mut S) -> io::Result<()>
    where
        S: AsyncWrite + Unpin,
    {
        stream.write_all_buf(&mut self.gathered).await?;
        self.gathered.clear();
        stream.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn write_all(frames: &[Vec<u8>]) -> Vec<u8> {
        let (mut wire, mut writer) = (Vec::new(), FrameWriter::new());
        for frame in frames {
            writer.put(&mut wire, frame).await.unwrap();
        }
        writer.put_end();
        writer.flush(&mut wire).await.unwrap();
        wire
    }

    async fn read_all(wire: &[u8], bytes_max: usize) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut reader = FrameReader::new(wire, bytes_max);
        let mut frames = Vec::new();
        while let Some(frame) = reader.next().await? {
            frames.push(frame.to_vec());
        }
        Ok(frames)
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(frames: Vec<Vec<u8>>, large in 0..3 * GATHER_BYTES) {
            let mut frames = frames;
            frames.push(vec![7; large]);
            let read = block_on(async { read_all(&write_all(&frames).await, 4 * GATHER_BYTES).await });
            prop_assert_eq!(read.unwrap(), frames);
        }

        #[test]
        fn no_bytes_make_a_reader_panic_or_hold_more_than_arrived(wire: Vec<u8>) {
            let read = block_on(read_all(&wire, GATHER_BYTES));
            if let Ok(frames) = read {
                prop_assert!(frames.iter().map(Vec::len).sum::<usize>() <= wire.len());
            }
        }
    }

    #[tokio::test]
    async fn a_length_that_is_only_claimed_costs_no_memory() {
        let mut wire = 100_000_000_u32.to_le_bytes().to_vec();
        wire.extend_from_slice(b"little");
        let mut reader = FrameReader::new(&wire[..], usize::MAX);
        assert!(matches!(reader.next().await, Err(FrameError::Cut)));
        assert!(reader.arrived.capacity() < 4 * READ_BYTES);
    }

    #[tokio::test]
    async fn a_frame_beyond_the_bound_and_a_cut_stream_are_told_apart() {
        let wire = write_all(&[vec![1; 100]]).await;
        let too_large = read_all(&wire, 99).await;
        assert!(matches!(
            too_large,
            Err(FrameError::TooLarge {
                bytes: 100,
                max: 99
            })
        ));
        let cut = read_all(&wire[..wire.len() - 1], 100).await;
        assert!(matches!(cut, Err(FrameError::Cut)));
    }
}
