//! A proxy-wasm host on wasmtime, for tests and benchmarks of any proxy-wasm plugin.
//!
//! It speaks ABI 0.1.0, 0.2.0 and 0.2.1 and behaves like the real host that a
//! [`Profile`] describes: what is missing there is missing here, what traps
//! there traps here. There is no thread, no real clock and no global state:
//! time moves when the test moves it, and hosts share nothing.
//!
//! It refuses to know any particular plugin, and opens no socket.
//!
//! ```
//! use countersign_harness::{Host, Profile};
//!
//! # fn main() -> Result<(), countersign_harness::HostError> {
//! let wat = r#"(module
//!     (memory (export "memory") 1)
//!     (func (export "proxy_abi_version_0_2_1"))
//!     (func (export "malloc") (param i32) (result i32) i32.const 1024)
//! )"#;
//! let host = Host::new(Profile::envoy()).load(wat)?.configure("{}")?;
//! let exchange = host.request().get("/x").header("a", "b").send();
//! assert!(exchange.is_forwarded());
//! exchange.respond(200, [("content-type", "text/plain")])?.finish()?;
//! assert_eq!(exchange.status(), Some(200));
//! # Ok(())
//! # }
//! ```
//!
//! Where to find what: [`Setup`] and [`Host`] are the way in, [`Request`] and
//! [`Exchange`] one request's life, [`HttpCall`] and [`GrpcCall`] what the
//! plugin called out for, [`Connection`] a TCP connection. [`inspect`] looks at
//! a module without running it, `scenario` runs YAML files. [`abi`] holds the
//! numbers and layouts, [`profile`] what each host does.

pub mod abi;
pub mod inspect;
pub mod profile;
#[cfg(feature = "cli")]
pub mod scenario;
pub mod trace;

mod attributes;
mod callout;
mod calls;
mod clock;
mod connection;
mod error;
mod exchange;
mod guest;
mod headers;
mod host;
mod hostcalls;
mod limiter;
mod link;
mod log;
mod metrics;
mod plugin;
mod property;
mod protobuf;
mod runtime;
mod setup;
mod shared;
#[cfg(feature = "signatures")]
mod signature;
mod state;
mod stream;
mod target;
mod tcp;
mod trap;
mod vm;
mod wasi;

pub use abi::{AbiVersion, Callback, Hostcall, LogLevel, Peer, Status};
pub use callout::{CalloutState, GrpcAnswer, GrpcRequest, HttpAnswer, HttpRequest};
pub use calls::{GrpcCall, HttpCall};
pub use connection::{Connect, Connection};
pub use error::HostError;
pub use exchange::{Exchange, Request, Response};
pub use headers::Headers;
pub use host::{Counts, Host};
pub use link::refusals;
pub use log::LogLine;
pub use metrics::{MetricValue, Metrics};
pub use plugin::{IntoPlugin, Limits, Plugin};
pub use profile::{Profile, Support};
pub use property::PropertyValue;
pub use setup::{Loaded, Setup};
pub use stream::{Reply, Stage, UpstreamRequest};
pub use trap::{Trap, TrapKind, TrapPolicy};
pub use vm::VmRole;
