use countersign_harness::{Callback, Headers, Hostcall, Response};

use crate::wat::{B, I, Num, Out, S, Wat, map};
use crate::{envoy, logged, statuses};

#[test]
fn all_pairs_arrive_in_the_layout_of_the_abi() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetHeaderMapPairs, &[I(0), Out]) + &wat.log_out();
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().get("/x").header("A", "b").send();
    let expected = map(&[(":authority", "example.test"), (":path", "/x"), (":method", "GET"), (":scheme", "http"), ("a", "b")]);
    assert_eq!(logged(&host), [String::from_utf8(expected).unwrap()]);
}

#[test]
fn pairs_of_a_map_that_is_not_there_are_no_bytes() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetHeaderMapPairs, &[I(2), Out])
        + &wat.log_out()
        + &wat.call(Hostcall::GetHeaderMapPairs, &[I(99), Out]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::GetHeaderMapPairs), [Some(0), Some(2)]);
    assert_eq!(logged(&host), [""]);
}

#[test]
fn a_value_is_found_by_name_in_any_case_and_missing_ones_are_not_found() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetHeaderMapValue, &[I(0), S("X-Key"), Out])
        + &wat.log_out()
        + &wat.call(Hostcall::GetHeaderMapValue, &[I(0), S("nope"), Out])
        + &wat.call(Hostcall::GetHeaderMapValue, &[I(2), S("nope"), Out]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().header("x-key", "1").header("x-key", "2").send();
    assert_eq!(logged(&host), ["1"]);
    assert_eq!(statuses(&host, Hostcall::GetHeaderMapValue), [Some(0), Some(1), Some(2)]);
}

#[test]
fn the_upstream_sees_added_replaced_and_removed_headers() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::AddHeaderMapValue, &[I(0), S("a"), S("2")])
        + &wat.call(Hostcall::ReplaceHeaderMapValue, &[I(0), S("b"), S("3")])
        + &wat.call(Hostcall::ReplaceHeaderMapValue, &[I(0), S("new"), S("4")])
        + &wat.call(Hostcall::RemoveHeaderMapValue, &[I(0), S("c")]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    let request = host.request().header("a", "1").header("b", "1").header("b", "2");
    let exchange = request.header("c", "1").header("c", "2").send();
    let upstream = exchange.upstream().unwrap().headers;
    assert_eq!((upstream.all("a"), upstream.all("b")), (vec!["1", "2"], vec!["3"]));
    assert_eq!((upstream.all("new"), upstream.all("c")), (vec!["4"], vec![]));
}

#[test]
fn setting_pairs_replaces_the_whole_map() {
    let mut wat = Wat::new();
    let pairs = map(&[(":path", "/new"), ("only", "one")]);
    let body = wat.call(Hostcall::SetHeaderMapPairs, &[I(0), B(&pairs)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    let exchange = host.request().header("a", "1").send();
    let expected = Headers::from([(":path", "/new"), ("only", "one")]);
    assert_eq!(exchange.upstream().unwrap().headers, expected);
}

#[test]
fn a_maps_size_is_the_sum_of_names_and_values() {
    let mut wat = Wat::new();
    let size = wat.call(Hostcall::GetHeaderMapSize, &[I(2), Num]);
    let show = wat.call(Hostcall::Log, &[I(2), I(64), crate::wat::Read]);
    wat.call(Hostcall::Log, &[I(2), S(&"x".repeat(40))]);
    let body = size + &show;
    let host = envoy(&wat.on(Callback::OnResponseHeaders, body, 0));
    host.request().send().respond(200, [("a", "bc")]).unwrap();
    // `:status` and `200`, `a` and `bc`.
    assert_eq!(logged(&host)[0].len(), 13);
}

#[test]
fn the_client_sees_response_headers_as_the_plugin_left_them() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::ReplaceHeaderMapValue, &[I(2), S(":status"), S("418")])
        + &wat.call(Hostcall::AddHeaderMapValue, &[I(2), S("x"), S("y")]);
    let host = envoy(&wat.on(Callback::OnResponseHeaders, body, 0));
    let exchange = host.request().send();
    let reply = exchange.respond(200, [("a", "b")]).unwrap().reply().unwrap();
    assert_eq!(reply.status, 418);
    assert_eq!(reply.headers, Headers::from([("a", "b"), ("x", "y")]));
    assert!(!reply.local);
}

#[test]
fn trailers_of_both_ways_can_be_read_and_changed() {
    let mut wat = Wat::new();
    let request = wat.call(Hostcall::GetHeaderMapValue, &[I(1), S("t"), Out])
        + &wat.log_out()
        + &wat.call(Hostcall::ReplaceHeaderMapValue, &[I(1), S("t"), S("changed")]);
    let response = wat.call(Hostcall::AddHeaderMapValue, &[I(3), S("more"), S("1")]);
    let wat = wat.on(Callback::OnRequestTrailers, request, 0).on(Callback::OnResponseTrailers, response, 0);
    let host = envoy(&wat);
    let exchange = host.request().post("/").body("b").trailer("t", "v").send();
    assert_eq!(logged(&host), ["v"]);
    assert_eq!(exchange.upstream().unwrap().trailers, Headers::from([("t", "changed")]));
    let response = Response::new(200).body("x").trailer("grpc-status", "0");
    let reply = exchange.respond_with(response).unwrap().reply().unwrap();
    assert_eq!(reply.trailers, Headers::from([("grpc-status", "0"), ("more", "1")]));
}

#[test]
fn request_headers_are_gone_once_they_went_on_and_back_in_the_log() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetHeaderMapValue, &[I(0), S(":path"), Out]);
    let change = wat.call(Hostcall::AddHeaderMapValue, &[I(0), S("a"), S("b")]);
    let wat = wat.on(Callback::OnResponseHeaders, format!("{read}{change}"), 0).on(Callback::OnLog, format!("{read}{change}"), 0);
    let host = envoy(&wat);
    host.request().send().respond(200, [("a", "b")]).unwrap().finish().unwrap();
    assert_eq!(statuses(&host, Hostcall::GetHeaderMapValue), [Some(2), Some(0)]);
    assert_eq!(statuses(&host, Hostcall::AddHeaderMapValue), [Some(2), Some(2)]);
}

#[test]
fn a_malformed_map_from_a_plugin_counts_as_empty() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::SetHeaderMapPairs, &[I(0), B(b"\xff\xff\xff\xff")]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    assert!(host.request().send().upstream().unwrap().headers.is_empty());
}
