//! The keys of `when`: those of Istio's reference of conditions, and ours: `source.service`,
//! `source.serviceState`, `request.path[1]`, `request.timeOfDay` and `request.weekday`.

use super::Kind;

/// Every key that takes no name in brackets.
const PLAIN: &[(&str, Kind)] = &[
    ("source.ip", Kind::SourceIp),
    ("remote.ip", Kind::RemoteIp),
    ("source.namespace", Kind::Namespace),
    ("source.principal", Kind::Principal),
    ("source.serviceAccount", Kind::ServiceAccount),
    ("source.trustDomain", Kind::TrustDomain),
    ("request.auth.principal", Kind::RequestPrincipal),
    ("request.auth.audiences", Kind::Audience),
    ("request.auth.presenter", Kind::Presenter),
    ("destination.ip", Kind::DestinationIp),
    ("destination.port", Kind::Port),
    ("connection.sni", Kind::Sni),
    ("source.service", Kind::Service),
    ("source.serviceState", Kind::ServiceState),
    ("request.timeOfDay", Kind::TimeOfDay),
    ("request.weekday", Kind::Weekday),
];

/// Why a key is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyFault {
    #[error("unknown attribute `{0}`")]
    Unknown(String),
    #[error("found `{0}`, expected one header name in brackets, such as `request.headers[x-version]`")]
    Header(String),
    #[error("the pseudo-header `{0}` cannot be matched; paths are matched by `operation.paths`")]
    PseudoHeader(String),
    #[error("found `{0}`, expected claim names in brackets, such as `request.auth.claims[realm][role]`")]
    Claim(String),
    #[error("found `{0}`, expected the number of a path segment from 1, such as `request.path[2]`")]
    PathSegment(String),
    #[error("`{0}` reads Envoy's own metadata, which a plugin does not see")]
    Metadata(String),
}

pub(super) fn kind(key: &str) -> Result<Kind, KeyFault> {
    if let Some(rest) = key.strip_prefix("request.headers") {
        let names = bracketed(rest).filter(|names| names.len() == 1).ok_or_else(|| KeyFault::Header(key.to_owned()))?;
        return header(names.concat().to_ascii_lowercase());
    }
    if let Some(rest) = key.strip_prefix("request.auth.claims") {
        return bracketed(rest).map(Kind::Claim).ok_or_else(|| KeyFault::Claim(key.to_owned()));
    }
    if let Some(rest) = key.strip_prefix("request.path[") {
        let number = rest.strip_suffix(']').and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        return number.map(Kind::PathSegment).ok_or_else(|| KeyFault::PathSegment(key.to_owned()));
    }
    if key.starts_with("experimental.envoy.filters.") {
        return Err(KeyFault::Metadata(key.to_owned()));
    }
    let known = PLAIN.iter().find(|(name, _)| *name == key);
    known.map(|(_, kind)| kind.clone()).ok_or_else(|| KeyFault::Unknown(key.to_owned()))
}

/// Envoy shows its pseudo-headers as headers, and `host` as `:authority`.
fn header(name: String) -> Result<Kind, KeyFault> {
    match name.as_str() {
        "host" | ":authority" => Ok(Kind::Authority),
        ":method" => Ok(Kind::Method),
        name if name.starts_with(':') => Err(KeyFault::PseudoHeader(name.to_owned())),
        _ => Ok(Kind::Header(name)),
    }
}

/// The names in `[a][b]`; `None` unless the text is nothing but names in brackets, at least one, none empty.
fn bracketed(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let names: Vec<String> = inner.split("][").map(str::to_owned).collect();
    names.iter().all(|name| !name.is_empty()).then_some(names)
}
