//! Conditions in words, for whoever wants to know why one holds or not.

use super::attributes::Attributes;
use super::clock::{DaySpan, Weekdays};
use super::condition::{Condition, Test, claim, joined_header};
use super::pattern::Pattern;
use super::principal::SpiffeId;
use serde_json::Value;
use std::fmt::Display;
use std::net::IpAddr;

impl Condition {
    /// The values that the condition compares with, as people write them.
    #[must_use]
    pub fn expected(&self) -> Vec<String> {
        match &self.test {
            Test::Principal(patterns) => texts(patterns),
            Test::Namespace(patterns) => patterns.iter().map(|pattern| pattern.0.clone()).collect(),
            Test::ServiceAccount(accounts) => texts(accounts),
            Test::RequestPrincipal(patterns) => texts(patterns),
            Test::SourceIp(blocks) | Test::RemoteIp(blocks) | Test::DestinationIp(blocks) => texts(blocks),
            Test::Port(ports) => texts(ports),
            Test::Path(patterns) => texts(patterns),
            Test::TimeOfDay(spans) => spans.iter().map(DaySpan::to_string).collect(),
            Test::Weekday(days) => days.iter().map(Weekdays::to_string).collect(),
            Test::TrustDomain(patterns)
            | Test::Audience(patterns)
            | Test::Presenter(patterns)
            | Test::Claim(_, patterns)
            | Test::Role(patterns)
            | Test::Scope(patterns)
            | Test::Service(patterns)
            | Test::ApiKey(patterns)
            | Test::Host(patterns)
            | Test::Authority(patterns)
            | Test::Method(patterns)
            | Test::Header(_, patterns)
            | Test::Sni(patterns) => patterns.iter().map(Pattern::to_string).collect(),
        }
    }

    /// What the request has there; empty when it has nothing.
    #[must_use]
    pub fn found(&self, attributes: &Attributes<'_>) -> Vec<String> {
        let peers = attributes.peer_principals;
        let spiffe = || peers.iter().filter_map(|peer| SpiffeId::parse(peer));
        match &self.test {
            Test::Principal(_) => texts(peers),
            Test::Namespace(_) => spiffe().filter_map(|id| id.namespace()).map(str::to_owned).collect(),
            Test::ServiceAccount(_) => {
                spiffe().filter_map(|id| Some(format!("{}/{}", id.namespace()?, id.value_of("sa")?))).collect()
            }
            Test::TrustDomain(_) => spiffe().map(|id| id.trust_domain.to_owned()).collect(),
            Test::RequestPrincipal(_) => attributes
                .request_principal
                .iter()
                .map(|principal| format!("{}/{}", principal.issuer, principal.subject))
                .collect(),
            Test::Audience(_) => texts(attributes.audiences),
            Test::Presenter(_) => texts(attributes.presenter.as_slice()),
            Test::Claim(path, _) => claim(attributes, path).map(claim_texts).unwrap_or_default(),
            Test::Role(_) => texts(attributes.roles),
            Test::Scope(_) => texts(attributes.scopes),
            Test::Service(_) => texts(attributes.service.as_slice()),
            Test::ApiKey(_) => texts(attributes.api_key.as_slice()),
            Test::SourceIp(_) => address(attributes.source_ip),
            Test::RemoteIp(_) => address(attributes.remote_ip.or(attributes.source_ip)),
            Test::DestinationIp(_) => address(attributes.destination_ip),
            Test::Port(_) => texts(attributes.destination_port.as_slice()),
            Test::Host(_) | Test::Authority(_) => vec![attributes.host.to_owned()],
            Test::Method(_) => vec![attributes.method.to_owned()],
            Test::Path(_) => vec![attributes.path.to_owned()],
            Test::Header(name, _) => joined_header(attributes.headers, name).into_iter().map(String::from).collect(),
            Test::Sni(_) => texts(attributes.sni.as_slice()),
            Test::TimeOfDay(_) | Test::Weekday(_) => vec![attributes.now.to_string()],
        }
    }
}

fn texts(items: &[impl Display]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn address(address: Option<IpAddr>) -> Vec<String> {
    address.iter().map(ToString::to_string).collect()
}

fn claim_texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect(),
        other => vec![other.to_string()],
    }
}
