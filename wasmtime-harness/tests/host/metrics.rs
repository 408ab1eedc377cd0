use countersign_harness::{Callback, Hostcall};

use crate::wat::{I, L, Num, Read, S, Wat};
use crate::{envoy, statuses};

fn define(wat: &mut Wat, kind: i32, name: &str) -> String {
    wat.call(Hostcall::DefineMetric, &[I(kind), S(name), Num])
}

#[test]
fn a_counter_grows_and_refuses_to_shrink() {
    let mut wat = Wat::new();
    let body = define(&mut wat, 0, "c")
        + &wat.call(Hostcall::IncrementMetric, &[Read, L(3)])
        + &wat.call(Hostcall::RecordMetric, &[Read, L(4)])
        + &wat.call(Hostcall::IncrementMetric, &[Read, L(0)])
        + &wat.call(Hostcall::IncrementMetric, &[Read, L(-1)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    host.request().send();
    assert_eq!(host.metrics().counter("c"), 14);
    let increments = statuses(&host, Hostcall::IncrementMetric);
    assert_eq!(increments[..3], [Some(0), Some(2), Some(2)]);
}

#[test]
fn a_gauge_goes_both_ways_and_a_histogram_keeps_samples() {
    let mut wat = Wat::new();
    let body = define(&mut wat, 1, "g")
        + &wat.call(Hostcall::RecordMetric, &[Read, L(9)])
        + &wat.call(Hostcall::IncrementMetric, &[Read, L(-2)])
        + &define(&mut wat, 2, "h")
        + &wat.call(Hostcall::RecordMetric, &[Read, L(5)])
        + &wat.call(Hostcall::RecordMetric, &[Read, L(6)])
        + &wat.call(Hostcall::IncrementMetric, &[Read, L(1)])
        + &wat.call(Hostcall::GetMetric, &[Read, I(16)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    let metrics = host.metrics();
    assert_eq!((metrics.gauge("g"), metrics.histogram("h")), (Some(7), [5, 6].as_slice()));
    assert_eq!(statuses(&host, Hostcall::GetMetric), [Some(2)]);
    assert_eq!(metrics.iter().count(), 2);
}

#[test]
fn a_metric_is_read_by_its_id() {
    let mut wat = Wat::new();
    let body = define(&mut wat, 0, "c")
        + &wat.call(Hostcall::IncrementMetric, &[Read, L(5)])
        + &wat.call(Hostcall::GetMetric, &[Read, I(16)])
        + "(drop (call $proxy_log (i32.const 2) (i32.const 64) (i32.load (i32.const 16))))";
    wat.log("");
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(host.logs()[0].message.len(), 5);
}

#[test]
fn unknown_ids_are_not_found_and_unknown_kinds_bad() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::IncrementMetric, &[I(0), L(1)])
        + &wat.call(Hostcall::RecordMetric, &[I(9), L(1)])
        + &wat.call(Hostcall::GetMetric, &[I(9), I(16)])
        + &define(&mut wat, 3, "x");
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    for call in [Hostcall::IncrementMetric, Hostcall::RecordMetric, Hostcall::GetMetric] {
        assert_eq!(statuses(&host, call), [Some(1)], "{call:?}");
    }
    assert_eq!(statuses(&host, Hostcall::DefineMetric), [Some(2)]);
}

#[test]
fn metrics_are_shared_by_all_vms() {
    let mut wat = Wat::new();
    let body = define(&mut wat, 0, "starts") + &wat.call(Hostcall::IncrementMetric, &[Read, L(1)]);
    let wat = wat.on(Callback::OnConfigure, body, 1);
    let setup = countersign_harness::Host::new(countersign_harness::Profile::envoy()).workers(3);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    // HOSTS.md 2: N workers make N + 2 configurations.
    assert_eq!(host.metrics().counter("starts"), 5);
    assert_eq!(host.metrics().sum("st"), 5);
}
