//! Running scenarios.

use std::time::Duration;

use crate::callout::CalloutState;
use crate::exchange::{Exchange, Response};
use crate::headers::Headers;
use crate::host::Host;
use crate::plugin::Plugin;
use crate::profile::Profile;
use crate::scenario::expect::Check;
use crate::scenario::wire::{Action, Answer, File, GrpcReply, GrpcStep, HttpStep, RequestStep, Scenario, Step};
use crate::trace;

/// One scenario under one profile, and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The scenario's name.
    pub name: String,
    /// The profile's name.
    pub profile: String,
    /// What did not hold, in order; empty if all did.
    pub failures: Vec<String>,
    /// Every call across the boundary, for a failure report.
    pub trace: String,
}

impl Case {
    /// Whether everything held.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Runs every scenario under each of its profiles.
pub fn run(file: &File, plugin: &Plugin) -> Vec<Case> {
    let mut cases = Vec::new();
    for scenario in &file.scenarios {
        for profile in scenario.profiles.as_ref().unwrap_or(&file.profiles) {
            cases.push(run_case(file, scenario, profile, plugin));
        }
    }
    cases
}

fn run_case(file: &File, scenario: &Scenario, profile: &str, plugin: &Plugin) -> Case {
    let mut case = Case { name: scenario.name.clone(), profile: profile.to_owned(), failures: Vec::new(), trace: String::new() };
    match start(file, scenario, profile, plugin) {
        Ok(host) => {
            let mut player = Player { host, exchange: None, failures: Vec::new() };
            for (index, step) in scenario.steps.iter().enumerate() {
                player.play(index + 1, step);
            }
            case.failures = player.failures;
            case.trace = trace::render(&player.host.trace());
        }
        Err(failure) => case.failures.push(failure),
    }
    case
}

fn start(file: &File, scenario: &Scenario, profile: &str, plugin: &Plugin) -> Result<Host, String> {
    let profile = Profile::named(profile).ok_or_else(|| format!("no profile `{profile}`"))?;
    let configuration = scenario.configuration.as_ref().unwrap_or(&file.configuration).render();
    let mut setup = Host::new(profile).workers(file.workers).without_main_thread();
    if let Some(clock) = file.clock {
        setup = setup.clock(Duration::from_secs(clock));
    }
    let loaded = setup.load(plugin).map_err(|error| format!("load: {error}"))?;
    loaded.configure(configuration).map_err(|error| format!("configure: {error}"))
}

struct Player {
    host: Host,
    exchange: Option<Exchange>,
    failures: Vec<String>,
}

impl Player {
    fn play(&mut self, number: usize, step: &Step) {
        let mut found = Vec::new();
        match step.actions().as_slice() {
            [] => {}
            [action] => found.extend(self.act(action).err()),
            _ => found.push("more than one action".to_owned()),
        }
        if let Some(expect) = &step.expect {
            let check = Check { host: &self.host, exchange: self.exchange.as_ref() };
            found.extend(check.failures(expect));
        }
        self.failures.extend(found.into_iter().map(|failure| format!("step {number}: {failure}")));
    }

    fn act(&mut self, action: &Action<'_>) -> Result<(), String> {
        match action {
            Action::Request(request) => self.exchange = Some(self.send(request)),
            Action::Respond(answer) => {
                self.current()?.respond_with(response(answer)).map_err(|error| error.to_string())?;
            }
            Action::Finish => {
                self.current()?.finish().map_err(|error| error.to_string())?;
            }
            Action::Abort => {
                self.current()?.abort().map_err(|error| error.to_string())?;
            }
            Action::Advance(by) => self.host.advance(duration(by)?),
            Action::Tick => {
                self.host.tick();
            }
            Action::HttpCall(step) => self.http_call(step)?,
            Action::GrpcCall(step) => self.grpc_call(step)?,
            Action::Reconfigure(text) => {
                self.host.reconfigure(text.render()).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    fn current(&self) -> Result<&Exchange, String> {
        self.exchange.as_ref().ok_or_else(|| "no request was sent yet".to_owned())
    }

    fn send(&self, step: &RequestStep) -> Exchange {
        let mut request = self.host.request().worker(step.worker);
        if let Some(method) = &step.method {
            request = request.method(method);
        }
        if let Some(path) = &step.path {
            request = request.path(path);
        }
        if let Some(authority) = &step.authority {
            request = request.authority(authority);
        }
        for (name, values) in &step.headers {
            for value in values.all() {
                request = request.header(name, value.as_str());
            }
        }
        for (path, value) in &step.properties {
            request = request.property(path, value.as_str());
        }
        match &step.body {
            Some(body) => request.body(body.as_str()).send(),
            None => request.send(),
        }
    }

    fn http_call(&self, step: &HttpStep) -> Result<(), String> {
        let pending = self.host.http_calls().into_iter().find(|call| call.state == CalloutState::Pending);
        let call = pending.ok_or("no HTTP call is pending")?;
        same("upstream", step.upstream.as_deref(), &call.upstream)?;
        same("path", step.path.as_deref(), call.headers.get(":path").unwrap_or_default())?;
        let answered = match &step.respond {
            Some(answer) => call.respond(answer.status, headers(answer), answer.body.as_str()),
            None => call.fail(),
        };
        answered.map_err(|error| error.to_string())
    }

    fn grpc_call(&self, step: &GrpcStep) -> Result<(), String> {
        let pending = self.host.grpc_calls().into_iter().find(|call| call.state == CalloutState::Pending);
        let call = pending.ok_or("no gRPC call is pending")?;
        same("service", step.service.as_deref(), &call.service)?;
        same("method", step.method.as_deref(), &call.method)?;
        let answered = match &step.reply {
            GrpcReply::Message(message) => call.respond_ok(message.as_str()),
            GrpcReply::Status(status) => call.fail(*status),
        };
        answered.map_err(|error| error.to_string())
    }
}

fn same(what: &str, expected: Option<&str>, found: &str) -> Result<(), String> {
    match expected {
        Some(expected) if expected != found => Err(format!("{what}: expected `{expected}`, found `{found}`")),
        _ => Ok(()),
    }
}

fn headers(answer: &Answer) -> Headers {
    answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn response(answer: &Answer) -> Response {
    let response =
        answer.headers.iter().fold(Response::new(answer.status), |response, (name, value)| response.header(name, value.as_str()));
    if answer.body.is_empty() { response } else { response.body(answer.body.as_str()) }
}

/// A whole number with `ms`, `s`, `m` or `h`.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no duration such as `100ms` or `5s`");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| bad())?;
    match text.strip_prefix(digits) {
        Some("ms") => Ok(Duration::from_millis(number)),
        Some("s") => Ok(Duration::from_secs(number)),
        Some("m") => number.checked_mul(60).map(Duration::from_secs).ok_or_else(bad),
        Some("h") => number.checked_mul(3600).map(Duration::from_secs).ok_or_else(bad),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_whole_number_and_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["5", "s", "1.5s", "5d", ""] {
            assert!(duration(bad).is_err(), "`{bad}`");
        }
    }
}
