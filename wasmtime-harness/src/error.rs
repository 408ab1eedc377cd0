//! Why a plugin could not be loaded or configured, or a test step not be done.

use crate::abi::AbiVersion;
use crate::trap::Trap;
use crate::vm::VmRole;

/// A fault of loading, configuring or driving a plugin.
///
/// A trap inside a request is no error: it is a [`Trap`] to assert on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The bytes are no WebAssembly module that the engine accepts.
    #[error("module does not compile: {reason}")]
    BadModule {
        /// What the engine says.
        reason: String,
    },
    /// The module names no ABI version this host knows.
    #[error("module exports no known ABI marker, found {found:?}")]
    UnknownAbi {
        /// The `proxy_abi_version_*` exports found.
        found: Vec<String>,
    },
    /// This host does not speak the module's ABI version.
    #[error("host `{host}` does not speak ABI {version}")]
    AbiRefused {
        /// The profile's name.
        host: String,
        /// What the module was built for.
        version: AbiVersion,
    },
    /// The module imports something this host does not offer.
    #[error("host `{host}` does not offer import `{module}.{name}`")]
    MissingImport {
        /// The profile's name.
        host: String,
        /// The import's module, such as `env`.
        module: String,
        /// The import's name.
        name: String,
    },
    /// The module imports a function with another type than the host's.
    #[error("import `{module}.{name}` has an incompatible type")]
    ImportType {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// The module exports neither `proxy_on_memory_allocate` nor `malloc`.
    #[error("module exports no allocator")]
    MissingAllocator,
    /// The module exports no memory named `memory`.
    #[error("module exports no memory")]
    MissingMemory,
    /// The engine could not make an instance.
    #[error("no instance on {vm}: {reason}")]
    Instantiate {
        /// Which VM.
        vm: VmRole,
        /// What the engine says.
        reason: String,
    },
    /// `proxy_on_vm_start` returned false.
    #[error("plugin refused to start on {vm}")]
    StartRefused {
        /// Which VM.
        vm: VmRole,
    },
    /// `proxy_on_configure` returned false.
    #[error("plugin refused its configuration on {vm}")]
    ConfigurationRefused {
        /// Which VM.
        vm: VmRole,
    },
    /// The plugin trapped while it started or was configured.
    #[error("plugin trapped while starting: {0}")]
    Trapped(Trap),
    /// A step that makes no sense for the exchange's stage.
    #[error("cannot {step} an exchange that is {stage}")]
    WrongStage {
        /// What was asked for.
        step: &'static str,
        /// Where the exchange is.
        stage: &'static str,
    },
    /// The callout was already answered, cancelled or timed out.
    #[error("callout {token} is no longer pending")]
    NotPending {
        /// The callout's token.
        token: u32,
    },
}

impl HostError {
    /// A stable name for the kind of fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadModule { .. } => "bad_module",
            Self::UnknownAbi { .. } => "unknown_abi",
            Self::AbiRefused { .. } => "abi_refused",
            Self::MissingImport { .. } => "missing_import",
            Self::ImportType { .. } => "import_type",
            Self::MissingAllocator => "missing_allocator",
            Self::MissingMemory => "missing_memory",
            Self::Instantiate { .. } => "instantiate",
            Self::StartRefused { .. } => "start_refused",
            Self::ConfigurationRefused { .. } => "configuration_refused",
            Self::Trapped(_) => "trapped",
            Self::WrongStage { .. } => "wrong_stage",
            Self::NotPending { .. } => "not_pending",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::trap::TrapKind;

    fn every_variant() -> Vec<HostError> {
        let (module, name, host) = ("env".to_owned(), "f".to_owned(), "h".to_owned());
        let vm = VmRole::Main;
        let trap = Trap { kind: TrapKind::Wasm, vm, callback: "c", message: "m".to_owned() };
        vec![
            HostError::BadModule { reason: "r".to_owned() },
            HostError::UnknownAbi { found: Vec::new() },
            HostError::AbiRefused { host: host.clone(), version: AbiVersion::V0_2_1 },
            HostError::MissingImport { host, module: module.clone(), name: name.clone() },
            HostError::ImportType { module, name },
            HostError::MissingAllocator,
            HostError::MissingMemory,
            HostError::Instantiate { vm, reason: "r".to_owned() },
            HostError::StartRefused { vm },
            HostError::ConfigurationRefused { vm },
            HostError::Trapped(trap),
            HostError::WrongStage { step: "finish", stage: "ended" },
            HostError::NotPending { token: 1 },
        ]
    }

    #[test]
    fn codes_and_messages_are_unique() {
        let all = every_variant();
        let codes: BTreeSet<&str> = all.iter().map(HostError::code).collect();
        let messages: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!((codes.len(), messages.len()), (all.len(), all.len()));
    }
}
