use countersign_harness::{Callback, Host, Hostcall, Profile, Status};

use crate::wat::{I, S, Wat};
use crate::{callbacks, envoy, logged, statuses};

#[test]
fn a_broken_hostcall_does_nothing_until_it_is_mended() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::AddHeaderMapValue, &[I(0), S("a"), S("b")]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.break_hostcall(Hostcall::AddHeaderMapValue, Status::InternalFailure);
    assert!(!host.request().send().upstream().unwrap().headers.contains("a"));
    host.mend(Hostcall::AddHeaderMapValue);
    assert!(host.request().send().upstream().unwrap().headers.contains("a"));
    assert_eq!(statuses(&host, Hostcall::AddHeaderMapValue), [Some(10), Some(0)]);
}

#[test]
fn one_call_of_many_can_be_made_to_fail() {
    let mut wat = Wat::new();
    let body = wat.log("x");
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body.repeat(4), 0));
    host.break_hostcall_once(Hostcall::Log, Status::BrokenConnection, 2);
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::Log), [Some(0), Some(0), Some(11), Some(0)]);
}

#[test]
fn hosts_md_2_a_capability_left_out_is_an_internal_failure_and_a_callback_is_not_called() {
    let mut wat = Wat::new();
    let body = wat.log("no") + &wat.call(Hostcall::GetCurrentTime, &[I(16)]);
    let wat = wat.on(Callback::OnRequestHeaders, body, 0).on(Callback::OnLog, "unreachable", 0);
    let allowed = ["proxy_on_request_headers", "proxy_get_current_time_nanoseconds"];
    let setup = Host::new(Profile::envoy()).without_main_thread().capabilities(allowed);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().send().finish().unwrap();
    assert_eq!(statuses(&host, Hostcall::Log), [Some(10)]);
    assert_eq!(statuses(&host, Hostcall::GetCurrentTime), [Some(0)]);
    assert_eq!((callbacks(&host).len(), logged(&host).len(), host.traps().len()), (1, 0, 0));
}

#[test]
fn hosts_md_2_wasi_outside_the_capabilities_returns_76() {
    let import = "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func $yield (result i32)))";
    let body = "(if (i32.ne (call $yield) (i32.const 76)) (then unreachable))";
    let wat = Wat::new().on(Callback::OnRequestHeaders, body, 0).text();
    let wat = wat.replace("(module\n", &format!("(module\n{import}\n"));
    let setup = Host::new(Profile::envoy()).capabilities(["proxy_on_request_headers"]);
    let host = setup.load(wat.as_str()).unwrap().configure("").unwrap();
    assert!(host.request().send().is_forwarded());
    let host = Host::new(Profile::envoy()).load(wat.as_str()).unwrap().configure("").unwrap();
    assert!(host.request().send().trap().is_some(), "without a restriction it returns 0");
}

#[test]
fn the_trace_shows_what_happened_for_a_failure_report() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::AddHeaderMapValue, &[I(0), S("a"), S("b")]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    let expected = "worker 0 -> proxy_on_request_headers(2, 4, 1) = 0\n\
                    worker 0   <- proxy_add_header_map_value(RequestHeaders, a, b) = 0\n";
    assert_eq!(host.trace_text(), expected);
    assert_eq!(host.hostcall_counts(), [(Hostcall::AddHeaderMapValue, 1)]);
}
