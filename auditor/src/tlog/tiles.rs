//! The log on disk, as C2SP tlog-tiles lays it out: `tile/LEVEL/INDEX`, `tile/entries/INDEX`, `checkpoint`.

use super::note::{Checkpoint, NoteFault, NoteKey};
use super::tree::{Hash, Tree, WIDTH, edge_width, leaf_hash, levels};
use super::{Leaf, tree};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A log that is written to.
#[derive(Debug)]
pub struct Log {
    directory: PathBuf,
    key: NoteKey,
    tree: Tree,
    /// The entries of the last, partial bundle, each with its length before it.
    entries: Vec<Vec<u8>>,
}

/// Why a log cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// A file cannot be read or written.
    #[error("cannot use `{}`: {error}", .path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Its checkpoint is not one of this key.
    #[error("the log's checkpoint does not hold: {0}")]
    Checkpoint(#[from] NoteFault),
    /// The tiles do not make the root that the checkpoint signs.
    #[error("the log's tiles do not make the root of its checkpoint at size {size}")]
    Root {
        /// The size of the checkpoint.
        size: u64,
    },
}

impl LogFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "log_unusable",
            Self::Checkpoint(_) => "log_checkpoint",
            Self::Root { .. } => "log_root",
        }
    }

    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Io { path, error }
    }
}

impl Log {
    /// Continues the log in a directory, or begins one there.
    ///
    /// # Errors
    /// [`LogFault`] when what lies there is not a whole log of this key.
    pub fn open(directory: &Path, key: NoteKey) -> Result<Self, LogFault> {
        let mut log = Self { directory: directory.to_path_buf(), key, tree: Tree::default(), entries: Vec::new() };
        let Some(checkpoint) = log.checkpoint()? else { return Ok(log) };
        let damaged = || LogFault::Root { size: checkpoint.size };
        log.tree = log.read_edge(checkpoint.size).ok_or_else(damaged)?;
        log.entries = log.read_bundle(checkpoint.size).ok_or_else(damaged)?;
        if log.tree.root() == checkpoint.root { Ok(log) } else { Err(damaged()) }
    }

    /// The checkpoint on disk, if there is one.
    ///
    /// # Errors
    /// [`LogFault::Checkpoint`] when it is not one of this key.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, LogFault> {
        let path = self.directory.join("checkpoint");
        match fs::read_to_string(&path) {
            Ok(note) => Ok(Some(self.key.verifier().open(&note)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LogFault::io(&path)(error)),
        }
    }

    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The log's files were moved there.
    pub(crate) fn moved_to(&mut self, directory: &Path) {
        self.directory = directory.to_path_buf();
    }

    /// Appends leaves and writes the tiles that become full. They count once [`Log::publish`] has signed them.
    ///
    /// # Errors
    /// When a tile cannot be written.
    pub fn append(&mut self, leaves: impl Iterator<Item = Leaf>) -> Result<(), LogFault> {
        for leaf in leaves {
            let entry = leaf.entry();
            let mut full = Vec::new();
            self.tree.push_with(leaf_hash(&entry), &mut |tile| full.push(tile));
            let length = u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes();
            self.entries.push([&length[..], &entry].concat());
            for tree::FullTile { level, index, hashes } in full {
                if level == 0 {
                    let bundle = std::mem::take(&mut self.entries).concat();
                    write_whole(&self.directory.join(bundle_path(index)), &bundle)?;
                }
                write_whole(&self.directory.join(tile_path(level, index)), &hashes.concat())?;
            }
        }
        Ok(())
    }

    /// Signs the state of the log: writes the partial tiles, then, at once, the checkpoint. Returns the note.
    ///
    /// # Errors
    /// When a file cannot be written; the checkpoint before it then still stands.
    pub fn publish(&mut self) -> Result<String, LogFault> {
        for (level, index, hashes) in self.tree.partial_tiles() {
            let path = partial(&self.directory.join(tile_path(level, index)), hashes.len());
            write_whole(&path, &hashes.concat())?;
        }
        if !self.entries.is_empty() {
            let path = partial(&self.directory.join(bundle_path(self.tree.size() / WIDTH as u64)), self.entries.len());
            write_whole(&path, &self.entries.concat())?;
        }
        let note = self.key.sign(self.tree.size(), &self.tree.root());
        let path = self.directory.join("checkpoint");
        crate::store::replace(&path, note.as_bytes()).map_err(LogFault::io(&path))?;
        Ok(note)
    }

    fn read_edge(&self, size: u64) -> Option<Tree> {
        let mut edge = Vec::new();
        for level in 0..levels(size) {
            let width = usize::try_from(edge_width(size, u32::try_from(level).ok()?)).ok()?;
            let index = size >> (8 * (level + 1));
            let bytes = read_width(&self.directory.join(tile_path(level, index)), width)?;
            let (hashes, _) = bytes.as_chunks::<32>();
            edge.push(hashes.get(..width)?.to_vec());
        }
        Tree::from_edge(size, edge)
    }

    fn read_bundle(&self, size: u64) -> Option<Vec<Vec<u8>>> {
        let width = usize::try_from(edge_width(size, 0)).ok()?;
        let bytes = read_width(&self.directory.join(bundle_path(size / WIDTH as u64)), width)?;
        let (mut entries, mut rest) = (Vec::new(), bytes.as_slice());
        for _ in 0..width {
            let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
            let (entry, tail) = rest.split_at_checked(2 + length)?;
            entries.push(entry.to_vec());
            rest = tail;
        }
        Some(entries)
    }
}

/// The hashes of some leaves, from the tiles of a log; none where a tile is missing.
pub(crate) fn leaf_hashes(directory: &Path, first: u64, count: u64) -> Option<Vec<Hash>> {
    let mut hashes = Vec::new();
    let mut next = first;
    let end = first.checked_add(count)?;
    while next < end {
        let (index, offset) = (next / WIDTH as u64, usize::try_from(next % WIDTH as u64).ok()?);
        let upto = usize::try_from((end - index * WIDTH as u64).min(WIDTH as u64)).ok()?;
        let bytes = read_width(&directory.join(tile_path(0, index)), upto)?;
        hashes.extend_from_slice(bytes.as_chunks::<32>().0.get(offset..upto)?);
        next = index * WIDTH as u64 + upto as u64;
    }
    Some(hashes)
}

/// A tile of at least some width: the full one, else the smallest partial one that is wide enough.
fn read_width(path: &Path, width: usize) -> Option<Vec<u8>> {
    if width == 0 {
        return Some(Vec::new());
    }
    if let Ok(bytes) = fs::read(path) {
        return Some(bytes);
    }
    let partials = fs::read_dir(path.with_added_extension("p")).ok()?;
    let widths = partials.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<usize>().ok());
    let smallest = widths.filter(|candidate| *candidate >= width).min()?;
    fs::read(partial(path, smallest)).ok()
}

fn tile_path(level: usize, index: u64) -> String {
    format!("tile/{level}/{}", index_path(index))
}

fn bundle_path(index: u64) -> String {
    format!("tile/entries/{}", index_path(index))
}

fn partial(path: &Path, width: usize) -> PathBuf {
    path.with_added_extension("p").join(width.to_string())
}

/// C2SP tlog-tiles: groups of three digits, all but the last with an `x` before it.
fn index_path(index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// Tiles are not synced one by one: what a power loss takes of them is made anew from the segments.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), LogFault> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(LogFault::io(parent))?;
    }
    fs::write(path, bytes).map_err(LogFault::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::line::StreamId;

    fn leaves(range: std::ops::Range<u64>) -> impl Iterator<Item = Leaf> {
        range.map(|seq| Leaf { stream: StreamId([1; 16]), seq, digest: Digest::of(&seq.to_be_bytes()) })
    }

    fn key() -> NoteKey {
        NoteKey::new("test/log", &[1; 32]).expect("a name")
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(index_path(0), "000");
        assert_eq!(index_path(1_234_067), "x001/x234/067");
    }

    #[test]
    fn a_log_that_is_opened_again_goes_on_where_it_was() {
        let directory = std::env::temp_dir().join(format!("countersign-tlog-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        let mut whole = Tree::default();
        leaves(0..1_000).for_each(|leaf| whole.push(leaf_hash(&leaf.entry())));
        for (first, last) in [(0, 0), (0, 3), (3, 256), (256, 700), (700, 1_000)] {
            let mut log = Log::open(&directory, key()).expect("whole");
            assert_eq!(log.size(), first);
            log.append(leaves(first..last)).expect("written");
            log.publish().expect("signed");
        }
        let log = Log::open(&directory, key()).expect("whole");
        assert_eq!((log.tree.root(), log.size()), (whole.root(), 1_000));
        let hashes = leaf_hashes(&directory, 200, 700).expect("there");
        assert_eq!(hashes, leaves(200..900).map(|leaf| leaf_hash(&leaf.entry())).collect::<Vec<_>>());

        let other = NoteKey::new("test/log", &[2; 32]).expect("a name");
        assert_eq!(Log::open(&directory, other).expect_err("another key").code(), "log_checkpoint");
        let tile = directory.join("tile/0/003.p/232");
        let mut bytes = fs::read(&tile).expect("a tile");
        bytes[0] ^= 1;
        fs::write(&tile, bytes).expect("written");
        assert_eq!(Log::open(&directory, key()).expect_err("damaged").code(), "log_root");
        let _ = fs::remove_dir_all(&directory);
    }
}
