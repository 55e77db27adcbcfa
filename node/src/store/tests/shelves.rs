//! The small things beside the log: replay records, agents, checkpoints of this node's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hms_protocol::envelope::Sender;
use hms_protocol::id::{AgentId, Incarnation, NodeId};
use hms_protocol::replay::{Remembered, ReplayRecord, Save};
use hms_protocol::time::Moment;

use super::stage::{Stage, rows};
use crate::store::{Retention, SeenWindow, Store};

fn save(number: u64) -> Save {
    let remembered = Remembered {
        incarnation: Incarnation(number),
        ceiling: Moment(1_000 + number),
    };
    let sender = Sender::Node(NodeId::from_bytes([7; 32]));
    Save {
        number,
        record: ReplayRecord {
            senders: BTreeMap::from([(sender, remembered)]),
            forgotten: Moment(3),
        },
    }
}

#[tokio::test]
async fn a_replay_record_survives_a_restart_once_it_is_saved() {
    let stage = Stage::new();
    let direct = stage.store.seen(SeenWindow::Direct);
    let gossip = stage.store.seen(SeenWindow::Gossip);
    assert_eq!(direct.read().unwrap(), None);
    direct.save(save(1)).await.unwrap();
    direct.save(save(2)).await.unwrap();
    assert_eq!(direct.saved(2).await.unwrap(), 2);
    gossip.save(save(9)).await.unwrap();
    drop((direct, gossip));

    let stage = stage.reopen().await;
    let record = |window| stage.store.seen(window).read().unwrap();
    assert_eq!(record(SeenWindow::Direct), Some(save(2).record));
    assert_eq!(record(SeenWindow::Gossip), Some(save(9).record));
}

#[tokio::test]
async fn agents_are_kept_until_they_are_removed() {
    let stage = Stage::new();
    let agent = |number| AgentId::from_bytes([number; 16]);
    let shelf = stage.store.agents();
    let things = [(agent(2), b"two".to_vec()), (agent(1), b"one".to_vec())];
    shelf.put(&things).unwrap();
    shelf.put(&[(agent(3), b"three".to_vec())]).unwrap();
    shelf.remove(agent(2)).unwrap();
    drop(shelf);
    let stage = stage.reopen().await;
    let kept = stage.store.agents().list().unwrap();
    assert_eq!(
        kept,
        [(agent(1), b"one".to_vec()), (agent(3), b"three".to_vec())]
    );
}

/// AGT-2: an agent's memory is kept apart from the agent's record, and goes with it.
#[tokio::test]
async fn a_memory_is_kept_until_its_agent_is_removed() {
    let stage = Stage::new();
    let (agent, other) = (AgentId::from_bytes([1; 16]), AgentId::from_bytes([2; 16]));
    let shelf = stage.store.agents();
    shelf.put(&[(agent, b"record".to_vec())]).unwrap();
    assert!(shelf.has(agent).unwrap() && !shelf.has(other).unwrap());
    assert_eq!(shelf.read_memory(agent).unwrap(), b"");
    shelf.write_memory(agent, b"one").unwrap();
    shelf.write_memory(other, b"two").unwrap();
    shelf.write_memory(agent, b"three").unwrap();
    drop(shelf);

    let stage = stage.reopen().await;
    let shelf = stage.store.agents();
    assert_eq!(shelf.list().unwrap(), [(agent, b"record".to_vec())]);
    assert_eq!(shelf.read_memory(agent).unwrap(), b"three");
    shelf.remove(agent).unwrap();
    assert_eq!(shelf.read_memory(agent).unwrap(), b"");
    assert_eq!(shelf.read_memory(other).unwrap(), b"two");
}

/// Makes a store one of format 1 without these families.
fn make_older(directory: &Path, without: &[&str]) {
    let options = rocksdb::Options::default();
    let families = rocksdb::DB::list_cf(&options, directory).unwrap();
    let mut former = rocksdb::DB::open_cf(&options, directory, families).unwrap();
    for family in without {
        former.drop_cf(family).unwrap();
    }
    drop(former);
    fs::write(directory.join("FORMAT"), "1\n").unwrap();
}

/// AGT-2: what was kept before agents had a memory is opened as it is, and gets room for memories.
#[tokio::test]
async fn a_store_without_memories_gets_room_for_them() {
    let agent = AgentId::from_bytes([1; 16]);
    let mut stage = Stage::new();
    stage.write(rows(1..=3)).await;
    let shelf = stage.store.agents();
    shelf.put(&[(agent, b"record".to_vec())]).unwrap();
    drop(shelf);
    let directory = stage.close().await;
    make_older(directory.path(), &["memory", "certificates", "marks"]);

    let stage = Stage::open(directory);
    let shelf = stage.store.agents();
    assert_eq!(shelf.list().unwrap(), [(agent, b"record".to_vec())]);
    shelf.write_memory(agent, b"new").unwrap();
    drop(shelf);
    let stage = stage.reopen().await;
    assert_eq!(stage.store.agents().read_memory(agent).unwrap(), b"new");
    assert_eq!(stage.store.recover().unwrap().rows.len(), 3);
    let marker = fs::read_to_string(stage.path().join("FORMAT")).unwrap();
    assert_eq!(marker, "4\n");
}

/// A family that an older store must have had is missed, not made anew.
#[tokio::test]
async fn an_older_store_that_lost_a_part_is_refused() {
    let directory = Stage::new().close().await;
    make_older(directory.path(), &["memory", "certificates", "agents"]);
    for _ in 0..2 {
        let error = Store::open(directory.path(), Retention::default()).unwrap_err();
        assert_eq!(error.code(), "HMS-STORE-DAMAGED", "{error}");
        assert!(error.to_string().contains("agents"), "{error}");
    }
}

#[tokio::test]
async fn a_closed_store_refuses_what_comes_late() {
    let mut stage = Stage::new();
    stage.write(rows(1..=1)).await;
    let seen = stage.store.seen(SeenWindow::Direct);
    stage.close().await;
    assert_eq!(
        seen.save(save(1)).await.unwrap_err().code(),
        "HMS-STORE-STOPPED"
    );
    assert_eq!(seen.saved(1).await.unwrap_err().code(), "HMS-STORE-STOPPED");
}
