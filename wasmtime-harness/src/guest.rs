//! The plugin as a hostcall sees it: memory to read and write, and the state.

use wasmtime::{Caller, Memory};

use crate::abi::{Hostcall, Status};
use crate::profile::Support;
use crate::state::{Fault, State};
use crate::trace::{TraceEntry, TraceEvent};
use crate::trap::{Abort, TrapKind};

/// How a hostcall ends other than well.
#[derive(Debug)]
pub(crate) enum Refusal {
    Status(Status),
    Trap(wasmtime::Error),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<Abort> for Refusal {
    fn from(abort: Abort) -> Self {
        Self::Trap(wasmtime::Error::new(abort))
    }
}

pub(crate) type Outcome = Result<(), Refusal>;

/// A hostcall in progress.
pub(crate) struct Guest<'a> {
    caller: Caller<'a, State>,
    detail: String,
}

/// Runs one hostcall: what the profile says of it, then what it does, then the record.
pub(crate) fn run(
    caller: Caller<'_, State>,
    call: Hostcall,
    body: impl FnOnce(&mut Guest<'_>) -> Outcome,
) -> wasmtime::Result<u32> {
    let mut guest = Guest { caller, detail: String::new() };
    guest.state().trace.count_hostcall(call);
    let result = match guest.admit(call) {
        Admission::Perform => body(&mut guest),
        Admission::Answer(status) => Err(Refusal::Status(status)),
        Admission::Trap(abort) => Err(abort.into()),
    };
    guest.record(call, &result);
    match result {
        Ok(()) => Ok(Status::Ok as u32),
        Err(Refusal::Status(status)) => Ok(status as u32),
        Err(Refusal::Trap(error)) => Err(error),
    }
}

enum Admission {
    Perform,
    Answer(Status),
    Trap(Abort),
}

impl Guest<'_> {
    fn admit(&mut self, call: Hostcall) -> Admission {
        let state = self.caller.data_mut();
        if state.frame.restricted && call != Hostcall::Log {
            let message = format!("`{}` is not allowed while the module initialises or allocates", call.name());
            return Admission::Trap(Abort::new(TrapKind::Hostcall, message));
        }
        if !state.allows(call.name()) {
            return Admission::Answer(Status::InternalFailure);
        }
        if let Some(status) = state.faults.get_mut(&call).and_then(Fault::strike) {
            return Admission::Answer(status);
        }
        match state.profile.support(call) {
            Support::Full | Support::Absent | Support::WrongType => Admission::Perform,
            Support::Stub => Admission::Answer(Status::Unimplemented),
            Support::Ignored => Admission::Answer(Status::Ok),
            Support::Traps => {
                let message = format!("host `{}` does not implement `{}`", state.profile.name, call.name());
                Admission::Trap(Abort::new(TrapKind::Hostcall, message))
            }
        }
    }

    fn record(&mut self, call: Hostcall, result: &Outcome) {
        let detail = std::mem::take(&mut self.detail);
        let state = self.state();
        let (vm, context) = (state.role(), state.frame.effective);
        state.trace.push(|| TraceEntry {
            vm,
            context,
            event: TraceEvent::Hostcall {
                call,
                detail,
                status: match result {
                    Ok(()) => Some(Status::Ok as u32),
                    Err(Refusal::Status(status)) => Some(*status as u32),
                    Err(Refusal::Trap(_)) => None,
                },
            },
        });
    }

    /// What the record says of this call; built only when there is a record.
    pub(crate) fn note(&mut self, detail: impl FnOnce() -> String) {
        if self.caller.data().trace.enabled {
            self.detail = detail();
        }
    }

    pub(crate) fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    fn memory(&mut self) -> Result<Memory, Status> {
        let known = self.state().vm().and_then(|vm| vm.memory);
        known.or_else(|| self.caller.get_export("memory")?.into_memory()).ok_or(Status::InvalidMemoryAccess)
    }

    pub(crate) fn read(&mut self, ptr: u32, len: u32) -> Result<Vec<u8>, Status> {
        let memory = self.memory()?;
        let range = range(ptr, len)?;
        memory.data(&self.caller).get(range).map(<[u8]>::to_vec).ok_or(Status::InvalidMemoryAccess)
    }

    pub(crate) fn read_text(&mut self, ptr: u32, len: u32) -> Result<String, Status> {
        self.read(ptr, len).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn write(&mut self, ptr: u32, bytes: &[u8]) -> Result<(), Status> {
        let memory = self.memory()?;
        let len = u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
        let target = memory.data_mut(&mut self.caller).get_mut(range(ptr, len)?);
        target.ok_or(Status::InvalidMemoryAccess)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn write_u32(&mut self, ptr: u32, value: u32) -> Result<(), Status> {
        self.write(ptr, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, ptr: u32, value: u64) -> Result<(), Status> {
        self.write(ptr, &value.to_le_bytes())
    }

    /// Hands bytes over: memory from the plugin's allocator, its address and
    /// size written where the plugin asked. No bytes are a null pointer.
    pub(crate) fn give(&mut self, bytes: &[u8], ptr_ptr: u32, size_ptr: u32) -> Outcome {
        let len = u32::try_from(bytes.len()).map_err(|_| Status::InternalFailure)?;
        let ptr = if len == 0 { 0 } else { self.allocate(len)? };
        if len != 0 {
            self.write(ptr, bytes)?;
        }
        self.write_u32(ptr_ptr, ptr)?;
        self.write_u32(size_ptr, len)?;
        Ok(())
    }

    fn allocate(&mut self, len: u32) -> Result<u32, Refusal> {
        let allocator = self.state().vm().and_then(|vm| vm.allocator.clone());
        let allocator = allocator.ok_or(Status::InvalidMemoryAccess)?;
        self.state().frame.restricted = true;
        let ptr = allocator.call(&mut self.caller, len);
        self.state().frame.restricted = false;
        match ptr {
            Ok(0) => Err(Refusal::Status(Status::InvalidMemoryAccess)),
            Ok(ptr) => Ok(ptr),
            Err(error) => Err(Refusal::Trap(error)),
        }
    }

    /// Notes undefined behaviour; under the strict profile it ends the plugin.
    pub(crate) fn violation(&mut self, message: impl Into<String>) -> Outcome {
        let message = message.into();
        let state = self.state();
        state.violations.push(message.clone());
        if state.profile.strict {
            return Err(Abort::new(TrapKind::Violation, message).into());
        }
        Ok(())
    }
}

fn range(ptr: u32, len: u32) -> Result<std::ops::Range<usize>, Status> {
    let start = usize::try_from(ptr).map_err(|_| Status::InvalidMemoryAccess)?;
    let len = usize::try_from(len).map_err(|_| Status::InvalidMemoryAccess)?;
    let end = start.checked_add(len).ok_or(Status::InvalidMemoryAccess)?;
    Ok(start..end)
}
