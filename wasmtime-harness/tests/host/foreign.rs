use countersign_harness::{Callback, Host, Hostcall, Profile, PropertyValue, Status};

use crate::wat::{B, I, Out, P, S, Wat};
use crate::{arguments, envoy, logged, statuses};

fn foreign(wat: &mut Wat, name: &str, argument: &[u8]) -> String {
    wat.call(Hostcall::CallForeignFunction, &[S(name), B(argument), Out])
}

#[test]
fn a_tests_own_foreign_function_gets_the_argument_and_gives_the_result() {
    let mut wat = Wat::new();
    let body = foreign(&mut wat, "double", b"ab") + &wat.log_out() + &foreign(&mut wat, "fail", b"");
    let wat = wat.on(Callback::OnRequestHeaders, body, 0);
    let setup = Host::new(Profile::envoy())
        .foreign_function("double", |argument| Ok(argument.repeat(2)))
        .foreign_function("fail", |_| Err(Status::BadArgument));
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().send();
    assert_eq!(logged(&host), ["abab"]);
    assert_eq!(statuses(&host, Hostcall::CallForeignFunction), [Some(0), Some(2)]);
}

#[test]
fn hosts_md_0_9_an_unknown_foreign_function_is_not_found_on_envoy() {
    let mut wat = Wat::new();
    let body = foreign(&mut wat, "nope", b"");
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::CallForeignFunction), [Some(1)]);
}

#[test]
fn a_result_nobody_wants_needs_no_memory() {
    let mut wat = Wat::new();
    let args = [S("double"), S("x"), I(0), I(0)];
    let body = wat.call(Hostcall::CallForeignFunction, &args);
    let wat = wat.on(Callback::OnRequestHeaders, body, 0);
    let setup = Host::new(Profile::envoy()).foreign_function("double", |_| Ok(vec![1; 100]));
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::CallForeignFunction), [Some(0)]);
}

#[test]
fn clear_route_cache_marks_the_stream() {
    let mut wat = Wat::new();
    let body = foreign(&mut wat, "clear_route_cache", b"");
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    assert!(host.request().send().route_cleared());
}

#[test]
fn set_envoy_filter_state_is_read_back_as_a_property() {
    let mut wat = Wat::new();
    // path = "p", value = "v", span = 1
    let body = foreign(&mut wat, "set_envoy_filter_state", b"\x0a\x01p\x12\x01v\x18\x01")
        + &foreign(&mut wat, "set_envoy_filter_state", b"\x0a\xff")
        + &wat.call(Hostcall::GetProperty, &[S("filter_state\0p"), Out])
        + &wat.log_out();
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    let exchange = host.request().send();
    assert_eq!(logged(&host), ["v"]);
    assert_eq!(exchange.property("filter_state.p"), Some(PropertyValue::from("v")));
    assert_eq!(statuses(&host, Hostcall::CallForeignFunction), [Some(0), Some(2)]);
}

#[test]
fn a_property_declared_read_only_is_set_once() {
    let mut wat = Wat::new();
    let declare = foreign(&mut wat, "declare_property", b"\x0a\x01r\x20\x01");
    let set = wat.call(Hostcall::SetProperty, &[S("r"), S("v")]);
    let wat = wat.on(Callback::OnConfigure, &declare, 1).on(Callback::OnRequestHeaders, set.repeat(2), 0);
    let setup = Host::new(Profile::envoy());
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::SetProperty), [Some(0), Some(2)]);
}

#[test]
fn a_foreign_callback_reads_its_argument() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetBufferBytes, &[I(8), I(0), P(2), Out]) + &wat.log_out();
    let host = envoy(&wat.on(Callback::OnForeignFunction, read, 0));
    host.foreign_callback(7, "argument");
    assert_eq!(arguments(&host, Callback::OnForeignFunction), [[1, 7, 8]]);
    assert_eq!(logged(&host), ["argument"]);
}
