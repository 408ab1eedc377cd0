//! The key that signs the log: given, or made at the first start.

use super::CollectFault;
use crate::hex;
use crate::tlog::NoteKey;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The key in a file: a seed of 64 hexadecimal digits. Where the file is missing it is made, readable by its owner alone,
/// and the public half is written beside it, in the form that other tools take, under `.vkey`.
///
/// # Errors
/// [`CollectFault::LogKey`] when the file cannot be used; [`CollectFault::LogName`] for a name that no log can have.
pub fn log_key(path: &Path, name: &str) -> Result<NoteKey, CollectFault> {
    let fault = |error| CollectFault::LogKey { path: path.to_path_buf(), error };
    let seed = match fs::read_to_string(path) {
        Ok(text) => hex::decode(text.trim()).ok_or_else(|| fault(not_a_seed()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).map_err(fault)?,
        Err(error) => return Err(fault(error)),
    };
    let key = NoteKey::new(name, &seed).ok_or_else(|| CollectFault::LogName { name: name.to_owned() })?;
    let public = path.with_added_extension("vkey");
    if fs::read_to_string(&public).map_or(true, |text| text.trim() != key.verifier().to_vkey()) {
        fs::write(&public, format!("{}\n", key.verifier().to_vkey())).map_err(fault)?;
    }
    Ok(key)
}

fn not_a_seed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "expected a seed of 64 hexadecimal digits")
}

fn make(path: &Path) -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(format!("{}\n", hex::encode(&seed)).as_bytes())?;
    file.sync_all()?;
    Ok(seed)
}
