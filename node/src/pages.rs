//! What a node serves over plain HTTP: its metrics, and whether it lives.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Prometheus's text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves until told to stop.
pub async fn serve(listener: TcpListener, metrics: Metrics, stop: CancellationToken) {
    let page = move || {
        let text = metrics.render();
        async move { ([(header::CONTENT_TYPE, CONTENT_TYPE)], text) }
    };
    let router = Router::new()
        .route("/metrics", get(page))
        .route("/healthz", get(async || "ok\n"));
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "metrics are not served any more");
    }
}
