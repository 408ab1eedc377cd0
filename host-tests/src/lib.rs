//! One corpus of scenarios, run on the core natively, on the wasmtime harness, and on real Envoy.
//!
//! A scenario is a file: a configuration and requests, each with what is expected of its reply, of what the upstream
//! receives and of its audit event. That the three runs agree is the point: what is decided natively is decided in wasm, and
//! what the harness shows is what a real gateway does.
//!
//! | module | what it is for |
//! |---|---|
//! | [`scenario`] | the files, and the requests and expectations that they hold |
//! | [`observed`] | what a run saw, and how it differs from what was expected |
//! | [`native`], [`harness`], [`gateway`] | the three runs |
//! | [`evidence`] | reading what a collector kept |
//! | [`artifacts`] | the built filter and the built command-line tool |

pub mod artifacts;
pub mod evidence;
pub mod gateway;
pub mod harness;
pub mod native;
pub mod observed;
pub mod scenario;
