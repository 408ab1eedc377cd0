//! What a module may import and must export, so that every supported host loads it.

use wasmparser::{ExternalKind, Parser, Payload, TypeRef, Validator};

/// WASI calls that all hosts have, older ones included.
const WASI: [&str; 11] = [
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_seek",
    "fd_write",
    "proc_exit",
    "random_get",
];

/// The proxy-wasm calls of ABI 0.2.1 that all hosts define with the same type. Left out on purpose:
/// `proxy_get_metric` (another type on one host) and `proxy_get_log_level` (missing on one), with either of which the
/// module does not load there.
const PROXY: [&str; 36] = [
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_size",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

/// What the ABI needs a module to export: marker, memory, and the calls that the design lives on.
const EXPORTS: [&str; 6] = [
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_log",
    "proxy_on_request_headers",
];

/// Why a module is not shipped.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is no valid module.
    #[error("not a valid WebAssembly module: {0}")]
    Invalid(String),
    /// It imports what some host does not offer.
    #[error("the module imports `{module}.{name}`, which not every host offers")]
    Import {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// It lacks an export.
    #[error("the module does not export `{0}`")]
    Export(&'static str),
}

/// Checks a module; returns how many functions it imports.
pub(crate) fn pass(bytes: &[u8]) -> Result<usize, Refusal> {
    let invalid = |error: wasmparser::BinaryReaderError| Refusal::Invalid(error.to_string());
    Validator::new().validate_all(bytes).map_err(invalid)?;
    let mut imports = 0;
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    allowed(import.module, import.name, &import.ty)?;
                    imports += 1;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    exports.push(export.map_err(invalid)?);
                }
            }
            _ => {}
        }
    }
    let has = |name: &&str| {
        exports.iter().any(|export| export.name == *name && matches!(export.kind, ExternalKind::Func | ExternalKind::Memory))
    };
    match EXPORTS.iter().find(|name| !has(name)) {
        Some(missing) => Err(Refusal::Export(missing)),
        None => Ok(imports),
    }
}

fn allowed(module: &str, name: &str, kind: &TypeRef) -> Result<(), Refusal> {
    let known = match module {
        "env" => PROXY.contains(&name),
        "wasi_snapshot_preview1" => WASI.contains(&name),
        _ => false,
    };
    if known && matches!(kind, TypeRef::Func(_)) {
        return Ok(());
    }
    Err(Refusal::Import { module: module.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = include_str!("../bench/empty.wat");

    fn with_import(import: &str) -> Result<usize, Refusal> {
        pass(&wat::parse_str(EMPTY.replacen("(module", &format!("(module {import}"), 1)).unwrap())
    }

    #[test]
    fn the_empty_filter_passes() {
        assert_eq!(pass(&wat::parse_str(EMPTY).unwrap()), Ok(0));
        assert_eq!(with_import(r#"(import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))"#), Ok(1));
    }

    #[test]
    fn imports_that_break_a_host_are_refused_by_name() {
        let calls = [
            ("env", "proxy_get_metric"),
            ("env", "proxy_get_log_level"),
            ("wasi_snapshot_preview1", "clock_res_get"),
            ("wasi_unstable", "fd_write"),
            ("__wbindgen_placeholder__", "x"),
        ];
        for (module, name) in calls {
            let refusal = with_import(&format!(r#"(import "{module}" "{name}" (func))"#)).unwrap_err();
            assert_eq!(refusal, Refusal::Import { module: module.into(), name: name.into() });
        }
    }

    #[test]
    fn an_allowed_name_that_is_no_function_is_refused() {
        assert!(matches!(with_import(r#"(import "env" "proxy_log" (global i32))"#), Err(Refusal::Import { .. })));
    }

    #[test]
    fn every_export_is_needed() {
        for name in EXPORTS {
            let without = EMPTY.replace(&format!("(export \"{name}\")"), "");
            assert_ne!(without, EMPTY, "{name}");
            assert_eq!(pass(&wat::parse_str(without).unwrap()), Err(Refusal::Export(name)));
        }
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(matches!(pass(b"\0asm nonsense"), Err(Refusal::Invalid(_))));
    }
}
