//! Values that no request can have.

use super::{Lint, Warnings};
use countersign_core::config::authorization::PathNormalization;
use countersign_core::config::authorization::rules::{Operation, Rule, Source};
use countersign_core::path;

/// The values of a field, its name, and those of its `not` form.
type Lists<'a> = (&'static str, &'a [String], &'a [String]);

pub(super) fn rule(rule: &Rule, mode: PathNormalization, at: &str, warnings: &mut Warnings) {
    for (index, from) in rule.from.iter().enumerate() {
        let at = format!("{at}.from[{index}].source");
        source_lists(&from.source).iter().for_each(|lists| contradiction(lists, &at, warnings));
        request_principals(&from.source, &at, warnings);
    }
    for (index, to) in rule.to.iter().enumerate() {
        let at = format!("{at}.to[{index}].operation");
        operation_lists(&to.operation).iter().for_each(|lists| contradiction(lists, &at, warnings));
        paths(&to.operation, mode, &at, warnings);
        methods(&to.operation, &at, warnings);
    }
    for (index, when) in rule.when.iter().enumerate() {
        contradiction(&("values", &when.values, &when.not_values), &format!("{at}.when[{index}]"), warnings);
    }
}

fn source_lists(source: &Source) -> [Lists<'_>; 11] {
    [
        ("principals", &source.principals, &source.not_principals),
        ("requestPrincipals", &source.request_principals, &source.not_request_principals),
        ("namespaces", &source.namespaces, &source.not_namespaces),
        ("serviceAccounts", &source.service_accounts, &source.not_service_accounts),
        ("trustDomains", &source.trust_domains, &source.not_trust_domains),
        ("ipBlocks", &source.ip_blocks, &source.not_ip_blocks),
        ("remoteIpBlocks", &source.remote_ip_blocks, &source.not_remote_ip_blocks),
        ("roles", &source.roles, &source.not_roles),
        ("scopes", &source.scopes, &source.not_scopes),
        ("services", &source.services, &source.not_services),
        ("apiKeys", &source.api_keys, &source.not_api_keys),
    ]
}

fn operation_lists(operation: &Operation) -> [Lists<'_>; 3] {
    [
        ("hosts", &operation.hosts, &operation.not_hosts),
        ("methods", &operation.methods, &operation.not_methods),
        ("paths", &operation.paths, &operation.not_paths),
    ]
}

fn contradiction((field, values, not_values): &Lists<'_>, at: &str, warnings: &mut Warnings) {
    let excluded = |value: &String| not_values.iter().any(|not| not == value || not == "*");
    if !values.is_empty() && values.iter().all(excluded) {
        warnings.add(Lint::NeverMatches, format!("{at}.{field}"), "every value is excluded by the `not` form beside it");
    }
    for (index, value) in values.iter().enumerate() {
        let inner = value.strip_prefix('*').unwrap_or(value);
        let inner = inner.strip_suffix('*').filter(|_| !value.starts_with('*')).unwrap_or(inner);
        let is_template = value.contains("{*}") || value.contains("{**}");
        if inner.contains('*') && !is_template && *field != "namespaces" {
            let message = format!("in `{value}` only a `*` at one end is a wildcard; another stands for itself");
            warnings.add(Lint::LiteralStar, format!("{at}.{field}[{index}]"), message);
        }
    }
}

fn request_principals(source: &Source, at: &str, warnings: &mut Warnings) {
    for (index, value) in source.request_principals.iter().enumerate() {
        if !value.contains(['/', '*']) {
            let message = format!("`{value}` is an issuer without a subject, expected `issuer/subject`");
            warnings.add(Lint::NeverMatches, format!("{at}.requestPrincipals[{index}]"), message);
        }
    }
}

fn methods(operation: &Operation, at: &str, warnings: &mut Warnings) {
    for (index, method) in operation.methods.iter().enumerate() {
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            let message = format!("methods are case-sensitive: no usual request has the method `{method}`");
            warnings.add(Lint::NeverMatches, format!("{at}.methods[{index}]"), message);
        }
    }
}

/// Patterns that no normalised path fits. A DENY that names one protects nothing.
fn paths(operation: &Operation, mode: PathNormalization, at: &str, warnings: &mut Warnings) {
    for (field, patterns) in [("paths", &operation.paths), ("notPaths", &operation.not_paths)] {
        for (index, pattern) in patterns.iter().enumerate() {
            if let Some(message) = unfit(pattern, mode) {
                warnings.add(Lint::NeverMatches, format!("{at}.{field}[{index}]"), message);
            }
        }
    }
}

fn unfit(pattern: &str, mode: PathNormalization) -> Option<String> {
    if pattern.contains(['?', '#']) {
        return Some(format!("query and fragment are no part of the path, so nothing matches `{pattern}`"));
    }
    if pattern.starts_with('*') || pattern.is_empty() || mode == PathNormalization::None {
        return None;
    }
    if !pattern.starts_with('/') {
        return Some(format!("no usual path begins as `{pattern}` does, expected `/` or `*` in front"));
    }
    // A template's braces and a prefix's last, perhaps unfinished, segment are left out of the comparison.
    let plain = pattern.replace("{**}", "x").replace("{*}", "x");
    let whole = plain.strip_suffix('*').map_or(plain.as_str(), |prefix| prefix.rsplit_once('/').map_or("", |(whole, _)| whole));
    match path::normalize(whole, mode) {
        Ok(normal) if normal == whole || whole.is_empty() => None,
        Ok(normal) => Some(format!("paths are normalised before they are matched: `{whole}` arrives as `{normal}`")),
        Err(fault) => Some(format!("paths like `{pattern}` are refused before they are matched: {fault}")),
    }
}
