//! `probe.http`: whether a web server gives the page that it should.
//!
//! A GET over a connection of its own, so that a server that no longer accepts any is noticed. Certificates are checked
//! against those that the machine trusts, or against one file. Proxies of the environment are not used: the probe is about
//! the server, not about the way out.

use std::io::{BufReader, Read as _};
use std::sync::{Arc, OnceLock};

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::target::{Target, TargetRefusal, invalid};
use super::{Look, Seen, explain, holds};
use crate::limits::{PROBE_BODY_BYTES_MAX, PROBE_REDIRECTS_MAX};

/// Bytes of a file of certificates. The rest of a longer one is not read.
const CA_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Which answers are good.
#[derive(Clone, Debug)]
enum Wanted {
    /// Any of 200 to 299.
    Success,
    /// One of these.
    Codes(Vec<StatusCode>),
}

/// Understands a target.
pub(super) fn aim(mut target: Target) -> Result<Look, TargetRefusal> {
    let text = target.need("url")?;
    let url: Url = text.parse().map_err(|error| invalid("url", &text, error))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid(
            "url",
            &text,
            "expected http://host/... or https://host/...",
        ));
    }
    let wanted = match target.take("status") {
        None => Wanted::Success,
        Some(text) if text == "2xx" => Wanted::Success,
        Some(text) => Wanted::Codes(parse_codes(&text)?),
    };
    let contains = target.take("contains");
    let ca_file = target.take("ca_file");
    target.finish()?;
    Ok(Box::pin(async move {
        let client = match ca_file {
            None => shared_client(url.scheme() == "https")?,
            Some(path) => {
                let made = tokio::task::spawn_blocking(move || private_client(&path)).await;
                made.unwrap_or_else(|_| Err("the certificates cannot be read".to_owned()))?
            }
        };
        look(&client, url, &wanted, contains.as_deref()).await
    }))
}

fn parse_codes(text: &str) -> Result<Vec<StatusCode>, TargetRefusal> {
    let codes = text.split(',').map(|code| {
        code.trim()
            .parse()
            .map_err(|_| invalid("status", text, "expected 2xx or codes like 200,204"))
    });
    codes.collect()
}

async fn look(client: &Client, url: Url, wanted: &Wanted, contains: Option<&str>) -> Seen {
    let mut response = client.get(url).send().await.map_err(complain)?;
    let status = response.status();
    let good = match wanted {
        Wanted::Success => status.is_success(),
        Wanted::Codes(codes) => codes.contains(&status),
    };
    let seen = format!("HTTP {}", status.as_u16());
    if !good {
        return Err(seen);
    }
    let Some(text) = contains else {
        return Ok(seen);
    };
    let mut body = Vec::new();
    while body.len() < PROBE_BODY_BYTES_MAX {
        let chunk = response.chunk().await.map_err(complain)?;
        let Some(chunk) = chunk else {
            return Err(format!("{seen}, but the page does not contain {text:?}"));
        };
        body.extend_from_slice(&chunk);
        if holds(&body, text) {
            return Ok(seen);
        }
    }
    Err(format!(
        "{seen}, but the first {PROBE_BODY_BYTES_MAX} bytes do not contain {text:?}"
    ))
}

fn complain(error: reqwest::Error) -> String {
    if error.is_redirect() {
        return format!("redirected more than {PROBE_REDIRECTS_MAX} times");
    }
    let text = explain(&error.without_url());
    // The layers above the system's own words say only where it happened.
    match text.rfind("onnection refused") {
        Some(_) => "connection refused".to_owned(),
        None => text,
    }
}

/// The client that all probes share; it keeps no connections.
fn shared_client(encrypted: bool) -> Result<Client, String> {
    static TRUSTING: OnceLock<Result<Client, String>> = OnceLock::new();
    static PLAIN: OnceLock<Result<Client, String>> = OnceLock::new();
    let (cell, trusting) = if encrypted {
        (&TRUSTING, true)
    } else {
        (&PLAIN, false)
    };
    cell.get_or_init(|| make_client(trusting)).clone()
}

fn make_client(trusting: bool) -> Result<Client, String> {
    let builder = config_builder()?;
    let config = match builder.clone().with_platform_verifier() {
        Ok(config) => config.with_no_client_auth(),
        // A machine without certificates can still look at servers without encryption.
        Err(_) if !trusting => builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
        Err(error) => return Err(format!("this machine trusts no certificates: {error}")),
    };
    client(config)
}

/// A client that trusts the certificates of one file and no others.
fn private_client(path: &str) -> Result<Client, String> {
    let unreadable = |error: std::io::Error| format!("{path} cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut pem = Vec::new();
    BufReader::new(file)
        .take(CA_FILE_BYTES_MAX)
        .read_to_end(&mut pem)
        .map_err(unreadable)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("{path}: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("{path}: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{path} holds no certificate"));
    }
    client(
        config_builder()?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

fn config_builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    builder
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())
}

fn client(config: ClientConfig) -> Result<Client, String> {
    let builder = Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(Policy::limited(PROBE_REDIRECTS_MAX))
        .pool_max_idle_per_host(0)
        .no_proxy()
        .user_agent(concat!("hms-probe/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| explain(&error))
}
