//! The corpus on all three: the core, the harness, and real Envoy.

#![expect(clippy::expect_used, reason = "a corpus that cannot be read ends the test")]

use countersign_core::time::UnixNanos;
use countersign_harness::{Plugin, Profile};
use countersign_host_tests::observed::Observed;
use countersign_host_tests::scenario::{self, Scenario};
use countersign_host_tests::{artifacts, gateway, harness, native};
use countersign_testbed::tokens::Issuer;
use std::time::Duration;

const NOW: u64 = 1_795_519_353;

fn corpus() -> Vec<(String, Scenario)> {
    let corpus = scenario::all().expect("the corpus can be read");
    assert!(corpus.iter().map(|(_, scenario)| scenario.cases.len()).sum::<usize>() > 20);
    corpus
}

fn assert_as_expected(run: &str, name: &str, scenario: &Scenario, observed: &[Observed]) {
    assert_eq!(observed.len(), scenario.cases.len());
    let pairs = scenario.cases.iter().zip(observed);
    let differences: Vec<String> = pairs.flat_map(|(case, observed)| observed.differences(case)).collect();
    assert!(differences.is_empty(), "{run}, {name}:\n{}", differences.join("\n"));
}

#[test]
fn the_core_decides_every_case_as_expected() {
    let issuer = Issuer::fixed().expect("keys");
    for (name, scenario) in corpus() {
        let observed = native::run(&scenario, &issuer, UnixNanos(NOW * 1_000_000_000)).expect("configuration");
        assert_as_expected("core", &name, &scenario, &observed);
    }
}

#[test]
fn the_filter_on_the_harness_does_every_case_as_expected() {
    let issuer = Issuer::fixed().expect("keys");
    let plugin = Plugin::compile(std::fs::read(artifacts::filter().expect("built")).expect("readable")).expect("compiles");
    for profile in [Profile::envoy(), Profile::nginx_wasm(), Profile::apisix()] {
        for (name, scenario) in corpus() {
            let run = format!("harness as {}", profile.name());
            let observed = harness::run(&plugin, profile.clone(), &scenario, &issuer, Duration::from_secs(NOW)).expect("runs");
            assert_as_expected(&run, &name, &scenario, &observed);
        }
    }
}

#[test]
fn the_filter_in_envoy_does_every_case_as_expected() {
    let issuer = Issuer::fixed().expect("keys");
    for (name, scenario) in corpus() {
        let folder = tempfile::tempdir().expect("a folder");
        let observed = gateway::run(&scenario, &issuer, folder.path()).expect("runs");
        assert_as_expected("envoy", &name, &scenario, &observed);
    }
}
