//! The `env` functions, one module for each family of the specification.

mod buffers;
mod control;
mod foreign;
mod general;
mod grpc;
mod headers;
mod http;
mod metrics;
mod properties;
mod shared;

use wasmtime::Linker;

pub(crate) use general::write_line;

use crate::state::State;

/// Links one hostcall: its ABI arguments in order, then what it does.
macro_rules! hostcall {
    ($linker:ident, $call:ident, |$guest:ident $(, $arg:ident : $ty:ty)*| $body:expr) => {
        $linker.func_wrap(
            "env",
            $crate::abi::Hostcall::$call.name(),
            |caller: wasmtime::Caller<'_, $crate::state::State> $(, $arg: $ty)*| {
                $crate::guest::run(caller, $crate::abi::Hostcall::$call, |$guest| $body)
            },
        )?
    };
}
use hostcall;

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    general::add_to_linker(linker)?;
    headers::add_to_linker(linker)?;
    buffers::add_to_linker(linker)?;
    properties::add_to_linker(linker)?;
    control::add_to_linker(linker)?;
    http::add_to_linker(linker)?;
    grpc::add_to_linker(linker)?;
    shared::add_to_linker(linker)?;
    metrics::add_to_linker(linker)?;
    foreign::add_to_linker(linker)
}
