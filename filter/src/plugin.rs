//! The contexts that the host creates, and which part of the filter each of its calls reaches.
//!
//! A host calls one function at a time, but a call for a context that is unknown here, or one that comes while another is
//! still under way, must do no harm: it is answered with the safe default and nothing is touched.

pub(crate) mod keys;

use crate::channel::Channel;
use crate::generation::{Channels, Generation};
use crate::host::calls;
use crate::host::{LogLevel, calls::Buffer};
use crate::metrics::Metrics;
use crate::stream::{Action, Stream};
use countersign_core::time::UnixNanos;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::rc::Rc;

/// The host chooses the keys, so that a fixed hash does no harm and no randomness is needed to start.
type ById<T> = HashMap<u32, T, BuildHasherDefault<DefaultHasher>>;

#[derive(Default)]
struct Plugin {
    roots: ById<Root>,
    streams: ById<Stream>,
    channels: Channels,
    metrics: Metrics,
}

/// A root context: one configuration of the plugin, from its acceptance until it is drained.
#[derive(Default)]
struct Root {
    generation: Option<Rc<RefCell<Generation>>>,
    leaving: Option<Leaving>,
}

/// A root context that was told to end and still has lines to deliver.
struct Leaving {
    channel: Rc<RefCell<Channel>>,
    since: UnixNanos,
}

/// How long a root context that was told to end may still deliver.
const LEAVE_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

thread_local! {
    static PLUGIN: RefCell<Plugin> = RefCell::default();
}

/// Runs `call` on the plugin, or answers the default where the plugin is busy with another call.
fn with<T>(default: T, call: impl FnOnce(&mut Plugin) -> T) -> T {
    PLUGIN.with(|plugin| match plugin.try_borrow_mut() {
        Ok(mut plugin) => call(&mut plugin),
        Err(_) => default,
    })
}

pub(crate) fn create_context(context: u32, root: u32) {
    with((), |plugin| {
        if root == 0 {
            plugin.roots.insert(context, Root::default());
        } else if let Some(generation) = plugin.roots.get(&root).and_then(|root| root.generation.clone()) {
            plugin.streams.insert(context, Stream::new(generation));
        }
    });
}

/// Whether the configuration is accepted: by its bytes alone.
pub(crate) fn configure(root: u32) -> bool {
    with(false, |plugin| {
        let text = calls::buffer(Buffer::PluginConfiguration);
        let Some(mut generation) = Generation::accept(&text, &mut plugin.channels) else {
            return false;
        };
        if calls::set_tick_period(generation.tick).is_err() {
            calls::log(LogLevel::Warn, "countersign: this host has no timer, so nothing can be delivered in batches");
        }
        plugin.metrics.define();
        plugin.pass_on_keys(&mut generation);
        plugin.give_up_waiting(root);
        let entry = plugin.roots.entry(root).or_default();
        entry.generation = Some(Rc::new(RefCell::new(generation)));
        true
    })
}

/// A request without a context that could decide it is held: it must not pass.
pub(crate) fn request_headers(context: u32) -> Action {
    with(Action::Pause, |plugin| match plugin.streams.get_mut(&context) {
        Some(stream) => stream.request_headers(context, calls::now()),
        None => {
            let _ = calls::send_local_response(503, "countersign_not_configured", &[], b"", None);
            Action::Pause
        }
    })
}

pub(crate) fn log(context: u32) {
    with((), |plugin| {
        if let Some(stream) = plugin.streams.get_mut(&context) {
            stream.log(calls::now(), &mut plugin.metrics);
        }
    });
}

pub(crate) fn tick(root: u32) {
    with((), |plugin| {
        let now = calls::now();
        let Some(entry) = plugin.roots.get(&root) else { return };
        let generation = entry.generation.as_ref().and_then(|generation| generation.try_borrow().ok());
        let channel = match (&entry.leaving, generation) {
            (Some(leaving), _) => Rc::clone(&leaving.channel),
            (None, Some(generation)) => Rc::clone(&generation.channel),
            (None, None) => return,
        };
        if let Ok(mut channel) = channel.try_borrow_mut() {
            channel.tick(root, now, &mut plugin.metrics);
        }
        plugin.fetch_due_keys(root, now);
        plugin.metrics.flush();
        plugin.leave_if_done(root, now);
    });
}

/// Whether the context is done. A root that still has lines to deliver asks for a little time.
pub(crate) fn done(context: u32) -> bool {
    with(true, |plugin| {
        if let Some(stream) = plugin.streams.get_mut(&context) {
            stream.done(calls::now(), &mut plugin.metrics);
            return true;
        }
        let Some(generation) = plugin.roots.get(&context).and_then(|root| root.generation.clone()) else {
            return true;
        };
        plugin.give_up_waiting(context);
        let now = calls::now();
        let Ok(generation) = generation.try_borrow() else { return true };
        let channel = Rc::clone(&generation.channel);
        let Ok(mut open) = channel.try_borrow_mut() else { return true };
        if !open.detach(now) {
            return true;
        }
        open.tick(context, now, &mut plugin.metrics);
        plugin.metrics.flush();
        plugin.channels.forget(&channel);
        if open.pending() == 0 {
            return true;
        }
        drop(open);
        if let Some(root) = plugin.roots.get_mut(&context) {
            root.leaving = Some(Leaving { channel, since: now });
        }
        false
    })
}

pub(crate) fn delete(context: u32) {
    with((), |plugin| {
        plugin.give_up_waiting(context);
        if let Some(stream) = plugin.streams.remove(&context) {
            keys::forget(&stream, context);
        }
        let Some(root) = plugin.roots.remove(&context) else { return };
        let generation = root.generation.as_ref().and_then(|generation| generation.try_borrow().ok());
        if let Some(generation) = generation
            && let Ok(mut channel) = generation.channel.try_borrow_mut()
        {
            channel.forget_root(context, calls::now());
        }
    });
}

pub(crate) fn grpc_received(root: u32, token: u32) {
    with((), |plugin| {
        for channel in plugin.channels_of(root) {
            if channel.try_borrow_mut().is_ok_and(|mut channel| channel.received(root, token)) {
                break;
            }
        }
        plugin.leave_if_done(root, calls::now());
    });
}

pub(crate) fn grpc_closed(root: u32, token: u32, status: u32) {
    with((), |plugin| {
        let now = calls::now();
        for channel in plugin.channels_of(root) {
            let metrics = &mut plugin.metrics;
            if channel.try_borrow_mut().is_ok_and(|mut channel| channel.closed(root, token, status, now, metrics)) {
                break;
            }
        }
    });
}

impl Plugin {
    fn channels_of(&self, root: u32) -> Vec<Rc<RefCell<Channel>>> {
        let Some(root) = self.roots.get(&root) else { return Vec::new() };
        let leaving = root.leaving.as_ref().map(|leaving| Rc::clone(&leaving.channel));
        let generation = root.generation.as_ref().and_then(|generation| generation.try_borrow().ok());
        leaving.into_iter().chain(generation.map(|generation| Rc::clone(&generation.channel))).collect()
    }

    /// Lets a root context go that had asked for time, when its lines are delivered or its time is over.
    fn leave_if_done(&mut self, root: u32, now: UnixNanos) {
        let Some(entry) = self.roots.get_mut(&root) else { return };
        let Some(leaving) = &entry.leaving else { return };
        let delivered = leaving.channel.try_borrow().is_ok_and(|channel| channel.pending() == 0);
        if delivered || now.since(leaving.since) >= LEAVE_WITHIN {
            entry.leaving = None;
            let _ = calls::set_effective_context(root).and_then(|()| calls::done());
        }
    }
}
