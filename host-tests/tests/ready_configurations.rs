//! The configurations in `envoy/` that people copy: what the filter makes of each, on its host's profile.
//!
//! What surrounds the plugin configuration, such as Istio's resource, is not tested here but on that host.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests are tests")]

use countersign_harness::{Host, Plugin, Profile};
use countersign_host_tests::artifacts;
use countersign_testbed::tokens::{Algorithm, Issuer};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

const NOW: u64 = 1_795_519_353;
/// Stands for the key set of whoever copies the file.
const NO_KEYS: &str = r#"{"keys": []}"#;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy").join(name)).expect("the file is there")
}

/// The plugin configuration at a place of a YAML file.
fn within(name: &str, pointer: &str) -> Value {
    let document: Value = serde_saphyr::from_str(&file(name)).expect("YAML");
    document.pointer(pointer).expect("a plugin configuration").clone()
}

/// The plugin configuration of nginx' directive.
fn of_nginx() -> Value {
    let text = file("nginx.conf");
    let after = text.split_once("proxy_wasm countersign '").expect("the directive").1;
    serde_json::from_str(after.split_once("';").expect("its end").0).expect("JSON")
}

/// The host with the filter under this configuration, and a reader's token.
fn host(profile: Profile, mut configuration: Value) -> (Host, String) {
    let issuer = Issuer::fixed().unwrap();
    let keys = configuration.pointer_mut("/authentication/jwtRules/0/jwks").expect("keys");
    assert_eq!(*keys, json!(NO_KEYS), "nobody's keys are shipped");
    *keys = json!(issuer.jwks().to_string());
    // Delivery by gRPC is tested on real Envoy; here the log tells.
    *configuration.pointer_mut("/audit/sinks").expect("sinks") = json!([{"kind": "log"}]);
    let plugin = Plugin::compile(fs::read(artifacts::filter().unwrap()).unwrap()).unwrap();
    let host = Host::new(profile).clock(Duration::from_secs(NOW)).load(&plugin).unwrap();
    let host = host.configure(configuration.to_string()).expect("the configuration is accepted");
    let claims = json!({"iss": "https://issuer.example", "aud": "shop", "sub": "ada", "roles": ["orders.reader"], "iat": NOW, "exp": NOW + 60});
    (host, format!("Bearer {}", issuer.mint(Algorithm::Es256, &claims)))
}

/// Sends a GET; returns whether it was forwarded.
fn is_forwarded(host: &Host, authorization: Option<&str>) -> bool {
    let request = host.request().method("GET").path("/orders/7").authority("shop.example");
    let exchange = authorization.into_iter().fold(request, |request, token| request.header("authorization", token)).send();
    let forwarded = exchange.is_forwarded();
    if forwarded {
        exchange.respond(200, [("content-type", "text/plain")]).unwrap();
    }
    exchange.finish().unwrap();
    forwarded
}

/// As the file says, which is to observe: the outcomes that the events name, of a reader and of nobody.
fn observed(profile: Profile, configuration: Value) -> Vec<String> {
    let (host, token) = host(profile, configuration);
    assert!(is_forwarded(&host, Some(&token)) && is_forwarded(&host, None), "the mode is observe: nothing is refused");
    let lines = host.logs();
    let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(&line.message).ok());
    events.filter_map(|event| Some(event.pointer("/decision/outcome")?.as_str()?.to_owned())).collect()
}

/// With `mode: enforce`: whether a reader is forwarded, and whether nobody is.
fn enforced(profile: Profile, mut configuration: Value) -> [bool; 2] {
    assert_eq!(configuration["mode"], "observe");
    configuration["mode"] = json!("enforce");
    let (host, token) = host(profile, configuration);
    [is_forwarded(&host, Some(&token)), is_forwarded(&host, None)]
}

/// Both, on a host that says when a request has ended.
fn assert_witnessed_and_enforced(profile: &str, configuration: &Value) {
    assert_eq!(observed(named(profile), configuration.clone()), ["allow", "deny"]);
    assert_eq!(enforced(named(profile), configuration.clone()), [true, false]);
}

fn named(profile: &str) -> Profile {
    Profile::named(profile).expect("the harness knows the host")
}

#[test]
fn the_plugin_configuration_for_istio_decides_and_witnesses() {
    assert_witnessed_and_enforced("envoy", &within("istio-wasmplugin.yaml", "/spec/pluginConfig"));
}

#[test]
fn the_plugin_configuration_for_envoy_gateway_decides_and_witnesses() {
    assert_witnessed_and_enforced("envoy", &within("envoy-gateway-policy.yaml", "/spec/wasm/0/config"));
}

#[test]
fn the_plugin_configuration_for_nginx_decides_and_witnesses() {
    assert_witnessed_and_enforced("nginx-wasm", &of_nginx());
}

/// APISIX never says that a request has ended: what is witnessed there is not claimed here.
#[test]
fn the_plugin_configuration_for_apisix_decides() {
    let configuration = within("apisix.yaml", "/routes/0/plugins/countersign/conf");
    assert_eq!(enforced(named("apisix"), configuration), [true, false]);
}
