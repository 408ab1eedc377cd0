//! Metrics.

use wasmtime::Linker;

use super::hostcall;
use crate::abi::{MetricKind, Status};
use crate::guest::{Guest, Outcome, Refusal};
use crate::state::State;
use crate::trap::{Abort, TrapKind};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, DefineMetric, |g, kind: u32, name: u32, name_len: u32, id_ptr: u32| {
        define(g, kind, (name, name_len), id_ptr)
    });
    hostcall!(linker, IncrementMetric, |g, id: u32, offset: i64| {
        g.note(|| format!("{id}, {offset}"));
        Ok(g.state().metrics.increment(id, offset)?)
    });
    hostcall!(linker, RecordMetric, |g, id: u32, value: u64| {
        g.note(|| format!("{id}, {value}"));
        Ok(g.state().metrics.record(id, value)?)
    });
    hostcall!(linker, GetMetric, |g, id: u32, value_ptr: u32| {
        g.note(|| id.to_string());
        let value = g.state().metrics.read(id);
        let value = value.map_err(|status| unknown(g, status))?;
        Ok(g.write_u64(value_ptr, value)?)
    });
    Ok(())
}

fn define(guest: &mut Guest<'_>, kind: u32, name: (u32, u32), id_ptr: u32) -> Outcome {
    let kind = MetricKind::try_from(kind).map_err(|_| Status::BadArgument)?;
    let name = guest.read_text(name.0, name.1)?;
    guest.note(|| format!("{kind:?}, {name}"));
    let limit = guest.state().profile.metric_name_limit;
    if limit.is_some_and(|limit| name.len() > limit) {
        return Err(Abort::new(TrapKind::Hostcall, "a metric's name is too long").into());
    }
    let id = guest.state().metrics.define(kind, name);
    Ok(guest.write_u32(id_ptr, id)?)
}

/// A metric that cannot be read: a status, or on some hosts a trap.
fn unknown(guest: &mut Guest<'_>, status: Status) -> Refusal {
    match guest.state().profile.metric_name_limit {
        Some(_) => Abort::new(TrapKind::Hostcall, "no metric of that id").into(),
        None => status.into(),
    }
}
