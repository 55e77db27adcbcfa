//! Bytes that nobody sane has sent or written, thrown at every decoder of what a peer, a disk or a person may bring:
//! envelopes and what is in them, commands, checkpoints, raft messages, settings (invariant 11 of ARCHITECTURE.md).
//!
//! Every target begins with real encodings, which a simulated mesh has made in its daily life, and spoils them. Nothing
//! may panic, what is accepted must be read the same by everybody, and no small input may take a large memory.
//!
//! In an ordinary `cargo test` each target runs for about a second. Longer: `BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test
//! -p hms-tests --test fuzz`, or, guided by coverage, `cargo bolero test -p hms-tests --test fuzz envelope::TARGET` (with
//! `cargo install cargo-bolero`, on a nightly compiler). `BOLERO_RANDOM_SEED=n` repeats what failed.

mod checkpoint;
mod command;
mod envelope;
mod mind;
mod settings;
mod spoil;
mod swell;
