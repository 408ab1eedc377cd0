//! Header and trailer maps.

use wasmtime::Linker;

use super::hostcall;
use crate::abi::{MapKind, Status, pairs};
use crate::guest::{Guest, Outcome};
use crate::headers::Headers;
use crate::state::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, GetHeaderMapPairs, |g, map: u32, ptr_ptr: u32, size_ptr: u32| { get_pairs(g, map, ptr_ptr, size_ptr) });
    hostcall!(linker, SetHeaderMapPairs, |g, map: u32, ptr: u32, len: u32| set_pairs(g, map, ptr, len));
    hostcall!(linker, GetHeaderMapSize, |g, map: u32, size_ptr: u32| size(g, map, size_ptr));
    hostcall!(linker, GetHeaderMapValue, |g, map: u32, key: u32, key_len: u32, ptr_ptr: u32, size_ptr: u32| {
        get_value(g, map, (key, key_len), (ptr_ptr, size_ptr))
    });
    hostcall!(linker, AddHeaderMapValue, |g, map: u32, key: u32, key_len: u32, value: u32, value_len: u32| {
        change(g, map, (key, key_len), (value, value_len), |headers, key, value| headers.add(key, value))
    });
    hostcall!(linker, ReplaceHeaderMapValue, |g, map: u32, key: u32, key_len: u32, value: u32, value_len: u32| {
        change(g, map, (key, key_len), (value, value_len), |headers, key, value| headers.replace(key, value))
    });
    hostcall!(linker, RemoveHeaderMapValue, |g, map: u32, key: u32, key_len: u32| {
        change(g, map, (key, key_len), (0, 0), |headers, key, _| headers.remove(key))
    });
    Ok(())
}

fn map_kind(map: u32) -> Result<MapKind, Status> {
    MapKind::try_from(map).map_err(|_| Status::BadArgument)
}

fn get_pairs(guest: &mut Guest<'_>, map: u32, ptr_ptr: u32, size_ptr: u32) -> Outcome {
    let kind = map_kind(map)?;
    guest.note(|| format!("{kind:?}"));
    let bytes = guest.state().readable_map(kind).map(|map| pairs::encode(map.pairs()));
    guest.give(&bytes.unwrap_or_default(), ptr_ptr, size_ptr)
}

fn set_pairs(guest: &mut Guest<'_>, map: u32, ptr: u32, len: u32) -> Outcome {
    let kind = map_kind(map)?;
    guest.note(|| format!("{kind:?}"));
    let bytes = guest.read(ptr, len)?;
    let fresh = Headers::from_pairs(pairs::decode(&bytes).unwrap_or_default());
    *writable(guest, kind)? = fresh;
    Ok(())
}

fn size(guest: &mut Guest<'_>, map: u32, size_ptr: u32) -> Outcome {
    let kind = map_kind(map)?;
    guest.note(|| format!("{kind:?}"));
    let bytes = guest.state().readable_map(kind).map(byte_size);
    Ok(guest.write_u32(size_ptr, bytes.ok_or(Status::BadArgument)?)?)
}

/// The sum of all keys and values, as Envoy counts a map's size.
fn byte_size(headers: &Headers) -> u32 {
    let bytes: usize = headers.pairs().iter().map(|(key, value)| key.len() + value.len()).sum();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn get_value(guest: &mut Guest<'_>, map: u32, key: (u32, u32), target: (u32, u32)) -> Outcome {
    let kind = map_kind(map)?;
    let key = guest.read_text(key.0, key.1)?;
    guest.note(|| format!("{kind:?}, {key}"));
    let state = guest.state();
    let key = if key == "host" && state.profile.http.host_is_authority { ":authority".to_owned() } else { key };
    let logging = state.stream().is_some_and(|stream| stream.logging);
    let value = match state.readable_map(kind) {
        Some(map) => map.bytes(&key).map(<[u8]>::to_vec).ok_or(Status::NotFound)?,
        None if logging => return Err(Status::NotFound.into()),
        None => return Err(Status::BadArgument.into()),
    };
    guest.give(&value, target.0, target.1)
}

fn change(
    guest: &mut Guest<'_>,
    map: u32,
    key: (u32, u32),
    value: (u32, u32),
    apply: impl FnOnce(&mut Headers, &str, Vec<u8>),
) -> Outcome {
    let kind = map_kind(map)?;
    let key = guest.read_text(key.0, key.1)?;
    let value = guest.read(value.0, value.1)?;
    guest.note(|| format!("{kind:?}, {key}, {}", String::from_utf8_lossy(&value)));
    apply(writable(guest, kind)?, &key, value);
    Ok(())
}

fn writable<'a>(guest: &'a mut Guest<'_>, kind: MapKind) -> Result<&'a mut Headers, crate::guest::Refusal> {
    let replied = guest.state().stream().is_some_and(|stream| stream.pending_reply.is_some());
    if replied && !guest.state().profile.http.reply_headers_open {
        guest.violation("a header was changed after a local reply")?;
    }
    Ok(guest.state().writable_map(kind).ok_or(Status::BadArgument)?)
}
