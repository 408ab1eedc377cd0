//! The one port to the host: the only module that knows hostcalls, and the only one with `unsafe`.
//!
//! It speaks proxy-wasm ABI 0.2.1 itself instead of through the Rust SDK. The SDK turns many statuses that hosts legally
//! return into panics, and answers of calls that it did not register too; here every hostcall returns a [`Status`], and
//! nothing that a host does can trap the filter. What a host may be asked is decided by configuration, since on some hosts
//! merely calling an unimplemented function ends the request.
//!
//! | module | what it is for |
//! |---|---|
//! | [`calls`] | what the filter asks of the host |
//! | `abi` | what the host asks of the filter |

#[cfg(target_arch = "wasm32")]
mod abi;
pub(crate) mod calls;
mod imports;

pub(crate) use calls::{HeaderMap, HeaderPairs, LogLevel, Status};
