use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_harness::{Callback, Host, Hostcall, Plugin, Profile};

use crate::wat::{I, L, Num, Read, S, Wat};

#[test]
fn a_thousand_hosts_run_side_by_side_and_share_nothing() {
    let mut wat = Wat::new();
    let count = wat.call(Hostcall::DefineMetric, &[I(0), S("n"), Num])
        + &wat.call(Hostcall::IncrementMetric, &[Read, L(1)])
        + &wat.call(Hostcall::SetSharedData, &[S("k"), S("v"), I(0)]);
    let wat = wat.on(Callback::OnRequestHeaders, count, 0);
    let plugin = Plugin::compile(wat.text()).unwrap();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= 1000 {
                return;
            }
            let host = Host::new(Profile::envoy()).load(&plugin).unwrap().configure("").unwrap();
            assert_eq!(host.shared_data("k"), None);
            for _ in 0..=number % 5 {
                assert!(host.request().send().is_forwarded());
            }
            assert_eq!(host.metrics().counter("n"), u64::try_from(number % 5 + 1).unwrap());
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_host_can_be_moved_to_another_thread() {
    let host = crate::envoy(&Wat::new());
    let clone = host.clone();
    let forwarded = std::thread::spawn(move || clone.request().send().is_forwarded());
    assert!(forwarded.join().unwrap());
    assert!(host.traps().is_empty());
}
