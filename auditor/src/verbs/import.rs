//! `countersign import`.

use crate::config_file;
use crate::exit::Exit;
use crate::istio::Imported;
use std::path::PathBuf;

/// Turn what runs elsewhere into a plugin configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// Istio's AuthorizationPolicy and RequestAuthentication; what has no equal is named in comments
    ///
    /// Exit code: 0 all was taken over, 1 something has no equal, 2 a file is unusable.
    Istio {
        /// YAML files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

impl Import {
    pub(super) fn run(&self) -> Exit {
        let From::Istio { files } = &self.from;
        match read_all(files).and_then(|imported| print(&imported)) {
            Ok(exit) => exit,
            Err(fault) => {
                eprintln!("{fault}");
                Exit::CouldNotTell
            }
        }
    }
}

fn read_all(files: &[PathBuf]) -> Result<Imported, String> {
    let mut documents = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|fault| format!("{}: cannot be read: {fault}", file.display()))?;
        documents.extend(config_file::parse_all(&text).map_err(|fault| format!("{}: {fault}", file.display()))?);
    }
    Ok(Imported::from_documents(&documents))
}

fn print(imported: &Imported) -> Result<Exit, String> {
    let yaml =
        serde_saphyr::to_string(&imported.config()).map_err(|fault| format!("the configuration cannot be written: {fault}"))?;
    for note in &imported.notes {
        println!("# {note}");
    }
    print!("{yaml}");
    Ok(if imported.notes.is_empty() { Exit::Good } else { Exit::Findings })
}
