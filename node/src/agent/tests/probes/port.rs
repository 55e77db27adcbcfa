//! A port where somebody listens, speaks, says nothing and goes away.

use hms_protocol::service::Sight;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::check;

#[tokio::test]
async fn a_port_is_seen_open_silent_wrong_and_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut word = [0; 4];
                if stream.read_exact(&mut word).await.is_ok() && &word == b"PING" {
                    let _ = stream.write_all(b"+PONG\r\n").await;
                }
            });
        }
    });
    let ping: &[(&str, &str)] = &[("address", &address), ("send", "PING"), ("expect", "PONG")];
    let pong: &[(&str, &str)] = &[("address", &address), ("send", "PONG"), ("expect", "PONG")];
    check(
        "probe.tcp",
        &[
            (&[("address", &address)], Sight::Up, "accepts connections"),
            (ping, Sight::Up, "PONG"),
            (pong, Sight::Down, "closed without saying"),
        ],
    )
    .await;
    server.abort();
    let _ = server.await;
    check(
        "probe.tcp",
        &[(&[("address", &address)], Sight::Down, "connection refused")],
    )
    .await;
}
