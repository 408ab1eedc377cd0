//! The raw imports: proxy-wasm ABI 0.2.1 and two names of WASI preview 1. Outside wasm none of them exists, and each answers
//! with status 12 (unimplemented), so that the crate's own unit tests link.

#![expect(unsafe_code, reason = "imports are unsafe to call whatever they do")]
#![cfg_attr(not(target_arch = "wasm32"), expect(clippy::too_many_arguments, reason = "as many as the ABI has"))]

macro_rules! imports {
    ($module:literal { $(fn $name:ident($($argument:ident: $shape:ty),* $(,)?) -> u32;)* }) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = $module)]
        unsafe extern "C" {
            $(pub(super) fn $name($($argument: $shape),*) -> u32;)*
        }

        $(#[cfg(not(target_arch = "wasm32"))]
        pub(super) unsafe fn $name($(_: $shape),*) -> u32 {
            super::calls::UNIMPLEMENTED
        })*
    };
}

imports!("env" {
    fn proxy_log(level: u32, message: *const u8, message_size: usize) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, size: usize, out: *mut *mut u8, out_size: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, out: *mut *mut u8, out_size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, out: *mut *mut u8, out_size: *mut usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_http_call(
        upstream: *const u8,
        upstream_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_continue_stream(kind: u32) -> u32;
    fn proxy_grpc_call(
        service: *const u8,
        service_size: usize,
        name: *const u8,
        name_size: usize,
        method: *const u8,
        method_size: usize,
        metadata: *const u8,
        metadata_size: usize,
        message: *const u8,
        message_size: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_done() -> u32;
});

imports!("wasi_snapshot_preview1" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
    fn random_get(buffer: *mut u8, size: usize) -> u32;
});
