//! Where things lie in a store.

use crate::digest::Digest;
use countersign_core::time::UnixNanos;
use std::io;
use std::path::{Path, PathBuf};

/// The directory, below the store's, for what arrives at `now`: `date=YYYY-MM-DD/hour=HH`, in UTC.
#[must_use]
pub fn partition(now: UnixNanos) -> PathBuf {
    let text = now.to_string();
    let (date, hour) = (text.get(..10).unwrap_or_default(), text.get(11..13).unwrap_or_default());
    Path::new(&format!("date={date}")).join(format!("hour={hour}"))
}

/// The first part of a segment's name: the time at which it was begun, which sorts as text as it sorts as time.
#[must_use]
pub fn segment_stem(now: UnixNanos) -> String {
    now.to_string().chars().filter(|character| !matches!(character, '-' | ':' | '.')).collect()
}

const OPEN: &str = ".open.jsonl";

/// The name of the segment that is begun at `now`.
pub(super) fn open_name(now: UnixNanos) -> String {
    open_name_of(&segment_stem(now))
}

/// The name of a segment that was begun at a time, as its name tells it, while it is open.
pub(super) fn open_name_of(opened: &str) -> String {
    format!("{opened}{OPEN}")
}

/// The name of an open segment once it is closed: when it was begun, and the first digits of its lines' digest.
pub(super) fn closed_name(open: &Path, lines: &Digest, compress: bool) -> String {
    let digest = lines.to_string();
    let end = if compress { ".zst" } else { "" };
    format!("{}-{}.jsonl{end}", opened(open), digest.get(..16).unwrap_or_default())
}

/// When an open segment was begun, as its name tells it.
#[must_use]
pub fn opened(open: &Path) -> String {
    let name = open.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.trim_end_matches(OPEN).to_owned()
}

/// Whether a file of this name holds lines of evidence.
#[must_use]
pub fn is_segment(name: &str) -> bool {
    name.ends_with(".jsonl") || name.ends_with(".jsonl.zst")
}

/// Whether a file is a segment that is still being written.
#[must_use]
pub fn is_open(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(OPEN))
}

/// The name under which a closed segment was open.
#[must_use]
pub fn open_form(closed: &Path) -> PathBuf {
    let name = closed.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    closed.with_file_name(open_name_of(name.split('-').next().unwrap_or_default()))
}

/// The closed segment that an open one has become, if it has.
#[must_use]
pub fn closed_form(open: &Path) -> Option<PathBuf> {
    let prefix = format!("{}-", opened(open));
    let candidates = is_open(open).then(|| children(open.parent()?, &prefix).ok()).flatten()?;
    candidates.into_iter().find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_segment))
}

/// All segments of a store, the oldest first.
///
/// # Errors
/// A directory that cannot be listed.
pub fn segments(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = partition_files(root)?;
    files.retain(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_segment));
    Ok(files)
}

/// All files in the partitions of a store, by date, hour and name.
pub(super) fn partition_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for date in children(root, "date=")? {
        for hour in children(&date, "hour=")? {
            found.extend(children(&hour, "")?);
        }
    }
    Ok(found)
}

/// What lies in a directory under a name that starts with `prefix`, sorted.
fn children(directory: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_times_do() {
        let early = UnixNanos(1_795_519_353_000_000_042);
        assert_eq!(partition(early), Path::new("date=2026-11-24/hour=11"));
        assert_eq!(segment_stem(early), "20261124T112233000000042Z");
        assert!(segment_stem(early) < segment_stem(UnixNanos(early.0 + 1)));
    }
}
