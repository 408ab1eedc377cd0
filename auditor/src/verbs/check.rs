//! `countersign check`.

use crate::check::{self, Report};
use crate::exit::Exit;
use crate::{config_file, documents};
use std::path::{Path, PathBuf};

/// Say everything that is wrong with configurations, each fault with its path.
///
/// Reads plugin configurations in JSON and YAML, Envoy, Istio and Envoy Gateway files that hold one, and Istio's
/// AuthorizationPolicy and RequestAuthentication. Exit code: 0 usable, 1 faulty, 2 unreadable or nothing to check.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Files to check
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Exit with 1 for warnings too
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Debug, Default)]
struct Counts {
    checked: usize,
    faults: usize,
    warnings: usize,
    unreadable: usize,
}

impl Check {
    pub(super) fn run(&self) -> Exit {
        let mut counts = Counts::default();
        for file in &self.files {
            match reports(file) {
                Ok(reports) => reports.iter().for_each(|report| counts.print(file, report)),
                Err(fault) => {
                    println!("{}: {fault}", file.display());
                    counts.unreadable += 1;
                }
            }
        }
        counts.conclude(self.deny_warnings)
    }
}

fn reports(file: &Path) -> Result<Vec<Report>, String> {
    let text = std::fs::read_to_string(file).map_err(|fault| format!("cannot be read: {fault}"))?;
    let documents = config_file::parse_all(&text).map_err(|fault| fault.to_string())?;
    let found = documents::find(&documents);
    if found.is_empty() {
        return Err("holds neither a plugin configuration nor policies of Istio".to_owned());
    }
    Ok(found.iter().map(check::check).collect())
}

impl Counts {
    fn print(&mut self, file: &Path, report: &Report) {
        self.checked += 1;
        self.faults += report.faults.len();
        self.warnings += report.warnings.len();
        let verdict = if report.faults.is_empty() { "usable" } else { "faulty" };
        println!("{}: {}: {verdict}", file.display(), report.title);
        for fault in &report.faults {
            println!("  error    {fault}");
        }
        for warning in &report.warnings {
            println!("  warning  {}: {} [{}]", warning.path, warning.message, warning.lint);
        }
    }

    fn conclude(&self, deny_warnings: bool) -> Exit {
        let Self { checked, faults, warnings, unreadable } = self;
        println!("checked {checked}: {}, {}", counted(*faults, "error"), counted(*warnings, "warning"));
        match () {
            () if *unreadable > 0 => Exit::CouldNotTell,
            () if *faults > 0 || (deny_warnings && *warnings > 0) => Exit::Findings,
            () => Exit::Good,
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
