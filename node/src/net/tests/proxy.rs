//! A TCP proxy between two nodes: it keeps a copy of what passes, and can stop passing anything on without closing.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The proxy. Dropping it closes every connection.
pub(super) struct Proxy {
    address: SocketAddr,
    passes: watch::Sender<bool>,
    copy: Arc<Mutex<Vec<u8>>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// A proxy to `target`, a multiaddress of TCP on IPv4.
    pub(super) async fn to(target: &str) -> Self {
        let parts: Vec<_> = target.split('/').collect();
        let target: SocketAddr = format!("{}:{}", parts[2], parts[4]).parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (passes, is_passing) = watch::channel(true);
        let copy = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target, is_passing, copy.clone()));
        Self {
            address,
            passes,
            copy,
            _tasks: tasks,
        }
    }

    /// Where it listens, as a multiaddress.
    pub(super) fn address(&self) -> String {
        format!("/ip4/{}/tcp/{}", self.address.ip(), self.address.port())
    }

    /// Where it listens, as a socket address.
    pub(super) fn socket(&self) -> SocketAddr {
        self.address
    }

    /// Passes bytes on, or holds them back with every connection still open.
    pub(super) fn pass(&self, passes: bool) {
        self.passes.send_replace(passes);
    }

    /// Everything that has passed, in either direction.
    pub(super) fn copy(&self) -> Vec<u8> {
        self.copy.lock().unwrap().clone()
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    passes: watch::Receiver<bool>,
    copy: Arc<Mutex<Vec<u8>>>,
) {
    let mut pumps = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        let Ok(far) = TcpStream::connect(target).await else {
            continue;
        };
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        pumps.spawn(pump(near_in, far_out, passes.clone(), copy.clone()));
        pumps.spawn(pump(far_in, near_out, passes.clone(), copy.clone()));
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut passes: watch::Receiver<bool>,
    copy: Arc<Mutex<Vec<u8>>>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if passes.wait_for(|passes| *passes).await.is_err() {
            return;
        }
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        if passes.wait_for(|passes| *passes).await.is_err() {
            return;
        }
        copy.lock().unwrap().extend_from_slice(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
