//! `countersign verify` as it is called: what it says, where it points, how it exits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test"
)]

#[path = "support/sealer.rs"]
mod sealer;
#[path = "support/server.rs"]
mod server;

use sealer::Sealer;
use server::{Scratch, run, verify_json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn write(path: PathBuf, lines: &[String]) -> PathBuf {
    std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    path
}

/// The findings of a report as `CODE seq line`, the known and harmless ones left out.
fn said(report: &serde_json::Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let told = findings.filter(|finding| finding["code"] != "KEY_UNPINNED");
    told.map(|finding| format!("{} {} {}", finding["code"].as_str().unwrap(), finding["seq"], finding["line"])).collect()
}

fn verdict(path: &Path, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let (code, report) = verify_json(path, more);
    (code, said(&report))
}

#[test]
fn each_kind_of_damage_has_its_code_and_place() {
    let scratch = Scratch::new("damage");
    let whole = Sealer::new(1).signing(7).whole(25);
    let damaged = |name: &str, damage: &dyn Fn(&mut Vec<String>)| {
        let mut lines = whole.clone();
        damage(&mut lines);
        let (code, said) = verdict(&write(scratch.path(&format!("{name}.jsonl")), &lines), &[]);
        (code.unwrap(), said.join(", "))
    };
    let edit = |lines: &mut Vec<String>| lines[4] = lines[4].replacen("orders.example", "orders.exampel", 1);
    assert_eq!(damaged("edit", &edit), (1, "EDITED 4 5".into()));
    assert_eq!(damaged("drop", &|lines| drop(lines.remove(4))), (1, "GAP 4 5".into()));
    assert_eq!(damaged("swap", &|lines| lines.swap(4, 5)), (0, "REORDERED 4 6".into()));
    assert_eq!(damaged("duplicate", &|lines| lines.insert(9, lines[4].clone())), (0, "DUPLICATE 4 10".into()));
    assert_eq!(damaged("cut", &|lines| lines.truncate(4)), (0, "UNCLEAN_END 3 4".into()));
    assert_eq!(damaged("head", &|lines| drop(lines.drain(..4))), (1, "GAP 0 1".into()));
    assert_eq!(damaged("foreign", &|lines| lines.insert(4, "{}".into())), (1, "NOT_A_LINE null 5".into()));
    assert_eq!(damaged("whole", &|_| {}), (0, String::new()));
}

#[test]
fn strict_makes_an_open_tail_a_failure_and_a_live_stream_is_none() {
    let scratch = Scratch::new("strict");
    let lines = Sealer::new(1).whole(25);
    let path = write(scratch.path("open.jsonl"), &lines[..20]);
    assert_eq!(verdict(&path, &["--strict"]), (Some(1), vec!["UNCLEAN_END 19 20".to_owned()]));
    assert_eq!(verdict(&path, &["--strict", "--now", "2026-11-24T11:00:30Z"]), (Some(0), vec![]));
}

#[test]
fn a_declared_loss_is_explained_and_a_forged_declaration_is_not() {
    let scratch = Scratch::new("gap");
    let mut sealer = Sealer::new(1);
    let mut lines = vec![sealer.open(), sealer.access()];
    let lost: Vec<_> = (0..3).map(|_| sealer.access()).collect();
    let (head, next) = (sealer.prev.clone(), sealer.access());
    lines.extend([next, sealer.gap(2, 4, &head), sealer.checkpoint(&[]), sealer.close()]);
    let path = write(scratch.path("declared.jsonl"), &lines);
    assert_eq!(verdict(&path, &["--strict"]), (Some(0), vec!["LOST_DECLARED 2 3".to_owned()]));

    let mut sealer = Sealer::new(1);
    let mut lines = vec![sealer.open(), sealer.access()];
    let seals: Vec<_> = (0..3).map(|_| sealer.access()).collect();
    assert_eq!(seals, lost);
    let next = sealer.access();
    lines.extend([next, sealer.gap(2, 4, &"ab".repeat(32)), sealer.close()]);
    let path = write(scratch.path("forged.jsonl"), &lines);
    assert_eq!(verdict(&path, &[]), (Some(1), vec!["GAP_HEAD_DIFFERS 5 3".to_owned(), "LOST_DECLARED 2 3".to_owned()]));

    lines.remove(2);
    let path = write(scratch.path("more.jsonl"), &lines);
    assert_eq!(verdict(&path, &[]), (Some(1), vec!["GAP 5 3".to_owned(), "LOST_DECLARED 2 3".to_owned()]));
}

#[test]
fn a_stream_resealed_without_the_key_does_not_pass() {
    let scratch = Scratch::new("resealed");
    let honest = Sealer::new(1).signing(7);
    let key = honest.public_key().unwrap();
    let path = write(scratch.path("honest.jsonl"), &honest.whole(5));
    assert_eq!(verdict(&path, &["--key", &key]), (Some(0), vec![]));

    let path = write(scratch.path("other-key.jsonl"), &Sealer::new(1).signing(8).whole(5));
    assert_eq!(verdict(&path, &["--key", &key]), (Some(1), vec!["KEY_UNKNOWN 6 7".to_owned()]));
    assert_eq!(verdict(&path, &[]), (Some(0), vec![]), "without a key to trust, the stream's own has to do");

    let path = write(scratch.path("unsigned.jsonl"), &Sealer::new(1).whole(5));
    assert_eq!(verdict(&path, &["--key", &key]), (Some(1), vec!["UNSIGNED 6 7".to_owned()]));

    let mut forged = Sealer::new(1).signing(7);
    let mut lines = vec![forged.open(), forged.access()];
    let checkpoint = forged.checkpoint(&[]);
    let at = checkpoint.find("\"signature\":\"").unwrap() + 13;
    let flipped = if &checkpoint[at..=at] == "0" { "1" } else { "0" };
    let checkpoint = format!("{}{flipped}{}", &checkpoint[..at], &checkpoint[at + 1..]);
    forged.prev = sealer::sha256_hex(checkpoint.as_bytes());
    lines.extend([checkpoint, forged.close()]);
    let path = write(scratch.path("forged.jsonl"), &lines);
    assert_eq!(verdict(&path, &["--key", &key]), (Some(1), vec!["SIGNATURE_BAD 2 3".to_owned()]));
}

#[test]
fn counts_that_do_not_reconcile_and_clocks_that_run_backwards_are_remarked() {
    let scratch = Scratch::new("counts");
    let mut sealer = Sealer::new(1);
    let mut lines = vec![sealer.open(), sealer.access()];
    sealer.counts[1] += 1;
    lines.push(sealer.checkpoint(&[]));
    sealer.nanos -= 5_000_000_000;
    lines.extend([sealer.access(), sealer.close()]);
    let (code, said) = verdict(&write(scratch.path("counts.jsonl"), &lines), &[]);
    assert_eq!(code, Some(1));
    assert_eq!(said, ["COUNTS_DIFFER 2 3", "CLOCK_BACKWARDS 3 4", "CLOCK_BACKWARDS 4 5"]);
}

#[test]
fn compressed_files_and_logs_read_like_plain_lines() {
    use std::io::Write;
    let scratch = Scratch::new("forms");
    let lines = Sealer::new(1).whole(25);
    let plain: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let log: String = lines.iter().map(|line| format!("[12][info][wasm] wasm log countersign: {line}\n[info] other\n")).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain.as_bytes()).unwrap();
    for (name, bytes) in [
        ("a.jsonl.gz", gzip.finish().unwrap()),
        ("a.jsonl.zst", zstd::encode_all(plain.as_bytes(), 3).unwrap()),
        ("envoy.log", log.into_bytes()),
    ] {
        let path = scratch.path(name);
        std::fs::write(&path, bytes).unwrap();
        let (code, report) = verify_json(&path, &[]);
        assert_eq!((code, said(&report), &report["lines"]), (Some(0), vec![], &30.into()), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_neither_good_nor_bad() {
    let scratch = Scratch::new("unreadable");
    assert_eq!(run(&["verify", "/nonexistent/file"]).status.code(), Some(2));
    assert_eq!(run(&["verify", scratch.0.to_str().unwrap()]).status.code(), Some(2), "no lines at all");
    std::fs::write(scratch.path("cut.gz"), [0x1f, 0x8b, 8, 0, 0, 0]).unwrap();
    assert_eq!(run(&["verify", scratch.path("cut.gz").to_str().unwrap()]).status.code(), Some(2));
    assert_eq!(run(&["verify", "--key", "xyz", "file"]).status.code(), Some(2));
}

#[test]
fn what_explain_prints_finds_the_same_with_jq_and_sha256sum_alone() {
    if Command::new("jq").arg("--version").output().is_err() {
        println!("skipped: jq is not there");
        return;
    }
    let scratch = Scratch::new("explain");
    std::fs::write(scratch.path("check.sh"), run(&["verify", "--explain"]).stdout).unwrap();
    let check = |path: &Path| {
        let output = Command::new("sh").arg(scratch.path("check.sh")).arg(path).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let mut lines = [Sealer::new(1).whole(12), Sealer::new(2).whole(3)].concat();
    assert_eq!(check(&write(scratch.path("whole.jsonl"), &lines)), (Some(0), "every link holds\n".to_owned()));
    lines[4] = lines[4].replacen("billing", "billinq", 1);
    let (code, said) = check(&write(scratch.path("edited.jsonl"), &lines));
    assert!(code == Some(1) && said.contains("seq 5 does not follow"), "{said}");
    lines.remove(4);
    let (code, said) = check(&write(scratch.path("dropped.jsonl"), &lines));
    assert!(code == Some(1) && said.contains("seq 4 is missing"), "{said}");
}
