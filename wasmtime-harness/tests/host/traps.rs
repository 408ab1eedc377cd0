use std::time::Duration;

use countersign_harness::{Callback, Host, Hostcall, Limits, Plugin, Profile, Setup, Stage, TrapKind, TrapPolicy};

use crate::wat::{S, Wat};
use crate::{arguments, callbacks, logged};

/// Traps on the path `/trap`, whose length no other test path has.
fn fragile() -> Wat {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetHeaderMapValue, &[crate::wat::I(0), S(":path"), crate::wat::Out])
        + "(if (i32.eq (i32.load (i32.const 28)) (i32.const 5)) (then unreachable))";
    let seen = wat.log("log");
    wat.on(Callback::OnRequestHeaders, body, 0).on(Callback::OnLog, seen, 0)
}

fn host(setup: Setup) -> Host {
    setup.load(fragile().text().as_str()).unwrap().configure("").unwrap()
}

#[test]
fn a_trap_is_a_value_with_its_kind_and_place() {
    let host = host(Host::new(Profile::envoy()));
    let exchange = host.request().get("/trap").send();
    let trap = exchange.trap().unwrap();
    assert_eq!((trap.kind, trap.callback), (TrapKind::Wasm, "proxy_on_request_headers"));
    assert!(trap.to_string().starts_with("wasm in `proxy_on_request_headers` on worker 0: "));
    assert!(trap.message.contains("unreachable"), "{}", trap.message);
    assert_eq!(host.traps(), [trap]);
}

#[test]
fn hosts_md_2_fail_closed_refuses_for_ever_and_logs_nothing() {
    let host = host(Host::new(Profile::envoy()));
    let exchange = host.request().get("/trap").send();
    assert_eq!(exchange.status(), Some(503));
    exchange.finish().unwrap();
    host.advance(Duration::from_secs(3600));
    assert_eq!(host.request().get("/").send().status(), Some(503));
    assert_eq!(logged(&host).len(), 0, "a trap loses the audit event of its request");
}

#[test]
fn hosts_md_2_fail_open_refuses_once_and_lets_the_rest_pass_unfiltered() {
    let host = host(Host::new(Profile::envoy()).trap_policy(TrapPolicy::FailOpen));
    assert_eq!(host.request().get("/trap").send().status(), Some(503));
    assert!(host.request().get("/").send().is_forwarded());
    assert_eq!(arguments(&host, Callback::OnRequestHeaders).len(), 1);
}

#[test]
fn hosts_md_2_fail_reload_makes_a_new_vm_after_the_backoff() {
    let policy = TrapPolicy::FailReload { backoff: Duration::from_secs(1) };
    let host = host(Host::new(Profile::envoy()).trap_policy(policy));
    assert_eq!(host.request().get("/trap").send().status(), Some(503));
    host.advance(Duration::from_millis(999));
    assert_eq!(host.request().get("/").send().status(), Some(503));
    host.advance(Duration::from_millis(1));
    let exchange = host.request().get("/").send();
    assert!(exchange.is_forwarded());
    exchange.finish().unwrap();
    assert_eq!(logged(&host), ["log"]);
}

#[test]
fn other_workers_go_on_after_a_trap() {
    let host = host(Host::new(Profile::envoy()).workers(2));
    host.request().get("/trap").worker(0).send();
    assert_eq!(host.request().get("/").worker(0).send().status(), Some(503));
    assert!(host.request().get("/").worker(1).send().is_forwarded());
}

#[test]
fn hosts_md_0_7_kong_rebuilds_the_instance_for_the_next_request() {
    let host = host(Host::new(Profile::nginx_wasm()));
    assert_eq!(host.request().get("/trap").send().status(), Some(500));
    assert!(host.request().get("/").send().is_forwarded());
}

#[test]
fn hosts_md_1_4_kong_shows_its_error_page_to_a_context_that_never_saw_the_request() {
    let wat = fragile().on(Callback::OnResponseHeaders, "", 0);
    let host = Host::new(Profile::nginx_wasm()).load(wat.text().as_str()).unwrap().configure("").unwrap();
    let before = callbacks(&host).len();
    let exchange = host.request().get("/trap").send();
    exchange.finish().unwrap();
    assert_eq!((exchange.status(), exchange.stage()), (Some(500), Stage::Ended));
    let expected = [Callback::OnRequestHeaders, Callback::OnResponseHeaders, Callback::OnLog];
    assert_eq!(callbacks(&host)[before..], expected);
    assert_eq!(logged(&host), ["log"]);
}

#[test]
fn hosts_md_0_7_apisix_goes_on_calling_the_broken_vm() {
    let host = host(Host::new(Profile::apisix()));
    assert_eq!(host.request().get("/trap").send().status(), Some(503));
    host.request().get("/").send();
    assert_eq!(arguments(&host, Callback::OnRequestHeaders).len(), 2);
}

#[test]
fn a_plugin_that_loops_runs_out_of_fuel() {
    let wat = Wat::new().on(Callback::OnRequestHeaders, "(loop (br 0))", 0);
    let limits = Limits { fuel: Some(1_000_000), ..Limits::default() };
    let setup = Host::new(Profile::envoy()).limits(limits);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    let exchange = host.request().send();
    assert_eq!(exchange.trap().unwrap().kind, TrapKind::OutOfFuel);
    assert_eq!(exchange.status(), Some(503));
}

#[test]
fn a_plugin_that_loops_without_fuel_meets_its_deadline() {
    let wat = Wat::new().on(Callback::OnRequestHeaders, "(loop (br 0))", 0);
    let limits = Limits { fuel: None, deadline: Some(Duration::from_millis(40)), ..Limits::default() };
    let plugin = Plugin::compile_with(wat.text(), limits).unwrap();
    let host = Host::new(Profile::envoy()).load(&plugin).unwrap().configure("").unwrap();
    assert_eq!(host.request().send().trap().unwrap().kind, TrapKind::Deadline);
}

#[test]
fn fuel_is_counted_and_the_same_for_the_same_request() {
    let used = |requests: usize| {
        let host = host(Host::new(Profile::envoy()));
        let before = host.fuel_used();
        for _ in 0..requests {
            host.request().get("/").send();
        }
        host.fuel_used() - before
    };
    assert!(used(1) > 0);
    assert_eq!(used(4), 4 * used(1));
}

/// Grows its memory by 32 pages (2 MiB) and logs whether that worked.
fn hungry() -> Wat {
    let mut wat = Wat::new();
    let (fed, hungry) = (wat.log("fed"), wat.log("hungry"));
    let grow = "(i32.eq (memory.grow (i32.const 32)) (i32.const -1))";
    let body = format!("(if {grow} (then {hungry}) (else {fed}))");
    wat.on(Callback::OnRequestHeaders, body, 0)
}

#[test]
fn memory_is_refused_over_the_limit_and_its_high_water_is_known() {
    let limits = Limits { memory: Some(3 << 20), ..Limits::default() };
    let setup = Host::new(Profile::envoy()).limits(limits);
    let host = setup.load(hungry().text().as_str()).unwrap().configure("").unwrap();
    host.request().send();
    host.request().send();
    assert_eq!(logged(&host), ["fed", "hungry"]);
    assert_eq!(host.memory_high_water(), 36 << 16);
}

#[test]
fn memory_can_be_refused_in_the_middle_of_a_test() {
    let host = Host::new(Profile::envoy()).load(hungry().text().as_str()).unwrap();
    let host = host.configure("").unwrap();
    host.request().send();
    host.refuse_memory();
    host.request().send();
    assert_eq!(logged(&host), ["fed", "hungry"]);
}

#[test]
fn hosts_md_2_gcp_gives_a_vm_sixteen_mebibytes() {
    let setup = Host::new(Profile::gcp());
    let host = setup.load(hungry().text().as_str()).unwrap().configure("").unwrap();
    for _ in 0..9 {
        host.request().send();
    }
    assert_eq!(logged(&host).iter().filter(|line| *line == "fed").count(), 7);
}

#[test]
fn a_callback_of_another_type_is_a_signature_trap() {
    let wat = Wat::new().raw("(func (export \"proxy_on_request_headers\") (param i64))\n");
    let host = crate::envoy(&wat);
    assert_eq!(host.request().send().trap().unwrap().kind, TrapKind::Signature);
}

#[test]
fn an_allocator_that_returns_null_makes_the_hostcall_fail() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetHeaderMapPairs, &[crate::wat::I(0), crate::wat::Out]);
    let text = wat.on(Callback::OnRequestHeaders, body, 0).text();
    let text = text.replace("(global.get $next)\n", "(i32.const 0)\n");
    let host = Host::new(Profile::envoy()).load(text.as_str()).unwrap().configure("").unwrap();
    host.request().send();
    assert_eq!(crate::statuses(&host, Hostcall::GetHeaderMapPairs), [Some(6)]);
}

#[test]
fn samples_name_the_function_that_takes_the_time() {
    let hot = "(func $hot (local i32) (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get 0) (i32.const 300000000)))))";
    let wat = Wat::new().raw(hot).on(Callback::OnRequestHeaders, "(call $hot)", 0);
    let limits = Limits { fuel: None, sample: Some(Duration::from_millis(1)), ..Limits::default() };
    let plugin = Plugin::compile_with(wat.text(), limits).unwrap();
    let host = Host::new(Profile::envoy()).load(&plugin).unwrap().configure("").unwrap();
    assert!(host.request().send().is_forwarded());
    assert_eq!(host.samples().first().unwrap().0, "hot");
}
