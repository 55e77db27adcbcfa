//! Calls: one request, any number of replies, and every way in which that can fail.

use std::time::Duration;

use bytes::Bytes;
use hms_protocol::limits::{CALL_BYTES_MAX, CALL_REPLY_BYTES_MAX};

use super::station::{Station, WITHIN, mesh};
use crate::limits::CALLS_OF_STRANGERS_MAX;
use crate::net::{CallError, Replies};

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

async fn call(one: &Station, two: &mut Station, answer: Vec<Bytes>) -> Replies {
    let calling = one.net.call(two.id(), text("question"), WITHIN);
    let answering = async {
        let call = two.until_call().await;
        assert_eq!(
            (&call.request[..], call.is_member),
            (&b"question"[..], true)
        );
        call.replies
    };
    let (replies, replying) = tokio::join!(calling, answering);
    tokio::spawn(async move {
        for reply in answer {
            if replying.send(reply).await.is_err() {
                return;
            }
        }
    });
    replies.unwrap()
}

#[tokio::test]
async fn replies_stream_in_order_until_there_are_no_more() {
    let [one, mut two] = mesh().await;
    let said = vec![
        text("a"),
        text(""),
        Bytes::from(vec![9; 3_000_000]),
        text("d"),
    ];
    let mut replies = call(&one, &mut two, said.clone()).await;
    for reply in said {
        assert_eq!(replies.next().await.unwrap(), Some(reply));
    }
    assert_eq!(replies.next().await.unwrap(), None);
    assert_eq!(replies.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_call_without_a_reply_is_not_an_empty_reply() {
    let [one, mut two] = mesh().await;
    assert_eq!(
        call(&one, &mut two, vec![]).await.only().await,
        Err(CallError::Cut)
    );
    let large = Bytes::from(vec![0; CALL_REPLY_BYTES_MAX + 1]);
    assert_eq!(
        call(&one, &mut two, vec![large]).await.only().await,
        Err(CallError::Cut)
    );
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let [one, mut two] = mesh().await;
    let within = Duration::from_millis(300);
    let calling = one.net.call(two.id(), text("slow"), within);
    let (replies, answering) = tokio::join!(calling, two.until_call());
    let error = replies.unwrap().next().await.unwrap_err();
    assert_eq!(error, CallError::TooSlow { within_ms: 300 });
    // The caller has gone, and the callee is told.
    tokio::time::timeout(WITHIN, answering.replies.closed())
        .await
        .expect("the callee is told");
}

#[tokio::test]
async fn a_broken_connection_is_not_the_end_of_the_replies() {
    let [one, mut two] = mesh().await;
    let calling = one.net.call(two.id(), text("question"), WITHIN);
    let (replies, answering) = tokio::join!(calling, two.until_call());
    let mut replies = replies.unwrap();
    answering.replies.send(text("first")).await.unwrap();
    assert_eq!(replies.next().await.unwrap(), Some(text("first")));
    two.net.stop().await;
    assert_eq!(replies.next().await, Err(CallError::Cut));
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_with_a_reason() {
    let [one, two] = mesh().await;
    let large = Bytes::from(vec![0; CALL_BYTES_MAX + 1]);
    let error = one.net.call(two.id(), large, WITHIN).await.unwrap_err();
    assert_eq!(error.code(), "HMS-NET-TOO-LARGE");
    let nobody = Station::start(9).await;
    let error = one
        .net
        .call(nobody.id(), text("x"), WITHIN)
        .await
        .unwrap_err();
    assert_eq!(error, CallError::NotConnected { node: nobody.id() });
}

/// Many calls at once: each has its own answer, and none is lost on the way.
#[tokio::test]
async fn many_calls_at_once_are_all_answered() {
    const CALLS: u32 = 500;
    let [one, mut two] = mesh().await;
    let to = two.id();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..CALLS {
        let net = one.net.clone();
        calls.spawn(async move {
            let request = Bytes::from(number.to_le_bytes().to_vec());
            let mut replies = net.call(to, request.clone(), WITHIN).await.unwrap();
            assert_eq!(replies.only().await.unwrap(), request);
        });
    }
    for _ in 0..CALLS {
        let call = two.until_call().await;
        call.replies.send(call.request.clone()).await.unwrap();
    }
    tokio::time::timeout(WITHIN, calls.join_all())
        .await
        .expect("every call is answered");
}

/// Strangers together have few seats; members are not affected.
#[tokio::test]
async fn strangers_cannot_take_every_seat() {
    let [one, mut two] = mesh().await;
    let stranger = Station::start(9).await;
    let address = two.address();
    let mut seated = Vec::new();
    for _ in 0..CALLS_OF_STRANGERS_MAX {
        let calling = stranger.net.call_address(&address, text("x"), WITHIN);
        let (called, call) = tokio::join!(calling, two.until_call());
        seated.push((called.unwrap(), call));
    }
    let within = Duration::from_millis(300);
    let error = stranger
        .net
        .call_address(&address, text("x"), within)
        .await
        .unwrap_err();
    assert_eq!(error, CallError::TooSlow { within_ms: 300 });

    let mut replies = call(&one, &mut two, vec![text("seated")]).await;
    assert_eq!(replies.only().await.unwrap(), "seated");
    drop(seated.pop());
    let calling = stranger.net.call_address(&address, text("x"), WITHIN);
    let (called, _call) = tokio::join!(calling, two.until_call());
    assert!(called.is_ok());
}
