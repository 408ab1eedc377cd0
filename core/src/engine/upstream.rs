//! Which headers change on the way to the upstream. A header that carries an identity is replaced or removed, never added
//! beside what a client sent, and removed also where there is nothing to say.

use super::authenticate::{Caller, OwnedPlace, VerifiedToken};
use super::decision::HeaderChange;
use crate::config::Config;
use crate::identity::credentials::{cookie_without, query_without};
use crate::request::RequestView;
use serde_json::Value;

/// The changes for a request that passes.
pub(super) fn changes(config: &Config, request: &RequestView<'_>, path: &str, caller: Option<&Caller>) -> Vec<HeaderChange> {
    let token = caller.and_then(|caller| caller.token.as_deref());
    let strip = caller.map(|caller| caller.strip.as_slice()).unwrap_or_default();
    let mut changes = Vec::new();
    if let Some(target) = target(request, path, strip) {
        changes.push(HeaderChange::Replace { name: ":path".to_owned(), value: target });
    }
    for name in credential_headers(strip) {
        changes.push(HeaderChange::Remove { name: name.to_owned() });
    }
    changes.extend(cookie_change(request, strip));
    for name in identity_headers(config) {
        match token.and_then(|token| identity_value(config, token, name)) {
            Some(value) => changes.push(HeaderChange::Replace { name: name.to_owned(), value }),
            None if request.header_values(name).next().is_some() => changes.push(HeaderChange::Remove { name: name.to_owned() }),
            None => {}
        }
    }
    changes
}

/// What must be taken out of any request that passes, whoever sent it.
pub(super) fn removals(config: &Config) -> Vec<HeaderChange> {
    identity_headers(config).into_iter().map(|name| HeaderChange::Remove { name: name.to_owned() }).collect()
}

/// The request target as it goes upstream, if it differs from what was received.
fn target(request: &RequestView<'_>, path: &str, strip: &[OwnedPlace]) -> Option<String> {
    let mut query = request.query().map(str::to_owned);
    for place in strip {
        if let OwnedPlace::Param(name) = place {
            query = query.and_then(|query| query_without(&query, name));
        }
    }
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    (target != request.path).then_some(target)
}

fn credential_headers(strip: &[OwnedPlace]) -> Vec<&str> {
    let mut names: Vec<&str> = strip
        .iter()
        .filter_map(|place| match place {
            OwnedPlace::Header(name) => Some(name.as_str()),
            OwnedPlace::Param(_) | OwnedPlace::Cookie(_) => None,
        })
        .collect();
    names.dedup();
    names
}

fn cookie_change(request: &RequestView<'_>, strip: &[OwnedPlace]) -> Option<HeaderChange> {
    let names = strip.iter().filter_map(|place| match place {
        OwnedPlace::Cookie(name) => Some(name),
        OwnedPlace::Header(_) | OwnedPlace::Param(_) => None,
    });
    let mut names = names.peekable();
    names.peek()?;
    let values = request.header_values("cookie").filter_map(|value| std::str::from_utf8(value).ok());
    let all = values.collect::<Vec<_>>().join("; ");
    let kept = names.try_fold(all, |cookies, name| cookie_without(&cookies, name));
    let name = "cookie".to_owned();
    Some(kept.map_or(HeaderChange::Remove { name: name.clone() }, |value| HeaderChange::Replace { name, value }))
}

/// Every header that this configuration fills from a token, each once.
fn identity_headers(config: &Config) -> Vec<&str> {
    let rules = config.authentication.rules.iter();
    let mut names: Vec<&str> = rules
        .flat_map(|rule| rule.payload_header.iter().chain(rule.claim_headers.iter().map(|(header, _)| header)))
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn identity_value(config: &Config, token: &VerifiedToken, header: &str) -> Option<String> {
    let rule = config.authentication.rules.get(token.rule)?;
    if rule.payload_header.as_deref() == Some(header) {
        return Some(token.claims.payload_base64url().to_owned());
    }
    let (_, claim) = rule.claim_headers.iter().find(|(name, _)| name == header)?;
    header_text(token.claims.find(claim)?)
}

/// A claim as a header's value: text that could end a header or start another has none.
fn header_text(claim: &Value) -> Option<String> {
    let text = match claim {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Array(items) => items.iter().map(header_text).collect::<Option<Vec<_>>>()?.join(","),
        Value::Null | Value::Object(_) => return None,
    };
    (!text.bytes().any(|byte| byte < 0x20 || byte == 0x7f)).then_some(text)
}
