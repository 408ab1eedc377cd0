//! `docs/config.md` is made from the wire types, and this test fails when it no longer says what they say. Run
//! `cargo xtask docs` to write it anew.

use countersign_core::config::decode::Field;
use countersign_core::config::{Plugin, Service, audit, authentication, authorization};
use std::fmt::Write as _;
use std::path::Path;

/// Every section: its path in a configuration, and the fields of what stands there.
const SECTIONS: &[(&str, &[Field])] = &[
    ("", Plugin::FIELDS),
    ("service", Service::FIELDS),
    ("authentication", authentication::Authentication::FIELDS),
    ("authentication.jwtRules[]", authentication::JwtRule::FIELDS),
    ("authentication.jwtRules[].fromHeaders[]", authentication::JwtHeader::FIELDS),
    ("authentication.jwtRules[].outputClaimToHeaders[]", authentication::ClaimToHeader::FIELDS),
    ("authentication.jwtRules[].revoked", authentication::Revoked::FIELDS),
    ("authentication.apiKeys", authentication::ApiKeys::FIELDS),
    ("authentication.apiKeys.keys[]", authentication::ApiKey::FIELDS),
    ("authentication.peer", authentication::Peer::FIELDS),
    ("authentication.peer.fromForwardedClientCert", authentication::Forwarded::FIELDS),
    ("services[]", authorization::registry::Service::FIELDS),
    ("roles.NAME", authorization::registry::Role::FIELDS),
    ("authorization", authorization::Authorization::FIELDS),
    ("authorization.policies[]", authorization::Policy::FIELDS),
    ("authorization.policies[].rules[]", authorization::rules::Rule::FIELDS),
    ("authorization.policies[].rules[].from[].source", authorization::rules::Source::FIELDS),
    ("authorization.policies[].rules[].to[].operation", authorization::rules::Operation::FIELDS),
    ("authorization.policies[].rules[].when[]", authorization::rules::When::FIELDS),
    ("audit", audit::Audit::FIELDS),
    ("audit.sinks[]", audit::Sink::FIELDS),
    ("audit.queue", audit::Queue::FIELDS),
    ("audit.redact", audit::Redact::FIELDS),
    ("audit.checkpoint", audit::Checkpoint::FIELDS),
];

fn rendered() -> String {
    let mut page = "# Configuration\n\nMade from the code by `cargo xtask docs`; do not edit. JSON on the wire, YAML where people write it. A field that is not \
                    listed is a fault; all faults of a\nconfiguration are reported at once, each with its path. `countersign check FILE` does the same without a gateway.\n"
        .to_owned();
    for (path, fields) in SECTIONS {
        let title = if path.is_empty() { "The whole".to_owned() } else { format!("`{path}`") };
        let _ = write!(page, "\n## {title}\n\n| field | what to write | what it means |\n|---|---|---|\n");
        for field in *fields {
            let required = if (field.required)() { ", required" } else { "" };
            let docs: Vec<&str> = field.docs.iter().map(|line| line.trim()).collect();
            let expected = (field.expected)().replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | {expected}{required} | {} |", field.name, docs.join(" ").replace('|', "\\|"));
        }
    }
    page
}

#[test]
fn the_page_says_what_the_types_say() -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/config.md");
    let page = rendered();
    if std::env::var_os("COUNTERSIGN_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page)?;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/config.md no longer says what the types say: run `cargo xtask docs`");
    Ok(())
}
