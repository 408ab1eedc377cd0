use countersign_harness::{Callback, Host, Hostcall, Profile, VmRole};

use crate::wat::{I, Num, Out, Read, S, Wat};
use crate::{callbacks, envoy, logged, start};

/// Logs the configuration at every configure, and whatever ends.
fn noisy() -> Wat {
    let mut wat = Wat::new();
    let configured = wat.call(Hostcall::GetBufferBytes, &[I(7), I(0), I(99), Out]) + &wat.log_out();
    let (done, delete) = (wat.log("done"), wat.log("delete"));
    wat.on(Callback::OnConfigure, configured, 1).on(Callback::OnDone, done, 1).on(Callback::OnDelete, delete, 0)
}

#[test]
fn hosts_md_2_envoy_configures_canary_main_thread_and_each_worker() {
    let setup = Host::new(Profile::envoy()).workers(2);
    let host = setup.load(noisy().text().as_str()).unwrap().configure("c").unwrap();
    let vms: Vec<VmRole> = host.logs().iter().map(|line| line.vm).collect();
    assert_eq!(vms, [VmRole::Canary, VmRole::Main, VmRole::Worker(0), VmRole::Worker(1)]);
}

#[test]
fn a_new_configuration_lives_beside_the_old_one_until_it_drains() {
    let host = envoy(&noisy());
    host.take_logs();
    host.reconfigure("new").unwrap();
    // The canary and the worker; the old root is still there.
    assert_eq!(logged(&host), ["new", "new"]);
    host.drain();
    assert_eq!(logged(&host), ["done", "delete"]);
    host.drain();
    assert_eq!(logged(&host).len(), 0);
    host.shut_down();
    assert_eq!(logged(&host), ["done", "delete"]);
}

#[test]
fn a_refused_configuration_changes_nothing() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetBufferBytes, &[I(7), I(0), I(99), Out]);
    // Refuses a configuration of three bytes.
    let check = "(if (i32.eq (local.get 1) (i32.const 3)) (then (return (i32.const 0))))";
    let wat = wat.on(Callback::OnConfigure, format!("{read}{check}"), 1);
    let host = envoy(&wat);
    let error = host.reconfigure("bad").unwrap_err();
    assert_eq!(error.code(), "configuration_refused");
    assert_eq!(error.to_string(), "plugin refused its configuration on canary");
    assert!(host.request().send().is_forwarded());
    let setup = Host::new(Profile::envoy()).load(wat.text().as_str()).unwrap();
    assert_eq!(setup.configure("bad").unwrap_err(), error);
}

#[test]
fn a_root_that_is_not_done_waits_for_proxy_done() {
    let mut wat = Wat::new();
    let delete = wat.log("delete");
    let finish = wat.call(Hostcall::Done, &[]) + &wat.call(Hostcall::Done, &[]);
    let every = wat.call(Hostcall::SetTickPeriod, &[I(10)]);
    let wat = wat.on(Callback::OnVmStart, every, 1).on(Callback::OnDone, "", 0).on(Callback::OnTick, finish, 0).on(
        Callback::OnDelete,
        delete,
        0,
    );
    let host = envoy(&wat);
    host.tick();
    // Nothing is pending yet, so there is nothing to finish.
    assert_eq!(crate::statuses(&host, Hostcall::Done), [Some(1), Some(1)]);
    host.shut_down();
    assert_eq!(logged(&host).len(), 0);
    host.tick();
    assert_eq!(logged(&host), ["delete"]);
    assert_eq!(host.tick(), 0, "a root that is gone does not tick");
}

#[test]
fn a_plugin_that_refuses_to_start_is_an_error() {
    let wat = Wat::new().on(Callback::OnVmStart, "", 0);
    let error = Host::new(Profile::envoy()).load(wat.text().as_str()).unwrap().configure("");
    assert_eq!(error.unwrap_err().to_string(), "plugin refused to start on canary");
}

#[test]
fn a_reactor_is_initialised_and_then_its_main_runs() {
    let wat = Wat::new().on(Callback::Initialize, "", 0).on(Callback::Main, "", 0);
    let wat = wat.on(Callback::Start, "unreachable", 0);
    let host = start(Profile::nginx_wasm(), &wat);
    assert_eq!(callbacks(&host), [Callback::Initialize, Callback::Main]);
    let host = start(Profile::nginx_wasm(), &Wat::new().on(Callback::Initialize, "", 0).on(Callback::MainVoid, "", 0));
    assert_eq!(callbacks(&host), [Callback::Initialize, Callback::MainVoid]);
}

#[test]
fn a_command_is_started() {
    let host = start(Profile::nginx_wasm(), &Wat::new().on(Callback::Start, "", 0));
    assert_eq!(callbacks(&host), [Callback::Start]);
}

#[test]
fn hosts_md_1_1_hostcalls_other_than_log_trap_while_initialising() {
    let mut wat = Wat::new();
    let body = wat.log("fine") + &wat.call(Hostcall::GetCurrentTime, &[I(16)]);
    let wat = wat.on(Callback::Initialize, body, 0);
    let error = Host::new(Profile::envoy()).load(wat.text().as_str()).unwrap().configure("");
    let error = error.unwrap_err();
    assert_eq!(error.code(), "trapped");
    assert!(error.to_string().contains("proxy_get_current_time_nanoseconds"), "{error}");
}

#[test]
fn contexts_of_one_vm_have_numbers_of_their_own() {
    let host = envoy(&Wat::new().on(Callback::OnContextCreate, "", 0));
    host.request().send();
    host.request().send();
    let made = crate::arguments(&host, Callback::OnContextCreate);
    assert_eq!(made, [[1, 0], [2, 1], [3, 1]]);
}

#[test]
fn hosts_md_0_1_a_worker_whose_configuration_fails_serves_unfiltered() {
    let mut wat = Wat::new();
    // The first two to come (canary, main thread) agree, the third does not.
    let count = wat.call(Hostcall::DefineMetric, &[I(0), S("n"), Num])
        + &wat.call(Hostcall::IncrementMetric, &[Read, crate::wat::L(1)])
        + &wat.call(Hostcall::GetMetric, &[Read, I(16)])
        + "(if (i32.ge_u (i32.load (i32.const 16)) (i32.const 3)) (then (return (i32.const 0))))";
    let deny = crate::wat::reply(&mut wat, 403);
    let wat = wat.on(Callback::OnConfigure, count, 1).on(Callback::OnRequestHeaders, deny, 1);
    let loaded = Host::new(Profile::envoy()).load(wat.text().as_str()).unwrap();
    let host = loaded.configure("").unwrap();
    assert_eq!(host.unfiltered_workers(), [0]);
    assert!(host.request().send().is_forwarded());
}

#[test]
fn hosts_md_0_1_a_worker_that_traps_while_configured_serves_unfiltered() {
    let mut wat = Wat::new();
    let count = wat.call(Hostcall::DefineMetric, &[I(0), S("n"), Num])
        + &wat.call(Hostcall::IncrementMetric, &[Read, crate::wat::L(1)])
        + &wat.call(Hostcall::GetMetric, &[Read, I(16)])
        + "(if (i32.ge_u (i32.load (i32.const 16)) (i32.const 3)) (then unreachable))";
    let wat = wat.on(Callback::OnConfigure, count, 1);
    let loaded = Host::new(Profile::envoy()).load(wat.text().as_str()).unwrap();
    let host = loaded.configure("").unwrap();
    assert_eq!((host.unfiltered_workers(), host.traps().len()), (vec![0], 1));
}

#[test]
fn a_plugin_can_be_configured_again_for_a_host_of_its_own() {
    let loaded = Host::new(Profile::envoy()).load(noisy().text().as_str()).unwrap();
    let (first, second) = (loaded.configure("1").unwrap(), loaded.configure("2").unwrap());
    assert_eq!(logged(&first), ["1"; 3]);
    assert_eq!(logged(&second), ["2"; 3]);
}

#[test]
fn hosts_md_0_1_a_worker_that_fails_an_update_the_canary_took_serves_unfiltered() {
    let mut wat = Wat::new();
    // Canary and worker at the start, canary at the update; the fourth traps.
    let count = wat.call(Hostcall::DefineMetric, &[I(0), S("n"), Num])
        + &wat.call(Hostcall::IncrementMetric, &[Read, crate::wat::L(1)])
        + &wat.call(Hostcall::GetMetric, &[Read, I(16)])
        + "(if (i32.ge_u (i32.load (i32.const 16)) (i32.const 4)) (then (return (i32.const 0))))";
    let wat = wat.on(Callback::OnConfigure, count, 1);
    let host = envoy(&wat);
    assert!(host.unfiltered_workers().is_empty());
    host.reconfigure("new").unwrap();
    assert_eq!(host.unfiltered_workers(), [0]);
}
