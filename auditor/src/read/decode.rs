//! Opens a file, whatever it is compressed with.

use crate::digest::{Digest, Running};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How a file is compressed: told by its first bytes, never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Plain,
    /// gzip (RFC 1952), possibly of several members.
    Gzip,
    /// Zstandard (RFC 8878), possibly of several frames.
    Zstd,
}

impl Encoding {
    /// The encoding that some first bytes show.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        if start.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

/// A reader of a file's decompressed bytes, that knows the digest of the bytes as they lie on disk.
pub struct Opened {
    reader: Box<dyn Read + Send>,
    stored: Arc<Mutex<Running>>,
}

/// Takes the digest of what passes through.
struct Tap<R> {
    inner: R,
    stored: Arc<Mutex<Running>>,
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

/// Opens a file for reading its decompressed bytes.
///
/// # Errors
/// What the system or the decompressor says.
pub fn open(path: &Path) -> io::Result<Opened> {
    let mut start = [0; 4];
    let mut file = File::open(path)?;
    let length = read_up_to(&mut file, &mut start)?;
    let start = start.get(..length).unwrap_or_default().to_vec();
    let encoding = Encoding::of(&start);
    let stored = Arc::new(Mutex::new(Running::default()));
    let tapped = Tap { inner: io::Cursor::new(start).chain(file), stored: Arc::clone(&stored) };
    let reader: Box<dyn Read + Send> = match encoding {
        Encoding::Plain => Box::new(tapped),
        Encoding::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 17, tapped))),
        Encoding::Zstd => Box::new(zstd::Decoder::new(tapped)?),
    };
    Ok(Opened { reader, stored })
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

impl Opened {
    /// The digest of the file's own bytes, once it was read to its end.
    #[must_use]
    pub fn stored_digest(&self) -> Digest {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).digest()
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Opened").finish_non_exhaustive()
    }
}
