//! Who calls: credentials as requests carry them, and what was established from them.
//!
//! | module | what it is for |
//! |---|---|
//! | [`credentials`] | finding and removing credentials in a request |
//! | [`api_keys`] | API keys at rest, and the check of one |
//! | [`keys`] | the keys of issuers, and when to fetch them |
//! | [`client_certificate`] | tokens bound to a client's certificate |
//! | [`forwarded_client_cert`] | what a proxy in front saw of a client's certificate |

pub mod api_keys;
pub mod client_certificate;
pub mod credentials;
pub mod forwarded_client_cert;
pub mod keys;
