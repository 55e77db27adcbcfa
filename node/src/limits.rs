//! Capacities of one node's own queues, each with its reason and what happens when it is met.
//!
//! Bounds that two nodes must agree on are in `hms_protocol::limits`.

use std::time::Duration;

/// Inputs waiting for the mind. When full, peers' and agents' messages wait at their source, which slows only that
/// source; calls of clients are answered `Busy` at once.
pub const MAILBOX_CAPACITY: usize = 4_096;

/// Inputs taken in one turn of the loop before the mind settles. More would make batches larger but answers later.
pub const BURST_MAX: usize = 1_024;

/// Messages waiting to be sealed for one peer. When full, the newest is dropped and counted: whoever needs an answer
/// repeats.
pub const OUTBOUND_CAPACITY: usize = 4_096;

/// Frames of one peer waiting to be opened. When full, the newest is dropped and counted: Raft and whoever else needs an
/// answer repeats.
pub const INBOUND_CAPACITY: usize = 4_096;

/// Frames of one peer within [`FAULTS_WITHIN`] that are refused for what only that peer can be blamed for. With one more,
/// nothing of it is opened for [`DEAF_FOR`]: its frames are thrown away and counted. As many as gossip forgives.
pub const FAULTS_MAX: u32 = 8;

/// How long such faults are remembered. A peer that sends one now and then is listened to for ever.
pub const FAULTS_WITHIN: Duration = Duration::from_mins(1);

/// How long nothing is opened of a peer that sent too much of it. A peer that never stops costs nine signatures in that
/// time; one that was mended is heard again after it.
pub const DEAF_FOR: Duration = Duration::from_mins(1);

/// Gossip messages waiting to be opened. When full, the newest is ignored (neither forwarded nor punished).
pub const GOSSIP_CAPACITY: usize = 1_024;

/// Notices of the ledger kept for watchers. A watcher that falls further behind reads the history again.
pub const NOTICES_CAPACITY: usize = 8_192;

/// Orders waiting for the agents of this node. When full, an order is dropped and counted: the leader repeats it.
pub const ORDERS_CAPACITY: usize = 8_192;

/// Writes waiting for the disk. When full, the drive loop waits: a node that cannot write must not
/// promise more. The disk's reports never wait for the loop, so this cannot lock up.
pub const STORE_QUEUE_CAPACITY: usize = 1_024;

/// Writes merged into one batch with one fsync. What is queued beyond it goes with the next batch.
pub const STORE_GROUP_MAX: usize = 256;

/// Checkpoints and compactions waiting for the store's second thread. The mind has one checkpoint
/// under way and one compaction waits at most, so it is never full; if it were, the loop would wait.
pub const STORE_UPKEEP_CAPACITY: usize = 4;

/// Bytes that must be free on the ledger's disk before a write: about what RocksDB writes by itself, beside what it is told
/// to. With less the store stops in order, and does not open: RocksDB does not always survive a disk that is full.
pub const STORE_FREE_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// Bytes that must be free in addition when the store opens: what RocksDB sets aside for a new write-ahead log and a new
/// list of its files.
pub const STORE_ROOM_BYTES: u64 = 40 * 1024 * 1024;

/// How often a node measures itself.
pub const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// How long a stopping node waits for each of its rooms. After that the room is cut off, which the ledger survives.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How long a joining node waits before it asks the next address.
pub const JOIN_RETRY: Duration = Duration::from_millis(500);

/// Addresses that a joining node asks at most, those found by mDNS included. Further ones are left out.
pub const JOIN_ADDRESSES_MAX: usize = 64;

/// How long a joining node tries before it gives up.
pub const JOIN_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of frames waiting for one peer. When met, a further frame is refused and counted: whoever needs an answer
/// repeats. Two of the largest frames fit.
pub const WIRE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Frames waiting for one peer. When met, a further frame is refused and counted.
pub const WIRE_FRAMES_MAX: usize = 4_096;

/// Bytes of frames of one peer that arrived and are still held by this node. When met, that peer's stream is not read;
/// a single larger frame waits until it is alone.
pub const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Events waiting between the network and the node. When full, streams are not read, gossip is ignored (neither
/// forwarded nor punished), and news of links is kept until there is room.
pub const NET_EVENTS_CAPACITY: usize = 1_024;

/// Orders waiting for the network's task. When full, a publication is refused as busy and a judgement is lost, which its
/// ticket survives by expiring.
pub const NET_ORDERS_CAPACITY: usize = 4_096;

/// Gossip messages waiting for their judgement. When met, the oldest is ignored.
pub const TICKETS_MAX: usize = 4_096;

/// Gossip messages waiting for somebody to tell. When met, the oldest is dropped and counted.
pub const OUTBOX_MAX: usize = 1_024;

/// Streams of one protocol that arrived and were not looked at yet. When full, a further one is not taken, and its opener
/// tries again.
pub const ARRIVALS_CAPACITY: usize = 1_024;

/// Streams wished for on one connection and not asked for yet. When full, whoever wishes waits.
pub const WISHES_CAPACITY: usize = 64;

/// Streams being opened on one connection. When met, further wishes wait. Below the number that libp2p negotiates at
/// once for a peer.
pub const STREAMS_OPENING_MAX: usize = 64;

/// Calls of one member that are answered at once. When met, a further one is not taken, and its caller tries again until
/// its own deadline.
pub const CALLS_PER_MEMBER_MAX: usize = 1_024;

/// Calls of all strangers that are answered at once. When met, a further one is not taken.
pub const CALLS_OF_STRANGERS_MAX: usize = 32;

/// Replies of one call waiting for its caller. When full, whoever replies waits.
pub const REPLIES_CAPACITY: usize = 16;

/// Connections of nodes that are not members. When met, a further one is closed.
pub const STRANGERS_MAX: usize = 64;

/// Notices that a watcher copies in one go, so that it holds up nobody for long.
pub const NOTICES_READ_MAX: usize = 256;

/// Calls that wait for an answer of the mind. A further one is answered `Busy` at once.
pub const CALLS_IN_FLIGHT_MAX: usize = 16_384;

/// Calls and watches of one connection under way at a time. The client holds further ones back: HTTP/2 tells it to.
pub const CALLS_PER_CONNECTION_MAX: u32 = 2_048;

/// Calls that one connection may begin in a second. A further one is refused at once, with the time after which one is taken
/// again. Above what a node of two processors answers in a second, so that only who floods ever meets it.
pub const CALLS_PER_SECOND_MAX: u32 = 16_384;

/// How long a client has to have no call under way for its next one to count as that of somebody who pauses, in
/// milliseconds. Longer than a program takes to ask again at once, shorter than people and most programs wait.
pub const PAUSE_MS: u64 = 25;

/// The part of the time that its last calls took for which a client has to have none under way, if that is longer than
/// [`PAUSE_MS`]. Small, so that nobody counts as pressing for having been kept waiting.
pub const PAUSE_PART: u64 = 8;

/// Pauses that a client has to make before it counts as one that does. A program that asks without pause makes one now and
/// then, when the machine is busy.
pub const STANDING_MIN: u32 = 3;

/// Pauses that are remembered of a client. With more it keeps its standing no longer.
pub const STANDING_MAX: u32 = 8;

/// Pauses that are forgotten of a client whenever it asks without one: who does so half of the time does not pause.
pub const STANDING_LOST: u32 = 2;

/// Pauses that a client may save up: so many calls it may make at once after a while, as somebody does who opens a page.
pub const PAUSES_MAX: u64 = 8;

/// When a client that is refused because too many of its calls wait may come again. Some of them are served by then.
pub const TURN_RETRY_AFTER: Duration = Duration::from_millis(250);

/// Calls of clients that pause, on their way to the leader at a time. More wait here for their turn. With those that press
/// they are fewer than [`CALLS_PER_MEMBER_MAX`], so that a client that asks for much does not take the way from the others.
pub const CALLS_LEAVING_PAUSING_MAX: usize = 256;

/// Calls of clients that press, on their way to the leader at a time. More wait here for their turn.
pub const CALLS_LEAVING_PRESSING_MAX: usize = 512;

const _: () =
    assert!(CALLS_LEAVING_PAUSING_MAX + CALLS_LEAVING_PRESSING_MAX < CALLS_PER_MEMBER_MAX);

/// Connections of clients. A further one is closed at once, which the client sees as unreachable.
pub const CONNECTIONS_MAX: usize = 1_024;

/// Watches served at a time, for clients and for other nodes. A further one is answered `Busy`.
pub const WATCHES_MAX: usize = 8_192;

/// Replies waiting for a slow watcher. When full, its watch waits; the ledger does not.
pub const WATCH_CAPACITY: usize = 64;

/// How long one leader may serve one watch. Then the watch goes on at the leader of that time: the network wants an end
/// for everything.
pub const WATCH_WITHIN: Duration = Duration::from_hours(24);

/// How long a call may take if its caller does not say.
pub const CALL_WITHIN: Duration = Duration::from_secs(10);

/// The most that a caller may ask for, watches excepted. A longer wish is cut to it.
pub const CALL_WITHIN_MAX: Duration = Duration::from_mins(2);

/// Least time between two tries of one call, so that a mesh without a leader is not flooded by those who wait for one.
pub const RETRY_AFTER: Duration = Duration::from_millis(15);

/// How much longer a caller waits at most, drawn at random, so that waiting callers do not march in step.
pub const RETRY_SPREAD: Duration = Duration::from_millis(45);

/// How long a task may take if its client does not say.
pub const TASK_WITHIN_MS: u64 = 5 * 60 * 1000;

/// How long one attempt at a task may take if its client does not say; less if the task as a whole has less.
pub const ATTEMPT_MS: u64 = 60_000;

/// Attempts at a task if its client does not say.
pub const ATTEMPTS: u32 = 3;

/// Entries on a page if the client does not say.
pub const PAGE: u32 = 100;

/// Bytes of one page of a list, after which it is cut. Half of what a reply between nodes may have, so that the rest of
/// the reply fits beside it.
pub const PAGE_BYTES: usize = hms_protocol::limits::CALL_REPLY_BYTES_MAX / 2;

/// Services of one call that are declared at a time. The rest of the file waits for them.
pub const DECLARATIONS_AT_ONCE: usize = 64;

/// Bytes of entries, from a task's first step to its newest, that are read for its receipt. A task that waited while more
/// happened has no receipt.
pub const RECEIPT_ENTRIES_BYTES_READ_MAX: usize = 64 * 1024 * 1024;

/// Bytes of entries in one piece of a transcript, after which it is cut; one entry more may be in it. Some thousand small
/// entries share one certificate, which takes a hundred times as long to check as one of them.
pub const TRANSCRIPT_PIECE_BYTES: usize = 512 * 1024;

/// Bytes of one piece of a snapshot that a client saves.
pub const SNAPSHOT_PIECE_BYTES: usize = 256 * 1024;

/// Certificates in that stretch that are read. Beyond it there is no receipt.
pub const RECEIPT_CERTIFICATES_READ_MAX: usize = 64 * 1024;

/// Attempts, and as many checks, waiting for one agent. When full, the agent answers `Unavailable` at once and another
/// is asked.
pub const AGENT_MAILBOX_CAPACITY: usize = 64;

/// Bytes of one agent's memory. A write of more is refused with `HMS-AGENT-MEMORY-FULL`, what was kept stays, and the run
/// decides what becomes of it.
pub const AGENT_MEMORY_BYTES_MAX: usize = 64 * 1024;

/// How long the leader waits for an agent's node to say how large the agent's memory is. After that it is not known.
pub const MEMORY_WEIGHED_WITHIN: Duration = Duration::from_secs(1);

/// Checks of others' results that one agent makes at once, beside its own attempts. More wait in its mailbox.
pub const AGENT_CHECKS_AT_ONCE: usize = 8;

/// Ended runs that the host has not yet forgotten. When full, an agent waits before it takes the next run.
pub const RUNS_OVER_CAPACITY: usize = 1_024;

/// Probes, and refusals on their way to the mind, under way at once. When met, a probe is left out and the next interval
/// tries again; an order is dropped and its lease runs out.
pub const ERRANDS_MAX: usize = 1_024;

/// Proofs searched or checked at once. More wait for a desk; their time limit runs.
pub const PROOFS_AT_ONCE: usize = 4;

/// Bytes of a page or a greeting that a probe reads. A target that says more is judged by its beginning.
pub const PROBE_BODY_BYTES_MAX: usize = 1024 * 1024;

/// Redirects that a probe follows. A longer chain is a circle, or as good as one.
pub const PROBE_REDIRECTS_MAX: usize = 5;

/// Bytes of each output kept of a program in a sandbox. It may print more, which is thrown away.
pub const SANDBOX_OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Processor time of a program in a sandbox, in seconds. The system kills it after that.
pub const SANDBOX_CPU_SECONDS_MAX: u64 = 60 * 60;

/// Address space of each process in a sandbox. The system refuses it more.
pub const SANDBOX_MEMORY_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes of each file that a program in a sandbox writes. The system kills it for more.
pub const SANDBOX_FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Files that a process in a sandbox has open at once. The system refuses it more.
pub const SANDBOX_FILES_MAX: u64 = 256;

/// How long the output of a program that has ended may take to arrive. What comes later is lost.
pub const SANDBOX_DRAIN_WITHIN: Duration = Duration::from_secs(1);

/// How long the leader may leave a call unanswered before the voters are told. Many times what a command takes: below it a
/// busy mesh would petition for everything; much more, and a client gives up before its leader does.
pub const PETITION_AFTER: Duration = Duration::from_secs(1);

/// The same at most for a call of a client that presses, which may be waiting for its turn; less where it gives up earlier.
/// With what the voters wait for and an election takes it is still less than ten seconds.
pub const PETITION_PRESSING_AFTER: Duration = Duration::from_secs(3);

/// How long a call waits for a leader before this node says what it knows itself: longer than most elections. While there
/// is no quorum, reads are answered with what a voter has, and marked; writes are told what is missing.
pub const GLANCE_AFTER: Duration = Duration::from_secs(1);
