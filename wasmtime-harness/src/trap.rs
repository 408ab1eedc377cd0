//! Traps as values, and what a host does after one.

use std::time::Duration;

use crate::vm::VmRole;

/// Why a plugin stopped in the middle of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrapKind {
    /// A WebAssembly trap: `unreachable`, a bad memory access, a division by zero.
    Wasm,
    /// The plugin called a hostcall that this host traps on.
    Hostcall,
    /// The plugin used up its fuel: it loops, or does far too much.
    OutOfFuel,
    /// The plugin ran past its wall-clock deadline.
    Deadline,
    /// The plugin ended itself through `proc_exit`.
    Exit,
    /// A callback has a type the host cannot call.
    Signature,
    /// What the plugin did ends the host process (a crash, not a trap).
    HostCrash,
    /// A rule of the strict profile was broken.
    Violation,
}

impl TrapKind {
    /// A stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Hostcall => "hostcall",
            Self::OutOfFuel => "out_of_fuel",
            Self::Deadline => "deadline",
            Self::Exit => "exit",
            Self::Signature => "signature",
            Self::HostCrash => "host_crash",
            Self::Violation => "violation",
        }
    }
}

/// A callback that did not return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// Its kind.
    pub kind: TrapKind,
    /// Where it happened.
    pub vm: VmRole,
    /// The callback, or `instantiate`.
    pub callback: &'static str,
    /// What the engine or host says.
    pub message: String,
}

impl std::fmt::Display for Trap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, vm, callback, message } = self;
        write!(f, "{} in `{callback}` on {vm}: {message}", kind.code())
    }
}

/// What a host does with a VM that trapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrapPolicy {
    /// Every later request of the worker gets 503 (Envoy's `FAIL_CLOSED`).
    FailClosed,
    /// Later requests pass unfiltered (Envoy's `FAIL_OPEN`).
    FailOpen,
    /// 503 until the back-off is over, then a new VM (Envoy's `FAIL_RELOAD`).
    FailReload {
        /// How long the worker refuses before it reloads.
        backoff: Duration,
    },
    /// The next request gets a new VM (ngx_wasm_module).
    Rebuild,
    /// The host goes on calling the broken VM (wasm-nginx-module).
    Keep,
}

/// How a hostcall ends the plugin. Carried through the engine as an error.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Abort {
    pub(crate) kind: TrapKind,
    pub(crate) message: String,
}

impl Abort {
    pub(crate) fn new(kind: TrapKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
