//! `inspect`: what a module is made of and who would take it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use countersign_harness::Hostcall;
use countersign_harness::inspect::{Inspection, Verdict, inspect};
use serde_json::{Value, json};

use super::{Fault, Finding, print, profile, read};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The plugin.
    plugin: PathBuf,
    /// Exit 1 if this host refuses it.
    #[arg(long)]
    host: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, Fault> {
    let found = inspect(&read(&arguments.plugin)?)?;
    print(&if arguments.json { format!("{:#}\n", as_json(&found)) } else { as_text(&found) })?;
    let Some(host) = &arguments.host else { return Ok(Finding::Good) };
    let wanted = profile(host)?;
    let refused = found.hosts.iter().any(|verdict| verdict.host == wanted.name() && !verdict.refusals.is_empty());
    Ok(if refused { Finding::Bad } else { Finding::Good })
}

fn abi(found: &Inspection) -> String {
    found.abi.map_or_else(|| "unknown".to_owned(), |version| version.to_string())
}

fn as_text(found: &Inspection) -> String {
    let mut out = format!("size {}, ABI {}\n\nsections\n", found.size, abi(found));
    for section in &found.sections {
        let _ = writeln!(out, "  {:>10}  {}", section.size, section.name);
    }
    out.push_str("\nimports\n");
    for (module, name) in &found.imports {
        let _ = writeln!(out, "  {module}.{name}");
    }
    out.push_str("\nexports\n");
    for name in &found.exports {
        let _ = writeln!(out, "  {name}");
    }
    out.push_str("\nhosts\n");
    for verdict in &found.hosts {
        out.push_str(&host_text(verdict));
    }
    out
}

fn host_text(verdict: &Verdict) -> String {
    let loads = if verdict.refusals.is_empty() { "loads" } else { "REFUSES" };
    let mut out = format!("  {:<11} {loads}\n", verdict.host);
    for refusal in &verdict.refusals {
        let _ = writeln!(out, "    {}: {refusal}", refusal.code());
    }
    for (what, calls) in [("traps when called", &verdict.traps), ("does nothing", &verdict.inert)] {
        if !calls.is_empty() {
            let _ = writeln!(out, "    {what}: {}", names(calls).join(", "));
        }
    }
    out
}

fn names(calls: &[Hostcall]) -> Vec<&'static str> {
    calls.iter().map(|call| call.name()).collect()
}

fn as_json(found: &Inspection) -> Value {
    let host = |verdict: &Verdict| {
        let refusals: Vec<Value> =
            verdict.refusals.iter().map(|refusal| json!({"code": refusal.code(), "message": refusal.to_string()})).collect();
        json!({
            "host": verdict.host,
            "loads": verdict.refusals.is_empty(),
            "refusals": refusals,
            "traps": names(&verdict.traps),
            "inert": names(&verdict.inert),
        })
    };
    json!({
        "size": found.size,
        "abi": abi(found),
        "sections": found.sections.iter().map(|section| json!({"name": section.name, "size": section.size})).collect::<Vec<_>>(),
        "imports": found.imports.iter().map(|(module, name)| format!("{module}.{name}")).collect::<Vec<_>>(),
        "exports": found.exports,
        "hosts": found.hosts.iter().map(host).collect::<Vec<_>>(),
    })
}
