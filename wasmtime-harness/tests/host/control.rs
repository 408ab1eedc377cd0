use countersign_harness::{Callback, Host, Hostcall, Profile, Stage, TrapKind};

use crate::wat::{B, I, S, Wat, http_call, map, reply};
use crate::{arguments, callbacks, envoy, start, statuses};

#[test]
fn a_local_reply_reaches_the_client_and_not_the_upstream() {
    let mut wat = Wat::new();
    let deny = reply(&mut wat, 403);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, deny, 1));
    let exchange = host.request().body("b").send();
    let reply = exchange.reply().unwrap();
    assert_eq!((reply.status, reply.text().as_str(), reply.local), (403, "no", true));
    assert_eq!((reply.details.as_str(), reply.grpc_status), ("why", None));
    assert_eq!(reply.headers.get("x-deny"), Some("yes"));
    assert_eq!(reply.headers.get("content-length"), Some("2"));
    assert!(exchange.upstream().is_none());
    assert!(arguments(&host, Callback::OnRequestBody).is_empty());
}

#[test]
fn a_local_reply_wins_even_when_the_callback_continues() {
    let mut wat = Wat::new();
    let deny = reply(&mut wat, 403);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, deny, 0));
    assert_eq!(host.request().send().status(), Some(403));
}

#[test]
fn a_local_reply_passes_through_the_response_callbacks() {
    let mut wat = Wat::new();
    let deny = reply(&mut wat, 403);
    let mark = wat.call(Hostcall::AddHeaderMapValue, &[I(2), S("seen"), S("1")]);
    let wat = wat.on(Callback::OnRequestHeaders, deny, 1).on(Callback::OnResponseHeaders, mark, 0);
    let host = envoy(&wat);
    let exchange = host.request().send();
    assert_eq!(exchange.reply().unwrap().headers.get("seen"), Some("1"));
}

#[test]
fn a_grpc_client_gets_a_local_reply_as_a_grpc_status() {
    let mut wat = Wat::new();
    let deny = wat.call(Hostcall::SendLocalResponse, &[I(403), S(""), S("n%"), B(b""), I(-1)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, deny, 1));
    let exchange = host.request().header("content-type", "application/grpc").send();
    let reply = exchange.reply().unwrap();
    assert_eq!((reply.status, reply.headers.get("grpc-status")), (200, Some("7")));
    assert_eq!(reply.headers.get("grpc-message"), Some("n%25"));
    assert!(reply.body.is_empty());
}

#[test]
fn a_grpc_status_given_with_a_local_reply_is_kept() {
    let mut wat = Wat::new();
    let deny = wat.call(Hostcall::SendLocalResponse, &[I(200), S(""), S(""), B(b""), I(10)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, deny, 1));
    let reply = host.request().header("content-type", "application/grpc").send().reply().unwrap();
    assert_eq!((reply.headers.get("grpc-status"), reply.grpc_status), (Some("10"), Some(10)));
}

#[test]
fn a_local_reply_in_the_response_replaces_what_the_upstream_said() {
    let mut wat = Wat::new();
    let headers = map(&[("a", "b")]);
    let args = [I(502), S(""), S("bad"), B(&headers), I(-1)];
    let deny = wat.call(Hostcall::SendLocalResponse, &args);
    let host = envoy(&wat.on(Callback::OnResponseHeaders, deny, 1));
    let exchange = host.request().send();
    let reply = exchange.respond(200, [("up", "1")]).unwrap().reply().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (502, "bad"));
    assert!(!reply.headers.contains("up"));
    assert_eq!(arguments(&host, Callback::OnResponseHeaders).len(), 1);
}

#[test]
fn a_paused_request_goes_on_when_it_is_continued() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::SetEffectiveContext, &[I(2)]) + &wat.call(Hostcall::ContinueStream, &[I(0)]);
    let wat = wat.on(Callback::OnRequestHeaders, "", 1).on(Callback::OnForeignFunction, body, 0);
    let host = envoy(&wat);
    let exchange = host.request().send();
    assert_eq!(exchange.stage(), Stage::RequestPaused);
    host.foreign_callback(7, "");
    assert_eq!(exchange.stage(), Stage::Forwarded);
}

#[test]
fn a_paused_response_goes_on_when_it_is_continued() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::SetEffectiveContext, &[I(2)]) + &wat.call(Hostcall::ContinueStream, &[I(1)]);
    let wat = wat.on(Callback::OnResponseHeaders, "", 1).on(Callback::OnForeignFunction, body, 0);
    let host = envoy(&wat);
    let exchange = host.request().send();
    exchange.respond(200, [("a", "b")]).unwrap();
    assert_eq!((exchange.stage(), exchange.reply()), (Stage::ResponsePaused, None));
    host.foreign_callback(7, "");
    assert_eq!(exchange.status(), Some(200));
}

#[test]
fn the_old_calls_continue_and_clear_the_route_under_abi_0_1_0() {
    let mut wat = Wat::new().marker("proxy_abi_version_0_1_0");
    let request = wat.call(Hostcall::ContinueRequest, &[]);
    let response = wat.call(Hostcall::ContinueResponse, &[]);
    let clear = wat.call(Hostcall::ClearRouteCache, &[]);
    // ABI 0.1.0 has no end-of-stream argument on headers.
    let callback = |name, body: &str| format!("(func (export \"{name}\") (param i32 i32) (result i32) {body} (i32.const 1))\n");
    let wat = wat
        .raw(&callback("proxy_on_request_headers", &(clear + &request)))
        .raw(&callback("proxy_on_response_headers", &response));
    let host = envoy(&wat);
    let exchange = host.request().send();
    assert!(exchange.is_forwarded() && exchange.route_cleared());
    assert_eq!(exchange.respond(204, [("a", "b")]).unwrap().status(), Some(204));
}

#[test]
fn closing_a_stream_resets_it() {
    let mut wat = Wat::new();
    let close = wat.call(Hostcall::CloseStream, &[I(0)]) + &wat.call(Hostcall::CloseStream, &[I(9)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, close, 1));
    let exchange = host.request().send();
    assert_eq!((exchange.stage(), exchange.reply()), (Stage::Reset, None));
    assert_eq!(statuses(&host, Hostcall::CloseStream), [Some(0), Some(2)]);
}

#[test]
fn an_unknown_effective_context_is_refused() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::SetEffectiveContext, &[I(99)]) + &wat.call(Hostcall::SetEffectiveContext, &[I(1)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::SetEffectiveContext), [Some(2), Some(0)]);
}

#[test]
fn a_client_that_leaves_while_the_request_is_held_is_logged_without_a_response() {
    let mut wat = Wat::new();
    let call = http_call(&mut wat, "up", 0);
    let log = wat.call(Hostcall::GetHeaderMapValue, &[I(2), S(":status"), crate::wat::Out]);
    let wat = wat.on(Callback::OnRequestHeaders, call, 1).on(Callback::OnLog, log, 0);
    let host = envoy(&wat);
    let exchange = host.request().send();
    exchange.abort().unwrap().finish().unwrap();
    assert_eq!((exchange.stage(), exchange.reply()), (Stage::Ended, None));
    assert_eq!(statuses(&host, Hostcall::GetHeaderMapValue), [Some(1)]);
}

#[test]
fn steps_out_of_order_are_errors_and_change_nothing() {
    let host = envoy(&Wat::new());
    let exchange = host.request().send();
    exchange.respond(200, [("a", "b")]).unwrap();
    let error = exchange.respond(200, [("a", "b")]).unwrap_err();
    assert_eq!(error.code(), "wrong_stage");
    assert_eq!(error.to_string(), "cannot respond to an exchange that is replied");
    exchange.finish().unwrap();
    assert_eq!(exchange.finish().unwrap_err().code(), "wrong_stage");
    assert_eq!(exchange.status(), Some(200));
}

#[test]
fn a_request_the_host_refuses_reaches_only_create_and_log() {
    let wat = Wat::new()
        .on(Callback::OnContextCreate, "", 0)
        .on(Callback::OnRequestHeaders, "", 0)
        .on(Callback::OnLog, "", 0)
        .on(Callback::OnDone, "", 1)
        .on(Callback::OnDelete, "", 0);
    let host = envoy(&wat);
    let before = callbacks(&host).len();
    let exchange = host.request().send_rejected(400);
    exchange.finish().unwrap();
    assert_eq!(exchange.status(), Some(400));
    assert_eq!(callbacks(&host)[before..], [Callback::OnContextCreate, Callback::OnLog]);
}

mod strict {
    use super::*;

    fn violated(wat: &Wat) -> Host {
        let host = start(Profile::strict(), wat);
        let exchange = host.request().send();
        assert_eq!(exchange.trap().unwrap().kind, TrapKind::Violation);
        assert_eq!(exchange.status(), Some(503));
        // The forgiving profile goes on.
        let host = envoy(wat);
        assert_eq!(host.request().send().trap(), None);
        host
    }

    #[test]
    fn a_header_after_a_local_reply_ends_the_plugin() {
        let mut wat = Wat::new();
        let body = reply(&mut wat, 403) + &wat.call(Hostcall::AddHeaderMapValue, &[I(0), S("a"), S("b")]);
        let host = violated(&wat.on(Callback::OnRequestHeaders, body, 1));
        assert_eq!(host.violations(), ["a header was changed after a local reply"]);
    }

    #[test]
    fn a_second_local_reply_ends_the_plugin() {
        let mut wat = Wat::new();
        let body = reply(&mut wat, 403) + &reply(&mut wat, 200);
        violated(&wat.on(Callback::OnRequestHeaders, body, 1));
    }

    #[test]
    fn a_pause_with_nothing_pending_ends_the_plugin() {
        violated(&Wat::new().on(Callback::OnRequestHeaders, "", 1));
    }

    #[test]
    fn a_pause_with_a_callout_pending_is_fine() {
        let mut wat = Wat::new();
        let call = http_call(&mut wat, "up", 0);
        let host = start(Profile::strict(), &wat.on(Callback::OnRequestHeaders, call, 1));
        assert!(host.request().send().is_paused());
        assert!(host.traps().is_empty());
    }

    #[test]
    fn a_local_reply_outside_a_stream_ends_the_plugin() {
        let mut wat = Wat::new();
        let deny = reply(&mut wat, 403);
        let wat = wat.on(Callback::OnForeignFunction, deny, 0);
        let host = start(Profile::strict(), &wat);
        host.foreign_callback(1, "");
        assert_eq!(host.traps().pop().unwrap().kind, TrapKind::Violation);
    }
}
