use countersign_harness::{Callback, Hostcall, Response, Stage};

use crate::wat::{I, Num, Out, S, Wat};
use crate::{arguments, envoy, logged, statuses};

/// Pauses until the end of the stream, whose flag is the third argument.
fn until_the_end(then: &str) -> String {
    format!("(if (i32.eqz (local.get 2)) (then (return (i32.const 1))))\n{then}")
}

#[test]
fn chunks_pass_one_by_one_when_the_plugin_lets_them() {
    let host = envoy(&Wat::new().on(Callback::OnRequestBody, "", 0));
    let exchange = host.request().chunk("ab").chunk("cde").send();
    let sizes: Vec<_> = arguments(&host, Callback::OnRequestBody).iter().map(|args| (args[1], args[2])).collect();
    assert_eq!(sizes, [(2, 0), (3, 1)]);
    assert_eq!(exchange.upstream().unwrap().body, b"abcde");
}

#[test]
fn a_held_body_is_shown_whole_and_can_be_replaced() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetBufferBytes, &[I(0), I(0), I(99), Out]) + &wat.log_out();
    let set = wat.call(Hostcall::SetBufferBytes, &[I(0), I(0), I(99), S("new")]);
    let host = envoy(&wat.on(Callback::OnRequestBody, until_the_end(&(read + &set)), 0));
    let exchange = host.request().chunk("ab").chunk("cd").chunk("e").send();
    assert_eq!(logged(&host), ["abcde"]);
    let upstream = exchange.upstream().unwrap();
    assert_eq!((upstream.body.as_slice(), upstream.complete), (b"new".as_slice(), true));
}

#[test]
fn a_body_held_to_its_end_waits_for_a_continue() {
    let mut wat = Wat::new();
    let resume = wat.call(Hostcall::SetEffectiveContext, &[I(2)]) + &wat.call(Hostcall::ContinueStream, &[I(0)]);
    let wat = wat.on(Callback::OnRequestBody, "", 1).on(Callback::OnForeignFunction, resume, 0);
    let host = envoy(&wat);
    let exchange = host.request().chunk("ab").chunk("cd").send();
    assert_eq!(exchange.stage(), Stage::RequestPaused);
    let upstream = exchange.upstream().unwrap();
    assert_eq!((upstream.body.as_slice(), upstream.complete), (b"".as_slice(), false));
    host.foreign_callback(1, "");
    assert_eq!(exchange.stage(), Stage::Forwarded);
    assert_eq!(exchange.upstream().unwrap().body, b"abcd");
}

#[test]
fn a_response_body_can_be_appended_and_prepended_to() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::SetBufferBytes, &[I(1), I(0), I(0), S("<")])
        + &wat.call(Hostcall::SetBufferBytes, &[I(1), I(99), I(0), S(">")])
        + &wat.call(Hostcall::SetBufferBytes, &[I(1), I(1), I(1), S("?")]);
    let host = envoy(&wat.on(Callback::OnResponseBody, body, 0));
    let exchange = host.request().send();
    let reply = exchange.respond_with(Response::new(200).body("x")).unwrap().reply().unwrap();
    assert_eq!(reply.text(), "<x>");
    assert_eq!(statuses(&host, Hostcall::SetBufferBytes), [Some(0), Some(0), Some(2)]);
}

#[test]
fn reading_part_of_a_buffer_stops_at_its_end() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetBufferBytes, &[I(0), I(1), I(2), Out])
        + &wat.log_out()
        + &wat.call(Hostcall::GetBufferBytes, &[I(0), I(9), I(2), Out])
        + &wat.log_out()
        + &wat.call(Hostcall::GetBufferBytes, &[I(0), I(-1), I(2), Out])
        + &wat.call(Hostcall::GetBufferBytes, &[I(77), I(0), I(2), Out])
        + &wat.call(Hostcall::GetBufferBytes, &[I(4), I(0), I(2), Out]);
    let host = envoy(&wat.on(Callback::OnRequestBody, body, 0));
    host.request().body("abcd").send();
    assert_eq!(logged(&host), ["bc", ""]);
    let expected = [Some(0), Some(0), Some(2), Some(2), Some(1)];
    assert_eq!(statuses(&host, Hostcall::GetBufferBytes), expected);
}

#[test]
fn a_buffers_status_is_its_size() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetBufferStatus, &[I(0), Num, I(12)]);
    let show = wat.call(Hostcall::Log, &[I(2), I(64), crate::wat::Read]);
    wat.call(Hostcall::Log, &[I(2), S("abcdefgh")]);
    let host = envoy(&wat.on(Callback::OnRequestBody, body + &show, 0));
    host.request().body("12345").send();
    assert_eq!(logged(&host), ["abcde"]);
}

#[test]
fn configurations_are_buffers_in_their_own_callbacks() {
    let mut wat = Wat::new();
    let plugin = wat.call(Hostcall::GetBufferBytes, &[I(7), I(0), I(99), Out]) + &wat.log_out();
    let vm = wat.call(Hostcall::GetBufferBytes, &[I(6), I(0), I(99), Out]) + &wat.log_out();
    let set = wat.call(Hostcall::SetBufferBytes, &[I(7), I(0), I(99), S("x")]);
    let wat = wat.on(Callback::OnVmStart, vm, 1).on(Callback::OnConfigure, format!("{plugin}{set}"), 1).on(
        Callback::OnRequestHeaders,
        plugin,
        0,
    );
    let setup = countersign_harness::Host::new(countersign_harness::Profile::envoy());
    let setup = setup.without_main_thread().vm_configuration("V");
    let host = setup.load(wat.text().as_str()).unwrap().configure("P").unwrap();
    assert_eq!(logged(&host), ["V", "P", "V", "P"]);
    assert!(statuses(&host, Hostcall::SetBufferBytes).iter().all(|status| *status == Some(2)));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::GetBufferBytes).last(), Some(&Some(1)));
}

#[test]
fn headers_held_hold_the_body_back_too() {
    let mut wat = Wat::new();
    let resume = wat.call(Hostcall::SetEffectiveContext, &[I(2)]) + &wat.call(Hostcall::ContinueStream, &[I(0)]);
    let wat =
        wat.on(Callback::OnRequestHeaders, "", 1).on(Callback::OnRequestBody, "", 0).on(Callback::OnForeignFunction, resume, 0);
    let host = envoy(&wat);
    let exchange = host.request().body("b").send();
    assert!(arguments(&host, Callback::OnRequestBody).is_empty());
    assert!(exchange.upstream().is_none());
    host.foreign_callback(1, "");
    assert_eq!(exchange.upstream().unwrap().body, b"b");
}

#[test]
fn held_trailers_wait_for_a_continue() {
    let mut wat = Wat::new();
    let resume = wat.call(Hostcall::SetEffectiveContext, &[I(2)]) + &wat.call(Hostcall::ContinueStream, &[I(0)]);
    let wat = wat.on(Callback::OnRequestTrailers, "", 1).on(Callback::OnForeignFunction, resume, 0);
    let host = envoy(&wat);
    let exchange = host.request().body("b").trailer("t", "v").send();
    assert!(exchange.is_paused());
    host.foreign_callback(1, "");
    assert!(exchange.is_forwarded());
}
