//! Where the keys of a rule come from.

use super::super::Host;
use super::super::decode::{Faults, Path};
use super::MAX_CLUSTER;
use crate::identity::keys::{KeyAddress, KeySource, MAX_STALENESS, RemoteKeys};
use crate::jose::KeySet;
use std::time::Duration;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_CACHE_DURATION: Duration = Duration::from_secs(600);
const SHORTEST_CACHE_DURATION: Duration = Duration::from_secs(1);

/// What people write of a rule's keys.
pub(super) struct Wire {
    pub(super) jwks: Option<String>,
    pub(super) jwks_uri: Option<String>,
    pub(super) jwks_cluster: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) jwks_cache_duration: Option<Duration>,
}

/// Exactly one of the two sources. `host` is absent where the configuration names none that is known.
pub(super) fn key_source(wire: Wire, host: Option<Host>, at: &Path<'_>, faults: &mut Faults) -> Option<KeySource> {
    match (&wire.jwks, &wire.jwks_uri) {
        (Some(_), Some(_)) => {
            faults.add(&at.field("jwks"), "stands beside `jwksUri`, expected one of the two");
            None
        }
        (None, Some(uri)) => remote(uri, &wire, host, at, faults).map(KeySource::Remote),
        (Some(jwks), None) => {
            fetching_fields_are_absent(&wire, at, faults);
            key_set(jwks, &at.field("jwks"), faults).map(KeySource::Inline)
        }
        (None, None) => {
            faults.add(&at.field("jwks"), "missing, expected a JWK Set in a string (RFC 7517 §5), or `jwksUri`");
            None
        }
    }
}

fn fetching_fields_are_absent(wire: &Wire, at: &Path<'_>, faults: &mut Faults) {
    let present = [
        ("jwksCluster", wire.jwks_cluster.is_some()),
        ("timeout", wire.timeout.is_some()),
        ("jwksCacheDuration", wire.jwks_cache_duration.is_some()),
    ];
    for (name, _) in present.into_iter().filter(|(_, present)| *present) {
        faults.add(&at.field(name), "means nothing without `jwksUri`");
    }
}

/// The keys of a rule. A set with bad keys beside good ones is kept for the good ones when it is fetched; written into a
/// configuration, a bad key is a mistake of whoever wrote it.
fn key_set(jwks: &str, at: &Path<'_>, faults: &mut Faults) -> Option<KeySet> {
    match KeySet::parse(jwks.as_bytes()) {
        Ok((keys, bad)) => {
            bad.iter().for_each(|fault| faults.add(at, fault));
            Some(keys)
        }
        Err(fault) => {
            faults.add(at, fault);
            None
        }
    }
}

fn remote(uri: &str, wire: &Wire, host: Option<Host>, at: &Path<'_>, faults: &mut Faults) -> Option<RemoteKeys> {
    let address = KeyAddress::parse(uri);
    if address.is_none() {
        let message = format_args!("found `{uri}`, expected an `http` or `https` URI with a host, without user or fragment");
        faults.add(&at.field("jwksUri"), message);
    }
    if let Some(host @ (Host::Apisix | Host::Generic)) = host {
        // APISIX numbers callouts anew for each request and answers them on the root context: two requests that wait could
        // not be told apart, and one that is not found goes on undecided.
        let message = format_args!("needs HTTP callouts that host `{}` lacks, expected the keys in `jwks`", host.word());
        faults.add(&at.field("jwksUri"), message);
    }
    let range = (Duration::from_millis(1), LONGEST_TIMEOUT);
    let timeout = within(wire.timeout, DEFAULT_TIMEOUT, range, &at.field("timeout"), faults);
    let range = (SHORTEST_CACHE_DURATION, MAX_STALENESS);
    let cache_duration = within(wire.jwks_cache_duration, DEFAULT_CACHE_DURATION, range, &at.field("jwksCacheDuration"), faults);
    let upstream = upstream(wire.jwks_cluster.as_deref(), address.as_ref(), host, &at.field("jwksCluster"), faults);
    Some(RemoteKeys { address: address?, upstream: upstream?, timeout: timeout?, cache_duration: cache_duration? })
}

/// Envoy calls out by cluster; the other hosts by name or address, which the URI has.
fn upstream(
    cluster: Option<&str>,
    address: Option<&KeyAddress>,
    host: Option<Host>,
    at: &Path<'_>,
    faults: &mut Faults,
) -> Option<String> {
    match cluster {
        Some(cluster) if !cluster.is_empty() && cluster.len() <= MAX_CLUSTER => Some(cluster.to_owned()),
        None if host.is_some_and(|host| host != Host::Envoy) => address.map(|address| address.authority().to_owned()),
        _ => {
            faults.add(at, format_args!("expected the name of the upstream cluster of `jwksUri`, 1 to {MAX_CLUSTER} bytes"));
            None
        }
    }
}

fn within(
    wire: Option<Duration>,
    default: Duration,
    (least, most): (Duration, Duration),
    at: &Path<'_>,
    faults: &mut Faults,
) -> Option<Duration> {
    let value = wire.unwrap_or(default);
    if (least..=most).contains(&value) {
        return Some(value);
    }
    faults.add(at, format_args!("found {value:?}, expected {least:?} to {most:?}"));
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn faults(host: &str, rule: Value) -> Vec<String> {
        let mut rule = rule;
        rule["issuer"] = json!("https://issuer.example");
        let config = json!({"host": host, "authentication": {"jwtRules": [rule]}, "authorization": {}});
        let found = crate::config::from_value(&config, [0; 32]).err().unwrap_or_default();
        found.into_iter().map(|fault| fault.path.replace("authentication.jwtRules[0].", "")).collect()
    }

    #[test]
    fn each_rule_has_exactly_one_source_of_keys() {
        let uri = "https://issuer.example/keys";
        let none: [&str; 0] = [];
        assert_eq!(faults("envoy", json!({"jwksUri": uri, "jwksCluster": "c"})), none);
        assert_eq!(faults("envoy", json!({"jwks": "{\"keys\":[]}"})), none);
        assert_eq!(faults("envoy", json!({})), ["jwks"]);
        assert_eq!(faults("envoy", json!({"jwks": "{\"keys\":[]}", "jwksUri": uri, "jwksCluster": "c"})), ["jwks"]);
        assert_eq!(faults("envoy", json!({"jwks": "{\"keys\":[]}", "jwksCluster": "c"})), ["jwksCluster"]);
        assert_eq!(faults("envoy", json!({"jwks": "{\"keys\":[]}", "timeout": "1s"})), ["timeout"]);
    }

    #[test]
    fn what_a_callout_needs_is_demanded() {
        let uri = "https://issuer.example/keys";
        let none: [&str; 0] = [];
        assert_eq!(faults("envoy", json!({"jwksUri": uri})), ["jwksCluster"]);
        assert_eq!(faults("envoy", json!({"jwksUri": uri, "jwksCluster": ""})), ["jwksCluster"]);
        assert_eq!(faults("nginx-wasm", json!({"jwksUri": uri})), none);
        assert_eq!(faults("apisix", json!({"jwksUri": uri})), ["jwksUri"]);
        assert_eq!(faults("generic", json!({"jwksUri": uri})), ["jwksUri"]);
        assert_eq!(faults("envoy", json!({"jwksUri": "issuer.example", "jwksCluster": "c"})), ["jwksUri"]);
        assert_eq!(faults("envoy", json!({"jwksUri": uri, "jwksCluster": "c", "timeout": "0s"})), ["timeout"]);
        let long = json!({"jwksUri": uri, "jwksCluster": "c", "jwksCacheDuration": "25h"});
        assert_eq!(faults("envoy", long), ["jwksCacheDuration"]);
    }
}
