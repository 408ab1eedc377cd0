//! The pass over all lines.

use super::checkpoint::{self, Seal};
use super::finding::{Finding, What};
use super::questions::{Question, Questions};
use super::stored::Stored;
use super::stream::Stream;
use super::{Report, Trust, tail};
use crate::digest::Digest;
use crate::line::{Checkpoint, Kind, Line, Sibling, StreamId};
use crate::read::{Entry, Place};
use crate::recent::Recent;
use crate::runs::{Fit, Link};
use crate::store;
use crate::tlog::Leaf;
use countersign_core::time::UnixNanos;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

/// Findings of one kind on one stream that are listed one by one.
const LISTED: u64 = 1_000;

/// All that is known while lines are read.
#[derive(Debug)]
pub(super) struct Pass<'t> {
    pub(super) trust: &'t Trust,
    pub(super) streams: BTreeMap<StreamId, Stream>,
    pub(super) claims: BTreeMap<(StreamId, u64), Claim>,
    pub(super) findings: Findings,
    disputes: Vec<Finding>,
    questions: Questions,
    recent: Recent,
    reached: UnixNanos,
    pub(super) others: u64,
    stores: Vec<Stored>,
    /// For each file, whether a collector may be writing its last line just now.
    growing: Vec<bool>,
    lines: u64,
    bytes: u64,
    reencoded: Option<(Place, StreamId, u64, u64)>,
}

/// What another stream says of a line that is not here, or not yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) digest: Digest,
    pub(super) time: UnixNanos,
    pub(super) witness: Place,
}

/// Findings, each kind on each stream listed up to a limit.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    counts: HashMap<(Option<StreamId>, &'static str), u64>,
    unlisted_lines: u64,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry((finding.stream, finding.what.code())).or_default();
        *count += 1;
        if *count <= LISTED {
            self.list.push(finding);
        } else if finding.what.accuses_the_line() {
            self.unlisted_lines += 1;
        }
    }

    fn accused(&self) -> HashSet<Place> {
        let accusing = self.list.iter().filter(|finding| finding.what.accuses_the_line());
        accusing.filter_map(|finding| finding.place).collect()
    }

    /// The findings, the gravest first, and how many lines they accuse.
    fn finish(mut self) -> (Vec<Finding>, u64) {
        let accused = self.accused().len() as u64 + self.unlisted_lines;
        for ((stream, _), count) in self.counts.into_iter().filter(|(_, count)| *count > LISTED) {
            self.list.push(Finding { what: What::More { count: count - LISTED }, stream, seq: None, place: None, witness: None });
        }
        self.list.sort_by_key(|finding| (finding.what.severity(), finding.stream, finding.seq, finding.place));
        (self.list, accused)
    }
}

impl<'t> Pass<'t> {
    pub(super) fn new(trust: &'t Trust, files: &[PathBuf], stores: Vec<Stored>) -> Self {
        let mut pass = Self {
            stores,
            others: 0,
            growing: files.iter().map(|file| store::is_open(file)).collect(),
            trust,
            streams: BTreeMap::new(),
            claims: BTreeMap::new(),
            findings: Findings::default(),
            disputes: Vec::new(),
            questions: Questions::default(),
            recent: Recent::default(),
            reached: UnixNanos::default(),
            lines: 0,
            bytes: 0,
            reencoded: None,
        };
        pass.prepare_stores(files);
        pass
    }

    fn prepare_stores(&mut self, files: &[PathBuf]) {
        for store in &mut self.stores {
            store.expect(&self.trust.saved);
            for (stream, run) in store.expired() {
                self.streams.entry(stream).or_default().runs.absorb(run);
            }
            let inside = (0..).zip(files).filter(|(_, path)| path.starts_with(store.root()));
            let unlisted: Vec<_> = inside.map(|(file, path)| (file, path.clone())).collect();
            unlisted
                .iter()
                .filter_map(|(file, path)| store.will_read(*file, path))
                .for_each(|finding| self.findings.add(finding));
        }
    }

    /// Takes the end of a file, with the digest of its bytes as they lie on disk.
    pub(super) fn take_end(&mut self, file: u32, stored: Digest) {
        for store in &mut self.stores {
            store.end_of_file(file, stored).into_iter().for_each(|finding| self.findings.add(finding));
        }
    }

    /// Takes what was read at a place: an audit line, or why it is none.
    pub(super) fn take(&mut self, Entry { place, length, ended, read, .. }: Entry) {
        if read.is_err() && !ended && self.may_be_growing(place) {
            return;
        }
        self.lines += 1;
        self.bytes += length as u64;
        match read {
            Ok(line) => self.take_line(place, &line),
            Err(fault) => {
                self.findings.add(Finding {
                    what: What::NotALine { fault },
                    stream: None,
                    seq: None,
                    place: Some(place),
                    witness: None,
                });
            }
        }
    }

    fn may_be_growing(&self, place: Place) -> bool {
        usize::try_from(place.file).ok().and_then(|index| self.growing.get(index)).copied().unwrap_or_default()
    }

    fn take_line(&mut self, place: Place, line: &Line) {
        self.stores.iter_mut().for_each(|store| store.leaf(place.file, Leaf::of(line)));
        let link = Link { seq: line.seq, prev: line.prev, digest: line.digest, place };
        let (fit, wrong) = self.streams.entry(line.stream).or_default().take(line, link);
        if fit == Fit::Taken {
            let question = Question::Again { place, digest: line.digest, time: line.time, reached: self.reached };
            return self.ask(line.stream, line.seq, question);
        }
        self.recent.remember(line.stream, line.seq, line.digest);
        self.reached = self.reached.max(line.time);
        self.note_reencoding(place, line);
        for what in wrong {
            self.accuse(line, place, what);
        }
        self.settle_claim(line, place);
        if let Kind::Checkpoint(checkpoint) = &line.kind {
            self.take_checkpoint(line, place, checkpoint);
        }
    }

    fn accuse(&mut self, line: &Line, place: Place, what: What) {
        self.findings.add(Finding { what, stream: Some(line.stream), seq: Some(line.seq), place: Some(place), witness: None });
    }

    fn note_reencoding(&mut self, place: Place, line: &Line) {
        if line.reencoded {
            let first = self.reencoded.get_or_insert((place, line.stream, line.seq, 0));
            first.3 += 1;
        }
    }

    /// Answers at once when the first line in that place is remembered, else in the second pass.
    fn ask(&mut self, stream: StreamId, seq: u64, question: Question) {
        match self.recent.digest(stream, seq) {
            Some(first) => {
                let answer = question.answer(stream, seq, first, None);
                self.note(answer);
            }
            None => self.questions.ask(stream, seq, question),
        }
    }

    /// What rests on a witness waits until the witness itself is beyond doubt.
    fn note(&mut self, answer: Option<Finding>) {
        match answer {
            Some(finding) if finding.witness.is_some() => self.disputes.push(finding),
            Some(finding) => self.findings.add(finding),
            None => {}
        }
    }

    fn take_checkpoint(&mut self, line: &Line, place: Place, checkpoint: &Checkpoint) {
        for what in checkpoint::against_its_place(line, checkpoint) {
            self.accuse(line, place, what);
        }
        let own = self.streams.get(&line.stream).and_then(|stream| stream.key.clone());
        match checkpoint::seal(line.stream, checkpoint, &self.trust.keys, own.as_ref()) {
            Seal::Trusted | Seal::OwnKey => {
                if let Some(stream) = self.streams.get_mut(&line.stream) {
                    stream.signed += 1;
                }
            }
            Seal::None => {}
            Seal::Wrong(what) => self.accuse(line, place, what),
        }
        for sibling in &checkpoint.siblings {
            self.take_claim(*sibling, line.time, place);
        }
    }

    fn take_claim(&mut self, Sibling { stream, seq, head: digest }: Sibling, time: UnixNanos, witness: Place) {
        let known = self.streams.get(&stream);
        if known.is_some_and(|known| known.runs.contains(seq)) {
            self.ask(stream, seq, Question::Claim { digest, witness });
        } else {
            self.claims.entry((stream, seq)).or_insert(Claim { digest, time, witness });
        }
    }

    fn settle_claim(&mut self, line: &Line, place: Place) {
        if let Some(Claim { digest, witness, .. }) = self.claims.remove(&(line.stream, line.seq)) {
            let claim = Question::Claim { digest, witness };
            self.note(claim.answer(line.stream, line.seq, line.digest, Some(place)));
        }
    }

    /// Hands over what a second pass has to answer.
    pub(super) fn questions(&mut self) -> Questions {
        std::mem::take(&mut self.questions)
    }

    /// Who is accused is no witness.
    fn hear_witnesses(&mut self) {
        let accused = self.findings.accused();
        let sound = |witness: Option<Place>| witness.is_none_or(|place| !accused.contains(&place));
        self.claims.retain(|_, claim| sound(Some(claim.witness)));
        let disputes = std::mem::take(&mut self.disputes);
        for finding in disputes.into_iter().filter(|finding| sound(finding.witness)) {
            self.findings.add(finding);
        }
    }

    /// Draws the conclusions that only the end allows.
    pub(super) fn report(mut self, questions: Questions, files: Vec<PathBuf>) -> Report {
        questions.into_answers().into_iter().for_each(|finding| self.note(Some(finding)));
        if let Some((place, stream, seq, count)) = self.reencoded {
            let what = What::Reencoded { count };
            self.findings.add(Finding { what, stream: Some(stream), seq: Some(seq), place: Some(place), witness: None });
        }
        for store in std::mem::take(&mut self.stores) {
            store.conclude(&self.trust.log_keys).into_iter().for_each(|finding| self.findings.add(finding));
        }
        let streams = std::mem::take(&mut self.streams);
        tail::judge_links(&streams, &mut self.findings);
        self.hear_witnesses();
        tail::judge_tails(&streams, &mut self);
        let streams = streams.iter().filter_map(|(id, stream)| tail::describe(*id, stream)).collect();
        let (findings, accused) = self.findings.finish();
        let valid = self.lines.saturating_sub(accused);
        Report { files, lines: self.lines, valid, others: self.others, bytes: self.bytes, streams, findings }
    }
}
