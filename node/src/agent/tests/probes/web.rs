//! Web servers, in the clear and encrypted, that serve well, badly and for ever.

use std::sync::Arc;

use hms_protocol::service::Sight;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{check, check_late};

/// A web server that behaves as its path says.
pub(super) struct Web {
    address: String,
    server: JoinHandle<()>,
}

impl Web {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream));
            }
        });
        Self { address, server }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    async fn close(self) -> String {
        self.server.abort();
        let _ = self.server.await;
        self.address
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = vec![0; 4_096];
    let count = stream.read(&mut request).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..count]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let head =
        |status: &str, rest: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\n{rest}");
    let text = match path {
        "/good" => head("200 OK", "content-length: 6\r\n\r\nhealth"),
        "/broken" => head("500 Internal Server Error", "content-length: 0\r\n\r\n"),
        "/circle" => head(
            "302 Found",
            "location: /circle\r\ncontent-length: 0\r\n\r\n",
        ),
        "/flood" => {
            let _ = stream.write_all(head("200 OK", "\r\n").as_bytes()).await;
            while stream.write_all(&vec![b'x'; 65_536]).await.is_ok() {}
            return;
        }
        _ => {
            // Says nothing until the other side gives up.
            let _ = stream.read(&mut [0; 1]).await;
            return;
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
}

#[tokio::test]
async fn a_web_server_is_seen_up_wrong_broken_and_gone() {
    let web = Web::open().await;
    let (good, broken) = (web.url("good"), web.url("broken"));
    check(
        "probe.http",
        &[
            (&[("url", &good)], Sight::Up, "HTTP 200"),
            (
                &[("url", &good), ("contains", "health")],
                Sight::Up,
                "HTTP 200",
            ),
            (
                &[("url", &good), ("contains", "wealth")],
                Sight::Down,
                "wealth",
            ),
            (
                &[("url", &good), ("status", "204")],
                Sight::Down,
                "HTTP 200",
            ),
            (&[("url", &broken)], Sight::Down, "HTTP 500"),
            (
                &[("url", &broken), ("status", "500,503")],
                Sight::Up,
                "HTTP 500",
            ),
        ],
    )
    .await;
    web.close().await;
    check(
        "probe.http",
        &[(&[("url", &good)], Sight::Down, "connection refused")],
    )
    .await;
}

#[tokio::test]
async fn a_web_server_that_hangs_floods_or_redirects_in_a_circle_holds_nobody_up() {
    let web = Web::open().await;
    let (flood, circle, hang) = (web.url("flood"), web.url("circle"), web.url("hang"));
    check(
        "probe.http",
        &[
            (&[("url", &flood)], Sight::Up, "HTTP 200"),
            (
                &[("url", &flood), ("contains", "y")],
                Sight::Down,
                "do not contain",
            ),
            (
                &[("url", &circle)],
                Sight::Down,
                "redirected more than 5 times",
            ),
        ],
    )
    .await;
    check_late("probe.http", &[("url", &hang)], 50).await;
}

/// A server that speaks TLS, with a certificate of its own making; the file is what a probe must trust.
async fn open_encrypted(folder: &tempfile::TempDir) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.key_pair.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(answer(stream));
            }
        }
    });
    (
        format!("https://localhost:{port}/good"),
        file.to_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn an_encrypted_server_is_seen_up_only_if_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (url, ca_file) = open_encrypted(&folder).await;
    let trusted: &[(&str, &str)] = &[("url", &url), ("ca_file", &ca_file), ("contains", "health")];
    check("probe.http", &[(trusted, Sight::Up, "HTTP 200")]).await;
    check(
        "probe.http",
        &[(&[("url", &url)], Sight::Down, "ertificate")],
    )
    .await;
}
