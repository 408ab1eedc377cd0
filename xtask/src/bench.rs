//! What a request costs in Envoy: CPU of the Envoy process, not time.
//!
//! All variants run side by side, each in its own Envoy with one worker, and are measured in turn, round after round:
//! a machine that slows down slows down all of them. What is sent later, such as a batch of events, counts as well:
//! the clock stops a while after the last answer.

mod figures;
mod variants;

use crate::table;
use crate::{Failure, artifact, command, workspace};
use comfy_table::{Cell, CellAlignment, Table};
use countersign_testbed::collector::Collector;
use countersign_testbed::envoy::{Binary, Envoy};
use countersign_testbed::load::Load;
use figures::Figures;
use std::path::Path;
use std::time::Duration;
use variants::Variant;

/// Requests that warm a variant up: until V8 has compiled what is hot, it costs many times as much.
const WARM_UP: u64 = 5_000;
/// How long after the last answer events are still sent: a little more than the flush intervals.
const SETTLE: Duration = Duration::from_millis(1_300);

/// What to measure
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subject {
    /// CPU of the Envoy process a request: no filter, native filters, ours
    Envoy(Arguments),
}

/// How much to measure
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Requests for each variant in each round
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Keep-alive connections
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Measure only the variants whose name contains this, and no filter at all
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// A variant that runs.
struct Running {
    name: &'static str,
    envoy: Envoy,
    figures: Figures,
}

pub(crate) fn run(subject: &Subject) -> Result<(), Failure> {
    let Subject::Envoy(arguments) = subject;
    let folder = tempfile::tempdir().map_err(Failure::failed)?;
    let binary = Binary::locate().map_err(Failure::missing)?;
    artifact::build()?;
    command::run(command::cargo().args(["build", "--package", "countersign"]))?;
    let collector = Collector::start(&workspace::countersign(), folder.path()).map_err(Failure::failed)?;
    let variants = variants::all(&workspace::module(), collector.address(), folder.path())?;
    let mut running = start(variants, arguments, &binary, folder.path())?;
    let load = variants::load(arguments.connections)?;
    measure(&mut running, &load, arguments)?;
    println!(
        "{}\n{} rounds of {} requests over {} connections, one worker, direct response\n",
        binary.version(),
        arguments.rounds,
        arguments.requests,
        arguments.connections
    );
    println!("{}", table(&running));
    Ok(())
}

fn start(variants: Vec<Variant>, arguments: &Arguments, binary: &Binary, folder: &Path) -> Result<Vec<Running>, Failure> {
    let chosen = |variant: &Variant| {
        arguments.only.as_ref().is_none_or(|only| variant.name.contains(only) || variant.name == variants::BARE)
    };
    let start = |(number, variant): (usize, Variant)| {
        let home = folder.join(format!("envoy-{number}"));
        let envoy = Envoy::start(binary, &variant.gateway, &home)
            .map_err(|error| Failure::failed(format!("{}: {error}", variant.name)))?;
        Ok(Running { name: variant.name, envoy, figures: Figures::default() })
    };
    variants.into_iter().filter(chosen).enumerate().map(start).collect()
}

fn measure(running: &mut [Running], load: &Load, arguments: &Arguments) -> Result<(), Failure> {
    for variant in running.iter() {
        send(variant, &Load { requests: WARM_UP, ..load.clone() })?;
    }
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for variant in running.iter_mut() {
            let cpu = || variant.envoy.process().cpu().map_err(Failure::failed);
            let before = cpu()?;
            send(variant, &Load { requests: arguments.requests, ..load.clone() })?;
            let used = cpu()?.saturating_sub(before);
            variant.figures.add(used, arguments.requests);
        }
    }
    Ok(())
}

/// Sends the load and waits until what it caused is sent too.
fn send(variant: &Running, load: &Load) -> Result<(), Failure> {
    let outcome = load.run(variant.envoy.address()).map_err(Failure::failed)?;
    if outcome.statuses != [(200, load.requests)].into() {
        let log = variant.envoy.process().log_tail(5);
        return Err(Failure::failed(format!(
            "{}: answers {:?} instead of 200 alone; envoy's log ends:\n{log}",
            variant.name, outcome.statuses
        )));
    }
    std::thread::sleep(SETTLE);
    Ok(())
}

fn table(running: &[Running]) -> Table {
    let bare = running.iter().find(|variant| variant.name == variants::BARE).map_or(0.0, |variant| variant.figures.median());
    let mut table = table::table(["variant", "µs a request, median", "lowest", "highest", "added", "memory, MiB"]);
    for variant in running {
        let figures = &variant.figures;
        let memory = variant.envoy.process().resident_bytes().unwrap_or_default() / (1024 * 1024);
        let numbers = [figures.median(), figures.lowest(), figures.highest(), figures.median() - bare];
        let mut cells = vec![Cell::new(variant.name)];
        cells.extend(numbers.map(|number| Cell::new(format!("{number:.1}")).set_alignment(CellAlignment::Right)));
        cells.push(Cell::new(memory).set_alignment(CellAlignment::Right));
        table.add_row(cells);
    }
    table
}
