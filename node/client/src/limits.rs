//! Bounds of the client, each with its reason and what happens when it is met.

use std::time::Duration;

/// Time to connect to one address. After it, the next address is tried.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long one call may take, all tries included, unless the caller says otherwise.
pub(crate) const CALL_WITHIN: Duration = Duration::from_secs(10);

/// The least that one try gets while there are further addresses to try: an election may be under way.
pub(crate) const TRY_WITHIN_MIN: Duration = Duration::from_secs(2);

/// How often a silent connection is asked whether it still lives.
pub(crate) const KEEPALIVE_EVERY: Duration = Duration::from_secs(3);

/// How long it has to answer. After it, the connection is closed and a watch goes on elsewhere.
pub(crate) const KEEPALIVE_WITHIN: Duration = Duration::from_secs(2);

/// How long a watch waits before it asks again, after every address has failed.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(200);

/// How long a watch goes on trying when no address answers. Then it ends with an error.
pub(crate) const RECONNECT_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of one reply that the client accepts. A larger one is an error: no honest gateway sends one.
pub(crate) const REPLY_BYTES_MAX: usize = hms_protocol::limits::CALL_REPLY_BYTES_MAX;

/// Entries asked for per page when the client reads a whole list.
pub(crate) const PAGE: u32 = 500;
