use countersign_harness::{Callback, Hostcall, Peer, PropertyValue};

use crate::wat::{I, Out, P, S, Wat};
use crate::{arguments, callbacks, envoy, logged, statuses};

#[test]
fn bytes_pass_both_ways_and_the_end_comes_in_envoys_order() {
    let names =
        [Callback::OnDownstreamClose, Callback::OnUpstreamClose, Callback::OnLog, Callback::OnDelete, Callback::OnContextCreate];
    let wat = names.iter().fold(Wat::new(), |wat, name| wat.on(*name, "", 0));
    let wat = wat
        .on(Callback::OnNewConnection, "", 0)
        .on(Callback::OnDownstreamData, "", 0)
        .on(Callback::OnUpstreamData, "", 0)
        .on(Callback::OnDone, "", 1);
    let host = envoy(&wat);
    let before = callbacks(&host).len();
    let connection = host.connection().open();
    connection.send("ping").unwrap().receive_last("pong").unwrap();
    connection.close(Peer::Remote).unwrap();
    assert_eq!((connection.forwarded(), connection.returned()), (b"ping".into(), b"pong".into()));
    assert_eq!(
        callbacks(&host)[before..],
        [
            Callback::OnContextCreate,
            Callback::OnNewConnection,
            Callback::OnDownstreamData,
            Callback::OnUpstreamData,
            Callback::OnUpstreamClose,
            Callback::OnDownstreamClose,
            Callback::OnDone,
            Callback::OnLog,
            Callback::OnDelete,
        ]
    );
    assert_eq!(arguments(&host, Callback::OnDownstreamData), [[2, 4, 0]]);
    assert_eq!(arguments(&host, Callback::OnUpstreamData), [[2, 4, 1]]);
    assert_eq!(arguments(&host, Callback::OnDownstreamClose), [[2, Peer::Remote as i32]]);
    assert_eq!(connection.send("late").unwrap_err().code(), "wrong_stage");
}

#[test]
fn held_bytes_are_shown_again_with_the_next_ones() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetBufferBytes, &[I(2), I(0), P(1), Out]) + &wat.log_out();
    let hold = "(if (i32.lt_u (local.get 1) (i32.const 4)) (then (return (i32.const 1))))";
    let set = wat.call(Hostcall::SetBufferBytes, &[I(2), I(0), I(99), S("XY")]);
    let host = envoy(&wat.on(Callback::OnDownstreamData, format!("{read}{hold}{set}"), 0));
    let connection = host.connection().open();
    connection.send("ab").unwrap();
    assert_eq!(connection.forwarded(), b"");
    connection.send("cd").unwrap();
    assert_eq!((logged(&host), connection.forwarded()), (vec!["ab".into(), "abcd".into()], b"XY".into()));
}

#[test]
fn upstream_bytes_can_be_changed() {
    let mut wat = Wat::new();
    let set = wat.call(Hostcall::SetBufferBytes, &[I(3), I(0), I(0), S(">")]);
    let host = envoy(&wat.on(Callback::OnUpstreamData, set, 0));
    let connection = host.connection().open();
    assert_eq!(connection.receive("x").unwrap().returned(), b">x");
}

#[test]
fn a_plugin_closes_the_connection_and_sees_it_as_local() {
    let mut wat = Wat::new();
    let close = wat.call(Hostcall::CloseStream, &[I(2)]);
    let wat = wat.on(Callback::OnNewConnection, close, 1).on(Callback::OnDownstreamClose, "", 0);
    let host = envoy(&wat);
    let connection = host.connection().open();
    assert!(!connection.is_open());
    assert_eq!(arguments(&host, Callback::OnDownstreamClose)[0][1], Peer::Local as i32);
}

#[test]
fn a_connection_has_properties_and_takes_them() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetProperty, &[S("source\0address"), Out])
        + &wat.log_out()
        + &wat.call(Hostcall::SetProperty, &[S("mark"), S("v")]);
    let host = envoy(&wat.on(Callback::OnNewConnection, body, 0));
    let connection = host.connection().property("source.address", "10.0.0.2:5").open();
    assert_eq!(logged(&host), ["10.0.0.2:5"]);
    assert_eq!(connection.property("mark"), Some(PropertyValue::Bytes(b"v".to_vec())));
}

#[test]
fn continuing_a_connection_is_a_bad_argument_on_envoy() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::ContinueStream, &[I(2)]) + &wat.call(Hostcall::ContinueStream, &[I(8)]);
    let host = envoy(&wat.on(Callback::OnNewConnection, body, 0));
    host.connection().open();
    assert_eq!(statuses(&host, Hostcall::ContinueStream), [Some(2), Some(2)]);
}

#[test]
fn a_trap_closes_the_connection() {
    let host = envoy(&Wat::new().on(Callback::OnDownstreamData, "unreachable", 0));
    let connection = host.connection().open();
    connection.send("x").unwrap();
    assert!(!connection.is_open());
    assert_eq!(host.traps().len(), 1);
    assert!(!host.connection().open().is_open(), "the worker refuses from now on");
}
