//! What the host asks of the filter: the exports of proxy-wasm ABI 0.2.1. Each hands over to [`crate::plugin`] at once.
#![expect(unsafe_code, reason = "exports under the names that the ABI demands")]

use crate::plugin;

unsafe extern "C" {
    fn __wasm_call_ctors();
}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    unsafe { __wasm_call_ctors() }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    super::calls::allocate(size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_context: u32, _configuration_size: usize) -> bool {
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    plugin::create_context(context, root);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, _configuration_size: usize) -> bool {
    plugin::configure(root)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    plugin::tick(root);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _headers: usize, _end_of_stream: bool) -> u32 {
    plugin::request_headers(context).code()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    plugin::log(context);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> bool {
    plugin::done(context)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    plugin::delete(context);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(context: u32, token: u32, _headers: usize, body_size: usize, _trailers: usize) {
    plugin::keys::http_answered(context, token, body_size);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(root: u32, token: u32, _size: usize) {
    plugin::grpc_received(root, token);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(root: u32, token: u32, status: u32) {
    plugin::grpc_closed(root, token, status);
}
