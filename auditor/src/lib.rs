//! Keeps, verifies and reads the evidence that the Countersign filter writes.
//!
//! | module | what it is for |
//! |---|---|
//! | [`verbs`] | one module for each verb of the command line: arguments in, exit code out |
//! | [`decide`] | requests as JSON lines, decided by the same code as the filter |
//! | [`config_file`] | configuration files, in JSON or YAML |
//! | [`exit`] | the exit codes, which are API |

pub mod config_file;
pub mod decide;
pub mod exit;
pub mod verbs;
