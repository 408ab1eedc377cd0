//! The record of every callback and hostcall, in order.

use std::fmt::{self, Write as _};

use crate::abi::{Callback, Hostcall};
use crate::vm::VmRole;

/// One step across the boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEntry {
    /// Which VM.
    pub vm: VmRole,
    /// The context on whose behalf it ran; 0 outside any.
    pub context: u32,
    /// What happened.
    pub event: TraceEvent,
}

/// What crossed the boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceEvent {
    /// The host called the plugin.
    Callback {
        /// Which callback.
        callback: Callback,
        /// Its arguments.
        args: Vec<i32>,
        /// What it returned; `None` for callbacks without a result, and while it runs.
        result: Option<i32>,
    },
    /// The plugin called the host.
    Hostcall {
        /// Which hostcall.
        call: Hostcall,
        /// What it was about: a key, a name, a level.
        detail: String,
        /// The status returned; `None` if it trapped.
        status: Option<u32>,
    },
}

impl fmt::Display for TraceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.event {
            TraceEvent::Callback { callback, args, result } => {
                write!(f, "{} -> {}(", self.vm, callback.name())?;
                for (index, arg) in args.iter().enumerate() {
                    write!(f, "{}{arg}", if index == 0 { "" } else { ", " })?;
                }
                match result {
                    Some(result) => write!(f, ") = {result}"),
                    None => f.write_str(")"),
                }
            }
            TraceEvent::Hostcall { call, detail, status } => {
                write!(f, "{}   <- {}({detail})", self.vm, call.name())?;
                match status {
                    Some(status) => write!(f, " = {status}"),
                    None => f.write_str(" trapped"),
                }
            }
        }
    }
}

/// The whole record as lines, for a failure report or a snapshot.
pub fn render(entries: &[TraceEntry]) -> String {
    let mut out = String::new();
    for entry in entries {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{entry}");
    }
    out
}

#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) enabled: bool,
    pub(crate) entries: Vec<TraceEntry>,
    pub(crate) hostcalls: [u64; Hostcall::COUNT],
    pub(crate) callbacks: [u64; Callback::COUNT],
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { enabled: true, entries: Vec::new(), hostcalls: [0; Hostcall::COUNT], callbacks: [0; Callback::COUNT] }
    }

    pub(crate) fn count_hostcall(&mut self, call: Hostcall) {
        if let Some(count) = self.hostcalls.get_mut(call as usize) {
            *count += 1;
        }
    }

    pub(crate) fn count_callback(&mut self, callback: Callback) {
        if let Some(count) = self.callbacks.get_mut(callback as usize) {
            *count += 1;
        }
    }

    /// Where the entry lies, to fill in its result later.
    pub(crate) fn push(&mut self, entry: impl FnOnce() -> TraceEntry) -> Option<usize> {
        self.enabled.then(|| {
            self.entries.push(entry());
            self.entries.len() - 1
        })
    }

    pub(crate) fn finish(&mut self, index: Option<usize>, value: Option<i32>) {
        let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) else {
            return;
        };
        if let TraceEvent::Callback { result, .. } = &mut entry.event {
            *result = value;
        }
    }
}
