//! A code for every failure that a client sees, also for those that the transport makes before a call reaches a room.
//!
//! A frame that is too large or cannot be read never becomes a call; tonic answers it with a bare status. [`Coded`] stands
//! around a service and gives such a status its code and its hint. It leaves alone what has a code already.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use hms_protocol::limits::CALL_BYTES_MAX;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::{Code, Status};

use super::failure::{CODE_TRAILER, Failure};

/// A service whose every failure has a code.
#[derive(Clone, Debug)]
pub(super) struct Coded<S>(pub(super) S);

impl<S: NamedService> NamedService for Coded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<http::Request<B>> for Coded<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let response = self.0.call(request);
        Box::pin(async move { response.await.map(give_code) })
    }
}

fn give_code(response: http::Response<Body>) -> http::Response<Body> {
    if response.headers().contains_key(CODE_TRAILER) {
        return response;
    }
    match Status::from_header_map(response.headers()).and_then(|status| explain(&status)) {
        Some(failure) => Status::from(failure).into_http(),
        None => response,
    }
}

/// What a bare status means; `None` for one that needs no explanation.
fn explain(status: &Status) -> Option<Failure> {
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            Some(Failure::oversized(CALL_BYTES_MAX, status.message()))
        }
        Code::Unimplemented => Some(Failure::unknown_call()),
        Code::Cancelled | Code::DeadlineExceeded => Some(Failure::malformed(
            "the deadline is too short to answer anything",
        )),
        Code::Internal | Code::InvalidArgument | Code::Unknown | Code::DataLoss => {
            Some(Failure::malformed(status.message()))
        }
        Code::Ok
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unavailable
        | Code::Unauthenticated => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(status: Status) -> Status {
        Status::from_header_map(give_code(status.into_http()).headers()).unwrap()
    }

    #[test]
    fn a_bare_status_gets_a_code_and_a_coded_one_keeps_its_own() {
        let large = coded(Status::out_of_range("found 2000000 bytes"));
        assert_eq!(large.metadata().get(CODE_TRAILER).unwrap(), "HMS-TOO-LARGE");
        assert!(large.message().contains("1048576"), "{large}");
        let garbage = coded(Status::internal("failed to decode Protobuf message"));
        assert_eq!(
            garbage.metadata().get(CODE_TRAILER).unwrap(),
            "HMS-MALFORMED"
        );
        let own = coded(Failure::stopping().into());
        assert_eq!(own.metadata().get(CODE_TRAILER).unwrap(), "HMS-STOPPING");
    }

    #[test]
    fn an_answer_passes_as_it_is() {
        let response = http::Response::new(Body::empty());
        assert!(give_code(response).headers().is_empty());
    }
}
