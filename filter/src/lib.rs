//! The Countersign filter: decides for each request who may pass the gateway, and seals one audit event of it.
//!
//! Built for `wasm32-wasip1`. It decides nothing itself: [`countersign_core`] does, from what this crate reads of the host.
//! It refuses to trap: what a host does not answer as expected leads to a refusal or to a counted loss, never to a panic.
//!
//! | module | what it is for |
//! |---|---|
//! | `host` | the one port to the host: hostcalls, exports, `unsafe` |
//! | `plugin` | the contexts that the host creates, and which part of the filter each of its calls reaches |
//! | `generation` | one accepted configuration: how requests are decided under it |
//! | `stream` | one request, from its headers to its end |
//! | `connection` | what the connection shows of the caller |
//! | `properties` | what each host calls what it tells |
//! | `channel` | one chain of evidence and the sinks that it goes to |
//! | `export` | OTLP over the host's gRPC callouts |
//! | `key_fetches` | fetches of issuers' keys that are under way, and the requests that wait for them |
//! | `entropy` | random bytes, a pool at a time |
//! | `metrics` | counters, brought to the host from the tick |

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "outside wasm nothing calls the exports"))]

mod channel;
mod connection;
mod entropy;
mod export;
mod generation;
mod host;
mod key_fetches;
mod metrics;
mod plugin;
mod properties;
mod stream;
