//! The evidence on disk: verified, and verified again with one byte changed in a copy.

use super::stage::{CHECKPOINT_PUBLIC_KEY, Stage, shown};
use crate::{Failure, command, workspace};
use countersign_testbed::collector::segments;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is changed: one letter of a name, so that somebody else did it.
const BEFORE: &str = r#""subject":"ada""#;
const AFTER: &str = r#""subject":"ida""#;

/// Whether every request so far lies before a checkpoint.
pub(super) fn sealed(events: &[Value]) -> bool {
    let last = |kind: &str| events.iter().rposition(|event| event.get("event").and_then(Value::as_str) == Some(kind));
    last("checkpoint") > last("access")
}

/// Runs `countersign verify` on the store, which must hold.
pub(super) fn verify(stage: &Stage) -> Result<(), Failure> {
    command::run(&mut verifier(stage.store()))
}

/// Changes one byte in a copy and runs `countersign verify` on it, which must name the place.
pub(super) fn alter_and_verify(stage: &Stage) -> Result<(), Failure> {
    let copy = stage.folder().join("altered");
    copy_lines(stage.store(), &copy).map_err(Failure::failed)?;
    let (path, number) = alter(&copy)?;
    println!("{}, line {number}:  {BEFORE}  is now  {AFTER}\n", shown(&path));
    let status = verifier(&copy).stdin(Stdio::null()).status().map_err(Failure::missing)?;
    match status.code() {
        Some(1) => Ok(()),
        _ => Err(Failure::failed(format!("`countersign verify` ended with {status} where it had to find an alteration"))),
    }
}

fn verifier(store: &Path) -> Command {
    let mut command = Command::new(workspace::countersign());
    command.current_dir(workspace::root()).arg("verify").arg(shown(store)).args(["--key", CHECKPOINT_PUBLIC_KEY]);
    command
}

fn copy_lines(store: &Path, copy: &Path) -> std::io::Result<()> {
    for segment in segments(store)? {
        let to = copy.join(segment.strip_prefix(store).unwrap_or(&segment));
        fs::create_dir_all(to.parent().unwrap_or(copy))?;
        fs::copy(&segment, &to)?;
    }
    Ok(())
}

/// Changes the first place where it can; returns the file and the line, from 1.
fn alter(copy: &Path) -> Result<(PathBuf, usize), Failure> {
    for path in segments(copy).map_err(Failure::failed)? {
        let text = fs::read_to_string(&path).map_err(Failure::failed)?;
        let Some(at) = text.find(BEFORE) else { continue };
        let number = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        fs::write(&path, text.replacen(BEFORE, AFTER, 1)).map_err(Failure::failed)?;
        return Ok((path, number));
    }
    Err(Failure::failed(format!("no line of the evidence has {BEFORE}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_came_after_the_last_checkpoint_is_not_sealed() {
        let event = |kind: &str| json!({"event": kind});
        assert!(!sealed(&[event("stream.open"), event("access")]));
        assert!(sealed(&[event("access"), event("checkpoint")]));
        assert!(!sealed(&[event("access"), event("checkpoint"), event("access")]));
    }

    #[test]
    fn exactly_one_byte_is_changed_and_its_line_named() {
        let folder = tempfile::tempdir().unwrap();
        let hour = folder.path().join("date=2026-11-24/hour=11");
        fs::create_dir_all(&hour).unwrap();
        let before = format!("{{}}\n{{{BEFORE}}}\n{{{BEFORE}}}\n");
        fs::write(hour.join("a.jsonl"), &before).unwrap();
        let (path, line) = alter(folder.path()).unwrap();
        let after = fs::read_to_string(&path).unwrap();
        assert_eq!(line, 2);
        assert_eq!(before.bytes().zip(after.bytes()).filter(|(before, after)| before != after).count(), 1);
        assert_eq!(before.len(), after.len());
    }
}
