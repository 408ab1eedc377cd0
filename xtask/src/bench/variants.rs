//! What is measured: the same requests, tokens and policy through different filters.

use crate::Failure;
use countersign_testbed::gateway::{AUDIT_CLUSTER, Gateway, NativeAccess, WasmFilter};
use countersign_testbed::load::Load;
use countersign_testbed::tokens::{Algorithm, Issuer};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The variant that the others are compared with.
pub(super) const BARE: &str = "no filter";
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "orders-api";
const ROLE: &str = "orders.reader";
/// Users who call; few enough for every cache.
const USERS: usize = 50;

/// A gateway with a name.
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) gateway: Gateway,
}

/// All variants: `module` is our filter, `collector` receives what is exported.
pub(super) fn all(module: &Path, collector: SocketAddr, folder: &Path) -> Result<Vec<Variant>, Failure> {
    let issuer = Issuer::fixed().map_err(Failure::failed)?;
    let bare = || Gateway::answering_itself().audit_to(collector);
    let native = || bare().native_access(&native_access(&issuer));
    let ours = |sinks: Value| bare().wasm(&WasmFilter::new(module, configuration(&issuer, &sinks).to_string()));
    let export = json!({"kind": "otlp-grpc", "cluster": AUDIT_CLUSTER, "maxBatch": 400, "flushInterval": "1s"});
    let variant = |name, gateway| Variant { name, gateway };
    Ok(vec![
        variant(BARE, bare()),
        variant("empty wasm filter", bare().wasm(&WasmFilter::new(empty(folder)?, ""))),
        variant("native jwt_authn (cached) + rbac", native()),
        variant("native + JSON access log to a file", native().file_log(folder.join("access.json"))),
        variant("native + OpenTelemetry access log by gRPC", native().opentelemetry_log()),
        variant("countersign, otlp-grpc", ours(json!([export]))),
        variant("countersign, log", ours(json!([{"kind": "log"}]))),
    ])
}

/// The requests: the same for all variants.
pub(super) fn load(connections: usize) -> Result<Load, Failure> {
    let issuer = Issuer::fixed().map_err(Failure::failed)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Failure::failed)?.as_secs();
    let claims = |user: usize| {
        json!({"iss": ISSUER, "aud": AUDIENCE, "sub": format!("user-{user}"), "roles": [ROLE, "staff"],
            "scope": "openid profile orders", "jti": format!("token-{user}"), "iat": now, "nbf": now, "exp": now + 3600})
    };
    let headers = [
        ("user-agent", "bench/1.0"),
        ("accept", "application/json"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    Ok(Load {
        connections,
        requests: 0,
        path: "/orders/4711".into(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        tokens: (0..USERS).map(|user| issuer.mint(Algorithm::Es256, &claims(user))).collect(),
    })
}

fn native_access(issuer: &Issuer) -> NativeAccess {
    NativeAccess {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        jwks: issuer.jwks(),
        roles_claim: "roles".into(),
        role: ROLE.into(),
    }
}

fn configuration(issuer: &Issuer, sinks: &Value) -> Value {
    json!({
        "host": "envoy",
        "mode": "enforce",
        "service": {"name": "bench-gateway", "namespace": "bench", "environment": "test"},
        "authentication": {"jwtRules": [{
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "jwks": issuer.jwks().to_string(),
            "rolesFrom": ["roles"]}]},
        "endpoints": ["/orders/{id}"],
        "authorization": {"unmatched": "deny", "policies": [{
            "name": "read-orders",
            "action": "ALLOW",
            "rules": [{
                "from": [{"source": {"roles": [ROLE]}}],
                "to": [{"operation": {"methods": ["GET"], "paths": ["/orders", "/orders/{*}"]}}]}]}]},
        "audit": {"sinks": sinks}})
}

fn empty(folder: &Path) -> Result<std::path::PathBuf, Failure> {
    let module = wat::parse_str(include_str!("empty.wat")).map_err(Failure::failed)?;
    let path = folder.join("empty.wasm");
    fs::write(&path, module).map_err(Failure::failed)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_testbed::envoy::{Binary, Envoy};

    #[test]
    fn the_variants_that_need_no_filter_of_ours_answer_200_on_a_real_envoy() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        let binary = Binary::locate().unwrap();
        let load = Load { requests: 60, ..load(2).unwrap() };
        for (number, variant) in all(Path::new("/nowhere.wasm"), nobody, folder.path()).unwrap().into_iter().enumerate() {
            if variant.name.starts_with("countersign") {
                continue;
            }
            let envoy = Envoy::start(&binary, &variant.gateway, &folder.path().join(number.to_string())).unwrap();
            assert_eq!(load.run(envoy.address()).unwrap().statuses, [(200, 60)].into(), "{}", variant.name);
        }
    }
}
