//! Comparing what happened with what a scenario expects.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::callout::CalloutState;
use crate::exchange::Exchange;
use crate::headers::Headers;
use crate::host::Host;
use crate::scenario::wire::{Expect, ExpectUpstream};

/// What there is to look at.
pub(super) struct Check<'a> {
    pub(super) host: &'a Host,
    pub(super) exchange: Option<&'a Exchange>,
}

impl Check<'_> {
    /// Everything that does not hold.
    pub(super) fn failures(&self, expect: &Expect) -> Vec<String> {
        let mut found = Found::default();
        self.check_exchange(expect, &mut found);
        self.check_host(expect, &mut found);
        found.0
    }

    fn check_exchange(&self, expect: &Expect, found: &mut Found) {
        let stage = self.exchange.map(|exchange| exchange.stage().code().to_owned());
        found.compare("stage", &expect.stage, stage);
        let trap = self.exchange.and_then(Exchange::trap).map(|trap| trap.kind.code().to_owned());
        found.compare("trap", &expect.trap, trap);
        let reply = self.exchange.and_then(Exchange::reply);
        found.compare("status", &expect.status, reply.as_ref().map(|reply| reply.status));
        found.compare("local", &expect.local, reply.as_ref().map(|reply| reply.local));
        found.compare("body", &expect.body, reply.as_ref().map(|reply| reply.text()));
        let none = Headers::new();
        found.headers("header", &expect.headers, reply.as_ref().map_or(&none, |reply| &reply.headers));
        if let Some(upstream) = &expect.upstream {
            self.check_upstream(upstream, found);
        }
    }

    fn check_upstream(&self, expect: &ExpectUpstream, found: &mut Found) {
        match self.exchange.and_then(Exchange::upstream) {
            Some(upstream) => {
                found.headers("upstream header", &expect.headers, &upstream.headers);
                let body = String::from_utf8_lossy(&upstream.body).into_owned();
                found.compare("upstream body", &expect.body, Some(body));
            }
            None => found.0.push("upstream: nothing reached it".to_owned()),
        }
    }

    fn check_host(&self, expect: &Expect, found: &mut Found) {
        if !expect.logs.is_empty() {
            let lines = self.host.take_logs();
            let missing = expect.logs.iter().filter(|text| !lines.iter().any(|line| line.message.contains(*text)));
            found.0.extend(missing.map(|text| format!("logs: no line with `{text}`")));
        }
        let metrics = self.host.metrics();
        for (name, value) in &expect.metrics {
            let is = metrics.gauge(name).unwrap_or_else(|| metrics.counter(name));
            found.compare(&format!("metric `{name}`"), &Some(*value), Some(is));
        }
        found.compare("traps", &expect.traps, Some(self.host.traps().len()));
        let waits = |state: CalloutState| state == CalloutState::Pending;
        let http = self.host.http_calls().iter().filter(|call| waits(call.state)).count();
        found.compare("pending HTTP calls", &expect.http_calls, Some(http));
        let grpc = self.host.grpc_calls().iter().filter(|call| waits(call.state)).count();
        found.compare("pending gRPC calls", &expect.grpc_calls, Some(grpc));
    }
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn compare<T: PartialEq + Debug>(&mut self, what: &str, expected: &Option<T>, found: Option<T>) {
        if expected.is_some() && *expected != found {
            self.0.push(format!("{what}: expected {}, found {}", shown(expected), shown(&found)));
        }
    }

    fn headers(&mut self, what: &str, expected: &BTreeMap<String, Option<String>>, found: &Headers) {
        for (name, value) in expected {
            let is = found.get(name);
            if is != value.as_deref() {
                let is = is.map(str::to_owned);
                self.0.push(format!("{what} `{name}`: expected {}, found {}", shown(value), shown(&is)));
            }
        }
    }
}

fn shown<T: Debug>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"))
}
