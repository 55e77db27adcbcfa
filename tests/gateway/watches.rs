//! Watches: nothing is missed, nothing comes twice, and an end is an end.

use std::time::Duration;

use hms_client::{Client, Happening, News, Submission, TaskNews};
use hms_protocol::id::{Cursor, TaskId};
use hms_protocol::task::TaskState;
use tokio::time::timeout;

use crate::host::Host;

const SOON: Duration = Duration::from_mins(1);

async fn submit(client: &Client) -> TaskId {
    let echo = Submission::new("echo".parse().expect("a skill"), b"watched".to_vec());
    client.submit(echo).await.expect("it is taken").task
}

/// Every step of a task from a cursor on, and the cursors of the steps.
async fn life(client: &Client, task: TaskId, after: Option<Cursor>) -> Vec<(Cursor, TaskState)> {
    let mut watch = client.watch_task(task, after);
    let mut steps = Vec::new();
    loop {
        let news = timeout(SOON, watch.next()).await.expect("news in time");
        let Some(news) = news.expect("the stream goes on") else {
            return steps;
        };
        match news {
            TaskNews::Step(step) => steps.push((step.cursor, step.transition.state)),
            TaskNews::Done(task) => assert_eq!(task.state, TaskState::Succeeded),
        }
    }
}

/// A2A-6: submit, stream, result, all by a client of any node.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_watched_from_its_first_step_to_its_last() {
    let founder = Host::found().await;
    let worker = founder.worker().await;
    let (near, far) = (founder.client().await, worker.client().await);
    let task = submit(&far).await;

    let whole = life(&far, task, None).await;
    let states: Vec<&str> = whole.iter().map(|(_, state)| state.name()).collect();
    assert_eq!(
        (states.first(), states.last()),
        (Some(&"submitted"), Some(&"succeeded"))
    );
    assert!(
        whole.is_sorted_by(|(left, _), (right, _)| left < right),
        "{whole:?}"
    );
    assert_eq!(
        life(&near, task, None).await,
        whole,
        "any node tells the same"
    );

    // Whoever comes back gets the rest, however it was cut.
    for (cut, (cursor, _)) in whole.iter().enumerate() {
        assert_eq!(life(&far, task, Some(*cursor)).await, whole[cut + 1..]);
    }
    worker.stop().await;
    founder.stop().await;
}

/// Reads events until the task has succeeded; gives back what was read.
async fn events_until_done(client: &Client, after: Option<Cursor>, task: TaskId) -> Vec<Cursor> {
    let mut watch = client.watch_events(after);
    let mut cursors = Vec::new();
    loop {
        let news = timeout(SOON, watch.next()).await.expect("news in time");
        match news.expect("the watch goes on") {
            News::Event(event) => {
                cursors.push(event.cursor);
                if event.what
                    == (Happening::TaskMoved {
                        task,
                        state: TaskState::Succeeded,
                    })
                {
                    return cursors;
                }
            }
            News::Start(cursor) => {
                assert!(cursors.is_empty() && after.is_none_or(|at| at == cursor));
            }
            News::Gap { after, until } => unreachable!("nothing is lost from {after} to {until}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_on_after_a_cursor_without_loss() {
    let founder = Host::found().await;
    let worker = founder.worker().await;
    let client = worker.client().await;
    let mut watch = client.watch_events(None);
    let News::Start(start) = timeout(SOON, watch.next()).await.unwrap().unwrap() else {
        panic!("a watch begins by saying where")
    };

    let task = submit(&client).await;
    let whole = events_until_done(&client, Some(start), task).await;
    assert!(whole.is_sorted_by(|left, right| left < right), "{whole:?}");
    for (cut, cursor) in whole.iter().enumerate().take(whole.len() - 1) {
        let rest = events_until_done(&founder.client().await, Some(*cursor), task).await;
        assert_eq!(rest, whole[cut + 1..]);
    }
    worker.stop().await;
    founder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_from_before_the_node_began_are_said_to_be_missing() {
    let host = Host::found().await;
    let client = host.client().await;
    let mut watch = client.watch_events(Some(Cursor::default()));
    let first = timeout(SOON, watch.next()).await.unwrap().unwrap();
    assert!(matches!(first, News::Start(_)), "{first:?}");
    let second = timeout(SOON, watch.next()).await.unwrap().unwrap();
    let News::Gap { after, until } = second else {
        panic!("{second:?}")
    };
    assert!(after == Cursor::default() && after < until);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_ends_its_watches_and_does_not_hang() {
    let host = Host::found().await;
    let client = host.client().await;
    let mut watch = client.watch_events(None);
    assert!(matches!(
        timeout(SOON, watch.next()).await.unwrap(),
        Ok(News::Start(_))
    ));
    host.stop().await;
}
