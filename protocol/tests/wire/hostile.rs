//! Bytes that nobody sane has sent: refused, never a panic, and never two readings of one message.

use std::fmt::Debug;

use hms_protocol::agent::Agent;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::codec::{self, Wire, envelope};
use hms_protocol::frame::Frame;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::member::RosterView;
use hms_protocol::peer::Announcement;
use hms_protocol::proof::Claim;
use hms_protocol::replay::ReplayRecord;
use hms_protocol::service::Service;
use hms_protocol::task::{Report, Task};
use hms_protocol::verdict::Verdict;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::values::{frames, messages, records};

/// Whatever decodes, decodes to one value only, and that value survives the way back.
fn check_one<T: Wire + Debug + PartialEq>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = codec::decode::<T>(bytes) {
        let again = codec::decode::<T>(&codec::encode(&value));
        prop_assert_eq!(again, Ok(value));
    }
    Ok(())
}

fn check_all(bytes: &[u8]) -> Result<(), TestCaseError> {
    check_one::<Task>(bytes)?;
    check_one::<Report>(bytes)?;
    check_one::<Verdict>(bytes)?;
    check_one::<Service>(bytes)?;
    check_one::<Agent>(bytes)?;
    check_one::<RosterView>(bytes)?;
    check_one::<Claim>(bytes)?;
    check_one::<Bundle>(bytes)?;
    check_one::<Frame>(bytes)?;
    check_one::<Heartbeat>(bytes)?;
    check_one::<Announcement>(bytes)?;
    check_one::<ReplayRecord>(bytes)?;
    if let Ok(sealed) = envelope::decode(bytes) {
        // Stricter than the rest: an envelope that is accepted has no other encoding.
        prop_assert_eq!(envelope::encode(&sealed), bytes);
    }
    Ok(())
}

/// One thing that may happen to bytes under way.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: prop::sample::Index, mask: u8 },
    Insert { at: prop::sample::Index, byte: u8 },
    Remove { at: prop::sample::Index },
    Cut { at: prop::sample::Index },
    Repeat { from: prop::sample::Index },
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), 1..=u8::MAX).prop_map(|(at, mask)| Damage::Flip { at, mask }),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert { at, byte }),
        at().prop_map(|at| Damage::Remove { at }),
        at().prop_map(|at| Damage::Cut { at }),
        at().prop_map(|from| Damage::Repeat { from }),
    ]
}

fn apply(damage: &Damage, bytes: &mut Vec<u8>) {
    let length = bytes.len();
    if length == 0 {
        return;
    }
    match damage {
        Damage::Flip { at, mask } => bytes[at.index(length)] ^= mask,
        Damage::Insert { at, byte } => bytes.insert(at.index(length), *byte),
        Damage::Remove { at } => {
            bytes.remove(at.index(length));
        }
        Damage::Cut { at } => bytes.truncate(at.index(length)),
        Damage::Repeat { from } => bytes.extend_from_within(from.index(length)..),
    }
}

fn apply_all(damages: &[Damage], bytes: &mut Vec<u8>) {
    for damage in damages {
        apply(damage, bytes);
    }
}

proptest! {
    #[test]
    fn noise_is_refused_or_read_one_way(bytes in vec(any::<u8>(), 0..256)) {
        check_all(&bytes)?;
    }

    #[test]
    fn a_damaged_task_is_refused_or_read_one_way(
        task in records::task(), damages in vec(damage(), 1..4),
    ) {
        let mut bytes = codec::encode(&task);
        apply_all(&damages, &mut bytes);
        check_all(&bytes)?;
    }

    #[test]
    fn a_damaged_bundle_is_refused_or_read_one_way(
        bundle in messages::bundle(), damages in vec(damage(), 1..4),
    ) {
        let mut bytes = codec::encode(&bundle);
        apply_all(&damages, &mut bytes);
        check_all(&bytes)?;
    }

    #[test]
    fn a_damaged_frame_is_refused_or_read_one_way(
        frame in frames::frame(), damages in vec(damage(), 1..4),
    ) {
        let mut bytes = codec::encode(&frame);
        apply_all(&damages, &mut bytes);
        check_all(&bytes)?;
    }

    #[test]
    fn a_damaged_envelope_is_refused_or_has_one_encoding(
        sealed in messages::sealed(), damages in vec(damage(), 1..4),
    ) {
        let mut bytes = envelope::encode(&sealed);
        apply_all(&damages, &mut bytes);
        check_all(&bytes)?;
    }
}
