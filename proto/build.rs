//! Compiles every file of `hms/v1` without protoc: messages always, services only under the feature `grpc`.
//!
//! It writes the generated modules and the descriptor set (for reflection, and for the test that guards field numbers)
//! to `OUT_DIR`. It names no file: a new one in the folder is compiled without a change here.
#![allow(
    clippy::print_stdout,
    reason = "printing is how a build script speaks to cargo"
)]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let folder = root.join("hms/v1");
    println!("cargo:rerun-if-changed={}", folder.display());

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    for file in list_protos(&folder)? {
        compiler.open_file(file)?;
    }
    let described = compiler.file_descriptor_set();

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("descriptors.bin"),
        without_comments(described.clone()).encode_to_vec(),
    )?;

    let grpc = env::var_os("CARGO_FEATURE_GRPC").is_some();
    tonic_prost_build::configure()
        .build_client(grpc)
        .build_server(grpc)
        // Ordered maps: one value has one encoding.
        .btree_map(".")
        .compile_fds(described)?;
    Ok(())
}

/// The schema files, in order of name so that two builds give the same bytes.
fn list_protos(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reflection serves names and numbers; comments would only make every node's binary larger.
fn without_comments(
    mut described: prost_types::FileDescriptorSet,
) -> prost_types::FileDescriptorSet {
    for file in &mut described.file {
        file.source_code_info = None;
    }
    described
}
