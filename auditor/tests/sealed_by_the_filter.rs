//! What the filter's own chain seals, verification accepts; and what is done to it afterwards, it finds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test"
)]

use countersign::seal::TrustedKey;
use countersign::verify::{Trust, verify};
use countersign_core::chain::{Chain, CheckpointKey, GENESIS, LostRange, Notice, ServiceName, Signer};
use countersign_core::event::{Caps, Decided, DecisionFacts, Draft, Ending, IdentityFacts, Method, Outcome};
use countersign_core::request::{Peer, RequestView};
use countersign_core::time::UnixNanos;
use std::time::Duration;

const START: UnixNanos = UnixNanos(1_795_518_000_000_000_000);

/// The opening, ten access lines and a checkpoint stand before the three that are given up.
const LAST_BEFORE_THE_LOSS: usize = 11;

fn draft(outcome: Outcome, received: UnixNanos) -> Draft {
    let path = "/orders/7?q=\u{1}\"\\\u{e9}";
    let request = RequestView {
        method: "GET",
        path,
        host: "orders.example",
        scheme: "https",
        headers: &[("user-agent", b"probe \xff/1")],
        peer: Peer::default(),
        received,
    };
    let identity = IdentityFacts { method: Method::Jwt, subject: "\u{1F600} \"u\"".into(), ..IdentityFacts::default() };
    let decision = DecisionFacts {
        outcome,
        observed: false,
        reason: "policy_allowed",
        policy: Some("read-orders".into()),
        rule: Some(0),
        policy_digest: "0011223344556677".into(),
        nearest: None,
        shadow: vec![],
    };
    Draft::new(
        &Decided {
            id: "0193",
            request: &request,
            path: "/orders/7",
            endpoint: Some("/orders/{id}"),
            protocol: "HTTP/1.1",
            request_id: "r",
            trace: None,
            span_id: None,
            source_address: "10.0.0.1",
            source_service: None,
            identity: &identity,
            decision: &decision,
            findings: &["missing_identity"],
        },
        Caps::FULL,
    )
}

/// One stream with every kind of line; three of them are given up, and declared.
fn stream(key: &CheckpointKey) -> Vec<Vec<u8>> {
    let mut chain = Chain::new([7; 16], &ServiceName { name: "orders-gateway".into(), ..ServiceName::default() });
    let (mut lines, mut salt) = (Vec::new(), 0_u8);
    let mut next_salt = || {
        salt += 1;
        [salt; 16]
    };
    let public_key = key.public_key();
    let open = Notice::Open { host: "envoy", filter_version: "0.1.0", config_digest: &GENESIS, public_key: Some(&public_key) };
    chain.seal_notice(&open, START, next_salt());
    lines.push(chain.line().to_vec());
    let mut at = START;
    let mut lost = Vec::new();
    for index in 0..40_u64 {
        at = at.plus(Duration::from_millis(100));
        let outcome = [Outcome::Allow, Outcome::Deny, Outcome::Fault, Outcome::NotEvaluated][usize::try_from(index % 4).unwrap()];
        let ending =
            Ending { duration: (index % 3 > 0).then_some(Duration::from_millis(5)), status: Some(200), ..Ending::default() };
        let sealed = chain.seal_access(&draft(outcome, at), &ending, next_salt());
        if (10..13).contains(&index) {
            lost.push(sealed);
        } else {
            lines.push(chain.line().to_vec());
        }
        if index == 20 {
            let range =
                LostRange { class: "other", first: lost[0].seq, last: lost[2].seq, head: lost[2].head, prev: lost[0].prev };
            chain.seal_notice(&Notice::Gap { ranges: &[range], reason: "queue_full" }, at, next_salt());
            lines.push(chain.line().to_vec());
        }
        if index % 8 == 7 {
            let checkpoint = Notice::Checkpoint { counts: chain.counts(), acknowledged: index, dropped: 0, signer: Some(key) };
            chain.seal_notice(&checkpoint, at, next_salt());
            lines.push(chain.line().to_vec());
        }
    }
    chain.seal_notice(&Notice::ConfigApplied { config_digest: &GENESIS, policy_digest: "00" }, at, next_salt());
    lines.push(chain.line().to_vec());
    chain.seal_notice(&Notice::Close { reason: "drain" }, at, next_salt());
    lines.push(chain.line().to_vec());
    lines
}

fn findings(name: &str, lines: &[Vec<u8>], key: &CheckpointKey) -> Vec<(&'static str, Option<u64>)> {
    let path = std::env::temp_dir().join(format!("countersign-filter-{name}-{}.jsonl", std::process::id()));
    std::fs::write(&path, lines.iter().flat_map(|line| [line.as_slice(), b"\n"]).collect::<Vec<_>>().concat()).unwrap();
    let hex: String = key.public_key().iter().map(|byte| format!("{byte:02x}")).collect();
    let trust = Trust {
        keys: vec![TrustedKey::parse(&hex).unwrap()],
        log_keys: vec![],
        saved: vec![],
        now: START.plus(Duration::from_secs(3600)),
        grace: Duration::from_secs(60),
    };
    let report = verify(vec![path.clone()].into(), &trust).unwrap();
    std::fs::remove_file(path).unwrap();
    report.findings.into_iter().map(|finding| (finding.what.code(), finding.seq)).collect()
}

#[test]
fn a_stream_that_the_filter_sealed_is_whole_and_its_declared_loss_explained() {
    let key = CheckpointKey::from_seed(&[5; 32]);
    assert_eq!(findings("whole", &stream(&key), &key), [("LOST_DECLARED", Some(12))]);
}

/// Two lines have no line after them that speaks for them: the last one, and the last one before the declared loss.
#[test]
fn each_flipped_byte_of_each_sealed_line_is_found() {
    let key = CheckpointKey::from_seed(&[5; 32]);
    let whole = stream(&key);
    for index in (0..whole.len() - 1).filter(|index| *index != LAST_BEFORE_THE_LOSS) {
        for at in (index % 7..whole[index].len()).step_by(31) {
            let mut lines = whole.clone();
            lines[index][at] ^= 1;
            let found = findings("flipped", &lines, &key);
            assert!(found.len() > 1, "line {index} byte {at}: {found:?}");
        }
    }
}
