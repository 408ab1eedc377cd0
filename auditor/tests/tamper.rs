//! Attacks generated streams and demands that each attack is found where it was made, and nothing else is accused.

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

use countersign::line::StreamId;
use countersign::seal::TrustedKey;
use countersign::verify::{Finding, Report, Severity, Trust, verify};
use sealer::{Dice, Sealer};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many attacks are made; `COUNTERSIGN_TAMPERINGS` asks for more or fewer.
fn attacks() -> u64 {
    std::env::var("COUNTERSIGN_TAMPERINGS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000)
}

struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("countersign-tamper-{name}-{}.jsonl", std::process::id())))
    }

    fn verify(&self, lines: &[Vec<u8>], keys: &[TrustedKey]) -> Report {
        std::fs::write(&self.0, lines.iter().flat_map(|line| [line.as_slice(), b"\n"]).collect::<Vec<_>>().concat()).unwrap();
        verify_file(&self.0, keys)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn verify_file(path: &Path, keys: &[TrustedKey]) -> Report {
    let now = countersign_core::time::UnixNanos(sealer::START + 3_600_000_000_000);
    let trust = Trust { keys: keys.to_vec(), log_keys: vec![], saved: vec![], now, grace: Duration::from_secs(60) };
    verify(vec![path.to_path_buf()].into(), &trust).unwrap()
}

/// Two streams of the same gateway, one worker's lines between the other's; each sees the other in its checkpoints.
struct Evidence {
    lines: Vec<Vec<u8>>,
    /// For each line: its stream (0 or 1) and its sequence number.
    owners: Vec<(usize, u64)>,
    streams: [StreamId; 2],
    keys: Vec<TrustedKey>,
}

impl Evidence {
    fn generate(seed: u64) -> Self {
        let mut dice = Dice(seed ^ 0xabcd);
        let mut sealers = [Sealer::new(seed).signing(3), Sealer::new(seed + 0x1000_0000).signing(3)];
        let keys = vec![TrustedKey::parse(&sealers[0].public_key().unwrap()).unwrap()];
        let (mut lines, mut owners) = (Vec::new(), Vec::new());
        let mut push = |which: usize, seq: u64, line: String| {
            lines.push(line.into_bytes());
            owners.push((which, seq));
        };
        for which in [0, 1] {
            push(which, 0, sealers[which].open());
        }
        for step in 0..20 + dice.below(20) {
            let which = dice.below(2);
            let seq = sealers[which].seq;
            let line = if step % 7 == 6 {
                let other = &sealers[1 - which];
                let (stream, head, last) = (other.stream.clone(), other.prev.clone(), other.seq - 1);
                sealers[which].checkpoint(&[(&stream, last, &head)])
            } else {
                sealers[which].access()
            };
            push(which, seq, line);
        }
        for which in [0, 1] {
            let seq = sealers[which].seq;
            push(which, seq, sealers[which].checkpoint(&[]));
            push(which, seq + 1, sealers[which].close());
        }
        let streams = sealers.map(|sealer| StreamId::parse(&sealer.stream).unwrap());
        Self { lines, owners, streams, keys }
    }

    /// The lines that a successor seals: all but the last of each stream.
    fn sealed_line(&self, dice: &mut Dice) -> usize {
        loop {
            let index = dice.below(self.lines.len());
            let (which, _) = self.owners[index];
            if self.owners[index + 1..].iter().any(|(other, _)| *other == which) {
                return index;
            }
        }
    }

    fn next_of_stream(&self, index: usize) -> usize {
        let (which, _) = self.owners[index];
        index + 1 + self.owners[index + 1..].iter().position(|(other, _)| *other == which).unwrap()
    }
}

/// An attack, and where it has to be found: the stream, the sequence numbers, the lines of the file.
#[derive(Debug)]
struct Attack {
    kind: &'static str,
    victim: usize,
    seqs: std::ops::RangeInclusive<u64>,
    lines: Vec<u64>,
    codes: &'static [&'static str],
}

fn line_number(index: usize) -> u64 {
    u64::try_from(index).unwrap() + 1
}

fn attack(evidence: &mut Evidence, dice: &mut Dice) -> Attack {
    let index = evidence.sealed_line(dice);
    let (victim, seq) = evidence.owners[index];
    match dice.below(6) {
        0 => edit(evidence, dice, index),
        1 => {
            evidence.lines.remove(index);
            Attack { kind: "drop", victim, seqs: seq..=seq, lines: vec![], codes: &["GAP", "NOT_A_LINE"] }
        }
        2 => {
            let next = evidence.next_of_stream(index);
            evidence.lines.swap(index, next);
            let lines = vec![line_number(index), line_number(next)];
            Attack { kind: "swap", victim, seqs: seq..=seq + 1, lines, codes: &["REORDERED"] }
        }
        3 => {
            let place = index + 1 + dice.below(evidence.lines.len() - index);
            evidence.lines.insert(place, evidence.lines[index].clone());
            Attack { kind: "duplicate", victim, seqs: seq..=seq, lines: vec![line_number(place)], codes: &["DUPLICATE"] }
        }
        4 => cut(evidence, dice, index),
        _ => insert(evidence, dice, index),
    }
}

/// One bit of one byte; what makes two lines of one, or one of two, is as good an edit as any other.
fn edit(evidence: &mut Evidence, dice: &mut Dice, index: usize) -> Attack {
    let (victim, seq) = evidence.owners[index];
    let at = dice.below(evidence.lines[index].len());
    let bit = 1u8 << dice.below(8);
    evidence.lines[index][at] ^= bit;
    let codes = &["EDITED", "NOT_A_LINE", "GAP", "FORK"];
    Attack { kind: "edit", victim, seqs: seq.saturating_sub(1)..=seq + 1, lines: vec![line_number(index)], codes }
}

/// The last lines of one stream are gone.
fn cut(evidence: &mut Evidence, dice: &mut Dice, index: usize) -> Attack {
    let (victim, _) = evidence.owners[index];
    let of_victim = evidence.owners.iter().filter(|(which, _)| *which == victim).count();
    let keep = dice.below(of_victim - 1) + 1;
    let owners = evidence.owners.clone();
    let mut kept = owners.iter().map(|(which, seq)| *which != victim || usize::try_from(*seq).unwrap() < keep);
    evidence.lines.retain(|_| kept.next().unwrap());
    let last = u64::try_from(keep).unwrap() - 1;
    Attack { kind: "cut", victim, seqs: last..=last, lines: vec![], codes: &["TAIL_MISSING", "UNCLEAN_END"] }
}

/// A forged line of the right form, with the right predecessor, between a line and its successor.
fn insert(evidence: &mut Evidence, dice: &mut Dice, index: usize) -> Attack {
    let (victim, seq) = evidence.owners[index];
    let mut forger = Sealer::new(dice.roll());
    forger.stream = evidence.streams[victim].to_string();
    forger.seq = seq + 1;
    forger.prev = sealer::sha256_hex(&evidence.lines[index]);
    evidence.lines.insert(index + 1, forger.access().into_bytes());
    let lines = vec![line_number(index + 1), line_number(evidence.next_of_stream(index) + 1)];
    Attack { kind: "insert", victim, seqs: seq + 1..=seq + 1, lines, codes: &["FORK", "EDITED"] }
}

fn hits(attack: &Attack, evidence: &Evidence, finding: &Finding) -> bool {
    let at_seq =
        finding.stream == Some(evidence.streams[attack.victim]) && finding.seq.is_some_and(|seq| attack.seqs.contains(&seq));
    let at_line = finding.place.is_some_and(|place| attack.lines.contains(&place.line));
    attack.codes.contains(&finding.what.code()) && (at_seq || at_line)
}

#[test]
fn every_tampering_is_found_where_it_was_made_and_no_other_stream_is_accused() {
    let file = File::new("random");
    let mut kinds = std::collections::BTreeMap::<_, u32>::new();
    for seed in 0..attacks() {
        let mut evidence = Evidence::generate(seed);
        let mut dice = Dice(seed.wrapping_mul(77) + 5);
        let attack = attack(&mut evidence, &mut dice);
        let report = file.verify(&evidence.lines, &evidence.keys);
        assert!(report.findings.iter().any(|finding| hits(&attack, &evidence, finding)), "{seed} {attack:?}: {report:#?}");
        let bystander = evidence.streams[1 - attack.victim];
        let accused: Vec<_> = report.findings.iter().filter(|finding| finding.stream == Some(bystander)).collect();
        assert!(accused.is_empty(), "{seed} {attack:?}: {accused:?}");
        *kinds.entry(attack.kind).or_default() += 1;
    }
    println!("found: {kinds:?}");
    assert!(attacks() < 100 || kinds.len() == 6);
}

#[test]
fn untouched_streams_are_never_accused() {
    let file = File::new("untouched");
    for seed in 0..200 {
        let evidence = Evidence::generate(seed);
        let report = file.verify(&evidence.lines, &evidence.keys);
        assert_eq!(report.findings, [], "{seed}");
        assert_eq!(report.valid, line_number(evidence.lines.len() - 1));
        assert!(report.streams.iter().all(|stream| stream.closed && stream.signed == stream.checkpoints && stream.signed > 0));
    }
}

#[test]
fn a_stream_that_is_gone_altogether_is_missed_by_its_sibling() {
    let file = File::new("gone");
    let evidence = Evidence::generate(5);
    let kept: Vec<_> = evidence.lines.iter().zip(&evidence.owners).filter(|(_, (which, _))| *which == 0).collect();
    let lines: Vec<_> = kept.into_iter().map(|(line, _)| line.clone()).collect();
    let report = file.verify(&lines, &evidence.keys);
    let codes: Vec<_> = report.findings.iter().map(|finding| (finding.what.code(), finding.stream)).collect();
    assert_eq!(codes, [("STREAM_MISSING", Some(evidence.streams[1]))]);
    assert_eq!(report.count(Severity::Error), 1);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Whatever is cut out of evidence and put into it: it is read to its end, and no more lines are valid than there are.
    #[test]
    fn garbage_is_told_and_never_stops_the_reading(
        seed in 0_u64..1_000,
        splices in proptest::collection::vec((proptest::prelude::any::<u16>(), 0_usize..400, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)), 1..6),
    ) {
        let evidence = Evidence::generate(seed);
        let mut bytes = evidence.lines.join(&b'\n');
        for (at, cut, inserted) in splices {
            let at = usize::from(at) % bytes.len();
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, inserted);
        }
        let path = std::env::temp_dir().join(format!("countersign-garbage-{}.jsonl", std::process::id()));
        std::fs::write(&path, &bytes).unwrap();
        let report = verify_file(&path, &evidence.keys);
        std::fs::remove_file(&path).unwrap();
        proptest::prop_assert_eq!(report.bytes, bytes.len() as u64);
        proptest::prop_assert!(report.valid <= report.lines);
    }
}
