//! Who calls: credentials as requests carry them, and what was established from them.
//!
//! | module | what it is for |
//! |---|---|
//! | [`credentials`] | finding and removing credentials in a request |
//! | [`api_keys`] | API keys at rest, and the check of one |

pub mod api_keys;
pub mod credentials;
