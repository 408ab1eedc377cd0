//! Each kind of host's deviations, named after the finding they come from.

use std::time::Duration;

use countersign_harness::{Callback, Host, Hostcall, Profile, Response, Stage, Support, TrapKind};

use crate::wat::{B, I, L, Num, Out, P, Read, S, Wat, grpc_call, http_call, reply};
use crate::{arguments, callbacks, envoy, logged, start, statuses};

fn nginx(wat: &Wat) -> Host {
    start(Profile::nginx_wasm(), wat)
}

fn apisix(wat: &Wat) -> Host {
    start(Profile::apisix(), wat)
}

fn ending() -> Wat {
    Wat::new().on(Callback::OnLog, "", 0).on(Callback::OnDone, "", 1).on(Callback::OnDelete, "", 0)
}

fn end_of(profile: Profile) -> Vec<Callback> {
    let host = start(profile, &ending());
    let before = callbacks(&host).len();
    host.request().send().respond(200, [("a", "b")]).unwrap().finish().unwrap();
    callbacks(&host)[before..].to_vec()
}

#[test]
fn hosts_md_1_4_streams_end_in_each_hosts_own_order() {
    let (log, done, delete) = (Callback::OnLog, Callback::OnDone, Callback::OnDelete);
    assert_eq!(end_of(Profile::envoy()), [log, done, delete]);
    assert_eq!(end_of(Profile::nginx_wasm()), [done, log, delete]);
    assert_eq!(end_of(Profile::apisix()), [done, delete]);
}

#[test]
fn hosts_md_0_2_apisix_forwards_when_a_callout_and_a_reply_meet() {
    let mut wat = Wat::new();
    let body = http_call(&mut wat, "audit:80", 0) + &reply(&mut wat, 403);
    let wat = wat.on(Callback::OnRequestHeaders, body, 1);
    let host = apisix(&wat);
    let exchange = host.request().send();
    assert_eq!(exchange.stage(), Stage::RequestPaused);
    host.http_calls()[0].respond(200, [("a", "b")], "").unwrap();
    assert!(exchange.is_forwarded());
    assert_eq!(envoy(&wat).request().send().status(), Some(403));
}

#[test]
fn hosts_md_0_3_apisix_crashes_on_a_pause_with_nothing_pending() {
    let wat = Wat::new().on(Callback::OnRequestHeaders, "", 1);
    let exchange = apisix(&wat).request().send();
    assert_eq!(exchange.trap().unwrap().kind, TrapKind::HostCrash);
    assert_eq!((exchange.stage(), exchange.reply()), (Stage::Reset, None));
}

#[test]
fn hosts_md_0_4_nginx_hosts_resume_by_themselves_after_a_callout() {
    let mut wat = Wat::new();
    let call = http_call(&mut wat, "up:80", 0);
    let wat = wat.on(Callback::OnRequestHeaders, call, 1).on(Callback::OnHttpCallResponse, "", 0);
    for (profile, goes_on) in [(Profile::envoy(), false), (Profile::nginx_wasm(), true), (Profile::apisix(), true)] {
        let host = start(profile, &wat);
        let exchange = host.request().send();
        assert!(exchange.is_paused());
        host.http_calls()[0].fail().unwrap();
        assert_eq!(exchange.is_forwarded(), goes_on);
    }
}

#[test]
fn hosts_md_2_kong_resumes_only_after_all_callouts() {
    let mut wat = Wat::new();
    let calls = http_call(&mut wat, "a:80", 0) + &http_call(&mut wat, "b:80", 0);
    let wat = wat.on(Callback::OnRequestHeaders, calls, 1);
    let host = nginx(&wat);
    let exchange = host.request().send();
    let pending = host.http_calls();
    pending[1].fail().unwrap();
    assert!(exchange.is_paused());
    pending[0].fail().unwrap();
    assert!(exchange.is_forwarded());
}

#[test]
fn hosts_md_2_kong_cancels_pending_callouts_on_a_local_reply() {
    let mut wat = Wat::new();
    let body = http_call(&mut wat, "a:80", 0) + &reply(&mut wat, 403);
    let host = nginx(&wat.on(Callback::OnRequestHeaders, body, 1));
    assert_eq!(host.request().send().status(), Some(403));
    assert_eq!(host.http_calls()[0].fail().unwrap_err().code(), "not_pending");
}

#[test]
fn hosts_md_0_5_envoy_aborts_on_a_grpc_target_that_parses_to_nothing() {
    for (target, crashes) in [("", true), ("h1", true), ("p9", true), ("sink", false), ("outbound|80||x", false)] {
        let mut wat = Wat::new();
        let body = grpc_call(&mut wat, target.as_bytes(), 0);
        let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
        let trap = host.request().send().trap();
        assert_eq!(trap.map(|trap| trap.kind), crashes.then_some(TrapKind::HostCrash), "`{target}`");
    }
}

#[test]
fn hosts_md_0_8_apisix_has_no_clock_hostcall() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetCurrentTime, &[I(16)]);
    let host = apisix(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::GetCurrentTime), [Some(12)]);
}

#[test]
fn hosts_md_0_9_kong_traps_on_what_it_does_not_implement() {
    let mut wat = Wat::new();
    let grpc = grpc_call(&mut wat, b"sink", 0);
    let host = nginx(&wat.on(Callback::OnRequestHeaders, grpc, 0));
    let exchange = host.request().send();
    assert_eq!(exchange.trap().unwrap().kind, TrapKind::Hostcall);
    assert_eq!(exchange.status(), Some(500));

    let mut wat = Wat::new();
    let grpc = grpc_call(&mut wat, b"sink", 0);
    let wat = wat.on(Callback::OnConfigure, grpc, 1);
    let error = Host::new(Profile::nginx_wasm()).load(wat.text().as_str()).unwrap().configure("");
    assert_eq!(error.unwrap_err().code(), "trapped");
}

#[test]
fn hosts_md_0_9_apisix_returns_12_for_what_it_does_not_implement() {
    let mut wat = Wat::new();
    let body = grpc_call(&mut wat, b"sink", 0) + &wat.call(Hostcall::SetTickPeriod, &[I(9)]);
    let host = apisix(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::GrpcCall), [Some(12)]);
    assert_eq!(statuses(&host, Hostcall::SetTickPeriod), [Some(12)]);
}

/// The table of HOSTS.md 1, column by column, for what is not plainly there.
#[test]
fn hosts_md_1_hostcalls_are_there_stubbed_trapping_or_absent_as_listed() {
    use Support::{Absent, Full, Ignored, Stub, Traps, WrongType};
    let table = [
        (Hostcall::GetLogLevel, Full, Traps, Absent, Full),
        (Hostcall::GetCurrentTime, Full, Full, Stub, Full),
        (Hostcall::SetHeaderMapPairs, Full, Full, Stub, Full),
        (Hostcall::SetBufferBytes, Full, Full, Stub, Full),
        (Hostcall::GrpcCall, Full, Traps, Stub, Stub),
        (Hostcall::GrpcStream, Full, Traps, Stub, Stub),
        (Hostcall::GetStatus, Full, Traps, Stub, Stub),
        (Hostcall::SetSharedData, Full, Full, Stub, Stub),
        (Hostcall::RegisterSharedQueue, Full, Full, Stub, Stub),
        (Hostcall::ResolveSharedQueue, Full, Traps, Stub, Stub),
        (Hostcall::DefineMetric, Full, Full, Ignored, Stub),
        (Hostcall::GetMetric, Full, Full, WrongType, Stub),
        (Hostcall::SetTickPeriod, Full, Full, Stub, Stub),
        (Hostcall::Done, Full, Traps, Stub, Full),
        (Hostcall::CallForeignFunction, Full, Traps, Stub, Stub),
        (Hostcall::CloseStream, Full, Traps, Ignored, Full),
        (Hostcall::ContinueStream, Full, Full, Ignored, Full),
        (Hostcall::HttpCall, Full, Full, Full, Stub),
    ];
    let hosts = [Profile::envoy(), Profile::nginx_wasm(), Profile::apisix(), Profile::gcp()];
    for (call, envoy, nginx, apisix, gcp) in table {
        let found = hosts.each_ref().map(|host| host.support(call));
        assert_eq!(found, [envoy, nginx, apisix, gcp], "{}", call.name());
    }
}

#[test]
fn hosts_md_0_13_kongs_authority_is_the_server_and_host_is_a_header() {
    let mut wat = Wat::new();
    let read = |wat: &mut Wat, name| wat.call(Hostcall::GetHeaderMapValue, &[I(0), S(name), Out]) + &wat.log_out();
    let body = read(&mut wat, ":authority") + &read(&mut wat, "host");
    let wat = wat.on(Callback::OnRequestHeaders, body, 0);
    let seen = |profile| {
        let host = start(profile, &wat);
        host.request().authority("api.test").send();
        logged(&host)
    };
    assert_eq!(seen(Profile::nginx_wasm()), ["harness:80", "api.test"]);
    assert_eq!(seen(Profile::envoy()), ["api.test", "api.test"]);
}

#[test]
fn hosts_md_0_14_nginx_hosts_cut_log_lines_at_2048_bytes_with_their_prefix() {
    let mut wat = Wat::new();
    let body = wat.log(&"x".repeat(3000));
    let wat = wat.on(Callback::OnRequestHeaders, body, 0);
    for (profile, len) in [(Profile::envoy(), 3000), (Profile::nginx_wasm(), 1848), (Profile::apisix(), 1848)] {
        let host = start(profile, &wat);
        host.request().send();
        let line = host.logs().pop().unwrap();
        assert_eq!((line.message.len(), line.truncated), (len, len < 3000));
    }
}

#[test]
fn hosts_md_1_kongs_clock_moves_in_milliseconds() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetCurrentTime, &[I(16)]);
    let show = wat.call(Hostcall::Log, &[I(2), I(16), I(8)]);
    let wat = wat.on(Callback::OnRequestHeaders, body + &show, 0);
    let moves = |profile| {
        let host = start(profile, &wat);
        host.request().send();
        host.advance(Duration::from_micros(999));
        host.request().send();
        let lines = logged(&host);
        lines[0] != lines[1]
    };
    assert!(!moves(Profile::nginx_wasm()));
    assert!(moves(Profile::envoy()));
}

#[test]
fn hosts_md_1_4_end_of_stream_is_true_false_or_always() {
    let wat = Wat::new().on(Callback::OnRequestHeaders, "", 0);
    let seen = |profile, body: &str| {
        let host = start(profile, &wat);
        let request = host.request();
        if body.is_empty() {
            request.send()
        } else {
            request.body(body).send()
        };
        let args = arguments(&host, Callback::OnRequestHeaders).pop().unwrap();
        (args[1], args[2])
    };
    assert_eq!((seen(Profile::envoy(), ""), seen(Profile::envoy(), "b")), ((4, 1), (4, 0)));
    assert_eq!(seen(Profile::nginx_wasm(), ""), (5, 0));
    assert_eq!((seen(Profile::apisix(), ""), seen(Profile::apisix(), "b")), ((0, 1), (0, 1)));
}

#[test]
fn hosts_md_1_4_a_header_after_a_local_reply_is_sent_on_nginx_and_refused_on_envoy() {
    let mut wat = Wat::new();
    let body = reply(&mut wat, 403) + &wat.call(Hostcall::AddHeaderMapValue, &[I(2), S("late"), S("1")]);
    let wat = wat.on(Callback::OnRequestHeaders, body, 1);
    for (profile, status, sent) in
        [(Profile::envoy(), 2, None), (Profile::nginx_wasm(), 0, Some("1")), (Profile::apisix(), 0, Some("1"))]
    {
        let host = start(profile, &wat);
        let reply = host.request().send().reply().unwrap();
        assert_eq!(statuses(&host, Hostcall::AddHeaderMapValue), [Some(status)]);
        assert_eq!(reply.headers.get("late"), sent);
    }
}

#[test]
fn hosts_md_1_4_kong_names_the_cause_of_a_failed_callout() {
    let mut wat = Wat::new();
    let call = http_call(&mut wat, "up:80", 100);
    let read = wat.call(Hostcall::GetHeaderMapValue, &[I(6), S(":dispatch_status"), Out]) + &wat.log_out();
    let wat = wat.on(Callback::OnRequestHeaders, call, 1).on(Callback::OnHttpCallResponse, read, 0);
    let host = nginx(&wat);
    host.request().send();
    host.advance(Duration::from_millis(100));
    host.request().send();
    host.http_calls()[1].fail().unwrap();
    assert_eq!(logged(&host), ["timeout", "broken connection"]);
    let counts = arguments(&host, Callback::OnHttpCallResponse);
    assert_eq!(counts[0][2..], [0, 0, 0]);
}

#[test]
fn hosts_md_1_4_apisix_tokens_start_at_zero() {
    let mut wat = Wat::new();
    let call = http_call(&mut wat, "up:80", 0);
    let wat = wat.on(Callback::OnRequestHeaders, call, 1);
    for (profile, token) in [(Profile::apisix(), 0), (Profile::envoy(), 1)] {
        let host = start(profile, &wat);
        host.request().send();
        assert_eq!(host.http_calls()[0].token, token);
    }
}

#[test]
fn hosts_md_1_apisix_allows_one_callout_at_a_time() {
    let mut wat = Wat::new();
    let body = http_call(&mut wat, "a:80", 0) + &http_call(&mut wat, "b:80", 0);
    let host = apisix(&wat.on(Callback::OnRequestHeaders, body, 1));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::HttpCall), [Some(0), Some(2)]);
}

#[test]
fn hosts_md_1_callouts_in_the_log_work_on_envoy_and_trap_on_kong() {
    let mut wat = Wat::new();
    let call = http_call(&mut wat, "up:80", 0);
    let wat = wat.on(Callback::OnLog, call, 0);
    for (profile, status) in [(Profile::envoy(), Some(0)), (Profile::nginx_wasm(), None)] {
        let host = start(profile, &wat);
        host.request().send().finish().unwrap();
        assert_eq!(statuses(&host, Hostcall::HttpCall), [status]);
    }
}

#[test]
fn hosts_md_1_a_second_local_reply_traps_on_kong() {
    let mut wat = Wat::new();
    let body = reply(&mut wat, 403) + &reply(&mut wat, 404);
    let wat = wat.on(Callback::OnRequestHeaders, body, 1);
    assert_eq!(nginx(&wat).request().send().trap().unwrap().kind, TrapKind::Hostcall);
    assert_eq!(apisix(&wat).request().send().status(), Some(403));
}

#[test]
fn hosts_md_1_a_second_tick_period_traps_on_kong() {
    let mut wat = Wat::new();
    let set = wat.call(Hostcall::SetTickPeriod, &[I(9)]);
    let wat = wat.on(Callback::OnConfigure, set.repeat(2), 1);
    let loaded = Host::new(Profile::nginx_wasm()).load(wat.text().as_str()).unwrap();
    assert_eq!(loaded.configure("").unwrap_err().code(), "trapped");
}

#[test]
fn hosts_md_1_a_tick_period_set_by_a_stream_traps_on_kong() {
    let mut wat = Wat::new();
    let set = wat.call(Hostcall::SetTickPeriod, &[I(9)]);
    let host = nginx(&wat.on(Callback::OnRequestHeaders, set, 0));
    assert_eq!(host.request().send().status(), Some(500));
}

#[test]
fn hosts_md_1_long_metric_names_and_unknown_metrics_trap_on_kong() {
    let mut wat = Wat::new();
    let long = wat.call(Hostcall::DefineMetric, &[I(0), S(&"n".repeat(257)), Num]);
    let host = nginx(&wat.on(Callback::OnRequestHeaders, long, 0));
    assert!(host.request().send().trap().is_some());
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetMetric, &[I(9), I(16)]);
    assert!(nginx(&wat.on(Callback::OnRequestHeaders, read, 0)).request().send().trap().is_some());
}

#[test]
fn hosts_md_1_metrics_on_apisix_are_ok_and_count_nothing() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::DefineMetric, &[I(0), S("n"), Num]) + &wat.call(Hostcall::IncrementMetric, &[Read, L(1)]);
    let host = apisix(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::IncrementMetric), [Some(0)]);
    assert_eq!(host.metrics().counter("n"), 0);
}

#[test]
fn hosts_md_1_apisix_never_calls_on_vm_start() {
    let wat = Wat::new().on(Callback::OnVmStart, "unreachable", 1);
    assert!(apisix(&wat).request().send().is_forwarded());
}

#[test]
fn hosts_md_1_apisix_shows_bodies_only_when_a_property_asks_for_them() {
    let mut wat = Wat::new();
    let ask = wat.call(Hostcall::SetProperty, &[S("wasm_process_req_body"), S("1")]);
    let quiet = Wat::new().on(Callback::OnRequestBody, "", 0);
    let asking = wat.on(Callback::OnRequestHeaders, ask, 0).on(Callback::OnRequestBody, "", 0);
    for (wat, calls) in [(quiet, 0), (asking, 1)] {
        let host = apisix(&wat);
        let exchange = host.request().body("abc").send();
        assert_eq!(exchange.upstream().unwrap().body, b"abc");
        assert_eq!(arguments(&host, Callback::OnRequestBody).len(), calls);
    }
}

#[test]
fn hosts_md_1_trailers_are_not_shown_on_nginx_hosts_and_gcp() {
    let wat = Wat::new().on(Callback::OnRequestTrailers, "", 1).on(Callback::OnResponseTrailers, "", 1);
    for profile in [Profile::nginx_wasm(), Profile::apisix(), Profile::gcp()] {
        let host = start(profile, &wat);
        let exchange = host.request().body("b").trailer("t", "v").send();
        exchange.respond_with(Response::new(200).body("x").trailer("t", "v")).unwrap();
        assert_eq!(exchange.status(), Some(200));
    }
    assert!(envoy(&wat).request().body("b").trailer("t", "v").send().is_paused());
}

#[test]
fn hosts_md_2_repeated_authorization_is_joined_by_envoy_and_refused_by_nginx() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetHeaderMapValue, &[I(0), S("authorization"), Out]) + &wat.log_out();
    let wat = wat.on(Callback::OnRequestHeaders, body, 0);
    let send = |profile| {
        let host = start(profile, &wat);
        let request = host.request().header("authorization", "A").header("authorization", "B");
        (request.send().status(), logged(&host))
    };
    assert_eq!(send(Profile::envoy()), (None, vec!["A,B".to_owned()]));
    assert_eq!(send(Profile::nginx_wasm()), (Some(400), vec![]));
    assert_eq!(send(Profile::apisix()), (Some(400), vec![]));
}

#[test]
fn hosts_md_1_the_plugins_configuration_is_a_buffer_at_any_time_on_kong() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetBufferBytes, &[I(7), I(0), I(99), Out]) + &wat.log_out();
    let host = nginx(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(logged(&host), ["{}"]);
}

#[test]
fn hosts_md_1_grpc_status_of_a_local_reply_is_ignored_on_nginx_hosts() {
    let mut wat = Wat::new();
    let deny = wat.call(Hostcall::SendLocalResponse, &[I(403), S(""), S("no"), B(b""), I(7)]);
    let host = nginx(&wat.on(Callback::OnRequestHeaders, deny, 1));
    let reply = host.request().header("content-type", "application/grpc").send().reply().unwrap();
    assert_eq!((reply.status, reply.headers.get("grpc-status")), (403, None));
}

#[test]
fn hosts_md_1_4_request_headers_are_open_in_the_response_on_nginx_hosts() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetHeaderMapValue, &[I(0), S(":path"), Out]);
    let seen = wat.call(Hostcall::Log, &[I(2), I(64), P(1)]);
    let host = nginx(&wat.on(Callback::OnResponseHeaders, read + &seen, 0));
    host.request().send().respond(200, [("a", "b")]).unwrap();
    assert_eq!(statuses(&host, Hostcall::GetHeaderMapValue), [Some(0)]);
}
