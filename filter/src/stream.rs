//! One request, from its headers to its end.

use crate::connection::Connection;
use crate::generation::Generation;
use crate::host::calls;
use crate::host::{HeaderMap, HeaderPairs};
use crate::metrics::{Counter, Metrics};
use crate::properties::{Properties, number, text};
use countersign_core::engine::{Act, Decision, HeaderChange, KeysNeeded, Reply};
use countersign_core::event::{Decided, Draft, Ending, Outcome};
use countersign_core::request::{Header, RequestView};
use countersign_core::time::UnixNanos;
use countersign_core::trace;
use std::cell::RefCell;
use std::rc::Rc;

/// What the host is to do with the request now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Continue,
    Pause,
}

impl Action {
    /// The ABI's number for it.
    #[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only the exports speak in numbers"))]
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::Continue => 0,
            Self::Pause => 1,
        }
    }
}

/// A request under way.
pub(crate) struct Stream {
    generation: Rc<RefCell<Generation>>,
    draft: Option<Draft>,
    refused_with: Option<u16>,
    waiting: Option<Waiting>,
}

/// A request that is held until keys are there.
#[derive(Clone)]
struct Waiting {
    id: String,
    received: UnixNanos,
}

/// The request's pseudo-headers beside its others.
struct Received<'p> {
    method: &'p str,
    path: &'p str,
    authority: &'p str,
    scheme: &'p str,
    headers: Vec<Header<'p>>,
}

impl<'p> Received<'p> {
    /// Sorts the pairs; where `:authority` is the server's own name, the header `host` says what was asked for.
    fn from(pairs: &'p HeaderPairs, properties: &Properties) -> Self {
        let mut received = Self { method: "", path: "", authority: "", scheme: "", headers: Vec::with_capacity(24) };
        for (name, value) in pairs.iter() {
            let text = || std::str::from_utf8(value).unwrap_or_default();
            match name {
                ":method" => received.method = text(),
                ":path" => received.path = text(),
                ":authority" => received.authority = text(),
                ":scheme" => received.scheme = text(),
                _ => received.headers.push((name, value)),
            }
        }
        let host = received.headers.iter().find(|(name, _)| *name == "host" && properties.host_header);
        if let Some((_, value)) = host {
            received.authority = std::str::from_utf8(value).unwrap_or_default();
        }
        received
    }

    fn view(&'p self, connection: &'p Connection, principals: &'p [&'p str], now: UnixNanos) -> RequestView<'p> {
        RequestView {
            method: self.method,
            path: self.path,
            host: self.authority,
            scheme: self.scheme,
            headers: &self.headers,
            peer: connection.peer(principals),
            received: now,
        }
    }
}

impl Stream {
    pub(crate) fn new(generation: Rc<RefCell<Generation>>) -> Self {
        Self { generation, draft: None, refused_with: None, waiting: None }
    }

    pub(crate) fn generation(&self) -> &Rc<RefCell<Generation>> {
        &self.generation
    }

    /// Decides the request by its headers, and acts on the decision. Where that takes keys which are not here, the request
    /// is held: `context` is its own, by which it will be found again.
    pub(crate) fn request_headers(&mut self, context: u32, now: UnixNanos) -> Action {
        let generation = Rc::clone(&self.generation);
        let Ok(mut generation) = generation.try_borrow_mut() else {
            return self.refuse(&Reply::unavailable(None));
        };
        let Ok(pairs) = calls::header_pairs(HeaderMap::Request) else {
            return self.refuse(&Reply::unavailable(None));
        };
        let received = Received::from(&pairs, generation.properties);
        let connection = generation.current_connection();
        let principals = connection.principals();
        let view = received.view(&connection, &principals, now);
        let id = generation.channel.try_borrow_mut().ok().and_then(|mut channel| channel.event_id(now).ok());
        let Some(id) = id else {
            // No event could be written of it, so it must not pass.
            return self.refuse(&Reply::unavailable(None));
        };
        generation.serve();
        let decision = match generation.engine.decide_or_wait(&view, now) {
            Ok(decision) => decision,
            Err(KeysNeeded { rule }) if generation.wait_for_keys(context, rule, now) => {
                self.waiting = Some(Waiting { id, received: now });
                return Action::Pause;
            }
            Err(KeysNeeded { .. }) => generation.engine.decide(&view, now),
        };
        self.draft = Some(draft(&decision, &view, &id, &connection, &generation));
        self.act(&decision.act, &id)
    }

    /// Decides a request that was held, now that keys are there or cannot be had. The host must be about this stream. A
    /// fetch that was `started` before the request came may have missed the very key that signed its token: then it may
    /// wait for another.
    pub(crate) fn resume(&mut self, context: u32, started: UnixNanos, now: UnixNanos) {
        let Some(held) = self.waiting.take() else { return };
        let again = (started < held.received).then_some(context);
        if self.decide_held(&held, again, now) == Action::Continue && calls::continue_request().is_err() {
            self.refuse(&Reply::unavailable(Some(&held.id)));
        }
    }

    fn decide_held(&mut self, held: &Waiting, again: Option<u32>, now: UnixNanos) -> Action {
        let Waiting { id, received } = held;
        let generation = Rc::clone(&self.generation);
        let (Ok(mut generation), Ok(pairs)) = (generation.try_borrow_mut(), calls::header_pairs(HeaderMap::Request)) else {
            return self.refuse(&Reply::unavailable(Some(id)));
        };
        let received_pairs = Received::from(&pairs, generation.properties);
        let connection = generation.current_connection();
        let principals = connection.principals();
        let view = received_pairs.view(&connection, &principals, *received);
        if let Some(context) = again
            && let Err(KeysNeeded { rule }) = generation.engine.decide_or_wait(&view, now)
            && generation.wait_for_keys(context, rule, now)
        {
            self.waiting = Some(held.clone());
            return Action::Pause;
        }
        let decision = generation.engine.decide(&view, now);
        self.draft = Some(draft(&decision, &view, id, &connection, &generation));
        self.act(&decision.act, id)
    }

    fn act(&mut self, act: &Act, id: &str) -> Action {
        match act {
            Act::Forward(changes) => match apply(changes) {
                Ok(()) => Action::Continue,
                // A header that could not be replaced may be one that the client set.
                Err(_) => self.refuse(&Reply::unavailable(Some(id))),
            },
            Act::Refuse(reply) => self.refuse(&reply.with_id(id)),
        }
    }

    fn refuse(&mut self, reply: &Reply) -> Action {
        self.refused_with = Some(reply.status);
        let headers: Vec<(&str, &str)> = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // Where nothing could be answered the request stays where it is until the host gives it up: it must not go on.
        let _ = calls::send_local_response(reply.status, reply.details, &headers, reply.body.as_bytes(), reply.grpc_status);
        Action::Pause
    }

    /// The stream is done. On a host whose last callback this is, its event is sealed now.
    pub(crate) fn done(&mut self, now: UnixNanos, metrics: &mut Metrics) {
        let last = self.generation.try_borrow().is_ok_and(|generation| generation.properties.ends_without_log);
        if last && self.draft.is_some() {
            self.log(now, metrics);
        }
    }

    /// Completes the event and seals it.
    pub(crate) fn log(&mut self, now: UnixNanos, metrics: &mut Metrics) {
        let generation = Rc::clone(&self.generation);
        let Ok(mut generation) = generation.try_borrow_mut() else { return };
        let draft = match self.draft.take() {
            Some(draft) => draft,
            None => match not_evaluated(&mut generation, now) {
                Some(draft) => draft,
                None => return,
            },
        };
        metrics.add(outcome_counter(draft.outcome), 1);
        metrics.add(Counter::Emitted, 1);
        let facts = EndFacts::read(generation.properties, self.refused_with, draft.has_endpoint());
        let ending = facts.ending(now, draft.received);
        if let Ok(mut channel) = generation.channel.try_borrow_mut() {
            channel.emit(&draft, &ending, now);
        }
    }
}

fn outcome_counter(outcome: Outcome) -> Counter {
    match outcome {
        Outcome::Allow => Counter::Allowed,
        Outcome::Deny => Counter::Denied,
        Outcome::Fault => Counter::Faulted,
        Outcome::NotEvaluated => Counter::NotEvaluated,
    }
}

fn apply(changes: &[HeaderChange]) -> Result<(), crate::host::Status> {
    changes.iter().try_for_each(|change| match change {
        HeaderChange::Replace { name, value } => calls::replace_header(HeaderMap::Request, name, value.as_bytes()),
        HeaderChange::Remove { name } => calls::remove_header(HeaderMap::Request, name),
    })
}

fn draft(decision: &Decision, view: &RequestView<'_>, id: &str, connection: &Connection, generation: &Generation) -> Draft {
    let trace = trace::read(view).ok();
    let decided = Decided {
        id,
        request: view,
        path: &decision.path,
        endpoint: decision.endpoint.as_deref(),
        protocol: &connection.protocol,
        request_id: view.header("x-request-id").unwrap_or_default(),
        trace: trace.as_ref(),
        span_id: None,
        source_address: &generation.engine.recorded_address(view),
        source_service: decision.source_service.as_deref(),
        identity: &decision.identity,
        decision: &decision.facts,
        findings: &decision.findings,
    };
    Draft::new(&decided, generation.caps)
}

/// The event of a stream that ended before its headers were seen: a broken request, for one.
fn not_evaluated(generation: &mut Generation, now: UnixNanos) -> Option<Draft> {
    let pairs = calls::header_pairs(HeaderMap::Request).unwrap_or_default();
    let received = Received::from(&pairs, generation.properties);
    let connection = generation.current_connection();
    let principals = connection.principals();
    let view = received.view(&connection, &principals, now);
    let id = generation.channel.try_borrow_mut().ok()?.event_id(now).ok()?;
    let decision = generation.engine.not_evaluated(&view);
    Some(draft(&decision, &view, &id, &connection, generation))
}

/// What the host tells of a stream that ended. Properties cost a hostcall each, so only what the case needs is read.
#[derive(Default)]
struct EndFacts {
    status: Option<u16>,
    flags: u64,
    details: String,
    response_size: Option<u64>,
    route: String,
    cluster: String,
    upstream: String,
}

impl EndFacts {
    fn read(properties: &Properties, refused_with: Option<u16>, has_endpoint: bool) -> Self {
        let status = number(properties.status).and_then(|status| u16::try_from(status).ok()).filter(|status| *status != 0);
        // An endpoint says what the host's route would say, and more precisely.
        let route = if has_endpoint { None } else { text(properties.route) }.unwrap_or_default();
        if refused_with.is_some() {
            return Self { status: status.or(refused_with), route, ..Self::default() };
        }
        let mut facts = Self {
            status,
            route,
            upstream: text(properties.upstream).unwrap_or_default(),
            cluster: text(properties.cluster).unwrap_or_default(),
            response_size: number(properties.response_size),
            ..Self::default()
        };
        // A response that went well has nothing more to say.
        if status.is_none_or(|status| status >= 500) {
            facts.flags = number(properties.flags).unwrap_or_default();
            facts.details = text(properties.details).unwrap_or_default();
        }
        facts
    }

    fn ending(&self, now: UnixNanos, received: UnixNanos) -> Ending<'_> {
        Ending {
            duration: Some(now.since(received)),
            status: self.status,
            flags: self.flags,
            details: &self.details,
            response_size: self.response_size,
            route: &self.route,
            cluster: &self.cluster,
            upstream: &self.upstream,
        }
    }
}
