//! Bodies, configurations and received messages.

use wasmtime::Linker;

use super::hostcall;
use crate::abi::{BufferKind, Status};
use crate::guest::{Guest, Outcome};
use crate::state::State;
use crate::stream::splice;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, GetBufferBytes, |g, buffer: u32, start: u32, max: u32, ptr_ptr: u32, size_ptr: u32| {
        get(g, buffer, (start, max), (ptr_ptr, size_ptr))
    });
    hostcall!(linker, GetBufferStatus, |g, buffer: u32, size_ptr: u32, flags_ptr: u32| {
        status(g, buffer, size_ptr, flags_ptr)
    });
    hostcall!(linker, SetBufferBytes, |g, buffer: u32, start: u32, size: u32, ptr: u32, len: u32| {
        set(g, buffer, (start, size), (ptr, len))
    });
    Ok(())
}

fn contents(guest: &mut Guest<'_>, buffer: u32) -> Result<Vec<u8>, Status> {
    let kind = BufferKind::try_from(buffer).map_err(|_| Status::BadArgument)?;
    guest.note(|| format!("{kind:?}"));
    guest.state().buffer(kind).ok_or(Status::NotFound)
}

fn get(guest: &mut Guest<'_>, buffer: u32, part: (u32, u32), target: (u32, u32)) -> Outcome {
    let bytes = contents(guest, buffer)?;
    let end = part.0.checked_add(part.1).ok_or(Status::BadArgument)?;
    let start = usize::try_from(part.0).map_err(|_| Status::BadArgument)?;
    let end = usize::try_from(end).map_err(|_| Status::BadArgument)?.min(bytes.len());
    guest.give(bytes.get(start..end).unwrap_or_default(), target.0, target.1)
}

fn status(guest: &mut Guest<'_>, buffer: u32, size_ptr: u32, flags_ptr: u32) -> Outcome {
    let len = contents(guest, buffer)?.len();
    guest.write_u32(size_ptr, u32::try_from(len).unwrap_or(u32::MAX))?;
    Ok(guest.write_u32(flags_ptr, 0)?)
}

fn set(guest: &mut Guest<'_>, buffer: u32, part: (u32, u32), source: (u32, u32)) -> Outcome {
    let kind = BufferKind::try_from(buffer).map_err(|_| Status::BadArgument)?;
    guest.note(|| format!("{kind:?}, {}, {}", part.0, part.1));
    let data = guest.read(source.0, source.1)?;
    let start = usize::try_from(part.0).map_err(|_| Status::BadArgument)?;
    let size = usize::try_from(part.1).map_err(|_| Status::BadArgument)?;
    let body = writable(guest.state(), kind)?;
    Ok(splice(body, start, size, &data)?)
}

/// The buffers that a plugin can change; everything else is the host's own.
fn writable(state: &mut State, kind: BufferKind) -> Result<&mut Vec<u8>, Status> {
    match kind {
        BufferKind::RequestBody => state.stream().map(|stream| &mut stream.request.body),
        BufferKind::ResponseBody => state.stream().map(|stream| &mut stream.response.body),
        BufferKind::DownstreamData => state.connection().map(|tcp| &mut tcp.downstream.buffer),
        BufferKind::UpstreamData => state.connection().map(|tcp| &mut tcp.upstream.buffer),
        _ => return Err(Status::BadArgument),
    }
    .ok_or(Status::NotFound)
}
