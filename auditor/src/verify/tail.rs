//! The conclusions that only the end allows: holes, broken links, tails, streams that are missing.

use super::finding::{Finding, What};
use super::pass::{Findings, Pass};
use super::stream::Stream;
use super::{StreamReport, Trust};
use crate::line::{GapRange, StreamId};
use crate::read::Place;
use crate::runs::{Link, Run};
use countersign_core::time::UnixNanos;
use std::collections::BTreeMap;

/// Adds what links and holes show.
pub(super) fn judge_links(streams: &BTreeMap<StreamId, Stream>, findings: &mut Findings) {
    for (id, stream) in streams {
        let mut say = |seq, place, what| findings.add(Finding { what, stream: Some(*id), seq: Some(seq), place, witness: None });
        links(stream, &mut say);
        holes(stream, &mut say);
        close(stream, &mut say);
    }
}

/// Adds what the ends of streams show, and which streams are not here at all.
pub(super) fn judge_tails(streams: &BTreeMap<StreamId, Stream>, pass: &mut Pass<'_>) {
    for (id, stream) in streams {
        own_key(pass, *id, stream);
        tail(pass, *id, stream);
    }
    missing_streams(pass, |id| streams.contains_key(&id));
}

/// A stream as it was found; one without lines is none.
pub(super) fn describe(id: StreamId, stream: &Stream) -> Option<StreamReport> {
    if stream.runs.lines() == 0 {
        return None;
    }
    Some(StreamReport {
        stream: id,
        first: stream.runs.iter().next()?.first.seq,
        last: stream.runs.last()?.seq,
        lines: stream.runs.lines(),
        closed: stream.close.is_some(),
        checkpoints: stream.checkpoints,
        signed: stream.signed,
    })
}

fn links(stream: &Stream, say: &mut impl FnMut(u64, Option<Place>, What)) {
    for (link, expected) in stream.runs.accused() {
        say(link.seq, Some(link.place), What::Edited { expected, found: link.digest });
    }
    if stream.runs.unlisted() > 0 {
        say(0, None, What::More { count: stream.runs.unlisted() });
    }
}

/// A hole lies before each run; what gaps declare of it is explained, the rest is not.
fn holes(stream: &Stream, say: &mut impl FnMut(u64, Option<Place>, What)) {
    let mut declared = stream.gaps.clone();
    declared.sort_by_key(|range| (range.first, range.last));
    let mut next = 0;
    for Run { first, last } in stream.runs.iter() {
        if next < first.seq {
            hole(next, *first, &declared, say);
        }
        next = last.seq.saturating_add(1);
        before_hole(*last, &declared, say);
    }
}

/// No line follows the last one before a hole; where a gap tells its digest, that speaks for it.
fn before_hole(last: Link<Place>, declared: &[GapRange], say: &mut impl FnMut(u64, Option<Place>, What)) {
    let told = declared.iter().find(|range| range.first.checked_sub(1) == Some(last.seq)).and_then(|range| range.prev);
    if let Some(expected) = told.filter(|expected| *expected != last.digest) {
        say(last.seq, Some(last.place), What::Edited { expected, found: last.digest });
    }
}

fn hole(mut next: u64, after: Link<Place>, declared: &[GapRange], say: &mut impl FnMut(u64, Option<Place>, What)) {
    let place = Some(after.place);
    for range in declared.iter().filter(|range| range.last >= next && range.first < after.seq).copied().collect::<Vec<_>>() {
        if range.last < next {
            continue;
        }
        if range.first > next {
            say(next, place, What::Gap { last: range.first - 1, count: range.first - next });
            next = range.first;
        }
        let last = range.last.min(after.seq - 1);
        say(next, place, What::LostDeclared { last, count: last - next + 1 });
        if let Some(declared) = range.head.filter(|head| range.last + 1 == after.seq && *head != after.prev) {
            say(after.seq, place, What::GapHeadDiffers { declared, found: after.prev });
        }
        next = last + 1;
    }
    if next < after.seq {
        say(next, place, What::Gap { last: after.seq - 1, count: after.seq - next });
    }
}

fn close(stream: &Stream, say: &mut impl FnMut(u64, Option<Place>, What)) {
    if let (Some(close), Some(last)) = (stream.close, stream.runs.last())
        && last.seq > close.seq
    {
        say(last.seq, Some(last.place), What::AfterClose { close: close.seq });
    }
}

fn own_key(pass: &mut Pass<'_>, id: StreamId, stream: &Stream) {
    if let (true, Some(key)) = (pass.trust.keys.is_empty() && stream.signed > 0, &stream.key) {
        let what = What::KeyUnpinned { key_id: key.id().to_owned() };
        pass.findings.add(Finding { what, stream: Some(id), seq: Some(0), place: None, witness: None });
    }
}

/// What is younger than the grace period may still be on its way.
fn settled(trust: &Trust, time: UnixNanos) -> bool {
    time.plus(trust.grace) < trust.now
}

fn tail(pass: &mut Pass<'_>, id: StreamId, stream: &Stream) {
    let Some(last) = stream.runs.last().filter(|_| stream.runs.lines() > 0) else { return };
    let trust = pass.trust;
    let furthest = pass.claims.range((id, 0)..=(id, u64::MAX)).rev().find(|(_, claim)| settled(trust, claim.time));
    let (what, witness) = match furthest {
        Some(((_, seen), claim)) if *seen > last.seq => (What::TailMissing { seen: *seen }, Some(claim.witness)),
        _ if stream.close.is_none() && settled(trust, stream.latest) => (What::UncleanEnd, None),
        _ => return,
    };
    pass.findings.add(Finding { what, stream: Some(id), seq: Some(last.seq), place: Some(last.place), witness });
}

fn missing_streams(pass: &mut Pass<'_>, is_here: impl Fn(StreamId) -> bool) {
    let mut furthest = BTreeMap::new();
    for ((id, seq), claim) in &pass.claims {
        if !is_here(*id) && settled(pass.trust, claim.time) {
            furthest.insert(*id, (*seq, claim.witness));
        }
    }
    for (id, (seen, witness)) in furthest {
        let what = What::StreamMissing { seen };
        pass.findings.add(Finding { what, stream: Some(id), seq: Some(seen), place: None, witness: Some(witness) });
    }
}
