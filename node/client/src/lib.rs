//! A thin client of the mesh: typed calls to any of its nodes.
//!
//! A [`Client`] knows the gateways of several nodes and goes on to the next when one does not answer. A call that is
//! repeated on the way is the same call, with the same ids, so what it does is done once. A watch goes on from where it
//! stood. Errors carry the mesh's stable code and a hint.
//!
//! It holds no state of the mesh, caches nothing and decides nothing.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use hms_client::{Client, ClientError, Submission};
//!
//! # async fn work() -> Result<(), ClientError> {
//! let client = Client::new(&["127.0.0.1:7400", "127.0.0.1:7401"])?;
//! let work = Submission::new("echo".parse().expect("a valid name"), b"hello".to_vec());
//! let submitted = client.submit(work).await?;
//! let task = client.wait(submitted.task, Some(Duration::from_secs(10))).await?;
//! println!("{}", task.state.name());
//! # Ok(())
//! # }
//! ```

mod calls;
mod client;
mod clock;
mod error;
mod feed;
mod limits;
mod orders;
mod reading;
mod snapshot;
mod submission;
mod view;
mod watch;

/// The mesh's vocabulary, in which a client's answers speak.
pub use hms_protocol as domain;

pub use client::{Address, Client};
pub use error::{Class, ClientError, Failure};
pub use snapshot::{SnapshotPiece, SnapshotWatch};
pub use submission::{Submission, THEOREM_LABEL};
pub use view::{
    AgentView, Candidate, Condition, Declaration, Declared, Event, EvidenceView, Explanation,
    Happening, NodeView, Page, Ping, SkillView, Staleness, StatusView, Submitted, TaskQuery,
    TopicView,
};
pub use watch::{EventWatch, LedgerQuery, LedgerWatch, News, Step, TaskNews, TaskWatch};
