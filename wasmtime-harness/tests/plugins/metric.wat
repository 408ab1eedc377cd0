;; Imports a hostcall that one kind of host declares with another type.
(module
  (import "env" "proxy_get_metric" (func (param i32 i32) (result i32)))
  (import "env" "proxy_grpc_call"
    (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) i32.const 1024)
)
