//! `countersign collect`.

use crate::collect::{CollectFault, Collector, Settings};
use crate::exit::Exit;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Receive evidence over OTLP and keep it; what is acknowledged is on disk
///
/// When it is ready, one line of JSON on standard output names the addresses that it listens on.
#[derive(Debug, clap::Args)]
pub(super) struct Collect {
    /// Address to receive OTLP/gRPC on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4317")]
    listen: SocketAddr,
    /// Directory of the store
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// File to write the ready line to as well
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
}

impl Collect {
    pub(super) fn run(self) -> Exit {
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&error),
        };
        match runtime.block_on(self.serve()) {
            Ok(()) => Exit::Good,
            Err(fault) => failed(&fault),
        }
    }

    async fn serve(self) -> Result<(), CollectFault> {
        let stop = stop_signal()?;
        let collector = Collector::bind(Settings { grpc: self.listen, store: self.store.clone() }).await?;
        self.announce(&collector)?;
        collector.serve(stop).await
    }

    fn announce(&self, collector: &Collector) -> Result<(), CollectFault> {
        let ready = json!({"grpc": collector.grpc_address().to_string(), "store": self.store.display().to_string()});
        println!("{ready}");
        match &self.port_file {
            Some(path) => {
                std::fs::write(path, format!("{ready}\n")).map_err(|error| CollectFault::Announce { path: path.clone(), error })
            }
            None => Ok(()),
        }
    }
}

/// Completes at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, CollectFault> {
    let listen = |kind| signal(kind).map_err(|error| CollectFault::Signals { error });
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn failed(fault: &dyn std::fmt::Display) -> Exit {
    eprintln!("countersign collect: {fault}");
    Exit::CouldNotTell
}
