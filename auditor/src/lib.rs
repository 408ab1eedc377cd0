//! Keeps, verifies and reads the evidence that the Countersign filter writes.
//!
//! | module | what it is for |
//! |---|---|
//! | [`verbs`] | one module for each verb of the command line: arguments in, exit code out |
//! | [`exit`] | the exit codes, which are API |

pub mod exit;
pub mod verbs;
