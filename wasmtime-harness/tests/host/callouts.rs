use std::time::Duration;

use countersign_harness::{Callback, CalloutState, GrpcAnswer, Headers, Host, Hostcall, HttpAnswer, Profile, VmRole};

use crate::wat::{B, I, Num, Out, P, S, Wat, grpc_call, http_call, map};
use crate::{arguments, envoy, logged, statuses};

/// A plugin that calls out at every request and logs what the answer holds.
fn caller() -> Wat {
    let mut wat = Wat::new();
    let call = http_call(&mut wat, "up", 500);
    let answer = wat.call(Hostcall::GetHeaderMapValue, &[I(6), S(":status"), Out])
        + &wat.log_out()
        + &wat.call(Hostcall::GetBufferBytes, &[I(4), I(0), I(99), Out])
        + &wat.log_out()
        + &wat.call(Hostcall::GetHeaderMapValue, &[I(7), S("t"), Out])
        + &wat.call(Hostcall::SetEffectiveContext, &[I(2)])
        + &wat.call(Hostcall::ContinueStream, &[I(0)]);
    wat.on(Callback::OnRequestHeaders, call, 1).on(Callback::OnHttpCallResponse, answer, 0)
}

#[test]
fn an_http_call_is_recorded_with_all_its_parts() {
    let host = envoy(&caller());
    host.request().send();
    let call = host.http_calls().pop().unwrap();
    assert_eq!((call.upstream.as_str(), call.body.as_slice()), ("up", b"body".as_slice()));
    let headers = [(":method", "POST"), (":path", "/p"), (":authority", "a")];
    assert_eq!(call.headers, Headers::from(headers));
    assert_eq!(call.timeout, Duration::from_millis(500));
    assert_eq!((call.vm(), call.state), (VmRole::Worker(0), CalloutState::Pending));
}

#[test]
fn an_answer_reaches_the_root_with_its_sizes_and_the_request_goes_on() {
    let host = envoy(&caller());
    let exchange = host.request().send();
    let call = host.http_calls().pop().unwrap();
    call.respond(503, [("a", "b")], "payload").unwrap();
    let token = i32::try_from(call.token).unwrap();
    assert_eq!(arguments(&host, Callback::OnHttpCallResponse), [[1, token, 2, 7, 0]]);
    assert_eq!(logged(&host), ["503", "payload"]);
    assert!(exchange.is_forwarded());
    assert_eq!(call.respond(200, Headers::new(), "").unwrap_err().code(), "not_pending");
    assert_eq!(host.http_calls()[0].state, CalloutState::Answered);
}

#[test]
fn a_failed_call_has_no_headers_and_no_body() {
    let host = envoy(&caller());
    host.request().send();
    host.http_calls()[0].fail().unwrap();
    assert_eq!(arguments(&host, Callback::OnHttpCallResponse)[0][2..], [0, 0, 0]);
    assert_eq!(statuses(&host, Hostcall::GetHeaderMapValue)[0], Some(1));
}

#[test]
fn a_call_times_out_on_the_virtual_clock_and_late_answers_are_refused() {
    let host = envoy(&caller());
    host.request().send();
    host.advance(Duration::from_millis(499));
    assert!(arguments(&host, Callback::OnHttpCallResponse).is_empty());
    host.advance(Duration::from_millis(1));
    assert_eq!(arguments(&host, Callback::OnHttpCallResponse).len(), 1);
    let call = host.http_calls().pop().unwrap();
    assert_eq!(call.state, CalloutState::TimedOut);
    assert_eq!(call.respond(200, Headers::new(), "").unwrap_err().code(), "not_pending");
}

#[test]
fn an_answer_after_the_streams_end_still_reaches_the_root() {
    let host = envoy(&caller());
    let exchange = host.request().send();
    exchange.abort().unwrap().finish().unwrap();
    host.http_calls()[0].respond(200, Headers::new(), "").unwrap();
    assert_eq!(arguments(&host, Callback::OnHttpCallResponse).len(), 1);
    assert_eq!(statuses(&host, Hostcall::SetEffectiveContext), [Some(2)]);
}

#[test]
fn a_handler_answers_what_it_wants_and_leaves_the_rest() {
    let host = envoy(&caller());
    let mut count = 0;
    host.answer_http(move |call| {
        count += 1;
        (call.upstream == "up" && count > 1).then(|| HttpAnswer::response(200, [("n", "1")], "handled"))
    });
    assert!(host.request().send().is_paused());
    host.request().send();
    assert_eq!(logged(&host), ["200", "handled"]);
}

#[test]
fn a_call_to_an_unknown_cluster_or_without_pseudo_headers_is_a_bad_argument() {
    let mut wat = Wat::new();
    let headers = map(&[(":method", "GET"), (":authority", "a")]);
    let incomplete = [S("up"), B(&headers), S(""), B(b""), I(0), Num];
    let body = http_call(&mut wat, "elsewhere", 0) + &wat.call(Hostcall::HttpCall, &incomplete);
    let wat = wat.on(Callback::OnRequestHeaders, body, 0);
    let setup = Host::new(Profile::envoy()).clusters(["up"]);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::HttpCall), [Some(2), Some(2)]);
    assert!(host.http_calls().is_empty());
}

/// A plugin that makes a gRPC call at every request and logs the answer.
fn grpc_caller(target: &[u8]) -> Wat {
    let mut wat = Wat::new();
    let call = grpc_call(&mut wat, target, 500);
    let received = wat.call(Hostcall::GetBufferBytes, &[I(5), I(0), I(99), Out]) + &wat.log_out();
    let closed = wat.call(Hostcall::GetStatus, &[Num, Out]) + &wat.log_out();
    wat.on(Callback::OnRequestHeaders, call, 0).on(Callback::OnGrpcReceive, received, 0).on(Callback::OnGrpcClose, closed, 0)
}

#[test]
fn a_grpc_call_keeps_the_targets_raw_bytes_and_the_message() {
    let host = envoy(&grpc_caller(b"\n\x06\n\x04sink"));
    host.request().send();
    let call = host.grpc_calls().pop().unwrap();
    assert_eq!(call.target, b"\n\x06\n\x04sink");
    assert_eq!((call.service.as_str(), call.method.as_str()), ("svc", "Method"));
    assert_eq!((call.message(), call.stream), (b"msg".as_slice(), false));
    call.respond_ok("answer").unwrap();
    let token = i32::try_from(call.token).unwrap();
    assert_eq!(arguments(&host, Callback::OnGrpcReceive), [[1, token, 6]]);
    assert_eq!(logged(&host), ["answer"]);
    assert!(arguments(&host, Callback::OnGrpcClose).is_empty(), "a good call is not closed");
}

#[test]
fn a_failed_grpc_call_closes_with_its_status_and_message() {
    let host = envoy(&grpc_caller(b"sink"));
    host.request().send();
    let call = host.grpc_calls().pop().unwrap();
    call.fail_with(14, "gone").unwrap();
    assert_eq!(arguments(&host, Callback::OnGrpcClose)[0][2], 14);
    assert_eq!(logged(&host), ["gone"]);
    assert_eq!(call.fail(1).unwrap_err().code(), "not_pending");
}

#[test]
fn a_grpc_call_that_times_out_closes_with_deadline_exceeded() {
    let host = envoy(&grpc_caller(b"sink"));
    host.request().send();
    host.advance(Duration::from_millis(500));
    assert_eq!(arguments(&host, Callback::OnGrpcClose)[0][2], 4);
}

#[test]
fn a_grpc_handler_answers_with_messages_and_statuses() {
    let host = envoy(&grpc_caller(b"sink"));
    let mut answers = [GrpcAnswer::Message(b"1".to_vec()), GrpcAnswer::Status(5, "2".into())].into_iter();
    host.answer_grpc(move |_| answers.next());
    for _ in 0..3 {
        host.request().send();
    }
    assert_eq!(logged(&host), ["1", "2"]);
    assert_eq!(host.grpc_calls()[2].state, CalloutState::Pending);
}

#[test]
fn a_grpc_call_to_an_unknown_cluster_is_an_internal_failure() {
    let wat = grpc_caller(b"\n\x06\n\x04sunk");
    let setup = Host::new(Profile::envoy()).clusters(["sink"]);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::GrpcCall), [Some(10)]);
}

#[test]
fn a_cancelled_grpc_call_takes_no_answer() {
    let mut wat = Wat::new();
    let body = grpc_call(&mut wat, b"sink", 0)
        + &wat.call(Hostcall::GrpcCancel, &[crate::wat::Read])
        + &wat.call(Hostcall::GrpcCancel, &[crate::wat::Read])
        + &grpc_call(&mut wat, b"sink", 0)
        + &wat.call(Hostcall::GrpcClose, &[crate::wat::Read]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::GrpcCancel), [Some(0), Some(1)]);
    for call in host.grpc_calls() {
        assert_eq!(call.state, CalloutState::Cancelled);
        assert_eq!(call.respond_ok("").unwrap_err().code(), "not_pending");
    }
}

#[test]
fn a_callout_from_a_tick_belongs_to_no_stream() {
    let mut wat = Wat::new();
    let every = wat.call(Hostcall::SetTickPeriod, &[I(10)]);
    let call = http_call(&mut wat, "up", 0);
    let seen = wat.call(Hostcall::Log, &[I(2), I(64), P(2)]);
    let wat = wat.on(Callback::OnVmStart, every, 1).on(Callback::OnTick, call, 0).on(Callback::OnHttpCallResponse, seen, 0);
    let host = envoy(&wat);
    host.advance(Duration::from_millis(10));
    host.http_calls()[0].respond(200, [("a", "b")], "").unwrap();
    assert_eq!(logged(&host).len(), 1);
}
