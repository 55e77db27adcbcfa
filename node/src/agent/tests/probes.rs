//! AGX-10: each probe sees a real break of a real local service, and none can be held up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hms_consensus::input::Input;
use hms_protocol::service::{ServiceSpec, Sight};
use hms_protocol::task::Outcome;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::stage::{Stage, wish};
use crate::agent::Order;
use crate::agent::skills::built_in;

/// A web server that behaves as its path says.
struct Web {
    address: String,
    server: JoinHandle<()>,
}

impl Web {
    async fn open() -> Self {
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

    fn url(&self, path: &str) -> String {
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

fn service(probe: &str, target: &[(&str, &str)]) -> ServiceSpec {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ServiceSpec {
        name: "watched".parse().unwrap(),
        probe: probe.parse().unwrap(),
        target: target.iter().map(text).collect::<BTreeMap<_, _>>(),
        interval_ms: 10_000,
        timeout_ms: 10_000,
        retries: 0,
        probers: 1,
        quorum: 1,
        nodes: Vec::new(),
    }
}

async fn look(stage: &mut Stage, spec: ServiceSpec) -> (Sight, String) {
    stage.order(Order::Probe { spec, revision: 7 }).await;
    let heard = stage.hear().await;
    let Input::Probed {
        service,
        revision,
        sight,
        detail,
        ..
    } = heard
    else {
        panic!("expected a probe, heard {heard:?}");
    };
    assert_eq!((service.as_str(), revision), ("watched", 7));
    (sight, detail)
}

async fn open(folder: &tempfile::TempDir) -> Stage {
    let mut stage = Stage::open(folder, built_in(&[]).unwrap(), vec![wish(1, 1)]);
    stage.hear_raised().await;
    stage
}

/// A probe, its target, what it must see, and what it must say.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Sight, &'a str);

async fn check(cases: &[Case<'_>]) {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = open(&folder).await;
    for (probe, target, sight, needle) in cases {
        let (seen, detail) = look(&mut stage, service(probe, target)).await;
        assert_eq!(seen, *sight, "{target:?}: {detail}");
        assert!(detail.contains(needle), "{target:?}: {detail}");
    }
    stage.close().await;
}

#[tokio::test]
async fn a_web_server_is_seen_up_wrong_broken_and_gone() {
    let web = Web::open().await;
    let (good, broken) = (web.url("good"), web.url("broken"));
    check(&[
        ("probe.http", &[("url", &good)], Sight::Up, "HTTP 200"),
        (
            "probe.http",
            &[("url", &good), ("contains", "health")],
            Sight::Up,
            "HTTP 200",
        ),
        (
            "probe.http",
            &[("url", &good), ("contains", "wealth")],
            Sight::Down,
            "wealth",
        ),
        (
            "probe.http",
            &[("url", &good), ("status", "204")],
            Sight::Down,
            "HTTP 200",
        ),
        ("probe.http", &[("url", &broken)], Sight::Down, "HTTP 500"),
        (
            "probe.http",
            &[("url", &broken), ("status", "500,503")],
            Sight::Up,
            "HTTP 500",
        ),
    ])
    .await;
    web.close().await;
    check(&[(
        "probe.http",
        &[("url", &good)],
        Sight::Down,
        "connection refused",
    )])
    .await;
}

#[tokio::test]
async fn a_web_server_that_hangs_floods_or_redirects_in_a_circle_holds_nobody_up() {
    let web = Web::open().await;
    let (flood, circle, hang) = (web.url("flood"), web.url("circle"), web.url("hang"));
    check(&[
        ("probe.http", &[("url", &flood)], Sight::Up, "HTTP 200"),
        (
            "probe.http",
            &[("url", &flood), ("contains", "y")],
            Sight::Down,
            "do not contain",
        ),
        (
            "probe.http",
            &[("url", &circle)],
            Sight::Down,
            "redirected more than 5 times",
        ),
    ])
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut stage = open(&folder).await;
    let spec = ServiceSpec {
        timeout_ms: 50,
        ..service("probe.http", &[("url", &hang)])
    };
    let (sight, detail) = look(&mut stage, spec).await;
    assert_eq!(
        (sight, detail.as_str()),
        (Sight::Down, "no answer within 50 ms")
    );
    stage.close().await;
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
    check(&[("probe.http", trusted, Sight::Up, "HTTP 200")]).await;
    check(&[("probe.http", &[("url", &url)], Sight::Down, "ertificate")]).await;
}

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
    check(&[
        (
            "probe.tcp",
            &[("address", &address)],
            Sight::Up,
            "accepts connections",
        ),
        ("probe.tcp", ping, Sight::Up, "PONG"),
        ("probe.tcp", pong, Sight::Down, "closed without saying"),
    ])
    .await;
    server.abort();
    let _ = server.await;
    check(&[(
        "probe.tcp",
        &[("address", &address)],
        Sight::Down,
        "connection refused",
    )])
    .await;
}

#[tokio::test]
async fn a_process_is_seen_running_and_gone() {
    // A name that nothing else on the machine has.
    let folder = tempfile::tempdir().unwrap();
    let name = format!("watched-{}", std::process::id());
    let program = folder.path().join(&name);
    std::fs::copy("/bin/sleep", &program).unwrap();
    let mut child = std::process::Command::new(&program)
        .arg("1000")
        .spawn()
        .unwrap();
    let pid_file = folder.path().join("pid");
    std::fs::write(&pid_file, format!("{}\n", child.id())).unwrap();
    let pid_file = pid_file.to_str().unwrap();
    let command = format!("{name} 1000");
    let by_pid: &[(&str, &str)] = &[("pid_file", pid_file)];
    check(&[
        ("probe.process", by_pid, Sight::Up, "runs"),
        ("probe.process", &[("name", &name)], Sight::Up, "matches"),
        (
            "probe.process",
            &[("command", &command)],
            Sight::Up,
            "matches",
        ),
        (
            "probe.process",
            &[("name", &name), ("count", "2")],
            Sight::Down,
            "1 of 2",
        ),
    ])
    .await;
    child.kill().unwrap();
    // Ended and not yet collected is not running.
    check(&[("probe.process", by_pid, Sight::Down, "does not run")]).await;
    child.wait().unwrap();
    check(&[
        ("probe.process", by_pid, Sight::Down, "does not run"),
        (
            "probe.process",
            &[("name", &name)],
            Sight::Down,
            "no process matches",
        ),
        (
            "probe.process",
            &[("command", &command)],
            Sight::Down,
            "no process matches",
        ),
        (
            "probe.process",
            &[("pid_file", "/nonexistent")],
            Sight::Down,
            "cannot be read",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_command_is_seen_ending_well_badly_and_not_at_all() {
    check(&[
        (
            "probe.command",
            &[("argv", "true")],
            Sight::Up,
            "exited with 0",
        ),
        (
            "probe.command",
            &[("argv", "false")],
            Sight::Down,
            "exited with 1",
        ),
        (
            "probe.command",
            &[("argv", "false"), ("exit", "1")],
            Sight::Up,
            "exited with 1",
        ),
        (
            "probe.command",
            &[("argv", r#"["sh","-c","echo too full >&2; exit 3"]"#)],
            Sight::Down,
            "exited with 3: too full",
        ),
        (
            "probe.command",
            &[("argv", "echo well"), ("contains", "well")],
            Sight::Up,
            "exited with 0",
        ),
        (
            "probe.command",
            &[("argv", "echo well"), ("contains", "ill")],
            Sight::Down,
            "did not say",
        ),
        (
            "probe.command",
            &[("argv", r#"["sh","-c","kill -9 $$"]"#)],
            Sight::Down,
            "killed by signal 9",
        ),
        (
            "probe.command",
            &[("argv", "no-such-program")],
            Sight::Down,
            "cannot be started",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_command_sees_nothing_of_the_node_and_may_say_too_much() {
    check(&[
        (
            "probe.command",
            &[
                ("argv", r#"["sh","-c","env; pwd"]"#),
                ("contains", "HMS_SANDBOX"),
            ],
            Sight::Up,
            "exited with 0",
        ),
        (
            "probe.command",
            &[("argv", r#"["sh","-c","test -z \"$HOME\""]"#)],
            Sight::Up,
            "exited with 0",
        ),
        // Prints for ever, until the limit of processor time, or as here of patience: what it says is thrown away.
        (
            "probe.command",
            &[("argv", r#"["sh","-c","yes | head -c 10000000"]"#)],
            Sight::Up,
            "exited with 0",
        ),
    ])
    .await;
}

/// Whether a process is there and has not ended.
fn runs(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !matches!(
        status
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next()),
        None | Some('Z')
    )
}

/// A command that hangs goes with all that it started, also with what has left its process group.
#[tokio::test]
async fn a_command_that_hangs_is_killed_with_its_grandchildren() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("pids");
    let path = notes.to_str().unwrap();
    let script = format!(
        "sleep 1000 & echo $! >> {path}; setsid sleep 1000 & echo $! >> {path}; echo done >> {path}; wait"
    );
    let argv = serde_json::to_string(&["sh", "-c", &script]).unwrap();
    let mut stage = open(&folder_of(&folder)).await;
    let spec = ServiceSpec {
        timeout_ms: 1_000,
        ..service("probe.command", &[("argv", &argv)])
    };
    let (sight, detail) = look(&mut stage, spec).await;
    assert_eq!(
        (sight, detail.as_str()),
        (Sight::Down, "no answer within 1000 ms")
    );
    let text = std::fs::read_to_string(&notes).unwrap();
    let pids: Vec<&str> = text.lines().filter(|line| *line != "done").collect();
    assert_eq!(pids.len(), 2, "{text}");
    for pid in pids {
        let gone = async {
            while runs(pid) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone)
            .await
            .expect("the process is killed");
    }
    stage.close().await;
}

fn folder_of(folder: &tempfile::TempDir) -> tempfile::TempDir {
    tempfile::tempdir_in(folder.path()).unwrap()
}

#[tokio::test]
async fn a_target_that_makes_no_sense_is_down_and_says_why() {
    check(&[
        (
            "probe.http",
            &[],
            Sight::Down,
            "the parameter url is missing",
        ),
        (
            "probe.http",
            &[("url", "ftp://x/")],
            Sight::Down,
            "expected http://",
        ),
        (
            "probe.http",
            &[("url", "http://x/"), ("statsu", "200")],
            Sight::Down,
            "\"statsu\" is not known",
        ),
        (
            "probe.http",
            &[("url", "https://127.0.0.1:1/"), ("ca_file", "/nonexistent")],
            Sight::Down,
            "cannot be read",
        ),
        (
            "probe.tcp",
            &[("address", "nowhere")],
            Sight::Down,
            "expected host:port",
        ),
        (
            "probe.process",
            &[],
            Sight::Down,
            "pid_file, name or command is missing",
        ),
        (
            "probe.process",
            &[("name", "x"), ("count", "many")],
            Sight::Down,
            "count",
        ),
        (
            "probe.command",
            &[("argv", " ")],
            Sight::Down,
            "names no program",
        ),
        ("echo", &[], Sight::Down, "does not probe"),
        ("alchemy", &[], Sight::Down, "does not have the skill"),
    ])
    .await;
}

#[tokio::test]
async fn a_probe_is_also_a_task() {
    let web = Web::open().await;
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(&folder, built_in(&[]).unwrap(), vec![wish(1, 1)]);
    let agent = stage.hear_raised().await;
    let up = format!(r#"{{"url":"{}","status":200}}"#, web.url("good"));
    let result = stage.run(&agent, "probe.http", up.as_bytes()).await;
    assert_eq!(result.outcome, Outcome::Success);
    assert_eq!(result.output, br#"{"detail":"HTTP 200","sight":"up"}"#);
    let down = stage
        .run(&agent, "probe.command", br#"{"argv":["false"]}"#)
        .await;
    assert_eq!(down.outcome, Outcome::Failure);
    assert_eq!(down.stderr, "false exited with 1");
    let wrong = stage.run(&agent, "probe.tcp", b"not json").await;
    assert!(
        wrong.stderr.starts_with("the input is not a JSON object"),
        "{}",
        wrong.stderr
    );
    stage.close().await;
}
