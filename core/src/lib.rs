//! The pure part of Countersign: what the filter and the auditor share.
//!
//! It reads configurations, establishes identities, decides, and seals the audit event of each decision. It refuses to
//! know a clock, a file, an environment, a network or a host: time and bytes are passed in, values come out, so that the
//! same code answers in a gateway, in the command-line tool and in a test.
//!
//! | module | what it is for |
//! |---|---|
//! | [`json`] | strict JSON: duplicate members and deep nesting are refused |
//! | [`jose`] | signed tokens and the keys that verify them |
//! | [`time`] | points in time and durations as they are written in configurations and events |
//! | [`request`] | what a decision may look at |

pub mod jose;
pub mod json;
pub mod request;
pub mod time;
