//! What policies may ask about a request: the connection, the request itself, and who was established.

use super::TrustedClaims;
use super::authenticate::{self, Caller};
use crate::authz::{self, Attributes, RequestPrincipal};
use crate::config::Config;
use crate::event::Method;
use crate::request::RequestView;
use crate::time::UnixNanos;

/// The parts of a caller that policies ask about, borrowed.
pub(super) struct AttributeParts<'a> {
    principal: Option<RequestPrincipal<'a>>,
    audiences: Vec<&'a str>,
    presenter: Option<&'a str>,
    claims: Option<&'a serde_json::Map<String, serde_json::Value>>,
    roles: Vec<&'a str>,
    scopes: Vec<&'a str>,
}

impl<'a> AttributeParts<'a> {
    pub(super) fn of(caller: &'a Caller, trusted: Option<TrustedClaims<'a>>, config: &'a Config) -> Self {
        match trusted {
            Some(trusted) => Self::trusted(trusted, config),
            None => Self::verified(caller),
        }
    }

    fn verified(caller: &'a Caller) -> Self {
        let identity = &caller.identity;
        let strings = |list: &'a [String]| list.iter().map(String::as_str).collect();
        let principal =
            (identity.method == Method::Jwt).then_some(RequestPrincipal { issuer: &identity.issuer, subject: &identity.subject });
        Self {
            principal,
            audiences: strings(&identity.audiences),
            presenter: (!identity.client.is_empty()).then_some(identity.client.as_str()),
            claims: caller.token.as_ref().map(|token| token.claims.all()),
            roles: strings(&identity.roles),
            scopes: strings(&identity.scopes),
        }
    }

    fn trusted(trusted: TrustedClaims<'a>, config: &'a Config) -> Self {
        let claim = |name: &str| trusted.claims.and_then(|claims| claims.get(name));
        let strings = |name: &str| authenticate::strings(trusted.claims, name, config);
        let principal = trusted.request_principal.map(RequestPrincipal::parse).or_else(|| {
            let text = |name: &str| claim(name).and_then(serde_json::Value::as_str);
            Some(RequestPrincipal { issuer: text("iss")?, subject: text("sub")? })
        });
        let roles_from = config.authentication.rules.iter().flat_map(|rule| &rule.roles_from);
        let granted: Vec<&str> = match config.authentication.rules.is_empty() {
            true => strings("roles"),
            false => roles_from.flat_map(|name| strings(name)).collect(),
        };
        Self {
            principal,
            audiences: strings("aud"),
            presenter: claim("azp").or_else(|| claim("client_id")).and_then(serde_json::Value::as_str),
            claims: trusted.claims,
            roles: config.roles.effective(granted),
            scopes: strings("scope"),
        }
    }
}

/// Everything that policies may ask about a request, in their form.
pub(super) fn attributes<'a>(
    request: &RequestView<'a>,
    now: UnixNanos,
    path: &'a str,
    peers: &'a [&'a str],
    subject: &'a AttributeParts<'a>,
    caller: &'a Caller,
    service: Option<authz::Caller<'a>>,
) -> Attributes<'a> {
    Attributes {
        method: request.method,
        path,
        host: request.host,
        headers: request.headers,
        source_ip: request.peer.source_ip,
        remote_ip: request.peer.remote_ip,
        destination_ip: request.peer.destination_ip,
        destination_port: request.peer.destination_port,
        sni: request.peer.sni,
        peer_principals: peers,
        request_principal: subject.principal,
        audiences: &subject.audiences,
        presenter: subject.presenter,
        claims: subject.claims,
        roles: &subject.roles,
        scopes: &subject.scopes,
        service: service.filter(|service| !service.out_of_bounds).map(|service| service.name),
        service_state: service.map(|service| service.state_word()),
        api_key: caller.api_key.as_deref(),
        now,
    }
}
