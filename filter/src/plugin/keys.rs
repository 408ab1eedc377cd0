//! What becomes of held requests when keys come, or do not.

use super::{Plugin, with};
use crate::generation::Generation;
use crate::host::calls;
use crate::key_fetches::{Ended, read_answer};
use crate::metrics::Counter;
use crate::stream::Stream;
use countersign_core::identity::keys::{FetchFault, KeyDocument};
use countersign_core::time::UnixNanos;
use std::cell::RefCell;
use std::rc::Rc;

type Shared = Rc<RefCell<Generation>>;

/// The host has the answer to an HTTP call, or knows that there will be none.
pub(crate) fn http_answered(context: u32, token: u32, body_size: usize) {
    with((), |plugin| {
        let Some(generation) = plugin.asking(context, token) else { return };
        let ended = generation.try_borrow_mut().ok().and_then(|mut open| open.key_fetches.take(context, token));
        if let Some(ended) = ended {
            plugin.end_fetch(&generation, ended, read_answer(body_size), calls::now());
        }
    });
}

/// A request is gone.
pub(super) fn forget(stream: &Stream, context: u32) {
    if let Ok(mut generation) = stream.generation().try_borrow_mut() {
        generation.forget_waiting(context, calls::now());
    }
}

impl Plugin {
    /// Whose call a token is. The host names the root context, or the request's own.
    fn asking(&self, context: u32, token: u32) -> Option<Shared> {
        let root = self.roots.get(&context).and_then(|root| root.generation.as_ref());
        let named = root.or_else(|| self.streams.get(&context).map(Stream::generation));
        let all = named.into_iter().chain(self.roots.values().filter_map(|root| root.generation.as_ref()));
        let asks = |generation: &&Shared| generation.try_borrow().is_ok_and(|open| open.key_fetches.holds(token));
        all.into_iter().find(asks).cloned()
    }

    fn end_fetch(&mut self, generation: &Shared, ended: Ended, answer: Result<KeyDocument, FetchFault>, now: UnixNanos) {
        let Ok(mut open) = generation.try_borrow_mut() else { return };
        let good = open.keys_answered(ended.rule, answer, now);
        self.metrics.add(if good { Counter::KeysFetched } else { Counter::KeysFailed }, 1);
        let streams = open.key_fetches.release(ended);
        drop(open);
        self.resume(&streams, ended.started, now);
    }

    /// Decides held requests, each on its own context, after a fetch that was started then.
    fn resume(&mut self, streams: &[u32], started: UnixNanos, now: UnixNanos) {
        for context in streams {
            if let Some(stream) = self.streams.get_mut(context)
                && calls::set_effective_context(*context).is_ok()
            {
                stream.resume(*context, started, now);
            }
        }
    }

    /// Fetches ahead, and ends what the host forgot.
    pub(super) fn fetch_due_keys(&mut self, root: u32, now: UnixNanos) {
        let Some(entry) = self.roots.get(&root).filter(|root| root.leaving.is_none()) else { return };
        let Some(generation) = entry.generation.clone() else { return };
        if let Ok(mut open) = generation.try_borrow_mut() {
            open.fetch_due_keys(now);
            if !open.engine.config().host.shares_callouts() {
                // There each request's own callout ends its wait.
                return;
            }
        }
        let overdue = || generation.try_borrow_mut().ok().and_then(|mut open| open.key_fetches.take_overdue(now));
        while let Some(ended) = overdue() {
            self.end_fetch(&generation, ended, Err(FetchFault::NoAnswer), now);
            // Requests that went on left the host about them.
            let _ = calls::set_effective_context(root);
        }
    }

    /// A root context goes, and the answers to its calls with it: whoever waits for them is decided without.
    pub(super) fn give_up_waiting(&mut self, root: u32) {
        let Some(generation) = self.roots.get(&root).and_then(|root| root.generation.clone()) else { return };
        let now = calls::now();
        let Ok(mut open) = generation.try_borrow_mut() else { return };
        let (rules, streams) = open.key_fetches.give_up();
        for rule in rules {
            open.keys_answered(rule, Err(FetchFault::NoAnswer), now);
        }
        drop(open);
        if !streams.is_empty() {
            self.resume(&streams, now, now);
            let _ = calls::set_effective_context(root);
        }
    }

    /// A new configuration starts with the keys that others have fetched from the same places.
    pub(super) fn pass_on_keys(&self, to: &mut Generation) {
        for known in self.roots.values().filter_map(|root| root.generation.as_ref()) {
            if let Ok(known) = known.try_borrow() {
                to.engine.inherit_keys(&known.engine);
            }
        }
    }
}
