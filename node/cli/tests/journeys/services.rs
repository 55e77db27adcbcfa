//! Services are declared in a file, watched, changed and forgotten.

use std::net::TcpListener;
use std::path::Path;

use crate::mesh::Mesh;

fn declare(file: &Path, address: &str, interval: &str) {
    let text = format!(
        "[[service]]\nname = \"shop\"\nprobe = \"probe.tcp\"\ninterval = \"{interval}\"\n\
         timeout = \"200ms\"\nprobers = 1\n[service.target]\naddress = \"{address}\"\n"
    );
    std::fs::write(file, text).expect("the file can be written");
}

/// What the file says is watched, a dry run changes nothing, and what was changed is told.
#[test]
fn a_service_is_declared_watched_changed_and_forgotten() {
    let mesh = Mesh::up(1, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("services.toml");
    let path = file.to_str().expect("a path in UTF-8");
    declare(&file, &address, "200ms");

    let dry = mesh
        .hms(&["service", "apply", "-f", path, "--dry-run"])
        .done();
    assert!(
        dry.contains("added") && dry.contains("nothing was changed"),
        "{dry}"
    );
    assert_eq!(mesh.json(&["service", "list"]), serde_json::json!([]));
    let applied = mesh.json(&["service", "apply", "-f", path]);
    assert_eq!(applied["services"][0]["what"], "added");
    let again = mesh.json(&["service", "apply", "-f", path]);
    assert_eq!(again["services"][0]["what"], "unchanged");
    mesh.until("the service is healthy", |mesh| {
        mesh.json(&["service", "list"])[0]["health"] == "healthy"
    });
    let shown = mesh.hms(&["service", "show", "shop"]).done();
    assert!(shown.contains("accepts connections"), "{shown}");

    drop(listener);
    mesh.until("the service is down", |mesh| {
        mesh.hms(&["service", "list"]).done().contains("down")
    });
    let history = mesh.json(&["service", "show", "shop"]);
    assert_eq!(history["health"], "down");
    declare(&file, &address, "300ms");
    let changed = mesh.hms(&["service", "apply", "-f", path]).done();
    assert!(
        changed.contains("changed") && changed.contains("interval"),
        "{changed}"
    );

    assert_eq!(
        mesh.json(&["service", "withdraw", "shop"])["withdrawn"],
        true
    );
    mesh.hms(&["service", "show", "shop"])
        .expect_fault(1, "HMS-");
}

#[test]
fn a_file_that_declares_no_service_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("services.toml");
    let path = file.to_str().expect("a path in UTF-8");
    let apply = || crate::mesh::hms(&["-a", "127.0.0.1:1", "service", "apply", "-f", path]);
    apply().expect_fault(1, "HMS-FILE-UNREADABLE");
    std::fs::write(&file, "[[service]]\nname = 7\n").expect("the file can be written");
    apply().expect_fault(1, "HMS-FILE-SERVICES");
    std::fs::write(&file, "").expect("the file can be written");
    apply().expect_fault(1, "HMS-FILE-SERVICES");
}
