//! The OCI image layout that Istio and Envoy Gateway load, and the bare module.
//!
//! One image manifest in the "compat" form: the last layer is a gzipped tar with `plugin.wasm`. Other forms are read
//! by fewer loaders. The same module gives the same bytes: no clock, no user, no order of a folder gets in.

use crate::artifact::{self, hex_digest};
use crate::{Failure, workspace};
use flate2::Compression;
use flate2::GzBuilder;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The file that loaders look for in the layer.
const PLUGIN: &str = "plugin.wasm";

/// Builds the filter and writes its image beside it.
pub(crate) fn run() -> Result<(), Failure> {
    let artifact = artifact::build()?;
    let module = fs::read(&artifact.path).map_err(Failure::failed)?;
    let folder = workspace::dist().join("oci");
    let digest = write(&module, env!("CARGO_PKG_VERSION"), &folder).map_err(Failure::failed)?;
    println!("{artifact}");
    println!("{}", folder.strip_prefix(workspace::root()).unwrap_or(&folder).display());
    println!("  image    {digest}");
    println!("  push     oras cp --from-oci-layout {}:{} REGISTRY/countersign:TAG", folder.display(), env!("CARGO_PKG_VERSION"));
    Ok(())
}

/// Writes the layout (OCI image-layout 1.0.0); returns the manifest's digest.
fn write(module: &[u8], version: &str, folder: &Path) -> std::io::Result<String> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder.join("blobs/sha256"))?;
    let archive = tar(module)?;
    let layer = blob(folder, LAYER, &gzip(&archive)?)?;
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex_digest(&archive))]}});
    let config = blob(folder, CONFIG, config.to_string().as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [layer],
        "annotations": {
            "module.wasm.image/variant": "compat",
            "org.opencontainers.image.title": "countersign",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.licenses": "Apache-2.0"}});
    let mut entry = blob(folder, MANIFEST, manifest.to_string().as_bytes())?;
    let digest = entry.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Value::Object(members) = &mut entry {
        members.insert("annotations".into(), json!({"org.opencontainers.image.ref.name": version}));
    }
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]});
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(digest)
}

/// Writes a blob under its digest; returns its descriptor.
fn blob(folder: &Path, media_type: &str, bytes: &[u8]) -> std::io::Result<Value> {
    let digest = hex_digest(bytes);
    fs::write(folder.join("blobs/sha256").join(&digest), bytes)?;
    Ok(json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len()}))
}

fn tar(module: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, PLUGIN, module)?;
    archive.into_inner()
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests;
