//! What a decision costs among ten and among ten thousand policies, and what compiling them costs.

use countersign_core::authz::{Attributes, Policies};
use countersign_core::config::authorization::Authorization;
use countersign_core::config::decode::{Decode, Faults, Path};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use std::hint::black_box;

fn authorization(count: usize) -> Authorization {
    let policy = |i: usize| {
        let action = if i % 20 == 19 { "DENY" } else { "ALLOW" };
        let path = [format!("/api/v1/resource{i}"), format!("/api/v1/resource{i}/*"), format!("/api/{{*}}/resource{i}/{{**}}")];
        let from =
            json!([{"source": {"roles": [format!("role{}", i % 50)]}}, {"source": {"principals": [format!("td/ns/n{i}/sa/*")]}}]);
        json!({"name": format!("p{i}"), "action": action, "rules": [{"from": from, "to": [{"operation": {"methods": ["GET", "PUT"], "paths": path}}]}]})
    };
    decode(&json!({"policies": (0..count).map(policy).collect::<Vec<_>>()}))
}

#[expect(clippy::expect_used, reason = "a benchmark of a faulty configuration is none")]
fn decode(value: &Value) -> Authorization {
    let mut faults = Faults::default();
    let wire = Authorization::decode(value, &Path::Root, &mut faults);
    faults.into_result(wire).expect("decodes")
}

#[expect(clippy::expect_used, reason = "a benchmark of a faulty configuration is none")]
fn compile(wire: &Authorization) -> Policies {
    Policies::compile(wire).expect("compiles")
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    for count in [10, 10_000] {
        let policies = compile(&authorization(count));
        let allowed =
            Attributes { method: "GET", path: "/api/v1/resource7/items/42", roles: &["role7"], ..Attributes::default() };
        let denied = Attributes { path: "/nowhere/at/all", ..allowed };
        group.bench_with_input(BenchmarkId::new("allowed", count), &policies, |bencher, policies| {
            bencher.iter(|| policies.decide(black_box(&allowed)).outcome);
        });
        group.bench_with_input(BenchmarkId::new("denied", count), &policies, |bencher, policies| {
            bencher.iter(|| policies.decide(black_box(&denied)).outcome);
        });
    }
    group.finish();
}

fn compilation(criterion: &mut Criterion) {
    let wire = authorization(10_000);
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    group.bench_function("10000", |bencher| bencher.iter(|| compile(black_box(&wire)).policies().len()));
    group.finish();
}

criterion_group!(benches, decisions, compilation);
criterion_main!(benches);
