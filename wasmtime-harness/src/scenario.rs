//! Scenarios in YAML, for people without Rust: requests, answers and what is
//! expected of them.
//!
//! ```yaml
//! plugin: my_plugin.wasm          # or on the command line
//! profiles: [envoy, nginx-wasm]   # every scenario runs under each
//! configuration: {realm: test}    # a text is passed as it is, anything else as JSON
//! scenarios:
//! - name: a request without a key is refused
//!   steps:
//!   - request: {path: /orders, headers: {user-agent: curl}}
//!     expect: {status: 401, headers: {www-authenticate: Bearer}}
//!   - finish: true
//!     expect: {logs: [refused], metrics: {requests_denied: 1}}
//! ```

mod execute;
mod expect;
mod report;
mod wire;

pub use execute::{Case, run};
pub use report::{Format, render};
pub use wire::{
    Action, Answer, Expect, ExpectUpstream, File, GrpcReply, GrpcStep, HttpStep, RequestStep, Scenario, Step, Text,
    UnreadableScenario, parse,
};
