//! The pass over all lines.

use super::checkpoint::{self, Seal};
use super::finding::{Finding, Place, What};
use super::questions::{Question, Questions, Recent};
use super::runs::{Fit, Link};
use super::stream::Stream;
use super::{Report, Trust, tail};
use crate::digest::Digest;
use crate::line::{Checkpoint, Kind, Line, LineFault, Sibling, StreamId};
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
    questions: Questions,
    recent: Recent,
    reached: UnixNanos,
    lines: u64,
    bytes: u64,
    reencoded: Option<(Place, StreamId, u64, u64)>,
}

/// What another stream says of a line that is not here, or not yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) digest: Digest,
    pub(super) time: UnixNanos,
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

    /// The findings, the gravest first, and how many lines they accuse.
    fn finish(mut self) -> (Vec<Finding>, u64) {
        let accusing = self.list.iter().filter(|finding| finding.what.accuses_the_line());
        let accused: HashSet<Place> = accusing.filter_map(|finding| finding.place).collect();
        let accused = accused.len() as u64 + self.unlisted_lines;
        for ((stream, _), count) in self.counts.into_iter().filter(|(_, count)| *count > LISTED) {
            self.list.push(Finding { what: What::More { count: count - LISTED }, stream, seq: None, place: None });
        }
        self.list.sort_by_key(|finding| (finding.what.severity(), finding.stream, finding.seq, finding.place));
        (self.list, accused)
    }
}

impl<'t> Pass<'t> {
    pub(super) fn new(trust: &'t Trust) -> Self {
        Self {
            trust,
            streams: BTreeMap::new(),
            claims: BTreeMap::new(),
            findings: Findings::default(),
            questions: Questions::default(),
            recent: Recent::default(),
            reached: UnixNanos::default(),
            lines: 0,
            bytes: 0,
            reencoded: None,
        }
    }

    /// Takes what was read at a place: an audit line, or why it is none.
    pub(super) fn take(&mut self, place: Place, bytes: usize, read: Result<Line, LineFault>) {
        self.lines += 1;
        self.bytes += bytes as u64;
        match read {
            Ok(line) => self.take_line(place, &line),
            Err(fault) => {
                self.findings.add(Finding { what: What::NotALine { fault }, stream: None, seq: None, place: Some(place) });
            }
        }
    }

    fn take_line(&mut self, place: Place, line: &Line) {
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
        self.findings.add(Finding { what, stream: Some(line.stream), seq: Some(line.seq), place: Some(place) });
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
                if let Some(finding) = question.answer(stream, seq, first, None) {
                    self.findings.add(finding);
                }
            }
            None => self.questions.ask(stream, seq, question),
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
            self.take_claim(*sibling, line.time);
        }
    }

    fn take_claim(&mut self, Sibling { stream, seq, head: digest }: Sibling, time: UnixNanos) {
        let known = self.streams.get(&stream);
        if known.is_some_and(|known| known.runs.contains(seq)) {
            self.ask(stream, seq, Question::Claim { digest });
        } else {
            self.claims.entry((stream, seq)).or_insert(Claim { digest, time });
        }
    }

    fn settle_claim(&mut self, line: &Line, place: Place) {
        if let Some(Claim { digest, .. }) = self.claims.remove(&(line.stream, line.seq)) {
            let answer = Question::Claim { digest }.answer(line.stream, line.seq, line.digest, Some(place));
            answer.into_iter().for_each(|finding| self.findings.add(finding));
        }
    }

    /// Hands over what a second pass has to answer.
    pub(super) fn questions(&mut self) -> Questions {
        std::mem::take(&mut self.questions)
    }

    /// Draws the conclusions that only the end allows.
    pub(super) fn report(mut self, questions: Questions, files: Vec<PathBuf>) -> Report {
        questions.into_answers().into_iter().for_each(|finding| self.findings.add(finding));
        if let Some((place, stream, seq, count)) = self.reencoded {
            let what = What::Reencoded { count };
            self.findings.add(Finding { what, stream: Some(stream), seq: Some(seq), place: Some(place) });
        }
        let streams = tail::conclude(&mut self);
        let (findings, accused) = self.findings.finish();
        let valid = self.lines.saturating_sub(accused);
        Report { files, lines: self.lines, valid, bytes: self.bytes, streams, findings }
    }
}
