//! `bench`: what a request through a plugin costs, alone or beside another plugin.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use countersign_harness::{Callback, GrpcAnswer, Headers, Host, Hostcall, HttpAnswer, Limits, Plugin, Response};
use serde_json::{Value, json};

use super::{Fault, Finding, print, profile, read};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The plugin.
    plugin: PathBuf,
    /// Another plugin to compare with, under the same configuration.
    #[arg(long)]
    compare: Option<PathBuf>,
    /// The kind of host.
    #[arg(long, default_value = "envoy")]
    profile: String,
    /// A file with the plugin's configuration.
    #[arg(long)]
    configuration: Option<PathBuf>,
    /// How many requests to time.
    #[arg(long, default_value_t = 10_000)]
    requests: usize,
    /// How many requests to send before.
    #[arg(long, default_value_t = 1_000)]
    warm_up: usize,
    /// The method of each request.
    #[arg(long, default_value = "GET")]
    method: String,
    /// The path of each request.
    #[arg(long, default_value = "/")]
    path: String,
    /// A header of each request, `name: value`.
    #[arg(long)]
    header: Vec<String>,
    /// The clock, in Unix seconds.
    #[arg(long)]
    clock: Option<u64>,
    /// Show the functions that take most of the time, this many.
    #[arg(long, default_value_t = 0)]
    functions: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What was measured of one plugin.
struct Measured {
    plugin: String,
    statuses: Vec<(Option<u32>, usize)>,
    mean: Duration,
    median: Duration,
    p99: Duration,
    fuel: u64,
    memory: usize,
    hostcalls: Vec<(Hostcall, f64)>,
    callbacks: Vec<(Callback, f64, f64)>,
    functions: Vec<(String, f64)>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, Fault> {
    let mut all = vec![measure(arguments, &arguments.plugin)?];
    if let Some(other) = &arguments.compare {
        all.push(measure(arguments, other)?);
    }
    let text = if arguments.json { format!("{:#}\n", Value::Array(all.iter().map(as_json).collect())) } else { as_text(&all) };
    print(&text)?;
    Ok(Finding::Good)
}

fn measure(arguments: &Arguments, path: &Path) -> Result<Measured, Fault> {
    let bytes = read(path)?;
    let mut timed = Load::start(arguments, &bytes, Limits { fuel: None, ..Limits::default() })?;
    let mut times = timed.time(arguments.warm_up, arguments.requests);
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let mut counted = Load::start(arguments, &bytes, Limits::default())?;
    let (counts, fuel) = counted.count();
    Ok(Measured {
        plugin: path.display().to_string(),
        statuses: timed.statuses,
        mean: total.checked_div(u32::try_from(times.len()).unwrap_or(u32::MAX)).unwrap_or_default(),
        median: percentile(&times, 50),
        p99: percentile(&times, 99),
        fuel,
        memory: timed.host.memory_high_water(),
        hostcalls: counts.0,
        callbacks: counts.1,
        functions: functions(arguments, &bytes)?,
    })
}

/// How often to look which function runs.
const SAMPLE: Duration = Duration::from_micros(100);

/// The share of the time that each of the busiest functions takes, in percent.
fn functions(arguments: &Arguments, bytes: &[u8]) -> Result<Vec<(String, f64)>, Fault> {
    if arguments.functions == 0 {
        return Ok(Vec::new());
    }
    let mut load = Load::start(arguments, bytes, Limits { fuel: None, sample: Some(SAMPLE), ..Limits::default() })?;
    load.time(arguments.warm_up, arguments.requests);
    let samples = load.host.samples();
    let all = ratio(samples.iter().map(|(_, count)| count).sum());
    let busiest = samples.into_iter().take(arguments.functions);
    Ok(busiest.map(|(name, count)| (format!("{:#}", rustc_demangle::demangle(&name)), 100.0 * ratio(count) / all)).collect())
}

type Counts = (Vec<(Hostcall, f64)>, Vec<(Callback, f64, f64)>);

/// How many requests the deterministic counts are taken from.
const COUNTED: u32 = 100;

/// A host under load.
struct Load<'a> {
    arguments: &'a Arguments,
    host: Host,
    headers: Headers,
    statuses: Vec<(Option<u32>, usize)>,
}

impl<'a> Load<'a> {
    fn start(arguments: &'a Arguments, bytes: &[u8], limits: Limits) -> Result<Self, Fault> {
        let configuration = arguments.configuration.as_deref().map(read).transpose()?.unwrap_or_default();
        let mut setup = Host::new(profile(&arguments.profile)?).without_main_thread().without_trace();
        if let Some(clock) = arguments.clock {
            setup = setup.clock(Duration::from_secs(clock));
        }
        let host = setup.load(&Plugin::compile_with(bytes, limits)?)?.configure(configuration)?;
        host.answer_http(|_| Some(HttpAnswer::response(200, Headers::new(), "")));
        host.answer_grpc(|_| Some(GrpcAnswer::Message(Vec::new())));
        Ok(Self { arguments, host, headers: headers(&arguments.header)?, statuses: Vec::new() })
    }

    fn request(&self) -> Option<u32> {
        let request = self.host.request().method(&self.arguments.method).path(&self.arguments.path);
        let exchange = request.headers(self.headers.clone()).send();
        if exchange.is_forwarded() {
            // A stage that was just checked.
            let _ = exchange.respond_with(Response::new(200));
        }
        let _ = exchange.finish();
        exchange.status()
    }

    fn time(&mut self, warm_up: usize, requests: usize) -> Vec<Duration> {
        for _ in 0..warm_up {
            self.request();
        }
        let mut times = Vec::with_capacity(requests);
        for _ in 0..requests {
            let start = Instant::now();
            let status = self.request();
            times.push(start.elapsed());
            self.note(status);
            self.host.take_logs();
        }
        times
    }

    fn note(&mut self, status: Option<u32>) {
        match self.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((status, 1)),
        }
    }

    /// Fuel, hostcalls and callbacks of one request, as a mean over some after a first one.
    fn count(&mut self) -> (Counts, u64) {
        self.request();
        let (before, fuel) = (self.host.counts(), self.host.fuel_used());
        for _ in 0..COUNTED {
            self.request();
        }
        let after = self.host.counts();
        let hostcalls =
            after.hostcalls().zip(before.hostcalls()).map(|((call, after), (_, before))| (call, share(after - before)));
        let callbacks = after
            .callbacks()
            .zip(before.callbacks())
            .map(|(after, before)| (after.0, share(after.1 - before.1), share(after.2 - before.2)));
        let hostcalls = hostcalls.filter(|(_, count)| *count > 0.0).collect();
        let callbacks = callbacks.filter(|(_, count, _)| *count > 0.0).collect();
        ((hostcalls, callbacks), (self.host.fuel_used() - fuel) / u64::from(COUNTED))
    }
}

fn share(count: u64) -> f64 {
    ratio(count) / f64::from(COUNTED)
}

fn ratio(count: u64) -> f64 {
    // Counts here are far below 2^52, where a float is exact.
    count as f64
}

fn headers(texts: &[String]) -> Result<Headers, Fault> {
    let mut headers = Headers::new();
    for text in texts {
        let (name, value) = text.split_once(':').ok_or_else(|| Fault::NoHeader { text: text.clone() })?;
        headers.add(name.trim(), value.trim());
    }
    Ok(headers)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(index).copied().unwrap_or_default()
}

fn as_text(all: &[Measured]) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: &dyn Fn(&Measured) -> String| {
        let cells: String = all.iter().map(|measured| format!(" {:>24}", value(measured))).collect();
        let _ = writeln!(out, "{name:<44}{cells}");
    };
    row("per request", &|measured| {
        let name = Path::new(&measured.plugin).file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_default().chars().rev().take(24).collect::<Vec<_>>().into_iter().rev().collect()
    });
    row("statuses", &|measured| statuses(measured));
    row("time, mean", &|measured| format!("{:.2?}", measured.mean));
    row("time, median", &|measured| format!("{:.2?}", measured.median));
    row("time, 99th percentile", &|measured| format!("{:.2?}", measured.p99));
    row("fuel", &|measured| measured.fuel.to_string());
    row("memory high water, bytes", &|measured| measured.memory.to_string());
    for call in Hostcall::ALL {
        let count = |measured: &Measured| measured.hostcalls.iter().find(|(known, _)| known == call).map(|(_, count)| *count);
        if all.iter().any(|measured| count(measured).is_some()) {
            row(call.name(), &|measured| format!("{:.2}", count(measured).unwrap_or(0.0)));
        }
    }
    for callback in Callback::ALL {
        let fuel = |measured: &Measured| measured.callbacks.iter().find(|(known, ..)| known == callback).map(|(.., fuel)| *fuel);
        if all.iter().any(|measured| fuel(measured).is_some()) {
            let name = format!("fuel in {}", callback.name());
            row(&name, &|measured| format!("{:.0}", fuel(measured).unwrap_or(0.0)));
        }
    }
    for measured in all.iter().filter(|measured| !measured.functions.is_empty()) {
        let _ = writeln!(out, "\nfunctions of {}", measured.plugin);
        for (name, percent) in &measured.functions {
            let _ = writeln!(out, "  {percent:>5.1} %  {name}");
        }
    }
    out
}

fn statuses(measured: &Measured) -> String {
    let status = |status: &Option<u32>| status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let parts: Vec<String> = measured.statuses.iter().map(|(code, count)| format!("{} x{count}", status(code))).collect();
    parts.join(" ")
}

fn as_json(measured: &Measured) -> Value {
    let hostcalls: serde_json::Map<String, Value> =
        measured.hostcalls.iter().map(|(call, count)| (call.name().to_owned(), json!(count))).collect();
    let callbacks: serde_json::Map<String, Value> = measured
        .callbacks
        .iter()
        .map(|(callback, count, fuel)| (callback.name().to_owned(), json!({"count": count, "fuel": fuel})))
        .collect();
    json!({
        "plugin": measured.plugin,
        "statuses": statuses(measured),
        "mean_ns": u64::try_from(measured.mean.as_nanos()).unwrap_or(u64::MAX),
        "median_ns": u64::try_from(measured.median.as_nanos()).unwrap_or(u64::MAX),
        "p99_ns": u64::try_from(measured.p99.as_nanos()).unwrap_or(u64::MAX),
        "fuel": measured.fuel,
        "memory": measured.memory,
        "hostcalls": hostcalls,
        "callbacks": callbacks,
        "functions": measured.functions.iter().map(|(name, percent)| json!({"name": name, "percent": percent})).collect::<Vec<_>>(),
    })
}
