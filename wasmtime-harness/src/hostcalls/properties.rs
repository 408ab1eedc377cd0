//! Properties.

use std::collections::BTreeMap;

use wasmtime::Linker;

use super::hostcall;
use crate::abi::Status;
use crate::attributes;
use crate::guest::{Guest, Outcome};
use crate::property::{PropertyValue, dotted};
use crate::state::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, GetProperty, |g, path: u32, path_len: u32, ptr_ptr: u32, size_ptr: u32| {
        get(g, (path, path_len), (ptr_ptr, size_ptr))
    });
    hostcall!(linker, SetProperty, |g, path: u32, path_len: u32, value: u32, value_len: u32| {
        set(g, (path, path_len), (value, value_len))
    });
    Ok(())
}

fn get(guest: &mut Guest<'_>, path: (u32, u32), target: (u32, u32)) -> Outcome {
    let path = dotted(&guest.read(path.0, path.1)?);
    guest.note(|| path.clone());
    let state = guest.state();
    let style = state.profile.properties;
    let value = attributes::read(state, &path)?.encode(style);
    guest.give(&value, target.0, target.1)
}

fn set(guest: &mut Guest<'_>, path: (u32, u32), value: (u32, u32)) -> Outcome {
    let path = dotted(&guest.read(path.0, path.1)?);
    let value = guest.read(value.0, value.1)?;
    guest.note(|| path.clone());
    // Filter state is read back under the same name, as Envoy does it.
    let readonly = guest.state().declared.get(&path).copied().unwrap_or(false);
    let properties = of_context(guest.state())?;
    if readonly && properties.contains_key(&path) {
        return Err(Status::BadArgument.into());
    }
    properties.insert(path, PropertyValue::Bytes(value));
    Ok(())
}

/// The properties of the stream or connection at hand.
pub(super) fn of_context(state: &mut State) -> Result<&mut BTreeMap<String, PropertyValue>, Status> {
    if let Some(index) = state.connection_index() {
        return state.connections.get_mut(index).map(|tcp| &mut tcp.properties).ok_or(Status::NotFound);
    }
    state.stream().map(|stream| &mut stream.properties).ok_or(Status::NotFound)
}
