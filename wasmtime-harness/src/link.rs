//! Whether a module loads on a host, and the linker that makes it so.

use std::collections::BTreeSet;

use wasmtime::{ExternType, InstancePre, Linker, Val};

use crate::abi::{AbiVersion, Hostcall};
use crate::error::HostError;
use crate::plugin::Plugin;
use crate::profile::{Profile, Support};
use crate::state::State;
use crate::{hostcalls, wasi};

/// Everything that would make this host refuse the module, in the order of its imports.
pub fn refusals(plugin: &Plugin, profile: &Profile) -> Vec<HostError> {
    let mut found = Vec::new();
    found.extend(abi_refusal(plugin, profile));
    found.extend(plugin.imports().filter_map(|(module, name)| import_refusal(plugin, profile, module, name)));
    if !plugin.exports().any(|name| name == "malloc" || name == "proxy_on_memory_allocate") {
        found.push(HostError::MissingAllocator);
    }
    if !plugin.exports().any(|name| name == "memory") {
        found.push(HostError::MissingMemory);
    }
    found
}

fn abi_refusal(plugin: &Plugin, profile: &Profile) -> Option<HostError> {
    match plugin.abi() {
        Some(version) if profile.speaks(version) => None,
        Some(version) => Some(HostError::AbiRefused { host: profile.name.to_owned(), version }),
        None if profile.unknown_abi_loads => None,
        None => Some(HostError::UnknownAbi { found: plugin.markers().to_vec() }),
    }
}

fn import_refusal(plugin: &Plugin, profile: &Profile, module: &str, name: &str) -> Option<HostError> {
    let missing = || HostError::MissingImport { host: profile.name.to_owned(), module: module.to_owned(), name: name.to_owned() };
    if wasi::MODULES.contains(&module) {
        return (!wasi::knows(name) || !profile.offers_wasi(name)).then(missing);
    }
    if module != "env" {
        return Some(missing());
    }
    let Some(call) = Hostcall::from_name(name) else {
        return Some(missing());
    };
    match profile.support(call) {
        Support::Absent => Some(missing()),
        Support::WrongType => Some(HostError::ImportType { module: module.to_owned(), name: name.to_owned() }),
        _ if !offered_by_abi(plugin.abi(), call, profile) => Some(missing()),
        _ => None,
    }
}

/// Some hostcalls came or went with an ABI version; Envoy links just those of the module's own.
fn offered_by_abi(version: Option<AbiVersion>, call: Hostcall, profile: &Profile) -> bool {
    if !profile.links_by_abi {
        return true;
    }
    match call {
        Hostcall::GetConfiguration | Hostcall::ContinueRequest | Hostcall::ContinueResponse | Hostcall::ClearRouteCache => {
            version == Some(AbiVersion::V0_1_0)
        }
        Hostcall::ContinueStream | Hostcall::CloseStream => version != Some(AbiVersion::V0_1_0),
        Hostcall::GetLogLevel => version == Some(AbiVersion::V0_2_1),
        _ => true,
    }
}

/// Links the module for this host.
pub(crate) fn link(
    plugin: &Plugin,
    profile: &Profile,
    capabilities: Option<&BTreeSet<String>>,
) -> Result<InstancePre<State>, HostError> {
    if let Some(refusal) = refusals(plugin, profile).into_iter().next() {
        return Err(refusal);
    }
    let bad = |error: wasmtime::Error| HostError::BadModule { reason: format!("{error:#}") };
    let mut linker = Linker::new(plugin.engine());
    hostcalls::add_to_linker(&mut linker).map_err(bad)?;
    wasi::add_to_linker(&mut linker, profile).map_err(bad)?;
    if let Some(allowed) = capabilities {
        restrict_wasi(&mut linker, plugin, allowed).map_err(bad)?;
    }
    linker.instantiate_pre(&plugin.module).map_err(|error| import_fault(plugin, &error))
}

/// What a WASI function outside the capabilities returns: `ENOTCAPABLE`.
const NOT_CAPABLE: i32 = 76;

fn restrict_wasi(linker: &mut Linker<State>, plugin: &Plugin, allowed: &BTreeSet<String>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    for import in plugin.module.imports() {
        let restricted = wasi::MODULES.contains(&import.module()) && !allowed.contains(import.name());
        if let (true, ExternType::Func(ty)) = (restricted, import.ty()) {
            linker.func_new(import.module(), import.name(), ty, |_, _, results| {
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(NOT_CAPABLE);
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// What is left once every name was checked: a type that does not fit.
fn import_fault(plugin: &Plugin, error: &wasmtime::Error) -> HostError {
    let text = format!("{error:#}");
    let culprit = plugin.imports().find(|(module, name)| text.contains(&format!("{module}::{name}")));
    match culprit {
        Some((module, name)) => HostError::ImportType { module: module.to_owned(), name: name.to_owned() },
        None => HostError::BadModule { reason: text },
    }
}
