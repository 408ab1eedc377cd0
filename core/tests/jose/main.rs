//! The JOSE layer against what others wrote, and against mechanical damage.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a test that cannot set itself up fails, and tokens are ASCII"
)]

mod claims;
mod compact;
mod documentation;
mod key_sets;
mod mutations;
mod signing;
mod support;
mod vectors;
mod wycheproof;
