use std::time::Duration;

use countersign_harness::{Callback, Host, Hostcall, LogLevel, Profile, VmRole};

use crate::wat::{I, Num, Out, S, Wat};
use crate::{envoy, logged, statuses};

#[test]
fn a_log_line_keeps_its_level_vm_and_context() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::Log, &[I(3), S("odd")]);
    let wat = wat.on(Callback::OnRequestHeaders, body, 0);
    let host = envoy(&wat);
    host.request().send();
    let line = host.logs().pop().unwrap();
    assert_eq!((line.level, line.vm, line.context), (LogLevel::Warn, VmRole::Worker(0), 2));
    assert_eq!(line.message, "odd");
    assert!(!line.truncated);
}

#[test]
fn a_log_level_out_of_range_and_a_message_out_of_memory_are_refused() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::Log, &[I(9), S("x")])
        + &wat.call(Hostcall::Log, &[I(2), I(-1), I(4)])
        + &wat.call(Hostcall::Log, &[I(2), I(8), I(i32::MAX)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, body, 0));
    host.request().send();
    assert_eq!(statuses(&host, Hostcall::Log), [Some(2), Some(6), Some(6)]);
}

#[test]
fn the_log_level_is_what_the_test_set() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetLogLevel, &[Num]);
    // The level is the length of what is logged.
    let show = wat.call(Hostcall::Log, &[I(2), I(64), crate::wat::Read]);
    wat.call(Hostcall::Log, &[I(2), S("abcdef")]);
    let wat = wat.on(Callback::OnRequestHeaders, read + &show, 0);
    let setup = Host::new(Profile::envoy()).log_level(LogLevel::Error);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.request().send();
    assert_eq!(logged(&host), ["abcd"]);
}

#[test]
fn time_stands_still_until_the_test_moves_it() {
    let mut wat = Wat::new();
    let read = wat.call(Hostcall::GetCurrentTime, &[I(8)]);
    let show = wat.call(Hostcall::Log, &[I(2), I(8), I(8)]);
    let host = envoy(&wat.on(Callback::OnRequestHeaders, read + &show, 0));
    let times = |_| {
        host.request().send();
        // Eight bytes, of which those that are no UTF-8 were replaced.
        host.take_logs().pop().unwrap().message
    };
    let (first, second) = (times(()), times(()));
    assert_eq!(first, second);
    host.advance(Duration::from_nanos(1));
    assert_ne!(times(()), first);
    assert_eq!(host.now(), Duration::from_nanos(1_767_225_600_000_000_001));
}

#[test]
fn ticks_come_every_period_until_it_is_zero() {
    let mut wat = Wat::new();
    let every = wat.call(Hostcall::SetTickPeriod, &[I(100)]);
    let tick = wat.log("tick");
    let stop = wat.call(Hostcall::SetTickPeriod, &[I(0)]);
    let wat = wat.on(Callback::OnVmStart, every, 1).on(Callback::OnTick, tick, 0).on(Callback::OnRequestHeaders, stop, 0);
    let host = envoy(&wat);
    host.advance(Duration::from_millis(99));
    assert_eq!(logged(&host).len(), 0);
    host.advance(Duration::from_millis(1));
    assert_eq!(logged(&host).len(), 1);
    host.advance(Duration::from_millis(350));
    assert_eq!(logged(&host).len(), 3);
    assert_eq!(host.tick(), 1, "a tick by hand leaves the clock alone");
    host.request().send();
    host.take_logs();
    host.advance(Duration::from_secs(9));
    assert_eq!((logged(&host).len(), host.tick()), (0, 0));
}

#[test]
fn every_vm_ticks_by_itself() {
    let mut wat = Wat::new();
    let every = wat.call(Hostcall::SetTickPeriod, &[I(100)]);
    let tick = wat.log("tick");
    let wat = wat.on(Callback::OnVmStart, every, 1).on(Callback::OnTick, tick, 0);
    let setup = Host::new(Profile::envoy()).workers(2);
    let host = setup.load(wat.text().as_str()).unwrap().configure("").unwrap();
    host.advance(Duration::from_millis(100));
    let vms: Vec<VmRole> = host.logs().iter().map(|line| line.vm).collect();
    assert_eq!(vms, [VmRole::Main, VmRole::Worker(0), VmRole::Worker(1)]);
}

#[test]
fn the_old_configuration_call_gives_the_plugins_then_the_vms() {
    let mut wat = Wat::new().marker("proxy_abi_version_0_1_0");
    let read = wat.call(Hostcall::GetConfiguration, &[Out]) + &wat.log_out();
    let wat = wat.on(Callback::OnConfigure, &read, 1).on(Callback::OnTick, &read, 0).on(Callback::OnVmStart, &read, 1);
    let setup = Host::new(Profile::envoy()).without_main_thread().vm_configuration("vm");
    let host = setup.load(wat.text().as_str()).unwrap().configure("plugin").unwrap();
    assert_eq!(logged(&host), ["vm", "plugin", "vm", "plugin"]);
}
