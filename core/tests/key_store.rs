//! The store of fetched keys: whatever happens in whatever order, it keeps its promises.

#![cfg(not(target_family = "wasm"))]
#![expect(clippy::expect_used, reason = "a broken fixture ends the test")]

use countersign_core::engine::{Act, Engine, KeysNeeded};
use countersign_core::event::Outcome;
use countersign_core::identity::keys::{
    Cure, Freshness, KeyAddress, KeyDocument, KeySource, KeyStore, MAX_STALENESS, Patience, RemoteKeys, UNKNOWN_KEY_INTERVAL,
};
use countersign_core::request::{Peer, RequestView};
use countersign_core::time::UnixNanos;
use proptest::prelude::*;
use std::time::Duration;

const START: UnixNanos = UnixNanos(1_795_519_353_000_000_000);
const SECOND: Duration = Duration::from_secs(1);
const CACHE: Duration = Duration::from_secs(600);

fn source() -> KeySource {
    let address = KeyAddress::parse("https://issuer.example/keys").expect("an address");
    KeySource::Remote(RemoteKeys { address, upstream: "issuer".to_owned(), timeout: 5 * SECOND, cache_duration: CACHE })
}

fn store() -> KeyStore {
    KeyStore::new([source()].iter())
}

/// The key of RFC 7515 A.3 under these ids.
fn document(ids: &[&str]) -> KeyDocument {
    let key = |id: &&str| {
        format!(
            r#"{{"kty":"EC","crv":"P-256","kid":"{id}","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}"#
        )
    };
    let keys: Vec<String> = ids.iter().map(key).collect();
    KeyDocument::read("200", format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).expect("keys")
}

#[test]
fn keys_go_from_missing_through_fresh_and_stale_to_expired() {
    let mut store = store();
    assert_eq!(store.freshness(0, START), Freshness::Missing);
    store.finish(0, document(&["a"]), START, 0);
    let at = |after: Duration| store.freshness(0, START.plus(after));
    assert_eq!(at(CACHE - SECOND), Freshness::Fresh);
    assert_eq!(at(CACHE), Freshness::Stale);
    assert_eq!(at(MAX_STALENESS - SECOND), Freshness::Stale);
    assert_eq!(at(MAX_STALENESS), Freshness::Expired);
    assert!(store.usable(0, START.plus(MAX_STALENESS - SECOND)).is_some());
    assert!(store.usable(0, START.plus(MAX_STALENESS)).is_none());
}

#[test]
fn an_answer_tells_which_keys_came_and_went() {
    let mut store = store();
    assert_eq!(store.finish(0, document(&["a", "b"]), START, 0).added, ["a", "b"]);
    assert!(store.finish(0, document(&["b", "a"]), START, 0).is_empty(), "another order is no change");
    let change = store.finish(0, document(&["b", "c"]), START, 0);
    assert_eq!((change.added, change.removed), (vec!["c".to_owned()], vec!["a".to_owned()]));
}

#[test]
fn failures_back_off_up_to_a_cap_and_an_answer_ends_them() {
    let mut store = store();
    for (failures, longest) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (40, 10)] {
        while store.failures(0) < failures {
            store.fail(0, START, u64::MAX);
        }
        assert!(!store.is_due(0, START.plus(SECOND * longest / 2 - Duration::from_millis(1))), "{failures}");
        assert!(store.is_due(0, START.plus(SECOND * longest)), "{failures}");
        assert_eq!(store.cure_missing(0, START, Patience::MayWait), Cure::Unreachable);
    }
    store.finish(0, document(&["a"]), START, 0);
    assert_eq!((store.failures(0), store.is_due(0, START)), (0, false));
}

#[test]
fn one_fetch_is_under_way_at_a_time_and_a_lost_one_is_started_again() {
    let mut store = store();
    assert_eq!(store.due(START), [0]);
    store.begin(0, START);
    assert!(store.due(START).is_empty() && store.in_flight(0, START));
    assert_eq!(store.cure_missing(0, START, Patience::MayWait), Cure::Fetch);
    assert_eq!(store.due(START.plus(7 * SECOND)), [0]);
}

#[test]
fn an_unknown_key_is_not_told_from_a_new_one_while_the_key_server_is_down() {
    let mut store = store();
    store.finish(0, document(&["a"]), START, 0);
    assert_eq!(store.cure_unknown(0, "x", START, Patience::MayWait), Cure::Fetch);
    store.begin(0, START);
    store.fail(0, START, 0);
    assert_eq!(store.cure_unknown(0, "x", START, Patience::Over), Cure::Unreachable);
    store.finish(0, document(&["a"]), START, 0);
    assert_eq!(store.cure_unknown(0, "x", START, Patience::Over), Cure::None);
    assert_eq!(store.cure_unknown(0, "x", START.plus(40 * SECOND), Patience::MayWait), Cure::None, "remembered");
    assert_eq!(store.cure_unknown(0, "x", START.plus(61 * SECOND), Patience::MayWait), Cure::Fetch);
}

#[test]
fn a_clock_that_is_set_back_stops_no_fetch() {
    let mut store = store();
    store.fail(0, START, 0);
    assert!(store.is_due(0, UnixNanos(START.0 / 2)));
    store.finish(0, document(&["a"]), START, 0);
    assert!(store.is_due(0, UnixNanos(START.0 / 2)));
}

#[test]
fn a_newer_store_inherits_keys_but_no_fetch_that_is_under_way() {
    let (mut old, mut new, empty) = (store(), store(), store());
    old.finish(0, document(&["a"]), START, 0);
    old.begin(0, START);
    new.inherit(&old);
    new.inherit(&empty);
    assert!(new.usable(0, START).is_some() && !new.in_flight(0, START));
}

/// RFC 7515 A.3; its claims are of `joe`, until 1300819380.
const TOKEN: &str = "Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

#[test]
fn a_decision_without_keys_is_a_fault_and_with_them_it_is_one() {
    let config = br#"{"authentication":{"jwtRules":[{"issuer":"joe","jwksUri":"https://joe.example/k","jwksCluster":"joe"}]},
        "authorization":{"policies":[{"name":"all","rules":[{"from":[{"source":{"requestPrincipals":["*"]}}]}]}]}}"#;
    let mut engine = Engine::new(countersign_core::config::parse(config).expect("a configuration"));
    let now = UnixNanos::from_seconds(1_300_819_000);
    let headers = [("authorization", TOKEN.as_bytes())];
    let request = RequestView {
        method: "GET",
        path: "/",
        host: "a",
        scheme: "http",
        headers: &headers,
        peer: Peer::default(),
        received: now,
    };
    assert!(matches!(engine.decide_or_wait(&request, now), Err(KeysNeeded { rule: 0 })));
    let fault = engine.decide(&request, now);
    assert_eq!((fault.facts.outcome, fault.facts.reason, fault.status()), (Outcome::Fault, "keys_unreachable", 503));
    engine.keys_asked(0, now);
    let changed = engine.keys_answered(0, Ok(document(&["a"])), now, 0).expect("good").expect("new keys");
    assert_eq!((changed.issuer, changed.change.added), ("joe", vec!["a".to_owned()]));
    let decision = engine.decide_or_wait(&request, now).expect("a decision");
    // The token has no `sub`, so that no principal can be made of it.
    assert_eq!(decision.facts.outcome, Outcome::Deny);
    assert!(matches!(decision.act, Act::Refuse(_)) && decision.identity.issuer == "joe");
}

#[derive(Debug, Clone)]
enum Event {
    Pass(u32),
    Begin,
    Good(u8),
    Fail(u64),
    Unknown(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..40_000_u32).prop_map(Event::Pass),
        Just(Event::Begin),
        (0..3_u8).prop_map(Event::Good),
        any::<u64>().prop_map(Event::Fail),
        any::<u8>().prop_map(Event::Unknown),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_promises_are_kept(events in prop::collection::vec(event(), 1..120)) {
        let (mut store, mut now) = (store(), START);
        let (mut fetched, mut provoked): (Option<UnixNanos>, Option<UnixNanos>) = (None, None);
        for event in events {
            match event {
                Event::Pass(seconds) => now = now.plus(SECOND * seconds),
                Event::Begin => store.begin(0, now),
                Event::Good(which) => {
                    store.finish(0, document(&[["a", "b", "c"][usize::from(which)]]), now, 7);
                    fetched = Some(now);
                    prop_assert!(!store.is_due(0, now) && !store.in_flight(0, now));
                }
                Event::Fail(random) => {
                    let before = store.usable(0, now).is_some();
                    store.fail(0, now, random);
                    prop_assert_eq!(before, store.usable(0, now).is_some(), "a failure takes no key");
                    prop_assert!(!store.is_due(0, now) && store.is_due(0, now.plus(CACHE)));
                }
                Event::Unknown(id) => {
                    let flying = store.in_flight(0, now);
                    if store.cure_unknown(0, &id.to_string(), now, Patience::MayWait) == Cure::Fetch && !flying {
                        prop_assert!(provoked.is_none_or(|last| now.since(last) >= UNKNOWN_KEY_INTERVAL));
                        provoked = Some(now);
                    }
                }
            }
            let young = fetched.is_some_and(|fetched| now.since(fetched) < MAX_STALENESS);
            prop_assert_eq!(store.usable(0, now).is_some(), young);
            prop_assert!(store.is_due(0, now.plus(CACHE + 10 * SECOND)), "never stuck");
        }
    }
}
