//! Keeps, verifies and reads the evidence that the Countersign filter writes.
//!
//! | module | what it is for |
//! |---|---|
//! | [`verbs`] | one module for each verb of the command line: arguments in, exit code out |
//! | [`decide`] | requests as JSON lines, decided by the same code as the filter |
//! | [`config_file`] | configuration files, in JSON or YAML |
//! | [`documents`] | plugin configurations and policies inside the files of gateways and meshes |
//! | [`check`] | what is wrong with a configuration, and what is odd about it |
//! | [`explain`] | one decision, for a person |
//! | [`istio`] | Istio's resources as our configuration |
//! | [`policy_test`] | cases that a policy set must decide as they say |
//! | [`exit`] | the exit codes, which are API |
//! | [`line`] | one audit line, read |
//! | [`seal`] | what a checkpoint signs, and how that is checked |
//! | [`canonical`], [`digest`], [`hex`] | the canonical form of a line, its SHA-256, and how bytes are written |
//! | [`extract`], [`read`] | finds lines in logs; reads files of them, however compressed, in bounded memory |
//! | [`otlp`] | what OTLP log records carry |
//! | [`runs`], [`recent`] | a stream as unbroken stretches; the digests of the lines seen last |
//! | [`store`] | the directory in which lines are kept |
//! | [`tlog`] | the transparency log over all kept lines |
//! | [`collect`] | receives lines over OTLP and keeps them |
//! | [`ingest`] | keeps the lines of gateway logs and OTLP files |
//! | [`verify`] | says what the kept lines prove |
//! | [`console`] | telling whoever runs this |
//! | [`clock`] | the one place that reads the clock |

pub mod canonical;
pub mod check;
pub mod clock;
pub mod collect;
pub mod config_file;
pub mod console;
pub mod decide;
pub mod digest;
pub mod documents;
pub mod exit;
pub mod explain;
pub mod extract;
pub mod hex;
pub mod ingest;
pub mod istio;
pub mod line;
pub mod otlp;
pub mod policy_test;
pub mod read;
pub mod recent;
pub mod runs;
pub mod seal;
pub mod store;
pub mod tlog;
pub mod verbs;
pub mod verify;
