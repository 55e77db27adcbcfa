//! Receipts: what they prove, every reason to refuse one, and that no byte of one can be changed.

mod believed;
mod golden;
mod ledger;
mod recovery;
mod refused;
mod succession;
mod tampering;
mod transcript;
mod warrants;
mod work;
