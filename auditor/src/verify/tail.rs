//! The conclusions that only the end allows: holes, broken links, tails, streams that are missing.

use super::StreamReport;
use super::finding::{Finding, Place, What};
use super::pass::Pass;
use super::runs::{Link, Run};
use super::stream::Stream;
use crate::line::{GapRange, StreamId};

/// Adds what the end shows to the findings, and describes each stream.
pub(super) fn conclude(pass: &mut Pass<'_>) -> Vec<StreamReport> {
    let streams = std::mem::take(&mut pass.streams);
    for (id, stream) in &streams {
        let mut say = |seq, place, what| pass.findings.add(Finding { what, stream: Some(*id), seq: Some(seq), place });
        links(stream, &mut say);
        holes(stream, &mut say);
        close(stream, &mut say);
        own_key(stream, pass.trust.keys.is_empty(), &mut say);
    }
    for (id, stream) in &streams {
        tail(pass, *id, stream);
    }
    missing_streams(pass, |id| streams.contains_key(&id));
    streams.iter().filter_map(|(id, stream)| describe(*id, stream)).collect()
}

fn describe(id: StreamId, stream: &Stream) -> Option<StreamReport> {
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
    }
}

fn hole(mut next: u64, after: Link, declared: &[GapRange], say: &mut impl FnMut(u64, Option<Place>, What)) {
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

fn own_key(stream: &Stream, unpinned: bool, say: &mut impl FnMut(u64, Option<Place>, What)) {
    if let (true, Some(key)) = (unpinned && stream.signed > 0, &stream.key) {
        say(0, None, What::KeyUnpinned { key_id: key.id().to_owned() });
    }
}

/// What is younger than the grace period may still be on its way.
fn tail(pass: &mut Pass<'_>, id: StreamId, stream: &Stream) {
    let Some(last) = stream.runs.last() else { return };
    let settled = |time: countersign_core::time::UnixNanos| time.plus(pass.trust.grace) < pass.trust.now;
    let beyond = pass.claims.range((id, last.seq)..=(id, u64::MAX)).rev();
    let seen = beyond.filter(|(_, claim)| settled(claim.time)).map(|((_, seq), _)| *seq).find(|seq| *seq > last.seq);
    let what = match seen {
        Some(seen) => What::TailMissing { seen },
        None if stream.close.is_none() && settled(stream.latest) => What::UncleanEnd,
        None => return,
    };
    pass.findings.add(Finding { what, stream: Some(id), seq: Some(last.seq), place: Some(last.place) });
}

fn missing_streams(pass: &mut Pass<'_>, is_here: impl Fn(StreamId) -> bool) {
    let settled = |time: countersign_core::time::UnixNanos| time.plus(pass.trust.grace) < pass.trust.now;
    let mut furthest = std::collections::BTreeMap::new();
    for ((id, seq), claim) in &pass.claims {
        if !is_here(*id) && settled(claim.time) {
            furthest.insert(*id, *seq);
        }
    }
    for (id, seen) in furthest {
        pass.findings.add(Finding { what: What::StreamMissing { seen }, stream: Some(id), seq: Some(seen), place: None });
    }
}
