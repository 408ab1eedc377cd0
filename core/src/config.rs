//! The plugin configuration: JSON on the wire, YAML where people write it.
//!
//! What people write is a wire type; what is meant is a plan. The wire is read section by section, so that the faults of
//! all sections are reported at once, and every field is either given a meaning or refused: nothing is accepted and ignored.
//!
//! | module | what it is for |
//! |---|---|
//! | [`authentication`] | identity, as people write it |
//! | [`authorization`] | policies, roles, services and endpoints, as people write them |
//! | [`audit`] | evidence, as people write it |
//! | [`decode`] | reading JSON values into wire types, with every fault at once |
//! | [`plan`] | what is meant |

pub mod audit;
pub mod authentication;
pub mod authorization;
pub mod decode;
pub mod plan;

use crate::authz::{Endpoints, Policies, Roles, Services};
use crate::chain::{Head, ServiceName, head_of};
use decode::{ConfigFault, Decode, Faults, Path, field, unknown_members, wire, wire_words};
use plan::{AuditPlan, AuthenticationPlan};
use serde_json::{Map, Value};

wire! {
    /// The plugin configuration.
    pub struct Plugin {
        /// The kind of gateway: decides clocks, properties and callouts. It cannot be found out by trying.
        "host" => host: Host,
        /// Whether a refusal is acted on.
        "mode" => mode: Mode,
        /// This gateway, as events name it.
        "service" => service: Option<Service>,
        /// How callers are established.
        "authentication" => authentication: Option<authentication::Authentication>,
        /// Who may call, and in what state they say they are.
        "services" => services: Vec<authorization::registry::Service>,
        /// Roles, and which others each includes.
        "roles" => roles: decode::Named<authorization::registry::Role>,
        /// Endpoint templates: usage is counted by these, never by the raw path.
        "endpoints" => endpoints: Vec<String>,
        /// Who may do what.
        "authorization" => authorization: Required<authorization::Authorization>,
        /// What is recorded and where it goes.
        "audit" => audit: Option<audit::Audit>,
    }
}

wire! {
    /// This gateway, as events name it.
    pub struct Service {
        /// Its name (`service.name`).
        "name" => name: Option<String>,
        /// Its namespace (`service.namespace`).
        "namespace" => namespace: Option<String>,
        /// Its environment (`deployment.environment.name`).
        "environment" => environment: Option<String>,
    }
}

wire_words! {
    /// The kinds of gateway.
    pub enum Host {
        /// Envoy, Istio, Envoy Gateway.
        "envoy" => Envoy,
        /// nginx with ngx_wasm_module.
        "nginx-wasm" => NginxWasm,
        /// APISIX.
        "apisix" => Apisix,
        /// Any other: only what every host has is used.
        "generic" => Generic,
    }
    absent: Self::Envoy
}

wire_words! {
    /// Whether a refusal is acted on.
    pub enum Mode {
        /// It is.
        "enforce" => Enforce,
        /// It is recorded, and the request passes.
        "observe" => Observe,
    }
    absent: Self::Enforce
}

impl Host {
    /// Whether the answer to a callout outlives the request that made it, and a request may wait for another's callout.
    /// Elsewhere a request that is held must have a callout of its own.
    #[must_use]
    pub const fn shares_callouts(self) -> bool {
        matches!(self, Self::Envoy)
    }
}

/// A section that must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Required<T>(pub T);

impl<T: Decode> Decode for Required<T> {
    fn expected() -> String {
        T::expected()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        T::decode(value, at, faults).map(Self)
    }
}

/// A configuration that was accepted.
#[derive(Debug)]
pub struct Config {
    /// The kind of gateway.
    pub host: Host,
    /// Whether a refusal is acted on.
    pub mode: Mode,
    /// This gateway.
    pub service: ServiceName,
    /// How callers are established.
    pub authentication: AuthenticationPlan,
    /// Who may call.
    pub services: Services,
    /// The hierarchy of roles.
    pub roles: Roles,
    /// Endpoint templates.
    pub endpoints: Endpoints,
    /// The policies.
    pub policies: Policies,
    /// What is recorded and where it goes.
    pub audit: AuditPlan,
    /// SHA-256 of the configuration as received.
    pub digest: Head,
}

/// Reads a configuration in JSON.
///
/// # Errors
/// Every fault, each with its path.
pub fn parse(text: &[u8]) -> Result<Config, Vec<ConfigFault>> {
    match crate::json::parse(text) {
        Ok(value) => from_value(&value, head_of(text)),
        Err(fault) => Err(vec![ConfigFault { path: String::new(), message: format!("not JSON: {fault}") }]),
    }
}

/// Reads a configuration from a value; `digest` is the SHA-256 of the text that it was read from.
///
/// # Errors
/// Every fault, each with its path.
pub fn from_value(value: &Value, digest: Head) -> Result<Config, Vec<ConfigFault>> {
    let mut faults = Faults::default();
    let Value::Object(object) = value else {
        faults.add(&Path::Root, "found something else, expected an object with the plugin's configuration");
        return faults.into_result(None);
    };
    unknown_members(object, Plugin::FIELDS, &Path::Root, &mut faults);
    let config = Sections { object, faults: &mut faults }.read(digest);
    faults.into_result(config)
}

/// Reads each section by itself, so that a fault in one does not hide those of another.
struct Sections<'a> {
    object: &'a Map<String, Value>,
    faults: &'a mut Faults,
}

impl Sections<'_> {
    fn section<T: Decode>(&mut self, name: &str) -> Option<T> {
        field(self.object, name, &Path::Root, self.faults)
    }

    fn compiled<T>(&mut self, result: Result<T, Vec<ConfigFault>>) -> Option<T> {
        result.map_err(|found| self.faults.extend(found)).ok()
    }

    fn read(mut self, digest: Head) -> Option<Config> {
        let host = self.section("host");
        let mode = self.section("mode");
        let service = self.section("service").map(service_name);
        let authentication: Option<Option<authentication::Authentication>> = self.section("authentication");
        let services: Option<Vec<authorization::registry::Service>> = self.section("services");
        let roles: Option<decode::Named<authorization::registry::Role>> = self.section("roles");
        let endpoints: Option<Vec<String>> = self.section("endpoints");
        let authorization: Option<Required<authorization::Authorization>> = self.section("authorization");
        let audit: Option<Option<audit::Audit>> = self.section("audit");

        let destination = self.destination();
        let authentication =
            authentication.and_then(|wire| self.compiled(AuthenticationPlan::compile(wire, service.as_ref(), host)));
        let services = services.and_then(|wire| self.compiled(Services::compile(&wire)));
        let roles = roles.and_then(|wire| self.compiled(Roles::compile(&wire)));
        let endpoints = endpoints.and_then(|wire| self.compiled(Endpoints::compile(&wire)));
        let policies = match authorization {
            Some(wire) => self.compiled(Policies::compile(&wire.0)),
            None => {
                self.faults.extend(self.object.get("authorization").map(Policies::faults_behind).unwrap_or_default());
                None
            }
        };
        let audit = audit.and_then(|wire| self.compiled(AuditPlan::compile(wire, host?, digest, destination)));
        Some(Config {
            host: host?,
            mode: mode?,
            service: service?,
            authentication: authentication?,
            services: services?,
            roles: roles?,
            endpoints: endpoints?,
            policies: policies?,
            audit: audit?,
            digest,
        })
    }

    /// What tells one destination of evidence from another: two configurations that agree in it share a chain.
    fn destination(&self) -> Head {
        let parts = ["host", "service", "audit"].map(|name| self.object.get(name).cloned().unwrap_or(Value::Null));
        head_of(Value::Array(parts.into()).to_string().as_bytes())
    }
}

fn service_name(wire: Option<Service>) -> ServiceName {
    let Some(Service { name, namespace, environment }) = wire else { return ServiceName::default() };
    ServiceName {
        name: name.unwrap_or_default(),
        namespace: namespace.unwrap_or_default(),
        environment: environment.unwrap_or_default(),
    }
}
