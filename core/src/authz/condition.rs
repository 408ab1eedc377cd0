//! One condition of a rule: an attribute and what it is compared with.

use super::attributes::Attributes;
use super::clock::{DaySpan, Weekdays};
use super::pattern::Pattern;
use super::principal::{NamespacePattern, PrincipalPattern, RequestPrincipalPattern, ServiceAccount, SpiffeId};
use super::template::PathPattern;
use crate::request::Header;
use ipnet::IpNet;
use serde_json::Value;
use std::borrow::Cow;
use std::net::IpAddr;

/// A condition: a test, and whether it must fail instead of hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// How people know it: `source.principals`, `notPaths` as `operation.notPaths`, or the key of a `when`.
    pub name: String,
    /// Whether the condition holds when the test does not: the `not` forms.
    pub negated: bool,
    /// What is tested.
    pub test: Test,
}

impl Condition {
    /// Whether the condition holds. An absent attribute fails every test, so its `not` form holds.
    #[must_use]
    pub fn holds(&self, attributes: &Attributes<'_>) -> bool {
        self.test.holds(attributes) != self.negated
    }
}

/// A test of one attribute against values of which one must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// An identity of the client certificate.
    Principal(Vec<PrincipalPattern>),
    /// Its namespace.
    Namespace(Vec<NamespacePattern>),
    /// Its service account.
    ServiceAccount(Vec<ServiceAccount>),
    /// Its trust domain.
    TrustDomain(Vec<Pattern>),
    /// Issuer and subject of the token.
    RequestPrincipal(Vec<RequestPrincipalPattern>),
    /// An audience of the token.
    Audience(Vec<Pattern>),
    /// The authorised party of the token.
    Presenter(Vec<Pattern>),
    /// A claim, by its path: a string, or a list of which one must fit.
    Claim(Vec<String>, Vec<Pattern>),
    /// A role that the caller holds.
    Role(Vec<Pattern>),
    /// A scope of the token.
    Scope(Vec<Pattern>),
    /// The calling service.
    Service(Vec<Pattern>),
    /// The state of the calling service.
    ServiceState(Vec<Pattern>),
    /// A segment of the path, from 1.
    PathSegment(usize, Vec<Pattern>),
    /// A test of an attribute, or that one of its values is one of another attribute's.
    Reference(Box<Reference>),
    /// The API key.
    ApiKey(Vec<Pattern>),
    /// The address of the connection.
    SourceIp(Vec<IpNet>),
    /// The address of the original client.
    RemoteIp(Vec<IpNet>),
    /// The local address.
    DestinationIp(Vec<IpNet>),
    /// The local port.
    Port(Vec<u16>),
    /// The host, whatever its case.
    Host(Vec<Pattern>),
    /// The host as it came, as the header that Envoy makes of it.
    Authority(Vec<Pattern>),
    /// The method.
    Method(Vec<Pattern>),
    /// The normalised path.
    Path(Vec<PathPattern>),
    /// A header by its lower-case name; its values are joined with `,`.
    Header(String, Vec<Pattern>),
    /// The server name of the TLS handshake.
    Sni(Vec<Pattern>),
    /// The time of day of the request.
    TimeOfDay(Vec<DaySpan>),
    /// The day of the week of the request.
    Weekday(Vec<Weekdays>),
}

impl Test {
    fn holds(&self, attributes: &Attributes<'_>) -> bool {
        let any = |patterns: &[Pattern], values: &[&str]| values.iter().any(|value| fits(patterns, value));
        let optional = |patterns: &[Pattern], value: Option<&str>| value.is_some_and(|value| fits(patterns, value));
        let peers = attributes.peer_principals;
        match self {
            Self::Principal(patterns) => peers.iter().any(|peer| patterns.iter().any(|pattern| pattern.matches(peer))),
            Self::Namespace(patterns) => peers.iter().any(|peer| patterns.iter().any(|pattern| pattern.matches(peer))),
            Self::ServiceAccount(accounts) => peers.iter().any(|peer| accounts.iter().any(|account| account.matches(peer))),
            Self::TrustDomain(patterns) => {
                peers.iter().filter_map(|peer| SpiffeId::parse(peer)).any(|id| fits(patterns, id.trust_domain))
            }
            Self::RequestPrincipal(patterns) => {
                attributes.request_principal.is_some_and(|principal| patterns.iter().any(|pattern| pattern.matches(principal)))
            }
            Self::Audience(patterns) => any(patterns, attributes.audiences),
            Self::Presenter(patterns) => optional(patterns, attributes.presenter),
            Self::Claim(path, patterns) => claim(attributes, path).is_some_and(|value| claim_fits(patterns, value)),
            Self::Role(patterns) => any(patterns, attributes.roles),
            Self::Scope(patterns) => any(patterns, attributes.scopes),
            Self::Service(patterns) => optional(patterns, attributes.service),
            Self::ServiceState(patterns) => optional(patterns, attributes.service_state),
            Self::PathSegment(number, patterns) => optional(patterns, path_segment(attributes.path, *number)),
            Self::Reference(reference) => reference.holds(attributes),
            Self::ApiKey(patterns) => optional(patterns, attributes.api_key),
            Self::SourceIp(blocks) => within(blocks, attributes.source_ip),
            Self::RemoteIp(blocks) => within(blocks, attributes.remote_ip.or(attributes.source_ip)),
            Self::DestinationIp(blocks) => within(blocks, attributes.destination_ip),
            Self::Port(ports) => attributes.destination_port.is_some_and(|port| ports.contains(&port)),
            Self::Host(patterns) => patterns.iter().any(|pattern| pattern.matches_folded(attributes.host)),
            Self::Authority(patterns) => fits(patterns, attributes.host),
            Self::Method(patterns) => fits(patterns, attributes.method),
            Self::Path(patterns) => patterns.iter().any(|pattern| pattern.matches(attributes.path)),
            Self::Header(name, patterns) => joined_header(attributes.headers, name).is_some_and(|value| fits(patterns, &value)),
            Self::Sni(patterns) => optional(patterns, attributes.sni),
            Self::TimeOfDay(spans) => spans.iter().any(|span| span.contains(attributes.now)),
            Self::Weekday(days) => days.iter().any(|days| days.contains(attributes.now)),
        }
    }
}

fn fits(patterns: &[Pattern], value: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(value))
}

/// A segment of a path, from 1.
#[must_use]
pub fn path_segment(path: &str, number: usize) -> Option<&str> {
    path.strip_prefix('/')?.split('/').nth(number.checked_sub(1)?)
}

/// An attribute that is compared with others of the same request: a path segment with a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The attribute, and the literal values that it may have too.
    pub own: Test,
    /// The other attributes, by their keys.
    pub others: Vec<(String, Test)>,
}

impl Reference {
    fn holds(&self, attributes: &Attributes<'_>) -> bool {
        let found = self.own.found(attributes);
        let shares = |other: &Test| found.iter().any(|value| !value.is_empty() && other.found(attributes).contains(value));
        self.own.holds(attributes) || self.others.iter().any(|(_, other)| shares(other))
    }
}

/// Whether an address lies in one of the blocks; an IPv4 address that came as `::ffff:a.b.c.d` counts as IPv4.
#[must_use]
pub fn within(blocks: &[IpNet], address: Option<IpAddr>) -> bool {
    address.is_some_and(|address| {
        let address = address.to_canonical();
        blocks.iter().any(|block| block.contains(&address))
    })
}

/// The claim at a path.
#[must_use]
pub fn claim<'a>(attributes: &Attributes<'a>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let top = attributes.claims?.get(first)?;
    rest.iter().try_fold(top, |value, name| value.get(name))
}

/// As in Istio, only strings and lists of strings match.
fn claim_fits(patterns: &[Pattern], value: &Value) -> bool {
    match value {
        Value::String(text) => fits(patterns, text),
        Value::Array(items) => items.iter().filter_map(Value::as_str).any(|text| fits(patterns, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// All values of a header joined with `,`, as Envoy does before it matches; bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn joined_header<'a>(headers: &[Header<'a>], name: &str) -> Option<Cow<'a, str>> {
    let mut values = headers.iter().filter(|(candidate, _)| *candidate == name).map(|(_, value)| String::from_utf8_lossy(value));
    let first = values.next()?;
    Some(values.fold(first, |joined, value| Cow::Owned(format!("{joined},{value}"))))
}
