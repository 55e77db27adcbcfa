//! What counts of each record of the state, and the whole state on the wire.
//!
//! A task's input counts by its digest, which a checkpoint's reader compares with the input itself.

use hms_proto::v1;
use hms_protocol::agent::Agent;
use hms_protocol::codec::shape::fields;
use hms_protocol::codec::{self, CodecError, Wire, encode, envelope, field};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::Sealed;
use hms_protocol::id::{AgentId, Index, MeshId, NodeId, ServiceName, TaskId};
use hms_protocol::limits;
use hms_protocol::member::Member;
use hms_protocol::recovery::ROTATIONS_MAX;
use hms_protocol::service::Service;
use hms_protocol::task::Task;
use hms_protocol::time::Moment;
use prost::Message as _;

use crate::state::authority::SpentPermit;
use crate::state::evidence::Evidence;
use crate::state::ledger::Case;
use crate::state::table::Record;
use crate::state::{Charter, State};

impl Record for Member {
    type Key = NodeId;
    const TABLE: &'static str = "member";

    fn key(&self) -> NodeId {
        self.id
    }

    fn content(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Record for Agent {
    type Key = AgentId;
    const TABLE: &'static str = "agent";

    fn key(&self) -> AgentId {
        self.certificate.agent
    }

    fn content(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Record for Task {
    type Key = TaskId;
    const TABLE: &'static str = "task";

    fn key(&self) -> TaskId {
        self.id
    }

    fn content(&self) -> Vec<u8> {
        let mut wire = self.to_wire();
        if let Some(spec) = &mut wire.spec {
            spec.input.clear();
        }
        wire.encode_to_vec()
    }
}

impl Record for Service {
    type Key = ServiceName;
    const TABLE: &'static str = "service";

    fn key(&self) -> ServiceName {
        self.spec.name.clone()
    }

    fn content(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Record for Case {
    type Key = TaskId;
    const TABLE: &'static str = "case";

    fn key(&self) -> TaskId {
        self.task
    }

    fn content(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Record for Evidence {
    type Key = u64;
    const TABLE: &'static str = "evidence";

    fn key(&self) -> u64 {
        self.number
    }

    fn content(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Record for SpentPermit {
    type Key = Hash;
    const TABLE: &'static str = "permit";

    fn key(&self) -> Hash {
        self.permit
    }

    fn content(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Wire for SpentPermit {
    type Message = v1::SpentPermit;
    const NAME: &'static str = "spent permit";

    fn to_wire(&self) -> v1::SpentPermit {
        v1::SpentPermit {
            permit: self.permit.as_bytes().to_vec(),
            expires_at_ms: self.expires_at.0,
        }
    }

    fn from_wire(message: v1::SpentPermit) -> Result<Self, CodecError> {
        Ok(Self {
            permit: field::hash("permit.permit", &message.permit)?,
            expires_at: Moment(message.expires_at_ms),
        })
    }
}

fn write_all(sealed: &[Sealed]) -> Vec<Vec<u8>> {
    sealed.iter().map(envelope::encode).collect()
}

fn read_all(name: &'static str, sealed: Vec<Vec<u8>>) -> Result<Vec<Sealed>, CodecError> {
    field::list(name, sealed, limits::VERDICTS_MAX, |bytes| {
        field::sealed(name, &bytes)
    })
}

impl Wire for Case {
    type Message = v1::Case;
    const NAME: &'static str = "case";

    fn to_wire(&self) -> v1::Case {
        v1::Case {
            task: self.task.as_bytes().to_vec(),
            report_digest: self.report_digest.as_bytes().to_vec(),
            report: envelope::encode(&self.report),
            verdicts: write_all(&self.verdicts),
        }
    }

    fn from_wire(message: v1::Case) -> Result<Self, CodecError> {
        Ok(Self {
            task: field::task_id("case.task", &message.task)?,
            report_digest: field::hash("case.report_digest", &message.report_digest)?,
            report: field::sealed("case.report", &message.report)?,
            verdicts: read_all("case.verdicts", message.verdicts)?,
        })
    }
}

impl Wire for Evidence {
    type Message = v1::Evidence;
    const NAME: &'static str = "evidence";

    fn to_wire(&self) -> v1::Evidence {
        v1::Evidence {
            number: self.number,
            position: Some(self.position.to_wire()),
            at_ms: self.at.0,
            guilty: Some(self.guilty.to_wire()),
            exhibit: Some(self.exhibit.to_wire()),
        }
    }

    fn from_wire(message: v1::Evidence) -> Result<Self, CodecError> {
        Ok(Self {
            number: message.number,
            position: field::part("evidence.position", message.position)?,
            at: Moment(message.at_ms),
            guilty: field::part("evidence.guilty", message.guilty)?,
            exhibit: field::part("evidence.exhibit", message.exhibit)?,
        })
    }
}

/// Fields of one record and of the records in it. More are refused before they are decoded: an empty entry takes two bytes
/// in a checkpoint and hundreds in memory. A service with a full history has some two thousand.
const RECORD_FIELDS_MAX: usize = 16 * 1024;

impl State {
    /// The wire form.
    pub(super) fn to_wire(&self) -> v1::State {
        v1::State {
            mesh: self.charter.mesh.as_bytes().to_vec(),
            now_ms: self.now.0,
            applied: self.applied.0,
            roster_revision: self.roster.revision(),
            services_revision: self.services.revision(),
            evidence_newest: self.archive.newest(),
            members: self.roster.members().map(Wire::to_wire).collect(),
            agents: self.roster.agents().map(Wire::to_wire).collect(),
            tasks: self.ledger.tasks().map(Wire::to_wire).collect(),
            cases: self.ledger.cases().map(Wire::to_wire).collect(),
            services: self.services.iter().map(Wire::to_wire).collect(),
            evidence: self.archive.pieces().map(Wire::to_wire).collect(),
            genesis: self.charter.genesis.clone(),
            operator: self.authority.operator().as_bytes().to_vec(),
            permits: self.authority.permits().map(Wire::to_wire).collect(),
            rotations: self
                .authority
                .rotations()
                .iter()
                .map(Wire::to_wire)
                .collect(),
        }
    }

    /// Reads the tables, one record at a time, and builds the indexes anew: what memory it takes grows with the records that
    /// are right. What does not fit together is refused: two records of one key, an agent of no member or before its member,
    /// an input that is not its digest's, a genesis of another mesh.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut state = Self::blank();
        let mut rest = v1::State::default();
        let mut parts = fields(bytes);
        for part in &mut parts {
            let within = part.content.into_iter().flat_map(fields);
            let fields_within = within.map(|field| 1 + field.content.map_or(0, count_fields));
            field::check_count("state.record", fields_within.sum(), RECORD_FIELDS_MAX)?;
            rest.merge(part.whole).map_err(malformed)?;
            state.take_records(&mut rest)?;
        }
        if !parts.is_at_end() {
            return Err(CodecError::Malformed {
                message: "state",
                reason: "it ends within a field".to_owned(),
            });
        }
        let mesh = field::mesh_id("state.mesh", &rest.mesh)?;
        state.charter = read_charter(&rest.genesis, mesh)?;
        let operator = field::public_key("state.operator", &rest.operator)?;
        let rotations = field::parts("state.rotations", rest.rotations, ROTATIONS_MAX)?;
        state.authority.resume(operator, rotations);
        state.now = Moment(rest.now_ms);
        state.applied = Index(rest.applied);
        state.roster.resume(rest.roster_revision);
        state.services.resume(rest.services_revision);
        state.archive.resume(rest.evidence_newest);
        Ok(state)
    }

    /// Moves the records that were decoded into their tables.
    fn take_records(&mut self, decoded: &mut v1::State) -> Result<(), CodecError> {
        for member in decoded.members.drain(..) {
            self.restore_member(Member::from_wire(member)?)?;
        }
        for agent in decoded.agents.drain(..) {
            self.restore_agent(Agent::from_wire(agent)?)?;
        }
        for task in decoded.tasks.drain(..) {
            self.restore_task(Task::from_wire(task)?)?;
        }
        for case in decoded.cases.drain(..) {
            self.restore_case(Case::from_wire(case)?)?;
        }
        for service in decoded.services.drain(..) {
            self.restore_service(Service::from_wire(service)?)?;
        }
        for permit in decoded.permits.drain(..) {
            self.restore_permit(SpentPermit::from_wire(permit)?)?;
        }
        for piece in decoded.evidence.drain(..) {
            self.restore_evidence(Evidence::from_wire(piece)?)?;
        }
        Ok(())
    }
}

/// The genesis must be the mesh's. Only the state of nobody has none.
fn read_charter(genesis: &[u8], mesh: MeshId) -> Result<Charter, CodecError> {
    let blank = Charter::blank();
    if genesis.is_empty() && mesh == blank.mesh {
        return Ok(blank);
    }
    let charter = Charter::of(&codec::genesis::read(genesis)?);
    if charter.mesh == mesh {
        return Ok(charter);
    }
    Err(CodecError::Malformed {
        message: "state",
        reason: "its genesis is another mesh's".to_owned(),
    })
}

fn count_fields(bytes: &[u8]) -> usize {
    fields(bytes).count()
}

fn malformed(error: prost::DecodeError) -> CodecError {
    CodecError::Malformed {
        message: "state",
        reason: error.to_string(),
    }
}
