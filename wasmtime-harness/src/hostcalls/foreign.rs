//! Foreign functions: what a host offers by name beside the ABI.

use wasmtime::Linker;

use super::hostcall;
use crate::abi::Status;
use crate::guest::{Guest, Outcome};
use crate::state::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, CallForeignFunction, |g, name: u32, name_len: u32, arg: u32, arg_len: u32, ptr_ptr: u32, size_ptr: u32| {
        call(g, (name, name_len), (arg, arg_len), (ptr_ptr, size_ptr))
    });
    Ok(())
}

fn call(guest: &mut Guest<'_>, name: (u32, u32), argument: (u32, u32), target: (u32, u32)) -> Outcome {
    let name = guest.read_text(name.0, name.1)?;
    let argument = guest.read(argument.0, argument.1)?;
    guest.note(|| format!("{name}, {} bytes", argument.len()));
    let function = guest.state().foreign.get(&name).cloned().ok_or(Status::NotFound)?;
    let result = function(&argument)?;
    match target {
        (0, _) | (_, 0) => Ok(()),
        (ptr_ptr, size_ptr) => guest.give(&result, ptr_ptr, size_ptr),
    }
}
