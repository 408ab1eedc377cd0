//! A request through an empty plugin, against the same callbacks on wasmtime bare.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic, and criterion's macros document nothing")]

use countersign_harness::{Host, Limits, Plugin, Profile};
use criterion::{Criterion, criterion_group, criterion_main};
use wasmtime::{Engine, Instance, Module, Store};

const EMPTY: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0)
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) i32.const 0)
  (func (export "proxy_on_log") (param i32))
  (func (export "proxy_on_done") (param i32) (result i32) i32.const 1)
  (func (export "proxy_on_delete") (param i32))
)"#;

fn through_the_host(criterion: &mut Criterion) {
    let limits = Limits { fuel: None, ..Limits::default() };
    let plugin = Plugin::compile_with(EMPTY, limits).unwrap();
    let host = Host::new(Profile::envoy()).without_trace().load(&plugin).unwrap().configure("").unwrap();
    criterion.bench_function("empty plugin, whole host", |bencher| {
        bencher.iter(|| {
            let exchange = host.request().get("/").send();
            exchange.respond(200, [("a", "b")]).unwrap().finish().unwrap();
        });
    });
}

fn bare(criterion: &mut Criterion) {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &Module::new(&engine, EMPTY).unwrap(), &[]).unwrap();
    let mut two = |name| instance.get_typed_func::<(u32, u32), ()>(&mut store, name).unwrap();
    let create = two("proxy_on_context_create");
    let mut three = |name| instance.get_typed_func::<(u32, u32, u32), u32>(&mut store, name).unwrap();
    let (request, response) = (three("proxy_on_request_headers"), three("proxy_on_response_headers"));
    let log = instance.get_typed_func::<u32, ()>(&mut store, "proxy_on_log").unwrap();
    let done = instance.get_typed_func::<u32, u32>(&mut store, "proxy_on_done").unwrap();
    let delete = instance.get_typed_func::<u32, ()>(&mut store, "proxy_on_delete").unwrap();
    criterion.bench_function("empty plugin, wasmtime bare", |bencher| {
        bencher.iter(|| {
            create.call(&mut store, (2, 1)).unwrap();
            request.call(&mut store, (2, 4, 1)).unwrap();
            response.call(&mut store, (2, 2, 1)).unwrap();
            log.call(&mut store, 2).unwrap();
            done.call(&mut store, 2).unwrap();
            delete.call(&mut store, 2).unwrap();
        });
    });
}

criterion_group!(benches, through_the_host, bare);
criterion_main!(benches);
