//! What travels: every codec reads back what it wrote, hostile bytes are refused and nothing worse, and every way to
//! tamper with an envelope has its own refusal.

mod certificates;
mod crashes;
mod envelopes;
mod golden;
mod hostile;
mod round_trip;
mod strictness;
mod values;
