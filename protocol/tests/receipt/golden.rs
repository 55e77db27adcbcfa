//! A ledger that another implementation has chained, certified and shown is believed, and nothing is read differently. A
//! change of what a digest or a signature covers makes this test fail.

use hms_protocol::codec;
use hms_protocol::id::{Index, Term};
use hms_protocol::receipt::{Deed, Receipt};
use hms_protocol::verdict::Verification;

use crate::ledger::{STAMP, node};
use crate::work::{TASK, report, spec};

#[test]
fn a_receipt_made_by_python_is_believed() {
    let bytes = include_bytes!("../../../proto/golden/receipt.bin");
    let origin = codec::origin::read(include_bytes!("../../../proto/golden/genesis.bin")).unwrap();
    let receipt: Receipt = codec::decode_exact(bytes).unwrap();
    assert_eq!(codec::encode(&receipt), bytes);
    let proven = receipt.verify(&origin).unwrap();

    assert_eq!((proven.task, proven.via), (TASK, node(1)));
    assert_eq!(proven.spec, spec(Verification::Reported));
    assert_eq!((proven.head.index, proven.head.term), (Index(8), Term(3)));
    assert_eq!(proven.head.signers, [node(1), node(3)].into());
    let places = proven.commands.iter().map(|it| it.position.to_string());
    assert_eq!(places.collect::<Vec<_>>(), ["6.1", "7.0", "7.2", "8.0"]);
    assert!(proven.commands.iter().all(|it| it.stamped_at == STAMP));
    let Deed::Reported {
        report: said,
        node: host,
        ..
    } = &proven.commands[3].deed
    else {
        panic!("the last is the report");
    };
    assert_eq!((&**said, *host), (&report(TASK, 2), node(1)));
}
