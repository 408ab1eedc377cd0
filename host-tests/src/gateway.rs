//! The corpus on real Envoy, with a real upstream, and with the collector as the OTLP peer.

use crate::artifacts;
use crate::evidence;
use crate::observed::Observed;
use crate::scenario::{Case, Scenario};
use countersign_testbed::client::{Request, Response};
use countersign_testbed::collector::Collector;
use countersign_testbed::envoy::{Binary, Envoy, Options};
use countersign_testbed::gateway::{AUDIT_CLUSTER, Gateway, WasmFilter};
use countersign_testbed::patience;
use countersign_testbed::tokens::Issuer;
use countersign_testbed::upstream::Upstream;
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long evidence may take to arrive.
pub const ARRIVES_WITHIN: Duration = Duration::from_secs(20);

/// A gateway with everything around it.
#[derive(Debug)]
pub struct Stack {
    /// The service behind the gateway.
    pub upstream: Upstream,
    /// Where the evidence goes.
    pub collector: Collector,
    /// The gateway.
    pub envoy: Envoy,
    /// The folder of their files.
    pub folder: PathBuf,
}

/// The sinks of every run on Envoy.
#[must_use]
pub fn sinks() -> Value {
    json!([{"kind": "log"}, {"kind": "otlp-grpc", "cluster": AUDIT_CLUSTER, "flushInterval": "100ms"}])
}

impl Stack {
    /// Starts upstream, collector and gateway; their files lie in `folder`.
    ///
    /// # Errors
    /// What does not start, with its log.
    pub fn start(configuration: &str, folder: &Path, options: Options) -> Result<Self, Box<dyn Error>> {
        let upstream = Upstream::start()?;
        let collector = Collector::start(&artifacts::countersign()?, folder)?;
        let gateway = Self::gateway(configuration, &upstream, &collector)?;
        let envoy = Envoy::start_with(&Binary::locate()?, &gateway, folder, options)?;
        Ok(Self { upstream, collector, envoy, folder: folder.to_owned() })
    }

    /// The gateway's configuration around the filter's.
    ///
    /// # Errors
    /// [`artifacts::Missing`] when the filter was not built.
    pub fn gateway(configuration: &str, upstream: &Upstream, collector: &Collector) -> Result<Gateway, artifacts::Missing> {
        let filter = WasmFilter::new(artifacts::filter()?, configuration);
        Ok(Gateway::to(upstream.address()).audit_to(collector.address()).wasm(&filter).paths_as_received())
    }

    /// Waits until the collector has this many access events, and returns all lines.
    #[must_use]
    pub fn evidence(&self, count: usize) -> Vec<Value> {
        let store = self.collector.store();
        let enough = || Some(evidence::lines(store)).filter(|lines| evidence::access_count(lines) >= count);
        patience::wait_for(ARRIVES_WITHIN, enough).unwrap_or_else(|| evidence::lines(store))
    }
}

/// Runs every case of a scenario.
///
/// # Errors
/// What does not start or answer.
pub fn run(scenario: &Scenario, issuer: &Issuer, folder: &Path) -> Result<Vec<Observed>, Box<dyn Error>> {
    let stack = Stack::start(&scenario.configuration(issuer, sinks()), folder, Options::default())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut responses = Vec::new();
    for (index, case) in scenario.cases.iter().enumerate() {
        responses.push(send(&stack, case, index, issuer, i64::try_from(now)?)?);
    }
    let lines = stack.evidence(responses.len());
    let observe = |(index, response): (usize, &Response)| {
        let trace_id = scenario.cases.get(index).map(|case| case.trace_id(index)).unwrap_or_default();
        observed(response, evidence::of_trace(&lines, &trace_id).cloned().unwrap_or_default())
    };
    Ok(responses.iter().enumerate().map(observe).collect())
}

fn send(stack: &Stack, case: &Case, index: usize, issuer: &Issuer, now: i64) -> Result<Response, Box<dyn Error>> {
    let (path, headers) = case.request.rendered(issuer, now, &case.trace_id(index));
    let mut request = Request::new(&case.request.method, &path).header("host", &case.request.host);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    Ok(request.send(stack.envoy.address())?)
}

/// The upstream answers with what it received.
fn observed(response: &Response, event: Value) -> Observed {
    let echo = response.json().ok().filter(|echo| echo.get("headers").is_some());
    let upstream = echo.map(|echo| {
        let pairs = echo.get("headers").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut headers: Vec<(String, String)> = pairs.iter().map(|pair| (text(pair.get(0)), text(pair.get(1)))).collect();
        headers.push((":path".to_owned(), text(echo.get("path"))));
        headers
    });
    let lower = |(name, value): &(String, String)| (name.to_ascii_lowercase(), value.clone());
    Observed { status: response.status, reply: response.headers.iter().map(lower).collect(), upstream, event }
}
