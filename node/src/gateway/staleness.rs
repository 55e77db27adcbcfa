//! How an answer says that it is of the past: in headers, so that every kind of answer can.
//!
//! Only a voter that knows no leader gives such answers, and only to reads.

use hms_consensus::effect::Staleness;
use tonic::Response;

/// For how long no leader has been known, in milliseconds.
const AGE_HEADER: &str = "hms-stale-ms";
/// How many voters are needed.
const NEED_HEADER: &str = "hms-stale-need";
/// How many voters there are.
const VOTERS_HEADER: &str = "hms-stale-voters";
/// How many voters answer.
const HAVE_HEADER: &str = "hms-stale-have";

/// Marks an answer as one of the past.
pub(super) fn mark<T>(response: &mut Response<T>, staleness: &Staleness) {
    let Staleness {
        age_ms,
        need,
        voters,
        have,
    } = *staleness;
    let marks = [
        (AGE_HEADER, age_ms),
        (NEED_HEADER, need.into()),
        (VOTERS_HEADER, voters.into()),
        (HAVE_HEADER, have.into()),
    ];
    for (header, value) in marks {
        response.metadata_mut().insert(header, value.into());
    }
}
