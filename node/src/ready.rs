//! The node says that it serves: to people on standard output, to programs in `ready.json`.
//!
//! The file is there exactly while the node serves. The join token of the lines is not in it: it lets one node in, whoever
//! reads it first.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hms_keystore::write_whole;
use hms_protocol::id::{MeshId, NodeId, NodeName};
use hms_protocol::member::Role;
use hms_protocol::token::Invitation;
use serde::Serialize;

/// Name of the file inside the data directory.
const READY_FILE: &str = "ready.json";

/// What a node says of itself.
#[derive(Debug)]
pub struct Ready {
    /// Its id.
    pub node: NodeId,
    /// Its name.
    pub name: NodeName,
    /// What it does for the mesh.
    pub role: Role,
    /// Its mesh.
    pub mesh: MeshId,
    /// Where it listens, with its peer id.
    pub addresses: Vec<String>,
    /// Its gateway.
    pub gateway: SocketAddr,
    /// Its metrics.
    pub metrics: SocketAddr,
    /// Where it keeps its data.
    pub data_dir: PathBuf,
    /// A join token for the next node, where the operator's key lies in the data directory.
    pub token: Option<Invitation>,
    /// When the node began to start.
    pub began: Instant,
}

#[derive(Serialize)]
struct ReadyFile {
    node: String,
    name: String,
    role: &'static str,
    mesh: String,
    pid: u32,
    addresses: Vec<String>,
    gateway: String,
    metrics: String,
}

impl Ready {
    /// The command with which another node joins.
    pub fn join_command(&self) -> String {
        let address = self.addresses.first().map_or("ADDRESS", String::as_str);
        let token = self.token.as_ref().map(Invitation::to_text);
        let token = token.as_deref().unwrap_or("TOKEN");
        format!("hms-node --data-dir DIR --join {address} --token {token}")
    }

    /// Writes the file and prints the lines. Nobody reading standard output is no fault.
    pub fn announce(&self) -> io::Result<()> {
        self.write()?;
        match self.print(&mut io::stdout().lock()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Prints what a person needs.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "node      {} ({})", self.name, self.node)?;
        writeln!(out, "mesh      {}", self.mesh)?;
        writeln!(out, "role      {}", role_name(self.role))?;
        writeln!(out, "data      {}", self.data_dir.display())?;
        for address in &self.addresses {
            writeln!(out, "address   {address}")?;
        }
        writeln!(out, "gateway   {}", self.gateway)?;
        writeln!(out, "metrics   http://{}/metrics", self.metrics)?;
        writeln!(out, "join with {}", self.join_command())?;
        let once = match &self.token {
            Some(_) => "the token lets one node in, within the hour; more: hms token create",
            None => "TOKEN is made with the operator's key: hms token create",
        };
        writeln!(out, "          {once}")?;
        writeln!(out, "ready in  {} ms", self.began.elapsed().as_millis())?;
        out.flush()
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self) -> io::Result<()> {
        let file = ReadyFile {
            node: self.node.to_string(),
            name: self.name.to_string(),
            role: role_name(self.role),
            mesh: self.mesh.to_string(),
            pid: std::process::id(),
            addresses: self.addresses.clone(),
            gateway: self.gateway.to_string(),
            metrics: self.metrics.to_string(),
        };
        let text = serde_json::to_vec_pretty(&file)?;
        write_whole(&self.data_dir.join(READY_FILE), &text, 0o600)
    }
}

/// Takes the file away. A node that is gone must not look ready.
pub fn retract(data_dir: &Path) {
    match fs::remove_file(data_dir.join(READY_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "ready.json cannot be removed");
        }
        Ok(()) | Err(_) => {}
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Voter => "voter",
        Role::Worker => "worker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(data_dir: &Path) -> Ready {
        Ready {
            node: NodeId::from_bytes([1; 32]),
            name: "n1".parse().unwrap(),
            role: Role::Voter,
            mesh: MeshId::from_bytes([2; 32]),
            addresses: vec!["/ip4/127.0.0.1/tcp/1/p2p/x".to_owned()],
            gateway: ([127, 0, 0, 1], 2).into(),
            metrics: ([127, 0, 0, 1], 3).into(),
            data_dir: data_dir.to_owned(),
            token: None,
            began: Instant::now(),
        }
    }

    /// MSH-1: a node prints its id, addresses, role, data folder and the join command.
    #[test]
    fn a_person_reads_how_to_reach_and_how_to_join() {
        let mut out = Vec::new();
        ready(Path::new("/d")).print(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "role      voter",
            "data      /d",
            "address   /ip4/127.0.0.1/tcp/1/p2p/x",
            "gateway   127.0.0.1:2",
            "metrics   http://127.0.0.1:3/metrics",
            "join with hms-node --data-dir DIR --join /ip4/127.0.0.1/tcp/1/p2p/x --token TOKEN",
        ] {
            assert!(text.contains(line), "{line:?} is missing in\n{text}");
        }
    }

    #[test]
    fn the_file_is_its_owners_and_goes_when_the_node_goes() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        ready(dir.path()).write().unwrap();
        let path = dir.path().join(READY_FILE);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        retract(dir.path());
        assert!(!path.exists());
    }
}
