//! The pure part of Countersign: what the filter and the auditor share.
//!
//! It reads configurations, establishes identities, decides, and seals the audit event of each decision. It refuses to
//! know a clock, a file, an environment, a network or a host: time and bytes are passed in, values come out, so that the
//! same code answers in a gateway, in the command-line tool and in a test.
//!
//! | module | what it is for |
//! |---|---|
//! | [`authz`] | policies, compiled, and the decisions they give |
//! | [`chain`] | the hash chain over the lines of a stream, and its checkpoints |
//! | [`config`] | the plugin configuration: what people write, what is meant, and every fault with its path |
//! | [`delivery`] | bounded, at-least-once delivery of sealed lines to a sink |
//! | [`engine`] | from a request to a decision, and what the gateway is to do |
//! | [`event`] | the audit event of a request, from its decision to the end of its stream |
//! | [`hex`] | hexadecimal digits |
//! | [`identity`] | credentials as requests carry them |
//! | [`jose`] | signed tokens and the keys that verify them |
//! | [`json`] | strict JSON: duplicate members and deep nesting are refused |
//! | [`otlp`] | log records in OTLP's protobuf |
//! | [`path`] | paths as policies see them |
//! | [`request`] | what a decision may look at |
//! | [`time`] | points in time and durations as they are written in configurations and events |
//! | [`trace`] | W3C trace context |

pub mod authz;
pub mod chain;
pub mod config;
pub mod delivery;
pub mod engine;
pub mod event;
pub mod hex;
pub mod identity;
pub mod jose;
pub mod json;
pub mod otlp;
pub mod path;
pub mod request;
pub mod time;
pub mod trace;
