//! A configuration as something that decides.

use super::{Answer, Request};
use countersign_core::authz::{Attributes, Policies, RequestPrincipal, Roles, Services, Verdict};
use countersign_core::config::authorization::Authorization;
use countersign_core::config::authorization::registry::{Role, Service};
use countersign_core::config::decode::{ConfigFault, Decode, Faults, Named, Path, field, mismatch};
use countersign_core::path;
use countersign_core::time::UnixNanos;
use serde_json::{Map, Value};

/// The sections of a configuration that others read.
const FOREIGN: &[&str] = &["host", "mode", "service", "authentication", "audit", "endpoints"];
const OWN: &[&str] = &["authorization", "roles", "services"];

/// Decides requests by a configuration.
#[derive(Debug)]
pub struct Engine {
    policies: Policies,
    roles: Roles,
    services: Services,
}

impl Engine {
    /// Compiles a configuration.
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn from_config(config: &Value) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Faults::default();
        let root = Path::Root;
        let Value::Object(object) = config else {
            let nothing = mismatch::<Named<Role>>(config, &root, &mut faults);
            return faults.into_result(nothing.and(None));
        };
        report_unknown(object, &mut faults);
        let authorization = match object.get("authorization") {
            Some(value) => Authorization::decode(value, &root.field("authorization"), &mut faults),
            None => Some(Authorization::default()),
        };
        let roles: Option<Named<Role>> = field(object, "roles", &root, &mut faults);
        let services: Option<Vec<Service>> = field(object, "services", &root, &mut faults);
        // What could be read is compiled although something else could not: a person wants all the faults at once.
        let mut found = faults.into_result(Some(())).err().unwrap_or_default();
        let policies = authorization.and_then(|wire| kept(Policies::compile(&wire), &mut found));
        let roles = roles.and_then(|wire| kept(Roles::compile(&wire), &mut found));
        let services = services.and_then(|wire| kept(Services::compile(&wire), &mut found));
        match (policies, roles, services) {
            (Some(policies), Some(roles), Some(services)) if found.is_empty() => Ok(Self { policies, roles, services }),
            _ => Err(found),
        }
    }

    /// Decides a request.
    #[must_use]
    pub fn decide(&self, request: &Request, now: UnixNanos) -> Answer {
        match path::normalize(&request.path, self.policies.path_normalization()) {
            Ok(path) => {
                let answer = self.with_attributes(request, &path, now, |attributes| answer(&self.policies.decide(attributes)));
                Answer { id: request.id.clone(), path: Some(path.into_owned()), ..answer }
            }
            Err(fault) => Answer::refused(request.id.clone(), 403, fault.code()),
        }
    }

    /// Gathers what is known of a request and hands it on.
    pub fn with_attributes<T>(
        &self,
        request: &Request,
        path: &str,
        now: UnixNanos,
        use_them: impl FnOnce(&Attributes<'_>) -> T,
    ) -> T {
        let headers: Vec<(&str, &[u8])> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let peer_principals: Vec<&str> = request.principals.iter().map(String::as_str).collect();
        let caller = self.services.identify(&peer_principals, request.source_ip);
        let claims = request.claims.as_ref();
        let roles = self.roles.effective(strings(claims, "roles"));
        let scopes: Vec<&str> = strings(claims, "scope").into_iter().flat_map(str::split_whitespace).collect();
        let audiences = strings(claims, "aud");
        use_them(&Attributes {
            method: &request.method,
            path,
            host: &request.host,
            headers: &headers,
            source_ip: request.source_ip,
            remote_ip: request.remote_ip,
            destination_ip: request.destination_ip,
            destination_port: request.port,
            sni: request.sni.as_deref(),
            peer_principals: &peer_principals,
            request_principal: request_principal(request),
            audiences: &audiences,
            presenter: claims.and_then(|claims| claims.get("azp")).and_then(Value::as_str),
            claims,
            roles: &roles,
            scopes: &scopes,
            service: caller.filter(|caller| !caller.out_of_bounds).map(|caller| caller.name),
            api_key: None,
            now,
        })
    }
}

fn answer(verdict: &Verdict<'_>) -> Answer {
    let status = if verdict.permit().is_some() { 200 } else { 403 };
    Answer {
        outcome: verdict.outcome,
        policy: verdict.policy.map(str::to_owned),
        rule: verdict.rule,
        ..Answer::refused(Value::Null, status, verdict.reason.code())
    }
}

fn request_principal(request: &Request) -> Option<RequestPrincipal<'_>> {
    let claim = |name: &str| request.claims.as_ref().and_then(|claims| claims.get(name)).and_then(Value::as_str);
    match (claim("iss"), claim("sub"), &request.request_principal) {
        (Some(issuer), Some(subject), _) => Some(RequestPrincipal { issuer, subject }),
        (_, _, Some(text)) => Some(RequestPrincipal::parse(text)),
        (_, _, None) => None,
    }
}

/// A claim that is a string or a list of strings.
fn strings<'a>(claims: Option<&'a Map<String, Value>>, name: &str) -> Vec<&'a str> {
    match claims.and_then(|claims| claims.get(name)) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn kept<T>(compiled: Result<T, Vec<ConfigFault>>, found: &mut Vec<ConfigFault>) -> Option<T> {
    compiled.map_err(|faults| found.extend(faults)).ok()
}

fn report_unknown(object: &Map<String, Value>, faults: &mut Faults) {
    for name in object.keys().filter(|name| !FOREIGN.contains(&name.as_str()) && !OWN.contains(&name.as_str())) {
        let expected = format_args!("unknown field, expected one of {}, {}", OWN.join(", "), FOREIGN.join(", "));
        faults.add(&Path::Root.field(name), expected);
    }
}
