use countersign_harness::{Callback, Host, Hostcall, Profile, VmRole};

use crate::wat::{I, Num, Out, P, Read, S, Wat};
use crate::{envoy, logged, statuses};

#[test]
fn shared_data_is_set_under_its_current_number_only() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetSharedData, &[S("k"), Out, Num]) + &wat.log_out();
    let body = wat.call(Hostcall::GetSharedData, &[S("k"), Out, Num])
        + &wat.call(Hostcall::SetSharedData, &[S("k"), S("1"), I(0)])
        + &read
        + &wat.call(Hostcall::SetSharedData, &[S("k"), S("2"), Read])
        + &wat.call(Hostcall::SetSharedData, &[S("k"), S("3"), Read])
        + &read;
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::GetSharedData), [Some(1), Some(0), Some(0)]);
    assert_eq!(statuses(&host, Hostcall::SetSharedData), [Some(0), Some(0), Some(8)]);
    assert_eq!(logged(&host), ["1", "2"]);
    assert_eq!(host.shared_data("k").unwrap(), b"2");
}

#[test]
fn what_the_test_puts_in_another_worker_reads() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetSharedData, &[S("k"), Out, Num]) + &wat.log_out();
    let wat = wat.on(Callback::OnRequestHeaders, body, 0);
    let setup = Host::new(Profile::envoy()).workers(2);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.set_shared_data("k", "v");
    host.request().worker(1).send();
    assert_eq!(logged(&host), ["v"]);
}

/// A plugin whose root owns a queue, whose streams enqueue and whose root dequeues.
fn queue() -> Wat {
    let mut wat = Wat::new();
    let register = wat.call(Hostcall::RegisterSharedQueue, &[S("q"), Num]);
    let send = wat.call(Hostcall::ResolveSharedQueue, &[S(""), S("q"), Num])
        + &wat.call(Hostcall::EnqueueSharedQueue, &[Read, S("one")])
        + &wat.call(Hostcall::EnqueueSharedQueue, &[Read, S("two")])
        + &wat.call(Hostcall::EnqueueSharedQueue, &[I(99), S("lost")])
        + &wat.call(Hostcall::ResolveSharedQueue, &[S("other"), S("q"), Num]);
    let take = wat.call(Hostcall::DequeueSharedQueue, &[P(1), Out]) + &wat.log_out();
    wat.on(Callback::OnVmStart, register, 1).on(Callback::OnRequestHeaders, send, 0).on(Callback::OnQueueReady, take, 0)
}

#[test]
fn a_queue_wakes_its_owner_once_for_each_item() {
    let host = envoy(&queue());
    host.request().send();
    assert_eq!(logged(&host), ["one", "two"]);
    assert_eq!(statuses(&host, Hostcall::ResolveSharedQueue), [Some(0), Some(1)]);
    let enqueued = statuses(&host, Hostcall::EnqueueSharedQueue);
    assert_eq!(enqueued, [Some(0), Some(0), Some(1)]);
}

#[test]
fn the_last_vm_to_register_a_queue_owns_it() {
    let setup = Host::new(Profile::envoy()).workers(2);
    let host = setup.load(queue().text().as_str()).unwrap().configure("").unwrap();
    host.request().worker(0).send();
    let owners: Vec<VmRole> = host.logs().iter().map(|line| line.vm).collect();
    assert_eq!(owners, [VmRole::Worker(1), VmRole::Worker(1)]);
}

#[test]
fn an_empty_queue_says_so() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::RegisterSharedQueue, &[S("q"), Num])
        + &wat.call(Hostcall::DequeueSharedQueue, &[Read, Out])
        + &wat.call(Hostcall::DequeueSharedQueue, &[I(55), Out]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::DequeueSharedQueue), [Some(7), Some(1)]);
}

#[test]
fn a_plugin_that_wakes_itself_for_ever_is_stopped() {
    let mut wat = Wat::new();
    let register = wat.call(Hostcall::RegisterSharedQueue, &[S("q"), Num]);
    let send = wat.call(Hostcall::EnqueueSharedQueue, &[Read, S("again")]);
    let wat =
        wat.on(Callback::OnVmStart, register, 1).on(Callback::OnRequestHeaders, &send, 0).on(Callback::OnQueueReady, &send, 0);
    let host = envoy(&wat);
    host.request().send();
    assert_eq!(host.violations(), ["the plugin keeps the host busy without end"]);
}
