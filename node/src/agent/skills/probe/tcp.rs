//! `probe.tcp`: whether a port accepts a connection and, if asked, says what it should.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::target::{Target, TargetRefusal, invalid};
use super::{Look, Seen, explain, holds};
use crate::limits::PROBE_BODY_BYTES_MAX;

/// Understands a target.
pub(super) fn aim(mut target: Target) -> Result<Look, TargetRefusal> {
    let address = target.need("address")?;
    let port = address
        .rsplit_once(':')
        .map(|(_, port)| port.parse::<u16>());
    if !matches!(port, Some(Ok(_))) {
        return Err(invalid("address", &address, "expected host:port"));
    }
    let send = target.take("send");
    let expect = target.take("expect");
    target.finish()?;
    Ok(Box::pin(async move { look(&address, send, expect).await }))
}

async fn look(address: &str, send: Option<String>, expect: Option<String>) -> Seen {
    let failed = |error: std::io::Error| plain(&error);
    let mut stream = TcpStream::connect(address).await.map_err(failed)?;
    if let Some(text) = send {
        stream.write_all(text.as_bytes()).await.map_err(failed)?;
    }
    let Some(expect) = expect else {
        return Ok(format!("{address} accepts connections"));
    };
    let mut said = Vec::new();
    while said.len() < PROBE_BODY_BYTES_MAX {
        let count = stream.read_buf(&mut said).await.map_err(failed)?;
        if holds(&said, &expect) {
            return Ok(format!("{address} says {expect:?}"));
        }
        if count == 0 {
            return Err(format!("{address} closed without saying {expect:?}"));
        }
    }
    Err(format!(
        "{address} does not say {expect:?} within {PROBE_BODY_BYTES_MAX} bytes"
    ))
}

/// The system's words, for the usual cases without numbers.
fn plain(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::ConnectionRefused {
        return "connection refused".to_owned();
    }
    explain(error)
}
