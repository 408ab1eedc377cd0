use super::*;
use flate2::read::GzDecoder;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType, OciLayout};
use std::io::Read;

const MODULE: &[u8] = b"\0asm\x01\0\0\0 and what follows";

/// A blob, after checking that it is what its descriptor says.
fn read(folder: &Path, descriptor: &Descriptor) -> Vec<u8> {
    let digest = descriptor.digest().digest();
    let bytes = fs::read(folder.join("blobs/sha256").join(digest)).unwrap();
    assert_eq!(hex_digest(&bytes), digest);
    assert_eq!(bytes.len() as u64, descriptor.size());
    bytes
}

fn manifest(folder: &Path) -> ImageManifest {
    let index = ImageIndex::from_file(folder.join("index.json")).unwrap();
    let [entry] = index.manifests().as_slice() else { panic!("one manifest, not {index:?}") };
    assert_eq!(entry.media_type(), &MediaType::ImageManifest);
    ImageManifest::from_reader(read(folder, entry).as_slice()).unwrap()
}

/// The way of Istio's and Envoy Gateway's loader for an OCI manifest in the compat form: the last layer, which must
/// be a gzipped tar; the first entry whose base name is `plugin.wasm`.
fn load(folder: &Path) -> Option<Vec<u8>> {
    let manifest = manifest(folder);
    let layer = manifest.layers().last()?;
    if layer.media_type() != &MediaType::ImageLayerGzip {
        return None;
    }
    let bytes = read(folder, layer);
    let mut archive = ::tar::Archive::new(GzDecoder::new(bytes.as_slice()));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().file_name().is_some_and(|name| name == "plugin.wasm") {
            let mut module = Vec::new();
            entry.read_to_end(&mut module).unwrap();
            return Some(module);
        }
    }
    None
}

#[test]
fn the_loader_of_istio_finds_the_very_module() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("oci");
    write(MODULE, "1.2.3", &layout).unwrap();
    assert_eq!(load(&layout).unwrap(), MODULE);
}

#[test]
fn the_layout_is_one_that_the_specification_s_own_types_read() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("oci");
    let digest = write(MODULE, "1.2.3", &layout).unwrap();
    OciLayout::from_file(layout.join("oci-layout")).unwrap();
    let manifest = manifest(&layout);
    assert_eq!(manifest.annotations().as_ref().unwrap()["module.wasm.image/variant"], "compat");
    let config = ImageConfiguration::from_reader(read(&layout, manifest.config()).as_slice()).unwrap();
    let archive = {
        let mut bytes = Vec::new();
        let layer = read(&layout, &manifest.layers()[0]);
        GzDecoder::new(layer.as_slice()).read_to_end(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(config.rootfs().diff_ids(), &[format!("sha256:{}", hex_digest(&archive))]);
    assert!(layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:")).is_file());
}

#[test]
fn the_same_module_gives_the_same_image_and_another_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |name: &str, module: &[u8]| write(module, "1.2.3", &folder.path().join(name)).unwrap();
    assert_eq!(digest("a", MODULE), digest("b", MODULE));
    assert_ne!(digest("a", MODULE), digest("c", b"other"));
}

#[test]
fn what_an_earlier_build_left_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    write(b"old", "1.2.3", folder.path()).unwrap();
    write(b"new", "1.2.3", folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count(), 3);
}
