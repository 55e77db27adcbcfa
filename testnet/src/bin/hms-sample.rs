//! Small real services to watch: a static web server, a TCP listener, a process that just lives.
//!
//! Each writes where it listens to a file and runs until it is killed. For demonstrations and tests; not for production.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use clap::{Parser, Subcommand};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

/// Runs a small service until it is killed.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: hms-sample --at /tmp/web.addr web --folder public"
)]
struct Flags {
    /// File that will hold the address (for `life`: the process id)
    #[arg(long)]
    at: PathBuf,
    #[command(subcommand)]
    service: Service,
}

#[derive(Subcommand)]
enum Service {
    /// Serves the files of a folder over HTTP
    Web {
        /// The folder
        #[arg(long)]
        folder: PathBuf,
    },
    /// Greets whoever connects
    Tcp,
    /// Does nothing, for a long time
    Life,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    match flags.service {
        Service::Web { folder } => serve_web(&flags.at, folder).await,
        Service::Tcp => serve_tcp(&flags.at).await,
        Service::Life => {
            write_at(&flags.at, &std::process::id().to_string())?;
            std::future::pending().await
        }
    }
}

async fn serve_web(at: &Path, folder: PathBuf) -> anyhow::Result<()> {
    let listener = listen(at).await?;
    let serve_file = move |axum::extract::Path(name): axum::extract::Path<String>| async move {
        // One path component, so that nobody reads outside the folder.
        let inside = !name.contains('/') && !name.starts_with('.');
        match inside.then(|| std::fs::read(folder.join(&name))) {
            Some(Ok(content)) => (StatusCode::OK, content),
            Some(Err(_)) | None => (StatusCode::NOT_FOUND, Vec::new()),
        }
    };
    let router = Router::new().route("/{name}", get(serve_file));
    axum::serve(listener, router)
        .await
        .context("the web server stopped")
}

async fn serve_tcp(at: &Path) -> anyhow::Result<()> {
    let listener = listen(at).await?;
    loop {
        let (mut guest, _) = listener.accept().await.context("the listener stopped")?;
        // A guest that is gone again needs no greeting.
        let _ = guest.write_all(b"hello\n").await;
    }
}

async fn listen(at: &Path) -> anyhow::Result<TcpListener> {
    let wish = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = TcpListener::bind(wish).await.context("no free port")?;
    write_at(at, &listener.local_addr()?.to_string())?;
    Ok(listener)
}

/// Renamed into place, so that a reader never sees half of it.
fn write_at(path: &Path, text: &str) -> anyhow::Result<()> {
    let draft = path.with_extension("new");
    let mut file = std::fs::File::create(&draft)
        .with_context(|| format!("{} cannot be written", draft.display()))?;
    writeln!(file, "{text}")?;
    std::fs::rename(&draft, path).with_context(|| format!("{} cannot be written", path.display()))
}
