//! The software of every simulated host: the network room, and somebody who talks all the time.
//!
//! A speaker gossips twice a second, sends frames to whoever is linked, and notes what it hears. It says what it says
//! whether or not anybody listens; scenarios never tell it to.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use hms_node::net::{Carrier, Judgement, Net, NetEvent, NetSettings, Topic, start};
use hms_protocol::id::{MeshId, NodeId};
use hms_protocol::keyring::SecretKey;
use tokio::time::{MissedTickBehavior, interval};
use zeroize::Zeroizing;

use crate::ether::Ether;
use crate::journal::{Journal, Note, Place, Word};

/// The mesh of every run.
const MESH: MeshId = MeshId::from_bytes([77; 32]);

/// The port of every host.
const PORT: u16 = 4_001;

/// How often a speaker says something.
const PAUSE: Duration = Duration::from_millis(500);

/// Frames that are longer than the others show that a long one is not overtaken.
const LONG_EVERY: u32 = 5;

/// Bytes of a long frame: several pieces on the wire.
const LONG_BYTES: usize = 40_000;

/// Who a node is, and whom it takes for members.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its place in the cast.
    pub(crate) place: Place,
    /// Where its host is reached.
    pub(crate) ip: IpAddr,
    /// Members as it knows them, with their addresses.
    pub(crate) members: Vec<(Place, IpAddr)>,
    /// Frames that it sends to each member at once.
    pub(crate) burst: u32,
}

/// A node that talks.
struct Speaker {
    part: Part,
    net: Net,
    life: u32,
    gossiped: u32,
    framed: u32,
    journal: Journal,
}

/// Plays a part for as long as the host lives.
pub(crate) async fn speak(part: Part, life: u32, journal: Journal) -> turmoil::Result {
    let settings = NetSettings {
        seed: Zeroizing::new(seed_of(part.place)),
        listen: vec![format!("/ip4/0.0.0.0/tcp/{PORT}")],
        mdns: false,
        carrier: Carrier::over(Ether::new(part.ip, journal.clone())),
    };
    let (net, mut events) = start(settings).await?;
    net.enter(MESH);
    let members = part.members.iter();
    net.enrol(
        members
            .map(|(place, ip)| (id_of(*place), vec![format!("/ip4/{ip}/tcp/{PORT}")]))
            .collect(),
    );
    let mut speaker = Speaker {
        part,
        net,
        life,
        gossiped: 0,
        framed: 0,
        journal,
    };
    let mut ticker = interval(PAUSE);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.recv() => speaker.observe(event.context("the network closed")?)?,
            _ = ticker.tick() => speaker.say(),
        }
    }
}

impl Speaker {
    fn say(&mut self) {
        let gossip = self.write(self.gossiped, 0);
        self.gossiped += 1;
        // A refusal is a word that nobody hears, which is what the journal shows.
        let _ = self.net.publish(Topic::Events, gossip);
        for _ in 0..self.part.burst {
            let is_long = self.framed.is_multiple_of(LONG_EVERY);
            let frame = self.write(self.framed, if is_long { LONG_BYTES } else { 0 });
            self.framed += 1;
            for (member, _) in &self.part.members {
                // A member that is away gets nothing.
                let _ = self.net.send(id_of(*member), frame.clone());
            }
        }
    }

    fn write(&self, number: u32, more_bytes: usize) -> Bytes {
        let mut word = BytesMut::new();
        word.put_u8(self.part.place.0);
        word.put_u32(self.life);
        word.put_u32(number);
        word.put_bytes(0, more_bytes);
        word.freeze()
    }

    fn observe(&self, event: NetEvent) -> anyhow::Result<()> {
        let note = match event {
            NetEvent::Gossip(gossip) => {
                let (speaker, word) = read(gossip.frame)?;
                self.net.judge(gossip.ticket, Judgement::Accept);
                Note::Heard { speaker, word }
            }
            NetEvent::Frame { from, frame } => {
                let (sender, word) = read(frame)?;
                anyhow::ensure!(
                    from == id_of(sender),
                    "a frame of {sender} came from another"
                );
                Note::Received { sender, word }
            }
            NetEvent::Link { node, up } => {
                let peer = self.part.members.iter().map(|(place, _)| *place);
                let peer = peer.into_iter().find(|place| id_of(*place) == node);
                let peer = peer.context("a link to somebody who is no member")?;
                Note::Link { peer, up }
            }
            NetEvent::Call(_) | NetEvent::Listening { .. } | NetEvent::Discovered { .. } => {
                return Ok(());
            }
        };
        self.journal.note(self.part.place, note);
        Ok(())
    }
}

/// Reads what a speaker said.
fn read(mut frame: Bytes) -> anyhow::Result<(Place, Word)> {
    let short = "a word is cut short";
    let place = Place(frame.try_get_u8().context(short)?);
    let life = frame.try_get_u32().context(short)?;
    let number = frame.try_get_u32().context(short)?;
    Ok((place, Word { life, number }))
}

/// The secret of a node: the same in each of its lives.
fn seed_of(place: Place) -> [u8; 32] {
    [place.0; 32]
}

fn id_of(place: Place) -> NodeId {
    SecretKey::from_seed(&seed_of(place)).public().into()
}
