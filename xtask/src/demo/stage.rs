//! Everything that the demo needs running: collector, services, gateway.

use super::calls::API_KEY;
use crate::artifact::hex_digest;
use crate::{Failure, workspace};
use countersign_testbed::collector::Collector;
use countersign_testbed::envoy::{Binary, Envoy, Options};
use countersign_testbed::tokens::Issuer;
use countersign_testbed::upstream::Upstream;
use serde_json::Value;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The seed of the key that signs checkpoints here. It is public: outside of a demo it proves nothing.
const CHECKPOINT_SEED: &str = "4242424242424242424242424242424242424242424242424242424242424242";

/// The public key of that seed.
pub(super) const CHECKPOINT_PUBLIC_KEY: &str = "2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12";

/// What runs. The gateway comes first: it is stopped first, while the collector still listens.
pub(super) struct Stage {
    envoy: Envoy,
    collector: Collector,
    orders: Upstream,
    invoices: Upstream,
    issuer: Issuer,
    folder: PathBuf,
    now: u64,
}

impl Stage {
    /// Starts it all, with its files in `folder`.
    pub(super) fn set(binary: &Binary, folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(Failure::failed)?;
        let issuer = Issuer::fixed().map_err(Failure::failed)?;
        let collector = Collector::start(&workspace::countersign(), &folder.join("collector")).map_err(Failure::failed)?;
        let orders = Upstream::start().map_err(Failure::failed)?;
        let invoices = Upstream::start().map_err(Failure::failed)?;
        let ports =
            Ports { orders: orders.address().port(), invoices: invoices.address().port(), collector: collector.address().port() };
        let bootstrap = bootstrap(&workspace::module(), &issuer, &ports, folder)?;
        let envoy = Envoy::start_file(binary, &bootstrap, folder, Options::default()).map_err(Failure::failed)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Failure::failed)?.as_secs();
        Ok(Self { envoy, collector, orders, invoices, issuer, folder: folder.to_owned(), now })
    }

    pub(super) fn gateway(&self) -> SocketAddr {
        self.envoy.address()
    }

    pub(super) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// When the demo began, in Unix seconds.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn store(&self) -> &Path {
        self.collector.store()
    }

    /// The evidence so far.
    pub(super) fn events(&self) -> Result<Vec<Value>, Failure> {
        let lines = self.collector.lines().map_err(Failure::failed)?;
        lines.iter().map(|line| serde_json::from_str(line).map_err(Failure::failed)).collect()
    }

    pub(super) fn log_tail(&self) -> String {
        self.envoy.process().log_tail(10)
    }

    /// Waits for Ctrl-C; everything is stopped after it.
    pub(super) fn wait_for_interrupt(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        runtime.block_on(tokio::signal::ctrl_c()).map_err(Failure::failed)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gateway    http://{}   Envoy with {}", self.envoy.address(), shown(&workspace::module()))?;
        writeln!(f, "admin      http://{}", self.envoy.admin().address())?;
        writeln!(f, "orders     http://{}   invoices http://{}", self.orders.address(), self.invoices.address())?;
        writeln!(f, "collector  {} (OTLP over gRPC), store {}", self.collector.address(), shown(self.collector.store()))?;
        write!(f, "config     {}", shown(&self.folder.join("envoy.yaml")))
    }
}

/// Where things listen on loopback.
struct Ports {
    orders: u16,
    invoices: u16,
    collector: u16,
}

/// Fills in the ready configuration of `envoy/envoy.yaml`; returns the file.
fn bootstrap(module: &Path, issuer: &Issuer, ports: &Ports, folder: &Path) -> Result<PathBuf, Failure> {
    let values = [
        ("COUNTERSIGN_WASM", module.display().to_string()),
        ("ADMIN_PORT", "0".into()),
        ("GATEWAY_PORT", "0".into()),
        ("ORDERS_PORT", ports.orders.to_string()),
        ("INVOICES_PORT", ports.invoices.to_string()),
        ("COLLECTOR_PORT", ports.collector.to_string()),
        // A JSON document in a JSON string.
        ("JWKS", Value::String(issuer.jwks().to_string()).to_string()),
        ("API_KEY_SHA256", hex_digest(API_KEY.as_bytes())),
        ("CHECKPOINT_KEY", CHECKPOINT_SEED.into()),
    ];
    let template = fs::read_to_string(workspace::root().join("envoy/envoy.yaml")).map_err(Failure::failed)?;
    let path = folder.join("envoy.yaml");
    fs::write(&path, fill(&template, &values)).map_err(Failure::failed)?;
    Ok(path)
}

/// A path as a person in the workspace's folder would type it.
pub(super) fn shown(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}

/// Fills in `${NAME}`.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use countersign_testbed::client::Request;

    #[test]
    fn the_ready_configuration_starts_a_real_envoy_and_routes_to_both_services() {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("empty.wasm");
        fs::write(&module, wat::parse_str(include_str!("../bench/empty.wat")).unwrap()).unwrap();
        let (orders, invoices) = (Upstream::start().unwrap(), Upstream::start().unwrap());
        let ports = Ports { orders: orders.address().port(), invoices: invoices.address().port(), collector: 9 };
        let bootstrap = bootstrap(&module, &Issuer::fixed().unwrap(), &ports, folder.path()).unwrap();
        // Comments may speak of ${..}; what Envoy reads must not.
        let read = fs::read_to_string(&bootstrap).unwrap();
        assert!(!read.lines().any(|line| !line.starts_with('#') && line.contains("${")));

        let envoy = Envoy::start_file(&Binary::locate().unwrap(), &bootstrap, folder.path(), Options::default()).unwrap();
        assert_eq!(Request::get("/orders/7").send(envoy.address()).unwrap().status, 200);
        assert_eq!(Request::get("/invoices/42").send(envoy.address()).unwrap().status, 200);
        assert_eq!(Request::get("/orders/..%2finvoices").send(envoy.address()).unwrap().status, 400);
        assert_eq!((orders.requests(), invoices.requests()), (1, 1));
    }

    #[test]
    fn the_public_key_is_that_of_the_seed() {
        // The issuer's Ed25519 key has the same seed, and shows its public half in base64url (RFC 8037).
        let jwks = Issuer::fixed().unwrap().jwks();
        let key = URL_SAFE_NO_PAD.decode(jwks["keys"][2]["x"].as_str().unwrap()).unwrap();
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, CHECKPOINT_PUBLIC_KEY);
    }

    #[test]
    fn names_are_filled_in_wherever_they_stand() {
        assert_eq!(fill("a ${B} c${D}${B}", &[("B", "1".into()), ("D", "2".into())]), "a 1 c21");
    }
}
