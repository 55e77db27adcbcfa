//! Linearizability of the real mesh: whatever it suffers, clients cannot tell it from one task list that does one thing after
//! the other.
//!
//! Answers that are marked as of the past are not judged, and a call without an answer may have been done or not.

mod clients;
mod history;
mod verdict;

use hms_testnet::chaos;

use self::clients::Clients;
use self::history::{Asked, History, Operation, Told, Trouble};
use self::verdict::accepts;
use crate::mesh::Mesh;

/// Answered calls after which a trouble has been lived with.
const ANSWERED_MIN: usize = 60;

/// Calls of a voter alone after which that has been lived with.
const UNLED_MIN: usize = 6;

/// How many places of the history each mutation is tried at.
const PLACES_MAX: usize = 10;

/// TST-5, MSH-14, TX-E06: clients at every node submit, cancel and read while the leader is killed, then the next one sleeps through
/// an election, and then the one after that dies and comes back alone. What they were told is linearizable; told otherwise in one place, it is
/// not.
#[tokio::test(flavor = "multi_thread")]
async fn what_clients_are_told_under_troubles_is_linearizable() {
    let mut mesh = Mesh::up(3).await;
    let clients = Clients::of(mesh.cluster().gateways());
    until_answered(&mesh, &clients).await;
    kill_the_leader(&mut mesh, &clients).await;
    pause_the_leader(&mesh, &clients).await;
    leave_a_former_leader_alone(&mut mesh, &clients).await;
    clients.enter(Trouble::Over);
    until_answered(&mesh, &clients).await;
    let history = clients.end().await;

    check_worth(&history);
    for (key, operations) in history.by_key().iter().enumerate() {
        let lines: Vec<String> = operations.iter().map(|it| format!("{it:?}")).collect();
        assert!(accepts(operations), "key {key}:\n{}", lines.join("\n"));
    }
    for mutation in [forget_a_cancellation, forget_a_task, take_two, lose_a_task] {
        check_refused(&history, mutation);
    }
}

/// Kills the leader, and starts it again when the others have gone on without it.
async fn kill_the_leader(mesh: &mut Mesh, clients: &Clients) {
    let leader = mesh.leader().await;
    clients.enter(Trouble::Killed);
    chaos::kill(mesh.node(&leader)).expect("a node that runs can be killed");
    until_led_by_another(mesh, &leader).await;
    until_answered(mesh, clients).await;
    let back = mesh.cluster_mut().restart(&leader);
    back.expect("a node that was killed comes back");
    clients.follow(mesh.cluster().gateways());
    until_whole(mesh).await;
}

/// Pauses the leader, and wakes it up when the others have gone on without it: it believes that it leads.
async fn pause_the_leader(mesh: &Mesh, clients: &Clients) {
    let leader = mesh.leader().await;
    clients.enter(Trouble::Paused);
    chaos::pause(mesh.node(&leader)).expect("a node that runs can be paused");
    until_led_by_another(mesh, &leader).await;
    until_answered(mesh, clients).await;
    chaos::resume(mesh.node(&leader)).expect("a paused node can be resumed");
    until_whole(mesh).await;
}

/// Kills the leader, and when the others have gone on without it, pauses them and starts it again: alone, with what it had when
/// it died, until it has said often enough that there is no quorum.
async fn leave_a_former_leader_alone(mesh: &mut Mesh, clients: &Clients) {
    let leader = mesh.leader().await;
    clients.enter(Trouble::Alone);
    chaos::kill(mesh.node(&leader)).expect("a node that runs can be killed");
    until_led_by_another(mesh, &leader).await;
    until_answered(mesh, clients).await;
    let others = ["n1", "n2", "n3"].into_iter();
    let others: Vec<&str> = others.filter(|name| *name != leader).collect();
    for name in &others {
        chaos::pause(mesh.node(name)).expect("a node that runs can be paused");
    }
    let back = mesh.cluster_mut().restart(&leader);
    back.expect("a node that was killed comes back");
    clients.follow(mesh.cluster().gateways());
    clients.enter(Trouble::Alone);
    let told = async |_: &Mesh| UNLED_MIN <= clients.unled();
    mesh.until("its clients are told that it is alone", told)
        .await;
    for name in &others {
        chaos::resume(mesh.node(name)).expect("a paused node can be resumed");
    }
    until_whole(mesh).await;
}

/// Waits until enough calls of this trouble are answered.
async fn until_answered(mesh: &Mesh, clients: &Clients) {
    let enough = async |_: &Mesh| ANSWERED_MIN <= clients.answered();
    mesh.until("clients are answered", enough).await;
}

async fn until_led_by_another(mesh: &Mesh, former: &str) {
    let led = async |mesh: &Mesh| mesh.leader().await != former;
    mesh.until("somebody else leads", led).await;
}

async fn until_whole(mesh: &Mesh) {
    let whole = async |mesh: &Mesh| {
        let status = mesh.client.status().await;
        status.is_ok_and(|it| it.leader.is_some() && it.voters_reached == 3)
    };
    mesh.until("the mesh is whole", whole).await;
}

/// Checks that a history says enough to be worth a verdict.
fn check_worth(history: &History) {
    let operations = history.operations();
    let count = |holds: fn(&Operation) -> bool| operations.iter().filter(|it| holds(it)).count();
    let taken = count(|it| matches!(it.answer(), Some(Told::Taken(_))));
    let cancelled =
        count(|it| matches!(it.asked, Asked::Cancel(_)) && it.answer() == Some(Told::Cancelled));
    let shown = [Told::Open, Told::Cancelled, Told::Unknown].map(|told| {
        let reads = operations.iter();
        let reads = reads.filter(|it| matches!(it.asked, Asked::Read(_)));
        reads.filter(|it| it.answer() == Some(told)).count()
    });
    for kind in [taken, cancelled].iter().chain(&shown) {
        assert!(
            20 <= *kind,
            "{taken} taken, {cancelled} cancelled, {shown:?} shown"
        );
    }
    let open = count(|it| !matches!(it.asked, Asked::Read(_)) && it.told.is_none());
    assert!(0 < open, "no outcome was unknown");
    for trouble in [Trouble::Killed, Trouble::Paused, Trouble::Alone] {
        assert!(ANSWERED_MIN <= history.answered(trouble), "{trouble:?}");
    }
    let overlaps = history.by_key().iter().filter(|it| overlap(it)).count();
    assert!(20 <= overlaps, "only {overlaps} keys were contended for");
}

/// Whether two calls were under way at once.
fn overlap(operations: &[Operation]) -> bool {
    let heard = |it: &&[Operation]| it.iter().all(|it| it.told.is_some());
    let mut pairs = operations.windows(2).filter(heard);
    pairs.any(|two| !two[0].precedes(&two[1]))
}

/// Tells one answer of the second call otherwise; `None` where the two say nothing about each other.
type Mutation = fn(&Operation, &Operation) -> Option<Told>;

/// What was cancelled is open later.
fn forget_a_cancellation(first: &Operation, second: &Operation) -> Option<Told> {
    let cancelled = first.answer() == Some(Told::Cancelled);
    let read = matches!(second.asked, Asked::Read(_));
    (cancelled && read && second.answer() == Some(Told::Cancelled)).then_some(Told::Open)
}

/// What was taken is not known to who reads it later.
fn forget_a_task(first: &Operation, second: &Operation) -> Option<Told> {
    let Some(Told::Taken(task)) = first.answer() else {
        return None;
    };
    (second.asked == Asked::Read(task)).then_some(Told::Unknown)
}

/// Both of two that were submitted under one key are taken.
fn take_two(first: &Operation, second: &Operation) -> Option<Told> {
    let (Some(Told::Taken(task)), Asked::Submit(rival)) = (first.answer(), second.asked) else {
        return None;
    };
    (task != rival).then_some(Told::Taken(rival))
}

/// What was taken is not known to who cancels it later.
fn lose_a_task(first: &Operation, second: &Operation) -> Option<Told> {
    let Some(Told::Taken(task)) = first.answer() else {
        return None;
    };
    (second.asked == Asked::Cancel(task)).then_some(Told::Unknown)
}

/// Checks that a history in which one answer is told otherwise is refused, wherever that is.
fn check_refused(history: &History, mutation: Mutation) {
    let mut mutants = 0;
    for operations in history.by_key() {
        let Some((place, told)) = find(&operations, mutation) else {
            continue;
        };
        let mut mutant = operations.clone();
        let heard = mutant[place].told.as_mut();
        heard.expect("what is told otherwise was told").1 = told;
        assert!(!accepts(&mutant), "{mutant:?}");
        mutants += 1;
        if mutants == PLACES_MAX {
            return;
        }
    }
    assert_eq!(mutants, PLACES_MAX, "the history has too few places");
}

/// Which answer to tell otherwise: one that came after another was heard.
fn find(operations: &[Operation], mutation: Mutation) -> Option<(usize, Told)> {
    operations.iter().find_map(|first| {
        let mut later = operations.iter().enumerate();
        later.find_map(|(place, second)| {
            let applies = first.precedes(second) && second.told.is_some();
            let told = mutation(first, second).filter(|_| applies)?;
            Some((place, told))
        })
    })
}
