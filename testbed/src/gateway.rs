//! What an Envoy bootstrap contains: listener, filters, clusters, access logs.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The cluster that the audit export calls.
pub const AUDIT_CLUSTER: &str = "otel";
/// The cluster of the service behind the gateway.
pub const UPSTREAM_CLUSTER: &str = "upstream";
/// The name of the one route.
pub const ROUTE: &str = "everything";
const JWT_FILTER: &str = "envoy.filters.http.jwt_authn";

/// A gateway: one listener on a free loopback port and what happens to its requests.
#[derive(Debug, Clone)]
pub struct Gateway {
    answer: Answer,
    filters: Vec<Value>,
    access_logs: Vec<Value>,
    clusters: Vec<Value>,
    paths: Paths,
}

/// Who makes paths canonical.
#[derive(Debug, Clone, Copy)]
enum Paths {
    /// The gateway, before any filter.
    Normalized,
    /// Whoever comes after it.
    AsReceived,
}

/// Who answers an allowed request.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Upstream,
    Gateway,
}

/// A filter in a `.wasm` file with its configuration.
#[derive(Debug, Clone)]
pub struct WasmFilter {
    /// The file.
    pub module: PathBuf,
    /// The plugin configuration, handed over as it is.
    pub configuration: String,
    /// How long Envoy waits before it rebuilds a VM that trapped.
    pub reload_backoff: Duration,
}

/// Envoy's own token check and role check: what the filter replaces.
#[derive(Debug, Clone)]
pub struct NativeAccess {
    /// The issuer of the tokens.
    pub issuer: String,
    /// The audience that they need.
    pub audience: String,
    /// The keys.
    pub jwks: Value,
    /// The claim with the list of roles, and the role that may pass.
    pub roles_claim: String,
    /// The role that may pass.
    pub role: String,
}

impl WasmFilter {
    /// A filter with Envoy's usual backoff of one second.
    #[must_use]
    pub fn new(module: impl Into<PathBuf>, configuration: impl Into<String>) -> Self {
        Self { module: module.into(), configuration: configuration.into(), reload_backoff: Duration::from_secs(1) }
    }
}

impl Gateway {
    /// A gateway in front of a service.
    #[must_use]
    pub fn to(upstream: SocketAddr) -> Self {
        let clusters = vec![cluster(UPSTREAM_CLUSTER, upstream)];
        Self { answer: Answer::Upstream, filters: Vec::new(), access_logs: Vec::new(), clusters, paths: Paths::Normalized }
    }

    /// A gateway that answers 200 itself, so that a measurement holds no upstream.
    #[must_use]
    pub fn answering_itself() -> Self {
        Self {
            answer: Answer::Gateway,
            filters: Vec::new(),
            access_logs: Vec::new(),
            clusters: Vec::new(),
            paths: Paths::Normalized,
        }
    }

    /// Adds the cluster [`AUDIT_CLUSTER`] (HTTP/2).
    #[must_use]
    pub fn audit_to(mut self, collector: SocketAddr) -> Self {
        self.clusters.push(over_http2(cluster(AUDIT_CLUSTER, collector)));
        self
    }

    /// Adds another cluster (HTTP/1.1), such as one for key sets.
    #[must_use]
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.clusters.push(cluster(name, address));
        self
    }

    /// Adds a wasm filter after those already there.
    #[must_use]
    pub fn wasm(mut self, filter: &WasmFilter) -> Self {
        self.filters.push(wasm(filter));
        self
    }

    /// Adds Envoy's own jwt_authn (with its token cache) and rbac.
    #[must_use]
    pub fn native_access(mut self, access: &NativeAccess) -> Self {
        self.filters.push(native_authentication(access));
        self.filters.push(native_authorization(access));
        self
    }

    /// Adds Envoy's own JSON access log to a file.
    #[must_use]
    pub fn file_log(mut self, path: impl Into<PathBuf>) -> Self {
        let fields = access_fields();
        self.access_logs.push(json!({"name": "envoy.access_loggers.file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path.into(),
            "log_format": {"json_format": fields}}}));
        self
    }

    /// Adds Envoy's own OpenTelemetry access log to the cluster [`AUDIT_CLUSTER`].
    #[must_use]
    pub fn opentelemetry_log(mut self) -> Self {
        let attributes: Vec<Value> = access_fields()
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| json!({"key": name, "value": {"string_value": value}}))
            .collect();
        self.access_logs.push(json!({"name": "envoy.access_loggers.open_telemetry", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            "common_config": {
                "log_name": "access",
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": AUDIT_CLUSTER}}},
            "body": {"string_value": "access"},
            "attributes": {"values": attributes}}}));
        self
    }

    /// The static part: clusters, admin interface, and where the listener is to be read from.
    #[must_use]
    pub fn bootstrap(&self, listener_file: &std::path::Path) -> Value {
        json!({
            "node": {"id": "testbed", "cluster": "testbed"},
            "admin": {"address": address(SocketAddr::from(([127, 0, 0, 1], 0)))},
            "dynamic_resources": {"lds_config": {"resource_api_version": "V3", "path_config_source": {"path": listener_file}}},
            "static_resources": {"clusters": self.clusters},
        })
    }

    /// Leaves paths as clients sent them, so that a filter's own normalisation shows.
    #[must_use]
    pub fn paths_as_received(mut self) -> Self {
        self.paths = Paths::AsReceived;
        self
    }

    /// The listener as a discovery response, which Envoy reads again whenever the file is replaced.
    #[must_use]
    pub fn listeners(&self, version: u64) -> Value {
        json!({"version_info": version.to_string(), "resources": [self.listener()]})
    }

    fn listener(&self) -> Value {
        let mut filters = self.filters.clone();
        filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}));
        let normalized = matches!(self.paths, Paths::Normalized);
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "gateway",
            "generate_request_id": true,
            "normalize_path": normalized,
            "merge_slashes": normalized,
            "path_with_escaped_slashes_action": if normalized { "REJECT_REQUEST" } else { "KEEP_UNCHANGED" },
            "access_log": self.access_logs,
            "http_filters": filters,
            "route_config": {"name": "routes", "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [self.route()]}]}});
        json!({
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": "gateway",
            "address": address(SocketAddr::from(([127, 0, 0, 1], 0))),
            "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]})
    }

    fn route(&self) -> Value {
        let matching = json!({"prefix": "/"});
        match self.answer {
            Answer::Upstream => json!({"name": ROUTE, "match": matching, "route": {"cluster": UPSTREAM_CLUSTER}}),
            Answer::Gateway => {
                json!({"name": ROUTE, "match": matching, "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}}})
            }
        }
    }
}

fn address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn cluster(name: &str, at: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(at)}}]}]}})
}

fn over_http2(mut cluster: Value) -> Value {
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}}}});
    if let Value::Object(members) = &mut cluster {
        members.insert("typed_extension_protocol_options".into(), options);
    }
    cluster
}

fn wasm(filter: &WasmFilter) -> Value {
    let backoff = format!("{:.3}s", filter.reload_backoff.as_secs_f64());
    json!({"name": "countersign", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "countersign",
            "failure_policy": "FAIL_RELOAD",
            "reload_config": {"backoff": {"base_interval": backoff}},
            "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": filter.configuration},
            "vm_config": {
                "vm_id": "countersign",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": filter.module}}}}}})
}

fn native_authentication(access: &NativeAccess) -> Value {
    json!({"name": JWT_FILTER, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"issuer": {
            "issuer": access.issuer,
            "audiences": [access.audience],
            "local_jwks": {"inline_string": access.jwks.to_string()},
            "jwt_cache_config": {"jwt_cache_size": 1000},
            "payload_in_metadata": "claims"}},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}]}})
}

fn native_authorization(access: &NativeAccess) -> Value {
    let role = json!({"metadata": {
        "filter": JWT_FILTER,
        "path": [{"key": "claims"}, {"key": access.roles_claim}],
        "value": {"list_match": {"one_of": {"string_match": {"exact": access.role}}}}}});
    json!({"name": "envoy.filters.http.rbac", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        "rules": {"action": "ALLOW", "policies": {"role": {
            "permissions": [{"and_rules": {"rules": [
                {"header": {"name": ":method", "string_match": {"exact": "GET"}}},
                {"url_path": {"path": {"prefix": "/orders"}}}]}}],
            "principals": [role]}}}}})
}

/// What an access log must hold to say the same as an audit event, without its proof.
fn access_fields() -> Value {
    json!({
        "time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "host": "%REQ(:AUTHORITY)%",
        "path": "%REQ(:PATH)%",
        "protocol": "%PROTOCOL%",
        "user_agent": "%REQ(USER-AGENT)%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "traceparent": "%REQ(TRACEPARENT)%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "duration": "%DURATION%",
        "bytes_sent": "%BYTES_SENT%",
        "source": "%DOWNSTREAM_REMOTE_ADDRESS%",
        "route": "%ROUTE_NAME%",
        "cluster": "%UPSTREAM_CLUSTER%",
        "upstream": "%UPSTREAM_HOST%",
        "subject": format!("%DYNAMIC_METADATA({JWT_FILTER}:claims:sub)%"),
        "issuer": format!("%DYNAMIC_METADATA({JWT_FILTER}:claims:iss)%"),
        "roles": format!("%DYNAMIC_METADATA({JWT_FILTER}:claims:roles)%"),
    })
}
