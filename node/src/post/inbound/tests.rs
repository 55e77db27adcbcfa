//! Lanes over the real network: who is listened to, and who is not any more.

use std::time::Duration;

use hms_protocol::codec::bundle::Bundle;
use hms_protocol::codec::{self, envelope};
use hms_protocol::envelope::BodyKind;
use hms_protocol::id::{Incarnation, Index, MeshId};
use hms_protocol::keyring::SecretKey;
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::limits::FAULTS_MAX;
use crate::mailbox::{self, Inbox};
use crate::net::{Net, NetEvent, NetSettings, start};
use crate::store::{Retention, SeenWindow, Store};

const MESH: MeshId = MeshId::from_bytes([77; 32]);

/// How long anything may take on a busy machine before a test gives up on it.
const WITHIN: Duration = Duration::from_secs(30);

/// A peer with its network and its seal.
struct Peer {
    net: Net,
    seal: Seal,
}

impl Peer {
    async fn start(number: u8, incarnation: u64) -> (Self, mpsc::Receiver<NetEvent>) {
        let (net, events) = start(NetSettings::on_loopback([number; 32])).await.unwrap();
        let seal = seal(number, incarnation, MESH);
        (Self { net, seal }, events)
    }

    fn id(&self) -> NodeId {
        self.net.node()
    }

    /// Sends a frame as soon as the wire takes it.
    async fn send(&self, to: NodeId, frame: &[u8]) {
        let sending = async {
            while self.net.send(to, Bytes::copy_from_slice(frame)).is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(WITHIN, sending).await.unwrap();
    }
}

fn seal(number: u8, incarnation: u64, mesh: MeshId) -> Seal {
    let key = Arc::new(SecretKey::from_seed(&[number; 32]));
    Seal::new(key, mesh, Incarnation(incarnation), Clock::start())
}

/// A frame that is in order, if it is sent by whose seal it is and to whom it is.
fn frame(seal: &Seal, to: NodeId) -> Vec<u8> {
    let body = codec::encode(&Bundle(vec![PeerMessage::AskWatch]));
    envelope::encode(&seal.seal(Audience::Node(to), BodyKind::Peer, body))
}

/// A node whose lanes are fed by its real network.
struct Listener {
    id: NodeId,
    metrics: Metrics,
    inbox: Inbox,
    _folder: TempDir,
}

impl Listener {
    /// Starts node 1, with `peers` as the other members.
    async fn start(peers: &[&Peer]) -> Self {
        let (me, mut events) = Peer::start(1, 1).await;
        let folder = tempfile::tempdir().unwrap();
        let (store, _reports) = Store::open(folder.path(), Retention::default()).unwrap();
        let memory = Memory::restore(store.seen(SeenWindow::Direct), me.seal.clock()).unwrap();
        let (mailbox, inbox) = mailbox::open();
        let metrics = Metrics::new();
        let id = me.id();
        let need = Need {
            me: id,
            applied: Index(0),
            others: 0,
        };
        let (_, need) = watch::channel(need);
        let mut lanes = Inbound::new(
            Arc::new(me.seal),
            mailbox,
            metrics.clone(),
            (Arc::new(memory), need),
            TaskTracker::new(),
        );
        let entries = |nets: &[&Net]| {
            let entry = |net: &&Net| (net.node(), net.addresses());
            nets.iter().map(entry).collect::<Vec<_>>()
        };
        let nets: Vec<_> = peers.iter().map(|peer| &peer.net).collect();
        me.net.enrol(entries(&nets));
        for net in nets {
            net.enrol(entries(&[&me.net]));
        }
        tokio::spawn(async move {
            // Kept here, so that the network and the store live as long as the lanes.
            let (_net, _store) = (me.net, store);
            while let Some(event) = events.recv().await {
                if let NetEvent::Frame { from, frame } = event {
                    lanes.receive(from, frame);
                }
            }
        });
        Self {
            id,
            metrics,
            inbox,
            _folder: folder,
        }
    }

    fn refused(&self, code: &str) -> u64 {
        let refused = &self.metrics.post_refused_total;
        refused.with_label_values(&[code]).get()
    }

    /// Waits for a message, and says whose it is.
    async fn hear(&mut self) -> NodeId {
        let heard = tokio::time::timeout(WITHIN, self.inbox.recv()).await;
        let Input::Received { from, .. } = heard.unwrap().unwrap() else {
            panic!("only messages come by these lanes");
        };
        from
    }

    async fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(WITHIN, waiting).await;
        waited.unwrap_or_else(|_| panic!("waited in vain for {what}"));
    }
}

/// MSH-5, MAC-3: a member that sends garbage is not listened to after nine frames of it, whatever it sends then.
#[tokio::test]
async fn a_peer_that_sends_garbage_is_not_listened_to_after_nine_frames() {
    let (liar, _events) = Peer::start(2, 1).await;
    let mut listener = Listener::start(&[&liar]).await;
    let to = listener.id;

    liar.send(to, &frame(&liar.seal, to)).await;
    assert_eq!(listener.hear().await, liar.id());

    let of_another = seal(3, 1, MESH);
    let of_another_mesh = seal(2, 1, MeshId::from_bytes([1; 32]));
    let mut forged = frame(&liar.seal, to);
    *forged.last_mut().unwrap() ^= 1;
    let garbage = [
        b"nonsense".to_vec(),
        forged,
        frame(&of_another, to),
        frame(&of_another_mesh, to),
        frame(&liar.seal, liar.id()),
    ];
    let sent = 40;
    for number in 0..sent {
        liar.send(to, &garbage[number % garbage.len()]).await;
    }
    liar.send(to, &frame(&liar.seal, to)).await;

    let opened = u64::from(FAULTS_MAX) + 1;
    let thrown_away = sent as u64 + 1 - opened;
    listener
        .wait_for("every frame", |listener| {
            listener.metrics.post_unheard_total.get() == thrown_away
        })
        .await;
    assert_eq!(listener.metrics.post_deaf_total.get(), 1);
    assert!(listener.inbox.try_recv().is_err(), "nothing more was heard");
    let (names, counted) = (
        [
            "MALFORMED",
            "BODY",
            "SIGNATURE",
            "SENDER",
            "MESH",
            "AUDIENCE",
        ],
        |name: &str| listener.refused(&format!("HMS-ENV-{name}")),
    );
    assert_eq!(names.map(counted).iter().sum::<u64>(), opened);
}

/// MSH-5: a member that is only behind is listened to, however much of the past it sends.
#[tokio::test]
async fn a_peer_that_is_only_behind_is_listened_to_for_ever() {
    let (laggard, _events) = Peer::start(2, 2).await;
    let mut listener = Listener::start(&[&laggard]).await;
    let to = listener.id;
    let before_its_restart = seal(2, 1, MESH);

    let first = frame(&laggard.seal, to);
    laggard.send(to, &first).await;
    assert_eq!(listener.hear().await, laggard.id());
    let sent = 3 * u64::from(FAULTS_MAX);
    for _ in 0..sent {
        laggard.send(to, &first).await;
        laggard.send(to, &frame(&before_its_restart, to)).await;
    }
    laggard.send(to, &frame(&laggard.seal, to)).await;

    assert_eq!(listener.hear().await, laggard.id());
    let (replays, former) = ("HMS-ENV-REPLAY", "HMS-ENV-INCARNATION");
    assert_eq!(
        (listener.refused(replays), listener.refused(former)),
        (sent, sent)
    );
    assert_eq!(listener.metrics.post_deaf_total.get(), 0);
    assert_eq!(listener.metrics.post_unheard_total.get(), 0);
}

/// MAC-3: what one peer does costs no other peer its hearing.
#[tokio::test]
async fn a_peer_is_heard_while_another_is_not_listened_to() {
    let ((liar, _liars), (honest, _events)) = (Peer::start(2, 1).await, Peer::start(3, 1).await);
    let mut listener = Listener::start(&[&liar, &honest]).await;
    let to = listener.id;
    for _ in 0..2 * FAULTS_MAX {
        liar.send(to, b"nonsense").await;
    }
    listener
        .wait_for("the end of patience", |listener| {
            listener.metrics.post_deaf_total.get() == 1
        })
        .await;
    honest.send(to, &frame(&honest.seal, to)).await;
    assert_eq!(listener.hear().await, honest.id());
}
