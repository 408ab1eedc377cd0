//! The corpus on the built filter in the wasmtime harness.

use crate::evidence;
use crate::observed::Observed;
use crate::scenario::{Case, Scenario};
use countersign_harness::{Host, HostError, Plugin, Profile};
use countersign_testbed::tokens::Issuer;
use serde_json::{Value, json};
use std::time::Duration;

/// Runs every case of a scenario under a host profile.
///
/// # Errors
/// [`HostError`] where the host refuses the filter, its configuration or a step.
pub fn run(
    plugin: &Plugin,
    profile: Profile,
    scenario: &Scenario,
    issuer: &Issuer,
    now: Duration,
) -> Result<Vec<Observed>, HostError> {
    let sinks = json!([{"kind": "log"}]);
    let configuration =
        scenario.configuration(issuer, sinks).replace(r#""host":"envoy""#, &format!(r#""host":"{}""#, profile.name()));
    let host = Host::new(profile).clock(now).load(plugin)?.configure(configuration)?;
    scenario.cases.iter().enumerate().map(|(index, case)| observe(&host, case, index, issuer, now)).collect()
}

fn observe(host: &Host, case: &Case, index: usize, issuer: &Issuer, now: Duration) -> Result<Observed, HostError> {
    let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
    let trace_id = case.trace_id(index);
    let (path, headers) = case.request.rendered(issuer, seconds, &trace_id);
    let mut request = host.request().method(&case.request.method).path(path).authority(&case.request.host);
    request = request.property("source.address", "127.0.0.1:40000");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let exchange = request.send();
    if exchange.is_forwarded() {
        exchange.respond(200, [("content-type", "text/plain")])?;
    }
    exchange.finish()?;
    let reply = exchange.reply();
    let upstream = exchange.upstream();
    let lines: Vec<Value> = host.logs().iter().filter_map(|line| serde_json::from_str(&line.message).ok()).collect();
    Ok(Observed {
        status: exchange.status().and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
        reply: reply.map(|reply| owned(reply.headers.iter())).unwrap_or_default(),
        upstream: upstream.map(|upstream| owned(upstream.headers.iter())),
        event: evidence::of_trace(&lines, &trace_id).cloned().unwrap_or_default(),
    })
}

fn owned<'h>(headers: impl Iterator<Item = (&'h str, std::borrow::Cow<'h, str>)>) -> Vec<(String, String)> {
    headers.map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
}
