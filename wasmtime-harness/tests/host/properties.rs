use std::time::Duration;

use countersign_harness::{Callback, Host, Hostcall, Profile, PropertyValue};

use crate::wat::{B, Out, S, Wat};
use crate::{envoy, logged, start, statuses};

/// Reads these paths in that callback and logs each that is there.
fn reader(callback: Callback, paths: &[&str]) -> Wat {
    let mut wat = Wat::new();
    let mut body = String::new();
    for path in paths {
        let read = wat.call(Hostcall::GetProperty, &[B(path.replace('.', "\0").as_bytes()), Out]);
        body += read.replace("(drop ", "(if (i32.eqz ").trim_end();
        body += &format!(" (then {}))\n", wat.log_out());
    }
    wat.on(callback, body, 0)
}

#[test]
fn envoy_tells_about_the_request_in_the_request() {
    let paths = ["request.path", "request.url_path", "request.query", "request.host"];
    let more = ["request.method", "request.scheme", "request.id", "request.useragent"];
    let host = envoy(&reader(Callback::OnRequestHeaders, &[paths, more].concat()));
    let request = host.request().get("/a?b=c").header("x-request-id", "7");
    request.header("user-agent", "ua").send();
    let expected = ["/a?b=c", "/a", "b=c", "example.test", "GET", "http", "7", "ua"];
    assert_eq!(logged(&host), expected);
}

#[test]
fn envoy_encodes_ports_and_codes_in_eight_bytes() {
    let host = envoy(&reader(Callback::OnLog, &["source.port", "response.code"]));
    let exchange = host.request().property("source.address", "10.0.0.1:65").send();
    exchange.respond(66, [("a", "b")]).unwrap().finish().unwrap();
    assert_eq!(logged(&host), ["A\0\0\0\0\0\0\0", "B\0\0\0\0\0\0\0"]);
}

#[test]
fn what_is_known_only_at_the_end_is_not_found_before() {
    let paths = ["request.duration", "response.code", "upstream.address"];
    let mut wat = Wat::new();
    let mut body = String::new();
    for path in paths {
        let path = path.replace('.', "\0");
        body += &wat.call(Hostcall::GetProperty, &[B(path.as_bytes()), Out]);
    }
    let wat = wat.on(Callback::OnRequestHeaders, &body, 0).on(Callback::OnLog, &body, 0);
    let host = envoy(&wat);
    let exchange = host.request().send();
    host.advance(Duration::from_secs(1));
    exchange.respond(200, [("a", "b")]).unwrap().finish().unwrap();
    let expected = [Some(1), Some(1), Some(1), Some(0), Some(0), Some(0)];
    assert_eq!(statuses(&host, Hostcall::GetProperty), expected);
}

#[test]
fn a_requests_own_properties_win_over_the_hosts() {
    let wat = reader(Callback::OnRequestHeaders, &["source.address", "xds.node.id", "a.b"]);
    let setup = Host::new(Profile::envoy()).property("xds.node.id", "mine").property("a.b", "1");
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().property("a.b", "2").send();
    assert_eq!(logged(&host), ["127.0.0.1:50000", "mine", "2"]);
}

#[test]
fn what_a_plugin_sets_it_reads_back_on_that_stream_only() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetProperty, &[S("mark"), Out]);
    let write = wat.call(Hostcall::SetProperty, &[S("mark"), S("v")]);
    let log = wat.log_out();
    let host = envoy(&wat.on(Callback::OnRequestHeaders, format!("{read}{write}{read}{log}"), 0));
    host.request().send();
    host.request().send();
    let expected = [Some(1), Some(0), Some(1), Some(0)];
    assert_eq!(statuses(&host, Hostcall::GetProperty), expected);
    assert_eq!(logged(&host), ["v", "v"]);
}

#[test]
fn a_property_cannot_be_set_outside_a_stream() {
    let mut wat = Wat::new();
    let write = wat.call(Hostcall::SetProperty, &[S("mark"), S("v")]);
    let host = envoy(&wat.on(Callback::OnForeignFunction, write, 0));
    host.foreign_callback(0, "");
    assert_eq!(statuses(&host, Hostcall::SetProperty), [Some(1)]);
}

#[test]
fn lists_and_bytes_set_by_the_test_arrive_encoded() {
    let host = envoy(&reader(Callback::OnRequestHeaders, &["list", "raw"]));
    let list = PropertyValue::List(vec!["a".into()]);
    host.request().property("list", list).property("raw", vec![1u8, 2]).send();
    assert_eq!(logged(&host), ["\u{1}\0\0\0\u{1}\0\0\0\0\0\0\0a\0\0", "\u{1}\u{2}"]);
}

#[test]
fn the_plugins_own_names_are_properties_everywhere() {
    let wat = reader(Callback::OnConfigure, &["plugin_name", "plugin_root_id", "plugin_vm_id"]);
    // A plugin that returns 0 here refuses its configuration.
    let wat = wat.text().replace("(i32.const 0))\n)", "(i32.const 1))\n)");
    let setup = Host::new(Profile::envoy()).without_main_thread();
    let setup = setup.plugin_name("p").root_id("r").vm_id("v");
    let host = setup.load(wat.as_str()).unwrap().configure("").unwrap();
    assert_eq!(logged(&host), ["p", "r", "v", "p", "r", "v"]);
}

#[test]
fn hosts_md_1_3_old_names_are_not_found_on_envoy_1_40() {
    let old = ["node", "node.id", "node.cluster", "cluster_name", "route_name"];
    let wat = reader(Callback::OnRequestHeaders, &old);
    let host = envoy(&wat);
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::GetProperty), [Some(1); 5]);
}

#[test]
fn hosts_md_1_3_nginx_wasm_reads_text_and_addresses_without_a_port() {
    let paths = ["source.address", "source.port", "request.host", "ngx.pid"];
    let host = start(Profile::nginx_wasm(), &reader(Callback::OnRequestHeaders, &paths));
    host.request().property("source.address", "10.0.0.1:65").send();
    assert_eq!(logged(&host)[..2], ["10.0.0.1", "65"]);
}

#[test]
fn hosts_md_1_3_apisix_knows_nginx_variables_only() {
    let paths = ["remote_addr", "request_uri", "plugin_root_id", "request.path", "ngx.pid"];
    let setup = Host::new(Profile::apisix()).plugin_name("p");
    let wat = reader(Callback::OnRequestHeaders, &paths);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().get("/a?b").send();
    assert_eq!(logged(&host), ["127.0.0.1", "/a?b", "p"]);
    let expected = [Some(0), Some(0), Some(0), Some(1), Some(1)];
    assert_eq!(statuses(&host, Hostcall::GetProperty), expected);
}

#[test]
fn hosts_md_0_10_apisix_refuses_properties_outside_a_request() {
    let wat = reader(Callback::OnConfigure, &["plugin_root_id"]);
    let wat = wat.text().replace("(i32.const 0))\n)", "(i32.const 1))\n)");
    let host = Host::new(Profile::apisix()).load(wat.as_str()).unwrap().configure("x").unwrap();
    assert_eq!(statuses(&host, Hostcall::GetProperty), [Some(2)]);
}
