//! Any header and query: finding credentials never panics, and what was found can be taken out.
#![no_main]
use countersign_core::identity::credentials::{Places, cookie_without, query_without};
use countersign_core::request::{Peer, RequestView};
use countersign_core::time::UnixNanos;

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8], &[u8])| {
    let (path, authorization, cookie) = input;
    let headers = [("authorization", authorization), ("cookie", cookie)];
    let request = RequestView {
        method: "GET",
        path,
        host: "h",
        scheme: "http",
        headers: &headers,
        peer: Peer::default(),
        received: UnixNanos::default(),
    };
    let places = Places { headers: vec![("authorization".into(), "Bearer ".into())], params: vec!["t".into()], cookies: vec!["s".into()] };
    let mut found = Vec::new();
    places.find(&request, &mut found);
    drop(query_without(request.query().unwrap_or_default(), "t"));
    drop(std::str::from_utf8(cookie).map(|cookie| cookie_without(cookie, "s")));
});
