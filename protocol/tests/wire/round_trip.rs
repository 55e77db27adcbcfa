//! Every codec reads back what it wrote, and nothing but the value decides what it writes.

use std::fmt::Debug;

use hms_protocol::codec::{self, Wire, envelope};
use proptest::prelude::*;

use crate::values::{self, frames, messages, records};

fn check<T: Wire + Debug + PartialEq>(value: &T) -> Result<(), TestCaseError> {
    let bytes = codec::encode(value);
    let back: T = codec::decode(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&back, value);
    prop_assert_eq!(codec::encode(&back), bytes);
    Ok(())
}

macro_rules! reads_back {
    ($($test:ident: $strategy:expr;)+) => {
        proptest! {
            $(
                #[test]
                fn $test(value in $strategy) {
                    check(&value)?;
                }
            )+
        }
    };
}

reads_back! {
    a_task_specification_reads_back: records::task_spec();
    a_task_state_reads_back: records::task_state();
    an_attempt_reads_back: records::attempt();
    a_report_reads_back: records::report();
    a_transition_reads_back: records::transition();
    a_task_reads_back: records::task();
    a_verdict_reads_back: records::verdict();
    a_round_reads_back: records::round();
    a_service_declaration_reads_back: records::service_spec();
    an_observation_reads_back: records::observation();
    a_change_of_health_reads_back: records::health_change();
    a_service_reads_back: records::service();
    an_agent_certificate_reads_back: values::certificate();
    an_agent_reads_back: values::agent();
    a_member_reads_back: values::member();
    a_roster_reads_back: values::roster();
    a_skill_reads_back: values::skill_spec();
    a_claim_reads_back: values::claim();
    a_tree_path_reads_back: values::tree_path();
    a_header_reads_back: messages::header();
    a_run_reads_back: messages::run();
    a_dispatch_reads_back: messages::dispatch();
    a_peer_message_reads_back: messages::peer_message();
    a_bundle_reads_back: messages::bundle();
    a_heartbeat_reads_back: messages::heartbeat();
    an_announcement_reads_back: messages::announcement();
    a_frame_reads_back: frames::frame();
    a_replay_record_reads_back: messages::replay_record();
}

proptest! {
    #[test]
    fn an_envelope_reads_back(sealed in messages::sealed()) {
        let bytes = envelope::encode(&sealed);
        let back = envelope::decode(&bytes);
        prop_assert_eq!(back.as_ref(), Ok(&sealed));
        prop_assert_eq!(envelope::encode(&sealed), bytes);
    }
}
