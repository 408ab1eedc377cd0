//! Keeps, verifies and reads the evidence that the Countersign filter writes.
//!
//! | module | what it is for |
//! |---|---|
//! | [`verbs`] | one module for each verb of the command line: arguments in, exit code out |
//! | [`decide`] | requests as JSON lines, decided by the same code as the filter |
//! | [`config_file`] | configuration files, in JSON or YAML |
//! | [`exit`] | the exit codes, which are API |
//! | [`line`] | one audit line, read |
//! | [`seal`] | what a checkpoint signs, and how that is checked |
//! | [`canonical`], [`digest`], [`hex`] | the canonical form of a line, its SHA-256, and how bytes are written |
//! | [`store`] | the directory in which lines are kept |
//! | [`collect`] | receives lines over OTLP and keeps them |
//! | [`verify`] | says what the kept lines prove |
//! | [`clock`] | the one place that reads the clock |

pub mod canonical;
pub mod clock;
pub mod collect;
pub mod config_file;
pub mod decide;
pub mod digest;
pub mod exit;
pub mod hex;
pub mod line;
pub mod seal;
pub mod store;
pub mod verbs;
pub mod verify;
