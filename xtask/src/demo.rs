//! The whole of it on one screen: requests through a real Envoy, what was decided, the evidence, and its proof.

mod calls;
mod evidence;
mod show;
mod stage;

use crate::{Failure, artifact, command, workspace};
use calls::Call;
use countersign_testbed::envoy::Binary;
use countersign_testbed::patience;
use serde_json::Value;
use stage::Stage;
use std::fs;
use std::time::{Duration, Instant};

/// How long an event may take from its request to the collector's disk.
const ON_DISK: Duration = Duration::from_secs(15);

/// What to do after the demo
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave it all running until Ctrl-C, and print requests to try
    #[arg(long)]
    keep: bool,
}

/// A call that was answered, with the event that witnesses it.
struct Witnessed {
    call: Call,
    status: u16,
    event: Value,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let start = Instant::now();
    step(1, "Build the filter and the command-line tool, find Envoy");
    let binary = Binary::locate().map_err(Failure::missing)?;
    println!("{artifact}", artifact = artifact::build()?);
    command::run(command::cargo().args(["build", "--package", "countersign"]))?;
    let stage = play(&binary)?;
    println!("\n{}", show::next_steps(&stage, arguments.keep, start.elapsed()));
    if arguments.keep { stage.wait_for_interrupt() } else { Ok(()) }
}

/// The demo with what is built already.
pub(crate) fn perform() -> Result<(), Failure> {
    play(&Binary::locate().map_err(Failure::missing)?).map(drop)
}

fn play(binary: &Binary) -> Result<Stage, Failure> {
    let folder = workspace::target().join("demo");
    // What an earlier run left is no evidence of this one.
    let _ = fs::remove_dir_all(&folder);

    step(2, "Start a collector, two services and the gateway");
    let stage = Stage::set(binary, &folder)?;
    println!("{stage}");

    step(3, "Send requests; every one is decided and witnessed");
    let witnessed = send(&stage)?;
    println!("{}", show::decisions(&witnessed));
    check(&witnessed)?;

    step(4, "One of these events in full");
    println!("{}", show::event(&witnessed)?);

    step(5, "Verify the evidence: the chain, its gaps, its signed checkpoints");
    evidence::verify(&stage)?;

    step(6, "Change one byte in a copy of the evidence, and verify that");
    evidence::alter_and_verify(&stage)?;
    Ok(stage)
}

fn step(number: u8, what: &str) {
    println!("\n[{number}/6] {what}\n");
}

/// Sends every call and waits for its event.
fn send(stage: &Stage) -> Result<Vec<Witnessed>, Failure> {
    let start = Instant::now();
    let mut answered = Vec::new();
    for call in calls::all(stage.issuer(), stage.now()) {
        let response = call.request.send(stage.gateway()).map_err(Failure::failed)?;
        answered.push((call, response.status));
    }
    let sent = start.elapsed();
    let events = await_events(stage, &answered)?;
    let later = (start.elapsed() - sent).as_secs_f64();
    println!("{} requests in {} ms; their events on disk {later:.1} s later\n", answered.len(), sent.as_millis());
    let witnessed = |(call, status): (Call, u16)| {
        let event = find(&events, &call).cloned().unwrap_or_default();
        Witnessed { call, status, event }
    };
    Ok(answered.into_iter().map(witnessed).collect())
}

/// Waits until every call's event is on disk, and before a checkpoint.
fn await_events(stage: &Stage, answered: &[(Call, u16)]) -> Result<Vec<Value>, Failure> {
    let mut events = Vec::new();
    let complete = patience::wait_for(ON_DISK, || {
        events = stage.events().ok()?;
        let witnessed = |(call, _): &(Call, u16)| find(&events, call).is_some();
        (answered.iter().all(witnessed) && evidence::sealed(&events)).then_some(())
    });
    if complete.is_some() {
        return Ok(events);
    }
    let missing: Vec<_> = answered.iter().filter(|(call, _)| find(&events, call).is_none()).map(|(call, _)| call.what).collect();
    let (seconds, log) = (ON_DISK.as_secs(), stage.log_tail());
    Err(Failure::failed(format!(
        "after {seconds} s there is no event of {missing:?}, or no checkpoint; envoy's log ends:\n{log}"
    )))
}

/// The event of a call: each call starts its own trace.
fn find<'a>(events: &'a [Value], call: &Call) -> Option<&'a Value> {
    events.iter().find(|event| event.pointer("/trace/trace_id").and_then(Value::as_str) == Some(&call.trace_id))
}

/// A demo that shows something else than it should is a failed one.
fn check(witnessed: &[Witnessed]) -> Result<(), Failure> {
    let differs = |one: &&Witnessed| {
        one.status != one.call.expected
            || one.event.pointer("/response/status").and_then(Value::as_u64) != Some(one.status.into())
    };
    let wrong: Vec<_> = witnessed.iter().filter(differs).map(|one| format!("{} ({})", one.call.what, one.status)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::failed(format!("not the expected status: {}", wrong.join(", ")))) }
}
