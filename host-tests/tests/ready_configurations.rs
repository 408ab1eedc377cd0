//! The configurations in `envoy/` that people copy: what the filter makes of each, on its host's profile.
//!
//! What surrounds the plugin configuration, such as Istio's resource, is not tested here but on that host.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests")]

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

/// Runs a reader's request and one without a token; returns the outcomes that the events name.
fn outcomes(profile: Profile, mut configuration: Value) -> Vec<String> {
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
    let token = format!("Bearer {}", issuer.mint(Algorithm::Es256, &claims));
    for authorization in [Some(token.as_str()), None] {
        let request = host.request().method("GET").path("/orders/7").authority("shop.example");
        let exchange = authorization.into_iter().fold(request, |request, token| request.header("authorization", token)).send();
        assert!(exchange.is_forwarded(), "the mode is observe: nothing is refused");
        exchange.respond(200, [("content-type", "text/plain")]).unwrap();
        exchange.finish().unwrap();
    }
    let lines = host.logs();
    let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(&line.message).ok());
    events.filter_map(|event| Some(event.pointer("/decision/outcome")?.as_str()?.to_owned())).collect()
}

fn profile(name: &str) -> Profile {
    Profile::named(name).expect("the harness knows the host")
}

#[test]
fn the_plugin_configuration_for_istio_decides() {
    assert_eq!(outcomes(profile("envoy"), within("istio-wasmplugin.yaml", "/spec/pluginConfig")), ["allow", "deny"]);
}

#[test]
fn the_plugin_configuration_for_envoy_gateway_decides() {
    assert_eq!(outcomes(profile("envoy"), within("envoy-gateway-policy.yaml", "/spec/wasm/0/config")), ["allow", "deny"]);
}

#[test]
fn the_plugin_configuration_for_apisix_decides() {
    let configuration = within("apisix.yaml", "/routes/0/plugins/countersign/conf");
    assert_eq!(outcomes(profile("apisix"), configuration), ["allow", "deny"]);
}

#[test]
fn the_plugin_configuration_for_nginx_decides() {
    assert_eq!(outcomes(profile("nginx-wasm"), of_nginx()), ["allow", "deny"]);
}
