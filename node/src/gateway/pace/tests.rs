//! A service under a flood: so much of it gets through, and each client for itself.

use std::future::{Ready, ready};

use super::*;
use crate::gateway::failure::CODE_TRAILER;

/// Answers everything.
#[derive(Clone, Debug)]
struct Open;

impl Service<http::Request<()>> for Open {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<()>) -> Self::Future {
        ready(Ok(http::Response::new(Body::empty())))
    }
}

/// Calls, and says why the call is refused if it is.
async fn call(service: &mut Paced<Open>, pace: &Pace) -> Option<Status> {
    let mut request = http::Request::new(());
    request.extensions_mut().insert(pace.clone());
    let response = service.call(request).await.unwrap();
    Status::from_header_map(response.headers())
}

/// MAC-3: a client that floods is refused with a code and the time to wait; another client is not.
#[tokio::test]
async fn a_flooding_client_is_refused_and_another_is_not() {
    let mut service = Paced {
        service: Open,
        metrics: Metrics::new(),
        clock: Clock::start(),
    };
    let (flooding, modest) = (Pace::default(), Pace::default());
    let mut answered = 0;
    // Twice as many, should the second be over in between.
    let status = loop {
        assert!(answered <= 2 * CALLS_PER_SECOND_MAX, "nothing is refused");
        match call(&mut service, &flooding).await {
            Some(status) => break status,
            None => answered += 1,
        }
    };
    assert!(
        CALLS_PER_SECOND_MAX <= answered,
        "only {answered} got through"
    );
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert_eq!(
        status.metadata().get(CODE_TRAILER).unwrap(),
        "HMS-TOO-MANY-CALLS"
    );
    assert!(status.message().contains("ms"), "{status}");
    assert!(call(&mut service, &modest).await.is_none());
    assert_eq!(service.metrics.gateway_paced_total.get(), 1);
}

#[test]
fn a_second_later_as_many_calls_are_taken_again() {
    let pace = Pace::default();
    for first_at_ms in [1_000, 2_000, 60_000] {
        for _ in 0..CALLS_PER_SECOND_MAX {
            assert_eq!(pace.begin(first_at_ms), Ok(()));
        }
        assert_eq!(pace.begin(first_at_ms + 400), Err(600));
        assert_eq!(pace.begin(first_at_ms + 999), Err(1));
    }
}
