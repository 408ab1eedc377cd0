//! `run`: scenarios against a plugin.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use countersign_harness::Plugin;
use countersign_harness::scenario::{self, Case, File};

use super::{Fault, Finding, print, read};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The plugin, instead of the one each file names.
    #[arg(long)]
    plugin: Option<PathBuf>,
    /// Only these profiles, instead of those each file names.
    #[arg(long)]
    profile: Vec<String>,
    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Tap,
    Junit,
}

impl From<Format> for scenario::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Tap => Self::Tap,
            Format::Junit => Self::Junit,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, Fault> {
    let mut cases = Vec::new();
    for path in &arguments.files {
        cases.extend(run_file(arguments, path)?);
    }
    print(&scenario::render(&cases, arguments.format.into()))?;
    Ok(if cases.iter().all(Case::passed) { Finding::Good } else { Finding::Bad })
}

fn run_file(arguments: &Arguments, path: &Path) -> Result<Vec<Case>, Fault> {
    let mut file: File = scenario::parse(&String::from_utf8_lossy(&read(path)?))?;
    if !arguments.profile.is_empty() {
        file.profiles.clone_from(&arguments.profile);
    }
    for name in &file.profiles {
        super::profile(name)?;
    }
    let named = file.plugin.as_ref().map(|plugin| path.with_file_name("").join(plugin));
    let plugin = arguments.plugin.clone().or(named).ok_or(Fault::NoPlugin)?;
    Ok(scenario::run(&file, &Plugin::compile(read(&plugin)?)?))
}
