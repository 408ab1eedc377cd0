//! What plugins wrote to the host's log.

use crate::abi::LogLevel;
use crate::vm::VmRole;

/// One line, as the host wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The level the plugin gave.
    pub level: LogLevel,
    /// Which VM it came from.
    pub vm: VmRole,
    /// The context on whose behalf it ran; 0 outside any.
    pub context: u32,
    /// The message, cut where this host cuts. Bytes that are no UTF-8 are replaced.
    pub message: String,
    /// Whether the host cut it.
    pub truncated: bool,
}
