//! The wire types of the mesh, generated from `hms/v1/*.proto`.
//!
//! It promises what the schema says and nothing more: every field may be missing, every number unknown, every text too
//! long. The codecs of `hms-protocol` and `hms-consensus` turn these types into domain values and refuse what makes no
//! sense. Nothing else names this crate but the gateway and its client.

/// The plan's agent-to-agent protocol (its Appendix A): what foreign clients speak.
#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    unused_qualifications,
    rustdoc::all,
    reason = "generated from the schema, whose comments are its documentation"
)]
pub mod agent {
    include!(concat!(env!("OUT_DIR"), "/agent.rs"));
}

/// Stands for the package `hms`, so that the generated paths from one package to another hold.
mod hms {
    /// The mesh's own messages.
    #[allow(
        missing_docs,
        clippy::all,
        clippy::allow_attributes_without_reason,
        clippy::pedantic,
        unused_qualifications,
        rustdoc::all,
        reason = "generated from the schema, whose comments are its documentation"
    )]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/hms.v1.rs"));
    }
}

pub use hms::v1;

/// The schema itself, as an encoded `google.protobuf.FileDescriptorSet` with its imports: for gRPC reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
