;; Refuses requests without the header `x-key` and asks `keys` about the others.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_http_call"
    (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_set_effective_context" (func $act_for (param i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 100) "x-key")
  (data (i32.const 110) "refused")
  (data (i32.const 120) "guard.refused")
  (data (i32.const 140) "keys")
  (data (i32.const 150) "no key\0a")
  ;; Two headers' worth of a map: `www-authenticate: Key`.
  (data (i32.const 200) "\01\00\00\00\10\00\00\00\03\00\00\00www-authenticate\00Key\00")
  ;; `:method: GET`, `:path: /key`, `:authority: keys`.
  (data (i32.const 300) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\04\00\00\00\0a\00\00\00\04\00\00\00:method\00GET\00:path\00/key\00:authority\00keys\00")
  (global $next (mut i32) (i32.const 65536))
  (global $stream (mut i32) (i32.const 0))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32)
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get 0))))
  (func $refuse
    (drop (call $log (i32.const 3) (i32.const 110) (i32.const 7)))
    (drop (call $increment (i32.load (i32.const 8)) (i64.const 1)))
    (drop (call $reply (i32.const 401) (i32.const 110) (i32.const 7) (i32.const 150) (i32.const 7)
      (i32.const 200) (i32.const 33) (i32.const -1))))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $define (i32.const 0) (i32.const 120) (i32.const 13) (i32.const 8)))
    ;; An empty configuration is refused.
    (i32.ne (local.get 1) (i32.const 0)))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $stream (local.get 0))
    (if (call $header (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 24) (i32.const 28))
      (then (call $refuse))
      (else
        (drop (call $call (i32.const 140) (i32.const 4) (i32.const 300) (i32.const 67)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 16)))))
    (i32.const 1))
  ;; A call that failed has no headers.
  (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
    (drop (call $act_for (global.get $stream)))
    (if (local.get 2)
      (then (drop (call $continue (i32.const 0))))
      (else (call $refuse))))
)
