//! Logs, the clock, ticks and the old configuration call.

use std::time::Duration;

use wasmtime::Linker;

use super::hostcall;
use crate::abi::{LogLevel, Status};
use crate::guest::{Guest, Outcome};
use crate::log::LogLine;
use crate::state::{State, Window};
use crate::trap::{Abort, TrapKind};
use crate::vm::Owner;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, Log, |g, level: u32, ptr: u32, len: u32| log(g, level, ptr, len));
    hostcall!(linker, GetLogLevel, |g, level_ptr: u32| {
        let level = g.state().settings.log_level as u32;
        Ok(g.write_u32(level_ptr, level)?)
    });
    hostcall!(linker, GetCurrentTime, |g, time_ptr: u32| {
        let now = g.state().clock.realtime_nanos();
        Ok(g.write_u64(time_ptr, now)?)
    });
    hostcall!(linker, SetTickPeriod, |g, millis: u32| set_tick_period(g, millis));
    hostcall!(linker, GetConfiguration, |g, ptr_ptr: u32, size_ptr: u32| configuration(g, ptr_ptr, size_ptr));
    Ok(())
}

fn log(guest: &mut Guest<'_>, level: u32, ptr: u32, len: u32) -> Outcome {
    let level = LogLevel::try_from(level).map_err(|_| Status::BadArgument)?;
    let message = guest.read(ptr, len)?;
    guest.note(|| format!("{level:?}, {}", String::from_utf8_lossy(&message)));
    write_line(guest.state(), level, &message);
    Ok(())
}

/// Appends a line, cut where the host cuts.
pub(crate) fn write_line(state: &mut State, level: LogLevel, message: &[u8]) {
    let limit = state.profile.log_limit.unwrap_or(usize::MAX);
    let kept = message.get(..limit).unwrap_or(message);
    let line = LogLine {
        level,
        vm: state.role(),
        context: state.frame.effective,
        message: String::from_utf8_lossy(kept).into_owned(),
        truncated: kept.len() < message.len(),
    };
    state.logs.push(line);
}

fn set_tick_period(guest: &mut Guest<'_>, millis: u32) -> Outcome {
    guest.note(|| millis.to_string());
    let state = guest.state();
    let once = state.profile.one_tick_period;
    let root = match state.owner() {
        Some(Owner::Root) => state.frame.effective,
        _ if once => {
            return Err(Abort::new(TrapKind::Hostcall, "a tick period set outside a root").into());
        }
        _ => state.root_id(),
    };
    let period = (millis > 0).then(|| Duration::from_millis(millis.into()));
    let next = state.clock.now().saturating_add(period.unwrap_or_default());
    let root = state.vm().and_then(|vm| vm.root(root)).ok_or(Status::BadArgument)?;
    if once && root.tick_period.is_some() {
        return Err(Abort::new(TrapKind::Hostcall, "a tick period set twice").into());
    }
    root.tick_period = period;
    root.next_tick = next;
    Ok(())
}

/// ABI 0.1.0: the plugin's configuration while configuring, else the VM's.
fn configuration(guest: &mut Guest<'_>, ptr_ptr: u32, size_ptr: u32) -> Outcome {
    let state = guest.state();
    let bytes = match &state.frame.window {
        Window::Configure(configuration) => configuration.clone(),
        _ => state.settings.vm_configuration.clone(),
    };
    guest.give(&bytes, ptr_ptr, size_ptr)
}
