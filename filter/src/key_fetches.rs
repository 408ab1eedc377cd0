//! Fetches of issuers' keys that are under way, and the requests that wait for them.
//!
//! Where the answer to a callout outlives the request that made it, all requests of an issuer wait for one fetch. On the
//! other hosts a held request must have a callout of its own, so there each makes one.

use crate::generation::Generation;
use crate::host::calls::{self, LogLevel};
use countersign_core::identity::keys::{FetchFault, KeyDocument, RemoteKeys};
use countersign_core::time::UnixNanos;
use std::time::Duration;

/// How much longer than its timeout the host may take to say that a fetch failed.
const GRACE: Duration = Duration::from_secs(1);

/// The fetches of one configuration.
#[derive(Debug, Default)]
pub(crate) struct KeyFetches {
    calls: Vec<Call>,
    waiting: Vec<Waiting>,
    /// Whether a request has come: only then does this worker fetch ahead.
    serving: bool,
}

/// A call that has not been answered.
#[derive(Debug, Clone, Copy)]
struct Call {
    token: u32,
    rule: usize,
    /// The request that it belongs to, where it cannot be shared.
    stream: Option<u32>,
    started: UnixNanos,
    overdue_at: UnixNanos,
}

/// A request that is held.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    stream: u32,
    rule: usize,
}

/// A call whose answer came, or whose time is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) rule: usize,
    pub(crate) started: UnixNanos,
    stream: Option<u32>,
}

impl KeyFetches {
    pub(crate) fn holds(&self, token: u32) -> bool {
        self.calls.iter().any(|call| call.token == token)
    }

    /// The call of that token. Where tokens count anew for each request, `context` tells them apart.
    pub(crate) fn take(&mut self, context: u32, token: u32) -> Option<Ended> {
        let own = self.calls.iter().position(|call| call.token == token && call.stream == Some(context));
        let index = own.or_else(|| self.calls.iter().position(|call| call.token == token))?;
        let call = self.calls.swap_remove(index);
        Some(Ended { rule: call.rule, started: call.started, stream: call.stream })
    }

    /// A call that the host should have ended long ago.
    pub(crate) fn take_overdue(&mut self, now: UnixNanos) -> Option<Ended> {
        let index = self.calls.iter().position(|call| call.overdue_at <= now)?;
        let call = self.calls.swap_remove(index);
        Some(Ended { rule: call.rule, started: call.started, stream: call.stream })
    }

    /// The requests that an ended call lets go on. Each is given out once.
    pub(crate) fn release(&mut self, ended: Ended) -> Vec<u32> {
        let (released, kept): (Vec<Waiting>, Vec<Waiting>) = self
            .waiting
            .iter()
            .partition(|waiting| ended.stream.map_or(waiting.rule == ended.rule, |stream| waiting.stream == stream));
        self.waiting = kept;
        released.into_iter().map(|waiting| waiting.stream).collect()
    }

    /// Gives up every call and lets every request go.
    pub(crate) fn give_up(&mut self) -> (Vec<usize>, Vec<u32>) {
        let rules = std::mem::take(&mut self.calls).into_iter().map(|call| call.rule).collect();
        let streams = std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.stream).collect();
        (rules, streams)
    }

    fn has_call(&self, rule: usize) -> bool {
        self.calls.iter().any(|call| call.rule == rule)
    }
}

impl Generation {
    /// Holds a request until the keys of a rule are there. False where they cannot even be asked for.
    pub(crate) fn wait_for_keys(&mut self, stream: u32, rule: usize, now: UnixNanos) -> bool {
        let shares = self.engine.config().host.shares_callouts();
        let joins = shares && self.key_fetches.has_call(rule);
        if !joins && !self.fetch_keys(rule, (!shares).then_some(stream), now) {
            return false;
        }
        self.key_fetches.waiting.push(Waiting { stream, rule });
        true
    }

    /// Asks for the keys of every issuer that is due, once a request has come. Must be called while the host is about the
    /// root context.
    pub(crate) fn fetch_due_keys(&mut self, now: UnixNanos) {
        if !self.key_fetches.serving {
            return;
        }
        for rule in self.engine.keys().due(now) {
            self.fetch_keys(rule, None, now);
        }
    }

    /// Starts a fetch. Where the host refuses it, that is its answer.
    fn fetch_keys(&mut self, rule: usize, stream: Option<u32>, now: UnixNanos) -> bool {
        let Some(source) = self.engine.keys().source(rule) else { return false };
        let overdue_at = now.plus(source.timeout).plus(GRACE);
        match call(source) {
            Ok(token) => {
                self.engine.keys_asked(rule, now);
                self.key_fetches.calls.push(Call { token, rule, stream, started: now, overdue_at });
                true
            }
            Err(status) => {
                self.keys_answered(rule, Err(FetchFault::Refused(status.0)), now);
                false
            }
        }
    }

    /// Takes in the answer to a fetch; tells whether it was good. What changed is recorded, and the first failure of a row
    /// is told.
    pub(crate) fn keys_answered(&mut self, rule: usize, answer: Result<KeyDocument, FetchFault>, now: UnixNanos) -> bool {
        let Ok(mut channel) = self.channel.try_borrow_mut() else { return false };
        let random = channel.random();
        let first = self.engine.keys().failures(rule) == 0;
        match self.engine.keys_answered(rule, answer, now, random) {
            Ok(None) => true,
            Ok(Some(changed)) => {
                for fault in &changed.faults {
                    calls::log(LogLevel::Warn, format!("countersign: keys of `{}`: {fault}", changed.issuer));
                }
                channel.keys_rotated(changed.issuer, &changed.change.added, &changed.change.removed, now);
                true
            }
            Err(fault) => {
                if let Some(source) = self.engine.keys().source(rule).filter(|_| first) {
                    let (address, code) = (&source.address, fault.code());
                    calls::log(LogLevel::Warn, format!("countersign: no keys from `{address}` ({code}): {fault}"));
                }
                false
            }
        }
    }

    /// A request has come to this worker.
    pub(crate) fn serve(&mut self) {
        self.key_fetches.serving = true;
    }

    /// A request ended, whatever it waited for.
    pub(crate) fn forget_waiting(&mut self, stream: u32, now: UnixNanos) {
        self.key_fetches.waiting.retain(|waiting| waiting.stream != stream);
        let of_stream = |call: &Call| call.stream == Some(stream);
        let Some(call) = self.key_fetches.calls.iter().copied().find(of_stream) else { return };
        // Its answer went with it.
        self.key_fetches.calls.retain(|call| !of_stream(call));
        if !self.key_fetches.has_call(call.rule) {
            self.keys_answered(call.rule, Err(FetchFault::NoAnswer), now);
        }
    }
}

fn call(source: &RemoteKeys) -> Result<u32, crate::host::Status> {
    let headers = [
        (":method", "GET"),
        (":scheme", source.address.scheme()),
        (":authority", source.address.authority()),
        (":path", source.address.target()),
        ("accept", "application/jwk-set+json, application/json"),
    ];
    calls::http_call(&source.upstream, &headers, source.timeout)
}

/// Reads the answer that the host is about. One that is too long is not even copied.
pub(crate) fn read_answer(body_size: usize) -> Result<KeyDocument, FetchFault> {
    let headers = calls::header_pairs(calls::HeaderMap::HttpCallResponse).unwrap_or_default();
    let status = headers.iter().find(|(name, _)| *name == ":status").and_then(|(_, value)| std::str::from_utf8(value).ok());
    let status = status.ok_or(FetchFault::NoAnswer)?;
    KeyDocument::check_length(body_size)?;
    let body = if status == "200" { calls::buffer(calls::Buffer::HttpCallBody) } else { Vec::new() };
    KeyDocument::read(status, &body)
}
