//! Every bound of the Raft room, with its reason and what happens when it is met.

/// Entries that a leader may have proposed and not yet committed. Further proposals are refused
/// with `Busy`; what waits meanwhile becomes one larger batch, so that one write and one round trip
/// serve many commands.
pub const PROPOSALS_IN_FLIGHT_MAX: u64 = 8;

/// Bytes that a leader may have proposed and not yet committed. Further proposals are refused with
/// `Busy`, so that a lost quorum does not fill the leader's memory.
pub const UNCOMMITTED_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Bytes of one entry: one batch, or one command that is larger than a batch should be. A larger
/// proposal is refused; a peer's larger entry too.
pub const ENTRY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Append messages on their way to one follower. Beyond it the leader waits for acknowledgements.
pub const APPENDS_IN_FLIGHT_MAX: usize = 64;

/// Bytes of entries that one append message is filled up to; at least one entry always goes.
pub const APPEND_BYTES_MAX: u64 = 512 * 1024;

/// Entries in one message from a peer. A message with more is refused: no honest leader fills one
/// like that.
pub const ENTRIES_PER_MESSAGE_MAX: usize = 16 * 1024;

/// Bytes of the context of a message from a peer. A larger one is refused: ours are at most
/// sixteen.
pub const CONTEXT_BYTES_MAX: usize = 64;

/// Voters and learners together, in a snapshot from a peer. A larger configuration is refused.
pub const CONFIGURATION_MAX: usize = 64;

/// Bytes of committed entries handed out by one `settle`, checked between steps. The rest follows
/// with the next call.
pub const COMMITTED_BYTES_PER_SETTLE: u64 = 8 * 1024 * 1024;

/// Entries kept behind a checkpoint, so that a follower that is a little behind gets entries and
/// not a snapshot.
pub const LOG_MARGIN_ENTRIES: u64 = 1_024;

/// Bytes of entries kept behind a checkpoint. The margin ends where either bound is met.
pub const LOG_MARGIN_BYTES: u64 = 16 * 1024 * 1024;

/// Linearizable reads that wait for their round. Further reads are refused with `Busy`.
pub const READS_WAITING_MAX: usize = 16 * 1024;

/// Rounds of reads under way. Further reads wait and share a later round.
pub const READ_ROUNDS_MAX: usize = 16;

/// Election timeouts (the longest) after which a voter gives up a leader, or a leader its office, when entries wait and no
/// further one becomes final. A leader that has shown two logs is heard by all and obeyed by too few: nothing else would end
/// its term. Shorter, and a stalled disk costs an election; longer, and a liar stops the mesh for that long.
pub const STANDSTILL_TIMEOUTS: u64 = 5;

/// Election timeouts (the longest) for which whoever showed a mandate that could not be judged, and brought this node nothing,
/// cannot show one again. Longer than it was followed, or it would be followed most of the time; it ends, because an honest
/// leader may have been cut off.
pub const DISTRUST_TIMEOUTS: u64 = 3 * STANDSTILL_TIMEOUTS;

/// Election timeouts (the longest) for which a voter's word for a higher term counts together with others'. A voter in a
/// higher term says so with every answer to a heartbeat.
pub const CLAIM_FRESH_TIMEOUTS: u64 = 2;

/// Election timeouts (the longest) for which a voter alone must name higher terms, again and again, before a node that has a
/// leader takes its word. It doubles each time that its word was taken. Shorter, and a liar costs more elections; longer,
/// and an honest voter that is alone in its term stays out for longer.
pub const CLAIM_ALONE_TIMEOUTS: u64 = 10;

/// The same for a node that has no leader: it has none to lose.
pub const CLAIM_ALONE_TIMEOUTS_UNLED: u64 = 2;

/// How often the time doubles for which a voter alone must name higher terms: to about ten minutes.
pub const CLAIM_DOUBLINGS_MAX: u32 = 6;

/// A learner is caught up when it has all but so many of the leader's entries.
pub const CAUGHT_UP_ENTRIES: u64 = 64;

/// Chunks of a snapshot on their way to one peer. The next one waits for an acknowledgement, so that whatever else the
/// peer is sent is never behind more than this.
pub const CHUNKS_IN_FLIGHT_MAX: u64 = 4;

/// Ticks without news of a snapshot after which the chunk that is due is sent again, alone.
pub const CHUNK_REPEAT_TICKS: u64 = 5;

/// Ticks without progress after which the transfer of a snapshot is given up, and Raft asks for another one. Each one to the
/// same peer waits longer by as much, up to [`SNAPSHOT_PATIENCE_MAX`] times.
pub const SNAPSHOT_PATIENCE_TICKS: u64 = 50;

/// How much the patience with a snapshot grows.
pub const SNAPSHOT_PATIENCE_MAX: u64 = 8;

/// Ticks without progress after which what has come of a snapshot is forgotten: its leader is gone. Longer than any pause
/// that an honest leader makes.
pub const INCOMING_PATIENCE_TICKS: u64 = 2 * SNAPSHOT_PATIENCE_TICKS * SNAPSHOT_PATIENCE_MAX;

/// Messages that wait for one write to become durable. Further ones are dropped while the disk
/// stalls: Raft repeats what matters.
pub const MESSAGES_HELD_MAX: usize = 4_096;

/// Peers whose last message is remembered. The one silent for longest is forgotten first.
pub const PEERS_MAX: usize = 1_024;

/// Changes of voters in the life of a mesh: each leaves a certificate that whoever checks the ledger needs for ever. At
/// the bound the leader proposes no further change; a checkpoint with more is refused.
pub const HANDOVERS_MAX: usize = 4_096;

/// Indexes of which voters' words are kept, for each phase. With more, the lowest is forgotten: a quorum's word on a higher
/// one covers it.
pub const INDEXES_TALLIED_MAX: usize = 64;

/// The highest term and index that are believed. Beyond it arithmetic could overflow; at an entry
/// per nanosecond it is reached after 146 years.
pub const COUNTER_MAX: u64 = 1 << 62;

/// How far a peer's term may be ahead of ours. Elections cannot have failed so often: the peer is
/// lying.
pub const TERM_AHEAD_MAX: u64 = 1 << 32;
