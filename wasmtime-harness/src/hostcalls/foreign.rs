//! Foreign functions: what a host offers by name beside the ABI.

use wasmtime::Linker;

use super::hostcall;
use crate::abi::Status;
use crate::guest::{Guest, Outcome};
use crate::property::PropertyValue;
use crate::protobuf;
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
    let result = perform(guest.state(), &name, &argument)?;
    match target {
        (0, _) | (_, 0) => Ok(()),
        (ptr_ptr, size_ptr) => guest.give(&result, ptr_ptr, size_ptr),
    }
}

/// The test's own function of that name, else the host's.
fn perform(state: &mut State, name: &str, argument: &[u8]) -> Result<Vec<u8>, Status> {
    if let Some(function) = state.foreign.get(name).cloned() {
        return function(argument);
    }
    #[cfg(feature = "signatures")]
    if name == "verify_signature" {
        return crate::signature::verify(argument);
    }
    match name {
        "clear_route_cache" => clear_route_cache(state),
        "declare_property" => declare_property(state, argument),
        "set_envoy_filter_state" => set_filter_state(state, argument),
        _ => return Err(Status::NotFound),
    }
    .map(|()| Vec::new())
}

fn clear_route_cache(state: &mut State) -> Result<(), Status> {
    state.stream().ok_or(Status::NotFound)?.route_cleared = true;
    Ok(())
}

/// `DeclarePropertyArguments`: name = 1, type = 2, schema = 3, readonly = 4, span = 5.
fn declare_property(state: &mut State, argument: &[u8]) -> Result<(), Status> {
    let fields = protobuf::fields(argument).ok_or(Status::BadArgument)?;
    let name = protobuf::text(&fields, 1);
    if state.declared.contains_key(&name) {
        return Err(Status::BadArgument);
    }
    state.declared.insert(name, protobuf::flag(&fields, 4));
    Ok(())
}

/// `SetEnvoyFilterStateArguments`: path = 1, value = 2, span = 3. Read back as `filter_state.<path>`.
fn set_filter_state(state: &mut State, argument: &[u8]) -> Result<(), Status> {
    let fields = protobuf::fields(argument).ok_or(Status::BadArgument)?;
    let path = format!("filter_state.{}", protobuf::text(&fields, 1));
    let value = PropertyValue::Text(protobuf::text(&fields, 2));
    super::properties::of_context(state)?.insert(path, value);
    Ok(())
}
