//! Shared data and shared queues.

use wasmtime::Linker;

use super::hostcall;
use crate::guest::{Guest, Outcome};
use crate::shared::Consumer;
use crate::state::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, GetSharedData, |g, key: u32, key_len: u32, ptr_ptr: u32, size_ptr: u32, cas_ptr: u32| {
        get(g, (key, key_len), (ptr_ptr, size_ptr), cas_ptr)
    });
    hostcall!(linker, SetSharedData, |g, key: u32, key_len: u32, value: u32, value_len: u32, cas: u32| {
        set(g, (key, key_len), (value, value_len), cas)
    });
    hostcall!(linker, RegisterSharedQueue, |g, name: u32, name_len: u32, id_ptr: u32| { register(g, (name, name_len), id_ptr) });
    hostcall!(linker, ResolveSharedQueue, |g, vm: u32, vm_len: u32, name: u32, name_len: u32, id_ptr: u32| {
        resolve(g, (vm, vm_len), (name, name_len), id_ptr)
    });
    hostcall!(linker, EnqueueSharedQueue, |g, id: u32, ptr: u32, len: u32| enqueue(g, id, ptr, len));
    hostcall!(linker, DequeueSharedQueue, |g, id: u32, ptr_ptr: u32, size_ptr: u32| {
        g.note(|| id.to_string());
        let item = g.state().queues.dequeue(id)?;
        g.give(&item, ptr_ptr, size_ptr)
    });
    Ok(())
}

fn get(guest: &mut Guest<'_>, key: (u32, u32), target: (u32, u32), cas_ptr: u32) -> Outcome {
    let key = guest.read(key.0, key.1)?;
    guest.note(|| String::from_utf8_lossy(&key).into_owned());
    let (value, cas) = guest.state().data.get(&key)?;
    guest.give(&value, target.0, target.1)?;
    Ok(guest.write_u32(cas_ptr, cas)?)
}

fn set(guest: &mut Guest<'_>, key: (u32, u32), value: (u32, u32), cas: u32) -> Outcome {
    let key = guest.read(key.0, key.1)?;
    let value = guest.read(value.0, value.1)?;
    guest.note(|| format!("{}, cas {cas}", String::from_utf8_lossy(&key)));
    Ok(guest.state().data.set(key, value, cas)?)
}

fn register(guest: &mut Guest<'_>, name: (u32, u32), id_ptr: u32) -> Outcome {
    let name = guest.read(name.0, name.1)?;
    guest.note(|| String::from_utf8_lossy(&name).into_owned());
    let state = guest.state();
    let consumer = Consumer { vm: state.frame.vm, root: state.root_id() };
    let id = state.queues.register(&state.settings.vm_id, &name, consumer);
    Ok(guest.write_u32(id_ptr, id)?)
}

fn resolve(guest: &mut Guest<'_>, vm: (u32, u32), name: (u32, u32), id_ptr: u32) -> Outcome {
    let vm = guest.read_text(vm.0, vm.1)?;
    let name = guest.read(name.0, name.1)?;
    guest.note(|| format!("{vm}, {}", String::from_utf8_lossy(&name)));
    let state = guest.state();
    // No VM id means the own one, as in Envoy.
    let vm = if vm.is_empty() { state.settings.vm_id.clone() } else { vm };
    let id = state.queues.resolve(&vm, &name)?;
    Ok(guest.write_u32(id_ptr, id)?)
}

fn enqueue(guest: &mut Guest<'_>, id: u32, ptr: u32, len: u32) -> Outcome {
    let item = guest.read(ptr, len)?;
    guest.note(|| format!("{id}, {} bytes", item.len()));
    let state = guest.state();
    let consumer = state.queues.enqueue(id, item)?;
    state.arrivals.push_back((consumer, id));
    Ok(())
}
