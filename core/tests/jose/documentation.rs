//! What the documentation promises to list, it lists.

use crate::support::vectors;

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/identity.md")).expect("the page on identity")
}

fn codes_in(source: &str) -> Vec<&str> {
    let names = source.split('"').skip(1).step_by(2);
    names.filter(|name| ["token_", "key_", "jwks_"].iter().any(|prefix| name.starts_with(prefix)) && *name != "key_ops").collect()
}

#[test]
fn every_reason_is_documented() {
    let page = page();
    let sources = [include_str!("../../src/jose/denial.rs"), include_str!("../../src/jose/key_fault.rs")];
    for code in sources.iter().flat_map(|source| codes_in(source.split("#[cfg(test)]").next().expect("code"))) {
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
    }
}

#[test]
fn every_behaviour_of_others_is_decided() {
    let Some(cases) = vectors("jwks-behaviours.jsonl") else { return };
    let page = page();
    for case in cases {
        let id = case["id"].as_str().expect("an id");
        assert!(page.contains(&format!("| {id} |")), "{id}");
    }
}
