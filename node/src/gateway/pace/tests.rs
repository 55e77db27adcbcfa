//! A service under a flood: so much of it gets through, and each client for itself.

use std::future::{Ready, ready};

use Manner::{Pausing, Pressing};

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
    let (flooding, modest) = (Pace::new(1), Pace::new(2));
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
    let pace = Pace::new(1);
    for first_at_ms in [1_000, 2_000, 60_000] {
        for _ in 0..CALLS_PER_SECOND_MAX {
            assert!(pace.begin(first_at_ms).is_ok());
        }
        assert_eq!(pace.begin(first_at_ms + 400), Err(600));
        assert_eq!(pace.begin(first_at_ms + 999), Err(1));
    }
}

/// A client that has paused as often as it takes, and the time.
fn pausing() -> (Pace, u64) {
    let (pace, mut now_ms) = (Pace::new(1), 0);
    for _ in 0..=STANDING_MIN {
        now_ms += 2 * PAUSE_MS;
        pace.begin(now_ms).unwrap();
        pace.end(now_ms);
    }
    (pace, now_ms)
}

/// The calls of a client that used to pause: how long before each it paused, how long each takes, and how it counts.
fn check(calls: &[(u64, u64, Manner)]) {
    let (pace, mut now_ms) = pausing();
    for (number, (pause_ms, takes_ms, manner)) in calls.iter().enumerate() {
        now_ms += pause_ms;
        assert_eq!(pace.begin(now_ms), Ok(*manner), "call {number}");
        now_ms += takes_ms;
        pace.end(now_ms);
    }
}

#[test]
fn a_client_has_to_pause_a_few_times_before_it_counts_as_one_that_does() {
    let (pace, mut now_ms) = (Pace::new(1), 0);
    // Time before the first call is no pause.
    for number in 0..8 {
        now_ms += PAUSE_MS;
        let expected = if number < STANDING_MIN {
            Pressing
        } else {
            Pausing
        };
        assert_eq!(pace.begin(now_ms), Ok(expected), "call {number}");
        pace.end(now_ms);
    }
}

#[test]
fn a_client_that_asks_again_at_once_presses_and_is_forgiven_when_it_pauses() {
    let short = PAUSE_MS - 1;
    let mut calls = vec![(PAUSE_MS, 9, Pausing); STANDING_MAX as usize];
    // A habit is not lost by one exception.
    let kept = (STANDING_MAX - STANDING_MIN) / STANDING_LOST;
    calls.extend(vec![(short, 9, Pausing); kept as usize]);
    calls.extend([(short, 9, Pressing); 9]);
    calls.extend([(PAUSE_MS, 9, Pressing); STANDING_MIN as usize - 1]);
    calls.extend([(PAUSE_MS, 9, Pausing); 9]);
    check(&calls);
}

#[test]
fn the_longer_calls_take_the_longer_is_a_pause_up_to_a_bound() {
    let most = PAUSE_MS * PAUSES_MAX;
    let long = PAUSE_PART * most;
    for (took, pause) in [
        (PAUSE_PART * 2 * PAUSE_MS, 2 * PAUSE_MS),
        (long, most),
        (9 * long, most),
    ] {
        check(&[(most, took, Pausing), (pause, 1, Pausing)]);
        let (pace, now_ms) = pausing();
        pace.begin(now_ms + most).unwrap();
        pace.end(now_ms + most + took);
        let before = pace.lock().standing;
        pace.begin(now_ms + most + took + pause - 1).unwrap();
        assert!(pace.lock().standing < before, "after {took} ms");
    }
}

#[test]
fn a_client_that_was_quiet_may_ask_for_some_things_at_once_and_no_more() {
    let (pace, now_ms) = pausing();
    let now_ms = now_ms + 60_000;
    for _ in 0..PAUSES_MAX {
        assert_eq!(pace.begin(now_ms), Ok(Pausing));
    }
    assert_eq!(pace.begin(now_ms), Ok(Pressing));
    // Time in which a call is under way is no pause.
    for _ in 0..PAUSES_MAX {
        pace.end(now_ms + 30_000);
    }
    assert_eq!(pace.begin(now_ms + 60_000), Ok(Pressing));
}

#[test]
fn who_asks_for_much_at_once_has_to_pause_for_longer() {
    let (pace, mut now_ms) = pausing();
    let mut ask = |pause_ms: u64| {
        now_ms += pause_ms;
        for _ in 0..4 {
            pace.begin(now_ms).unwrap();
        }
        (0..4).for_each(|_| pace.end(now_ms));
        pace.lock().standing
    };
    let first = ask(4 * PAUSE_MS);
    assert_eq!(ask(4 * PAUSE_MS), first + 1);
    assert!(ask(4 * PAUSE_MS - 1) < first);
}

/// The service hears who calls, and a call that is given up is over.
#[tokio::test]
async fn a_call_that_is_answered_or_given_up_is_not_under_way() {
    let mut service = Paced {
        service: Open,
        metrics: Metrics::new(),
        clock: Clock::start(),
    };
    let pace = Pace::new(1);
    assert!(call(&mut service, &pace).await.is_none());
    let mut request = http::Request::new(());
    request.extensions_mut().insert(pace.clone());
    let given_up = service.call(request);
    assert_eq!(pace.lock().under_way, 1);
    drop(given_up);
    assert_eq!(pace.lock().under_way, 0);
}
