//! Conditions in words, for whoever wants to know why one holds or not.

use super::attributes::Attributes;
use super::clock::{DaySpan, Weekdays};
use super::condition::{Condition, Test, claim, joined_header, path_segment};
use super::pattern::Pattern;
use super::principal::SpiffeId;
use serde_json::Value;
use std::fmt::Display;
use std::net::IpAddr;

impl Condition {
    /// The values that the condition compares with, as people write them.
    #[must_use]
    pub fn expected(&self) -> Vec<String> {
        self.test.expected()
    }

    /// What the request has there; empty when it has nothing.
    #[must_use]
    pub fn found(&self, attributes: &Attributes<'_>) -> Vec<String> {
        self.test.found(attributes)
    }
}

impl Test {
    fn expected(&self) -> Vec<String> {
        match self {
            Self::Principal(patterns) => texts(patterns),
            Self::Namespace(patterns) => patterns.iter().map(|pattern| pattern.0.clone()).collect(),
            Self::ServiceAccount(accounts) => texts(accounts),
            Self::RequestPrincipal(patterns) => texts(patterns),
            Self::SourceIp(blocks) | Self::RemoteIp(blocks) | Self::DestinationIp(blocks) => texts(blocks),
            Self::Port(ports) => texts(ports),
            Self::Path(patterns) => texts(patterns),
            Self::TimeOfDay(spans) => spans.iter().map(DaySpan::to_string).collect(),
            Self::Weekday(days) => days.iter().map(Weekdays::to_string).collect(),
            Self::Reference(reference) => {
                let others = reference.others.iter().map(|(key, _)| format!("{{{key}}}"));
                reference.own.expected().into_iter().chain(others).collect()
            }
            Self::TrustDomain(patterns)
            | Self::Audience(patterns)
            | Self::Presenter(patterns)
            | Self::Claim(_, patterns)
            | Self::Role(patterns)
            | Self::Scope(patterns)
            | Self::Service(patterns)
            | Self::ApiKey(patterns)
            | Self::ServiceState(patterns)
            | Self::PathSegment(_, patterns)
            | Self::Host(patterns)
            | Self::Authority(patterns)
            | Self::Method(patterns)
            | Self::Header(_, patterns)
            | Self::Sni(patterns) => patterns.iter().map(Pattern::to_string).collect(),
        }
    }
    /// What the request has there; empty when it has nothing.
    #[must_use]
    pub fn found(&self, attributes: &Attributes<'_>) -> Vec<String> {
        let peers = attributes.peer_principals;
        let spiffe = || peers.iter().filter_map(|peer| SpiffeId::parse(peer));
        match self {
            Self::Principal(_) => texts(peers),
            Self::Namespace(_) => spiffe().filter_map(|id| id.namespace()).map(str::to_owned).collect(),
            Self::ServiceAccount(_) => {
                spiffe().filter_map(|id| Some(format!("{}/{}", id.namespace()?, id.value_of("sa")?))).collect()
            }
            Self::TrustDomain(_) => spiffe().map(|id| id.trust_domain.to_owned()).collect(),
            Self::RequestPrincipal(_) => attributes
                .request_principal
                .iter()
                .map(|principal| format!("{}/{}", principal.issuer, principal.subject))
                .collect(),
            Self::Audience(_) => texts(attributes.audiences),
            Self::Presenter(_) => texts(attributes.presenter.as_slice()),
            Self::Claim(path, _) => claim(attributes, path).map(claim_texts).unwrap_or_default(),
            Self::Role(_) => texts(attributes.roles),
            Self::Scope(_) => texts(attributes.scopes),
            Self::Service(_) => texts(attributes.service.as_slice()),
            Self::ServiceState(_) => texts(attributes.service_state.as_slice()),
            Self::PathSegment(number, _) => texts(path_segment(attributes.path, *number).as_slice()),
            Self::Reference(reference) => reference.own.found(attributes),
            Self::ApiKey(_) => texts(attributes.api_key.as_slice()),
            Self::SourceIp(_) => address(attributes.source_ip),
            Self::RemoteIp(_) => address(attributes.remote_ip.or(attributes.source_ip)),
            Self::DestinationIp(_) => address(attributes.destination_ip),
            Self::Port(_) => texts(attributes.destination_port.as_slice()),
            Self::Host(_) | Test::Authority(_) => vec![attributes.host.to_owned()],
            Self::Method(_) => vec![attributes.method.to_owned()],
            Self::Path(_) => vec![attributes.path.to_owned()],
            Self::Header(name, _) => joined_header(attributes.headers, name).into_iter().map(String::from).collect(),
            Self::Sni(_) => texts(attributes.sni.as_slice()),
            Self::TimeOfDay(_) | Self::Weekday(_) => vec![attributes.now.to_string()],
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
