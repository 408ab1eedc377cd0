//! Where things lie in a store.

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

/// Whether a file of this name holds lines of evidence.
#[must_use]
pub fn is_segment(name: &str) -> bool {
    name.ends_with(".jsonl") || name.ends_with(".jsonl.zst")
}

/// Whether a file of this name is a segment that is still being written.
#[must_use]
pub fn is_open_segment(name: &str) -> bool {
    name.ends_with(".open.jsonl")
}

/// All segments of a store, the oldest first.
///
/// # Errors
/// A directory that cannot be listed.
pub fn segments(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for date in children(root, "date=")? {
        for hour in children(&date, "hour=")? {
            found.extend(children(&hour, "")?.into_iter().filter(|path| has_segment_name(path)));
        }
    }
    Ok(found)
}

fn has_segment_name(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(is_segment)
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
