//! The host against small plugins of our own, written in WebAssembly text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod wat;

mod bodies;
mod callouts;
mod control;
mod faults;
mod foreign;
mod general;
mod headers;
mod lifecycle;
mod loading;
mod metrics;
mod parallel;
mod profiles;
mod properties;
mod shared;
mod streams;
mod tcp;
mod traps;
mod wasi;

use countersign_harness::trace::TraceEvent;
use countersign_harness::{Callback, Host, Hostcall, Profile};

use crate::wat::Wat;

/// A host of that kind with one worker and no other VM, if the kind allows it.
fn start(profile: Profile, wat: &Wat) -> Host {
    let setup = Host::new(profile).without_main_thread();
    setup.load(wat.text().as_str()).unwrap().configure("{}").unwrap()
}

fn envoy(wat: &Wat) -> Host {
    start(Profile::envoy(), wat)
}

/// What that hostcall returned, in order; `None` where it trapped.
fn statuses(host: &Host, wanted: Hostcall) -> Vec<Option<u32>> {
    let entries = host.trace().into_iter();
    let matching = entries.filter_map(|entry| match entry.event {
        TraceEvent::Hostcall { call, status, .. } if call == wanted => Some(status),
        _ => None,
    });
    matching.collect()
}

/// The callbacks made, in order, without the canary's.
fn callbacks(host: &Host) -> Vec<Callback> {
    let entries = host.trace().into_iter();
    let worker = entries.filter(|entry| entry.vm != countersign_harness::VmRole::Canary);
    let made = worker.filter_map(|entry| match entry.event {
        TraceEvent::Callback { callback, .. } => Some(callback),
        TraceEvent::Hostcall { .. } => None,
    });
    made.collect()
}

/// The arguments of every call of that callback, without the canary's.
fn arguments(host: &Host, wanted: Callback) -> Vec<Vec<i32>> {
    let entries = host.trace().into_iter();
    let worker = entries.filter(|entry| entry.vm != countersign_harness::VmRole::Canary);
    let made = worker.filter_map(|entry| match entry.event {
        TraceEvent::Callback { callback, args, .. } if callback == wanted => Some(args),
        _ => None,
    });
    made.collect()
}

/// The messages logged since the last call.
fn logged(host: &Host) -> Vec<String> {
    host.take_logs().into_iter().map(|line| line.message).collect()
}
