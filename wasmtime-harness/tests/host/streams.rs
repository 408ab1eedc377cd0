use countersign_harness::{Callback, CalloutState, Headers, Host, Hostcall};

use crate::wat::{B, I, Num, Out, Read, S, Wat, map};
use crate::{arguments, envoy, logged, statuses};

/// A plugin that opens a stream at the first request and sends on it.
fn streamer() -> Wat {
    let mut wat = Wat::new();
    let metadata = map(&[("m", "v")]);
    let args = [B(b"sink"), S("svc"), S("Stream"), B(&metadata), Num];
    let open = wat.call(Hostcall::GrpcStream, &args)
        + &wat.call(Hostcall::GrpcSend, &[Read, S("one"), I(0)])
        + &wat.call(Hostcall::GrpcSend, &[Read, S("two"), I(1)])
        + &wat.call(Hostcall::GrpcSend, &[Read, S("three"), I(0)])
        + &wat.call(Hostcall::GrpcSend, &[I(77), S("x"), I(0)]);
    let initial = wat.call(Hostcall::GetHeaderMapValue, &[I(4), S("a"), Out]) + &wat.log_out();
    let message = wat.call(Hostcall::GetBufferBytes, &[I(5), I(0), I(9), Out]) + &wat.log_out();
    let trailing = wat.call(Hostcall::GetHeaderMapValue, &[I(5), S("z"), Out]) + &wat.log_out();
    wat.on(Callback::OnRequestHeaders, open, 0)
        .on(Callback::OnGrpcInitialMetadata, initial, 0)
        .on(Callback::OnGrpcReceive, message, 0)
        .on(Callback::OnGrpcTrailingMetadata, trailing, 0)
        .on(Callback::OnGrpcClose, "", 0)
}

fn opened() -> Host {
    let host = envoy(&streamer());
    host.request().send();
    host
}

#[test]
fn messages_sent_on_a_stream_are_recorded_until_it_is_half_closed() {
    let host = opened();
    let stream = host.grpc_calls().pop().unwrap();
    assert!(stream.stream && stream.half_closed);
    assert_eq!(stream.messages, [b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(stream.metadata, Headers::from([("m", "v")]));
    assert_eq!(statuses(&host, Hostcall::GrpcSend), [Some(0), Some(0), Some(2), Some(1)]);
}

#[test]
fn metadata_messages_and_the_close_arrive_in_order() {
    let host = opened();
    let stream = host.grpc_calls().pop().unwrap();
    stream.initial_metadata([("a", "1")]).unwrap();
    stream.respond_ok("first").unwrap();
    stream.respond_ok("second").unwrap();
    stream.trailing_metadata([("z", "9")]).unwrap();
    stream.fail(0).unwrap();
    assert_eq!(logged(&host), ["1", "first", "second", "9"]);
    assert_eq!(arguments(&host, Callback::OnGrpcClose)[0][2], 0);
    assert_eq!(stream.respond_ok("late").unwrap_err().code(), "not_pending");
    assert_eq!(stream.trailing_metadata(Headers::new()).unwrap_err().code(), "not_pending");
}

#[test]
fn closing_a_stream_ends_only_the_plugins_side_and_cancelling_ends_both() {
    let mut wat = Wat::new();
    let open = wat.call(Hostcall::GrpcStream, &[B(b"s"), S("svc"), S("M"), B(b""), Num]);
    let close = wat.call(Hostcall::GrpcClose, &[Read]);
    let cancel = wat.call(Hostcall::GrpcCancel, &[Read]);
    let wat = wat.on(Callback::OnRequestHeaders, open + &close, 0).on(Callback::OnGrpcReceive, cancel, 0);
    let host = envoy(&wat);
    host.request().send();
    let stream = host.grpc_calls().pop().unwrap();
    assert!(stream.half_closed);
    stream.respond_ok("still").unwrap();
    assert_eq!(host.grpc_calls()[0].state, CalloutState::Cancelled);
    assert_eq!(stream.respond_ok("over").unwrap_err().code(), "not_pending");
}
