//! Every bound that two nodes must agree on, with its reason and what happens when it is met.
//!
//! Capacities of one node's own queues are in `node/src/limits.rs`: they may differ between nodes, these may not.

/// Bytes in a node, service or skill name. Longer names are refused when parsed.
pub const NAME_BYTES_MAX: usize = 64;

/// Characters of a foreign text that an error message repeats. The rest is cut, so that an error cannot be a flood.
pub const QUOTED_CHARS_MAX: usize = 80;

/// Bytes of the command in a petition: what a client may submit, and round what goes with it. A larger one is refused: no
/// client's request becomes one.
pub const PETITION_BYTES_MAX: usize = CALL_BYTES_MAX + 64 * 1024;

/// Bytes of a task's input. Larger inputs are refused with `TooLarge`: the log is not a file store.
pub const TASK_INPUT_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a task's output. A run that produces more is cut off and reported as failed, so that one agent cannot fill
/// every voter's memory.
pub const TASK_OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// Bytes of each text (`stdout`, `stderr`, `trace`) kept beside a result. The tail beyond it is cut and marked.
pub const RESULT_TEXT_BYTES_MAX: usize = 16 * 1024;

/// Labels on a task, needs of a task, offers of an agent. More are refused.
pub const LABELS_MAX: usize = 32;

/// Bytes of one label key, label value, need or offer. Longer ones are refused.
pub const LABEL_BYTES_MAX: usize = 256;

/// Bytes of an idempotency key. Longer keys are refused.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// Attempts that a task may ask for. More are refused: a task that fails sixteen times needs a person.
pub const ATTEMPTS_MAX: u32 = 16;

/// Longest time to a task's deadline: seven days. Later deadlines are refused, so that the ledger stays bounded.
pub const DEADLINE_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;

/// Longest single attempt: one hour. Longer ones are refused.
pub const ATTEMPT_MS_MAX: u64 = 60 * 60 * 1000;

/// Verifiers drawn for one result. Three tolerate the loss, or the lie, of one.
pub const VERIFIERS_MAX: usize = 3;

/// Rounds of verifiers drawn for one result; after that the task is quarantined as undecidable.
pub const VERIFY_ROUNDS_MAX: u32 = 3;

/// How long one round of verifiers has before the leader asks for another draw.
pub const VERIFY_ROUND_MS: u64 = 10_000;

/// Verdicts that one result can have. More are refused.
pub const VERDICTS_MAX: usize = VERIFIERS_MAX * VERIFY_ROUNDS_MAX as usize;

/// Tasks not yet finished. A further submit is refused with `Busy`.
pub const TASKS_OPEN_MAX: usize = 100_000;

/// Bytes of inputs of tasks not yet finished. A further submit is refused with `Busy`: every voter holds them in memory.
pub const TASKS_OPEN_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Finished tasks kept in the replicated state. The one that finished first is forgotten first.
pub const TASKS_FINISHED_MAX: usize = 50_000;

/// Bytes of inputs and outputs of finished tasks kept in the replicated state, oldest forgotten first.
pub const TASKS_FINISHED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Transitions kept per task. The middle of a longer history is dropped, its ends stay.
pub const TASK_HISTORY_MAX: usize = 64;

/// Members of one mesh. A further join is refused.
pub const MEMBERS_MAX: usize = 1_024;

/// Voters of one mesh. A larger set is refused, and so is a certificate with more signatures: each costs a verification.
pub const VOTERS_MAX: usize = 31;

/// Attestations, and certificates, in one message between two voters. A message with more is refused: each may cost
/// verifications. What is left over goes with the next message.
pub const WORDS_PER_FRAME_MAX: usize = 8;

/// Signatures of voters' words that a node remembers to be good: as many as one message may bring. The oldest is forgotten, and
/// verified again if it comes again.
pub const WORDS_REMEMBERED_MAX: usize = WORDS_PER_FRAME_MAX * VOTERS_MAX;

/// Addresses kept per member. Further ones are cut.
pub const ADDRESSES_MAX: usize = 8;

/// Bytes of one address. Longer ones are refused.
pub const ADDRESS_BYTES_MAX: usize = 256;

/// Agents of one node. A further spawn is refused.
pub const AGENTS_PER_NODE_MAX: usize = 20_000;

/// Agents in one enrolment message. More are split by the sender.
pub const AGENTS_PER_ENROLMENT_MAX: usize = 512;

/// Skills of one agent. More are refused.
pub const SKILLS_PER_AGENT_MAX: usize = 32;

/// Tasks one agent may run at once. More slots are refused.
pub const SLOTS_MAX: u32 = 1_024;

/// Declared services. A further one is refused.
pub const SERVICES_MAX: usize = 10_000;

/// Nodes that may probe one service. More are refused.
pub const PROBERS_MAX: usize = 16;

/// Health changes kept per service, oldest forgotten first.
pub const SERVICE_HISTORY_MAX: usize = 256;

/// Shortest probe interval: a probe is not a load test. Shorter ones are refused.
pub const PROBE_INTERVAL_MS_MIN: u64 = 100;

/// Longest probe interval: one day. Longer ones are refused, because an opinion that old says nothing.
pub const PROBE_INTERVAL_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Retries of a probe before a node changes its opinion. More are refused: the news would come too late.
pub const PROBE_RETRIES_MAX: u32 = 10;

/// Bytes of one value of a probe's target, for example a URL or a command line. Longer ones are refused.
pub const TARGET_BYTES_MAX: usize = 4 * 1024;

/// Bytes of one probe's detail text. Longer ones are cut.
pub const PROBE_DETAIL_BYTES_MAX: usize = 512;

/// Evidence objects kept in the replicated state, oldest forgotten first.
pub const EVIDENCE_MAX: usize = 1_000;

/// Bytes of evidence kept in the replicated state, oldest forgotten first.
pub const EVIDENCE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Certificates in one piece of evidence: the accused agent's, and one for each verdict. More are refused.
pub const EXHIBIT_AGENTS_MAX: usize = 1 + VERDICTS_MAX;

/// Bytes of one piece of evidence as a file. A longer one is refused: the longest report, the longest verdicts, and the
/// certificates of who sealed them fit.
pub const EXHIBIT_BYTES_MAX: usize = 1024 * 1024;

/// Commands in one log entry. A longer queue becomes several entries.
pub const BATCH_COMMANDS_MAX: usize = 512;

/// Bytes of commands in one log entry; a single command always fits.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Hashes in a path through a tree of hashes: enough for every tree whose leaves a `u32` can count. A longer path is
/// refused.
pub const TREE_PATH_MAX: usize = 32;

/// Bytes of a receipt. A longer one is neither made nor read: sixteen attempts with the longest reports fit.
pub const RECEIPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Fields of all messages in a receipt. More are refused before they are decoded: an empty one takes two bytes in the file
/// and a hundred in memory.
pub const RECEIPT_FIELDS_MAX: usize = 128 * 1024;

/// Entries in a receipt. More are refused: each costs the verification of a certificate.
pub const RECEIPT_ENTRIES_MAX: usize = 256;

/// Changes of voters in a receipt. More are refused: each costs the verification of a certificate.
pub const RECEIPT_HANDOVERS_MAX: usize = 1_024;

/// Certificates of agents in a receipt: of every attempt, its agent and the verifiers of each round. More are refused.
pub const RECEIPT_AGENTS_MAX: usize = ATTEMPTS_MAX as usize * (1 + VERDICTS_MAX);

/// Entries between a shown entry and the certified one. More are refused, and whoever makes a receipt then waits for a
/// nearer certificate.
pub const RECEIPT_LINKS_MAX: usize = 4_096;

/// Bytes of one part of a transcript: an entry of the log with all that it may carry, or a change of voters. A longer one is
/// refused.
pub const TRANSCRIPT_PART_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of what shows one command, or one change of voters, to somebody who has no ledger. More are refused: the largest
/// report fits, and the longest way to a certificate.
pub const WARRANT_BYTES_MAX: usize = 1024 * 1024;

/// Fields of all messages in it. More are refused before they are decoded: an empty one takes two bytes to send and a
/// hundred to hold. The longest way to a certificate fits.
pub const WARRANT_FIELDS_MAX: usize = 4 * RECEIPT_LINKS_MAX;

/// Bytes of a genesis. A longer one is refused: a founder has few addresses, and they are short.
pub const GENESIS_BYTES_MAX: usize = 8 * 1024;

/// Bytes of one envelope between peers. A longer frame closes the stream. A snapshot travels in chunks; the largest single
/// messages, an entry of the log or a dispatch with its warrant, have some mebibytes.
pub const PEER_MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of the messages that a sender puts into one envelope between peers, unless a single one has more. The others go
/// with the next.
pub const BUNDLE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of one chunk of a snapshot. A longer one is refused. Small enough that a heartbeat behind some chunks is in time
/// on a slow link, large enough that a signature and a round trip cost little beside it.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a whole snapshot. A receiver refuses a larger one by its first chunk: it is what a leader can make it hold. A
/// mesh whose state is larger cannot bring up a voter; at a thousand bytes a task it holds a quarter of a million tasks.
pub const SNAPSHOT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes of a snapshot as a file: what voters pass on to each other, and a head that says how long it is. A larger one is
/// refused unread, by who saves it and by who restores it.
pub const SNAPSHOT_FILE_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX + 16;

/// Bytes of the code of a refusal, as one node tells it another. A longer one is refused: ours have fewer than forty.
pub const CODE_BYTES_MAX: usize = 64;

/// Messages in one envelope between peers. More are refused; a sender with more seals another envelope.
pub const BUNDLE_MESSAGES_MAX: usize = 64;

/// Entries of all lists in one envelope between peers. More are refused before they are decoded: an empty entry takes two
/// bytes to send and hundreds to hold.
pub const BUNDLE_ENTRIES_MAX: usize = 2 * AGENTS_PER_NODE_MAX;

/// Bytes of one gossip message. A longer one is rejected and its author blamed.
pub const GOSSIP_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one call to the gateway. A longer one is refused with `TooLarge`.
pub const CALL_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one reply to a call between nodes. A larger one breaks the call off: pages are cut smaller than this.
pub const CALL_REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Entries of one page of a list. A larger page is cut to it.
pub const PAGE_MAX: u32 = 1_000;

/// How far two honest clocks may differ. Messages stamped further in the future are refused.
pub const CLOCK_SKEW_MS_MAX: u64 = 5_000;

/// How long a sealed message stays valid unless its kind says otherwise.
pub const ENVELOPE_TTL_MS: u64 = 30_000;

/// Sequence numbers of one sender and kind that a replay window remembers behind the highest one seen. An older message is
/// refused as stale. One count covers all receivers and streams of a sender, so a large message may be overtaken by
/// thousands of small ones; 8,192 cost 1 KiB per sender and kind.
pub const REPLAY_WINDOW: u64 = 8_192;

/// Senders that a replay window remembers. With more, the one silent longest is forgotten, and whatever is stamped before
/// it was last heard is refused. Twice the members, so that a mesh at its bound with half of its keys replaced fits.
pub const REPLAY_SENDERS_MAX: usize = 2 * MEMBERS_MAX;

/// How far ahead of the newest stamp the replay window's record on disk reaches, in milliseconds. Longer means fewer
/// writes; after a crash, a sender's messages are refused until its clock passes the record.
pub const REPLAY_AHEAD_MS: u64 = 500;

/// Bytes of one text for people that travels between nodes: a verifier's reason, a skill's summary, a happening. Longer
/// ones are refused; whoever writes one cuts it with [`text::cut`](crate::text::cut).
pub const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a version such as `0.1.0`. Longer ones are refused.
pub const VERSION_BYTES_MAX: usize = 64;

/// Skills that one node announces. More are refused.
pub const SKILLS_PER_NODE_MAX: usize = 256;

/// Bytes of an envelope's header. A header has fewer than 200; a longer one is refused before it is read.
pub const ENVELOPE_HEADER_BYTES_MAX: usize = 512;

/// Bytes that an envelope adds to its body. A frame may be that much longer than the body that it carries.
pub const ENVELOPE_BYTES_EXTRA: usize = ENVELOPE_HEADER_BYTES_MAX + 128;

/// Bytes of an encoded report: an output, three texts, and what names them. A longer one is refused.
pub const REPORT_BYTES_MAX: usize = TASK_OUTPUT_BYTES_MAX + 3 * RESULT_TEXT_BYTES_MAX + 1024;

/// Bytes of an encoded verdict: a reason, and what names it. A longer one is refused.
pub const VERDICT_BYTES_MAX: usize = TEXT_BYTES_MAX + 1024;

/// Entries between two comparisons of the state digest.
pub const DIGEST_EVERY_ENTRIES: u64 = 256;
