//! The corpus on the pure core: no wasm, no host.

use crate::observed::Observed;
use crate::scenario::{Case, Scenario};
use countersign_core::chain::{Chain, ServiceName};
use countersign_core::config;
use countersign_core::config::decode::ConfigFault;
use countersign_core::engine::{Act, Engine, HeaderChange};
use countersign_core::event::{Caps, Decided, Draft, Ending};
use countersign_core::request::{Header, Peer, RequestView};
use countersign_core::time::UnixNanos;
use countersign_core::trace;
use countersign_testbed::tokens::Issuer;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};

/// Runs every case of a scenario.
///
/// # Errors
/// The configuration's faults.
pub fn run(scenario: &Scenario, issuer: &Issuer, now: UnixNanos) -> Result<Vec<Observed>, Vec<ConfigFault>> {
    let text = scenario.configuration(issuer, json!([{"kind": "log"}]));
    let mut engine = Engine::new(config::parse(text.as_bytes())?);
    let mut chain = Chain::new([1; 16], &ServiceName::default());
    Ok(scenario
        .cases
        .iter()
        .enumerate()
        .map(|(index, case)| observe(&mut engine, &mut chain, case, index, issuer, now))
        .collect())
}

fn observe(engine: &mut Engine, chain: &mut Chain, case: &Case, index: usize, issuer: &Issuer, now: UnixNanos) -> Observed {
    let (path, headers) = case.request.rendered(issuer, now.seconds(), &case.trace_id(index));
    let borrowed: Vec<Header<'_>> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let request = RequestView {
        method: &case.request.method,
        path: &path,
        host: &case.request.host,
        scheme: "http",
        headers: &borrowed,
        peer: Peer { source_ip: address, remote_ip: address, ..Peer::default() },
        received: now,
    };
    let decision = engine.decide(&request, now);
    let status = decision.status();
    let trace = trace::read(&request).ok();
    let decided = Decided {
        id: "0199aabb-ccdd-7000-8000-000000000000",
        request: &request,
        path: &decision.path,
        endpoint: decision.endpoint.as_deref(),
        protocol: "HTTP/1.1",
        request_id: "",
        trace: trace.as_ref(),
        span_id: None,
        source_address: &engine.recorded_address(&request),
        source_service: decision.source_service.as_deref(),
        identity: &decision.identity,
        decision: &decision.facts,
        findings: &decision.findings,
    };
    let draft = Draft::new(&decided, Caps::FULL);
    chain.seal_access(&draft, &Ending { status: Some(status), ..Ending::default() }, [2; 16]);
    let event = serde_json::from_slice(chain.line()).unwrap_or_default();
    let (reply, upstream) = match decision.act {
        Act::Refuse(reply) => (reply.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), None),
        Act::Forward(changes) => (Vec::new(), Some(forwarded(&path, headers, changes))),
    };
    Observed { status, reply, upstream, event }
}

fn forwarded(path: &str, headers: Vec<(String, String)>, changes: Vec<HeaderChange>) -> Vec<(String, String)> {
    let mut forwarded = vec![(":path".to_owned(), path.to_owned())];
    forwarded.extend(headers);
    for change in changes {
        match change {
            HeaderChange::Remove { name } => forwarded.retain(|(found, _)| *found != name),
            HeaderChange::Replace { name, value } => {
                forwarded.retain(|(found, _)| *found != name);
                forwarded.push((name, value));
            }
        }
    }
    forwarded
}
