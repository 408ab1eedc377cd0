//! From what people wrote to what is evaluated, with every fault and its path.

use super::clock::{DaySpan, Weekdays};
use super::condition::{Condition, Reference, Test};
use super::digest;
use super::pattern::Pattern;
use super::policies::{Action, Policies, Policy, Rule};
use super::principal::{NamespacePattern, PrincipalPattern, RequestPrincipalPattern, ServiceAccount};
use super::template::PathPattern;
use crate::config::authorization::rules::{self, Operation, Source, When};
use crate::config::authorization::{self as wire, Authorization};
use crate::config::decode::{ConfigFault, Decode, Faults, Path};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;

mod when;

pub(super) fn compile(authorization: &Authorization) -> Result<Policies, Vec<ConfigFault>> {
    let Authorization { unmatched, path_normalization, policies } = authorization;
    let mut faults = Faults::default();
    let root = Path::Root.field("authorization");
    let list = root.field("policies");
    let compiled: Vec<Policy> =
        policies.iter().enumerate().map(|(index, policy)| self::policy(policy, index, &list.index(index), &mut faults)).collect();
    report_duplicates(&compiled, &list, &mut faults);
    faults.into_result(Some(Policies::new(compiled, *unmatched, *path_normalization, digest::digest(authorization))))
}

pub(super) fn faults_behind(authorization: &Value) -> Vec<ConfigFault> {
    let mut faults = Faults::default();
    let root = Path::Root.field("authorization");
    let list = root.field("policies");
    for (index, value) in authorization.get("policies").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let at = list.index(index);
        if let Some(wire) = wire::Policy::decode(value, &at, &mut Faults::default()) {
            policy(&wire, index, &at, &mut faults);
        }
    }
    faults.into_result::<()>(None).err().unwrap_or_default()
}

fn report_duplicates(policies: &[Policy], list: &Path<'_>, faults: &mut Faults) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, policy) in policies.iter().enumerate() {
        if let Some(first) = seen.insert(&policy.name, index) {
            let name = &policy.name;
            faults.add(&list.index(index).field("name"), format_args!("`{name}` is also the name of policies[{first}]"));
        }
    }
}

fn policy(policy: &wire::Policy, index: usize, at: &Path<'_>, faults: &mut Faults) -> Policy {
    let wire::Policy { name, namespace, action, shadow, rules } = policy;
    let name = name.clone().unwrap_or_else(|| format!("policies[{index}]"));
    if name.is_empty() {
        faults.add(&at.field("name"), "the name is empty");
    }
    let action = match action {
        wire::Action::Allow => Action::Allow,
        wire::Action::Deny => Action::Deny,
        wire::Action::Audit | wire::Action::Log => Action::Audit,
    };
    let list = at.field("rules");
    let mut scope = Scope { namespace: namespace.as_deref(), faults };
    let rules = rules.iter().enumerate().map(|(index, rule)| scope.rule(rule, &list.index(index))).collect();
    Policy { name, action, shadow: *shadow, rules }
}

/// What the rules of one policy are read in.
struct Scope<'a> {
    namespace: Option<&'a str>,
    faults: &'a mut Faults,
}

/// The name of a field, of its `not` form, and the prefix that both have in a verdict.
struct Names(&'static str, &'static str, &'static str);

impl Scope<'_> {
    fn rule(&mut self, rule: &rules::Rule, at: &Path<'_>) -> Rule {
        let rules::Rule { from, to, when } = rule;
        let (sources, operations, conditions) = (at.field("from"), at.field("to"), at.field("when"));
        let from = from.iter().enumerate().map(|(index, from)| self.source(&from.source, &sources.index(index).field("source")));
        let from = from.collect();
        let to = to.iter().enumerate();
        let to = to.map(|(index, to)| self.operation(&to.operation, &operations.index(index).field("operation"))).collect();
        let when = when.iter().enumerate().flat_map(|(index, when)| self.when(when, &conditions.index(index))).collect();
        Rule { from, to, when }
    }

    fn source(&mut self, source: &Source, at: &Path<'_>) -> Vec<Condition> {
        let Source {
            principals,
            not_principals,
            request_principals,
            not_request_principals,
            namespaces,
            not_namespaces,
            service_accounts,
            not_service_accounts,
            trust_domains,
            not_trust_domains,
            ip_blocks,
            not_ip_blocks,
            remote_ip_blocks,
            not_remote_ip_blocks,
            roles,
            not_roles,
            scopes,
            not_scopes,
            services,
            not_services,
            api_keys,
            not_api_keys,
        } = source;
        let mut out = Vec::new();
        let mut add = |field, not_field, values: (&[String], &[String]), kind| {
            self.pair(&mut out, &Names(field, not_field, "source."), values, kind, at);
        };
        add("principals", "notPrincipals", (principals, not_principals), Kind::Principal);
        add("requestPrincipals", "notRequestPrincipals", (request_principals, not_request_principals), Kind::RequestPrincipal);
        add("namespaces", "notNamespaces", (namespaces, not_namespaces), Kind::Namespace);
        add("serviceAccounts", "notServiceAccounts", (service_accounts, not_service_accounts), Kind::ServiceAccount);
        add("trustDomains", "notTrustDomains", (trust_domains, not_trust_domains), Kind::TrustDomain);
        add("ipBlocks", "notIpBlocks", (ip_blocks, not_ip_blocks), Kind::SourceIp);
        add("remoteIpBlocks", "notRemoteIpBlocks", (remote_ip_blocks, not_remote_ip_blocks), Kind::RemoteIp);
        add("roles", "notRoles", (roles, not_roles), Kind::Role);
        add("scopes", "notScopes", (scopes, not_scopes), Kind::Scope);
        add("services", "notServices", (services, not_services), Kind::Service);
        add("apiKeys", "notApiKeys", (api_keys, not_api_keys), Kind::ApiKey);
        self.refuse_empty(&out, at);
        out
    }

    fn operation(&mut self, operation: &Operation, at: &Path<'_>) -> Vec<Condition> {
        let Operation { hosts, not_hosts, ports, not_ports, methods, not_methods, paths, not_paths } = operation;
        let texts = |ports: &[rules::PortText]| -> Vec<String> { ports.iter().map(|port| port.0.clone()).collect() };
        let (ports, not_ports) = (texts(ports), texts(not_ports));
        let mut out = Vec::new();
        let mut add = |field, not_field, values: (&[String], &[String]), kind| {
            self.pair(&mut out, &Names(field, not_field, "operation."), values, kind, at);
        };
        add("methods", "notMethods", (methods, not_methods), Kind::Method);
        add("paths", "notPaths", (paths, not_paths), Kind::Path);
        add("hosts", "notHosts", (hosts, not_hosts), Kind::Host);
        add("ports", "notPorts", (&ports, &not_ports), Kind::Port);
        self.refuse_empty(&out, at);
        out
    }

    /// As in Istio: `source: {}` would match everything by oversight.
    fn refuse_empty(&mut self, conditions: &[Condition], at: &Path<'_>) {
        if conditions.is_empty() {
            self.faults.add(at, "none of its fields has a value: it would match everything");
        }
    }

    fn pair(
        &mut self,
        out: &mut Vec<Condition>,
        names: &Names,
        (values, not_values): (&[String], &[String]),
        kind: Kind,
        at: &Path<'_>,
    ) {
        let Names(field, not_field, prefix) = names;
        for (field, values, negated) in [(field, values, false), (not_field, not_values, true)] {
            if values.is_empty() {
                continue;
            }
            let test = self.test(&kind, values, &at.field(field));
            out.push(Condition { name: format!("{prefix}{field}"), negated, test });
        }
    }

    fn when(&mut self, when: &When, at: &Path<'_>) -> Vec<Condition> {
        let When { key, values, not_values } = when;
        let kind = when::kind(key).unwrap_or_else(|fault| {
            self.faults.add(&at.field("key"), fault);
            Kind::Sni
        });
        if values.is_empty() && not_values.is_empty() {
            self.faults.add(at, "neither `values` nor `notValues` has a value");
        }
        let mut out = Vec::new();
        for (field, values, negated) in [("values", values, false), ("notValues", not_values, true)] {
            if !values.is_empty() {
                let test = self.test_or_reference(&kind, values, &at.field(field));
                out.push(Condition { name: key.clone(), negated, test });
            }
        }
        out
    }

    /// A value such as `{request.auth.claims[tenant]}` stands for what the request has there.
    fn test_or_reference(&mut self, kind: &Kind, values: &[String], at: &Path<'_>) -> Test {
        let referred = |value: &String| {
            let key = value.strip_prefix('{')?.strip_suffix('}')?;
            when::kind(key).ok().map(|kind| (key.to_owned(), kind))
        };
        let references: Vec<(String, Kind)> = values.iter().filter_map(referred).collect();
        if references.is_empty() {
            return self.test(kind, values, at);
        }
        let literals: Vec<String> = values.iter().filter(|value| referred(value).is_none()).cloned().collect();
        let own = self.test(kind, &literals, at);
        let others = references.into_iter().map(|(key, kind)| (key, self.test(&kind, &[], at))).collect();
        Test::Reference(Box::new(Reference { own, others }))
    }

    fn test(&mut self, kind: &Kind, values: &[String], at: &Path<'_>) -> Test {
        let patterns = || values.iter().map(|value| Pattern::parse(value)).collect();
        match kind {
            Kind::Principal => Test::Principal(values.iter().map(|value| PrincipalPattern::parse(value)).collect()),
            Kind::Namespace => Test::Namespace(values.iter().map(|value| NamespacePattern(value.clone())).collect()),
            Kind::ServiceAccount => Test::ServiceAccount(self.parsed(values, at, |scope, text| scope.service_account(text))),
            Kind::TrustDomain => Test::TrustDomain(patterns()),
            Kind::RequestPrincipal => {
                Test::RequestPrincipal(values.iter().map(|value| RequestPrincipalPattern::parse(value)).collect())
            }
            Kind::Audience => Test::Audience(patterns()),
            Kind::Presenter => Test::Presenter(patterns()),
            Kind::Claim(path) => Test::Claim(path.clone(), patterns()),
            Kind::Role => Test::Role(patterns()),
            Kind::Scope => Test::Scope(patterns()),
            Kind::Service => Test::Service(patterns()),
            Kind::ApiKey => Test::ApiKey(patterns()),
            Kind::SourceIp => Test::SourceIp(self.parsed(values, at, |_, text| block(text))),
            Kind::RemoteIp => Test::RemoteIp(self.parsed(values, at, |_, text| block(text))),
            Kind::DestinationIp => Test::DestinationIp(self.parsed(values, at, |_, text| block(text))),
            Kind::Port => Test::Port(self.parsed(values, at, |_, text| port(text))),
            Kind::Host => Test::Host(values.iter().map(|value| Pattern::parse_folded(value)).collect()),
            Kind::Authority => Test::Authority(patterns()),
            Kind::Method => Test::Method(patterns()),
            Kind::Path => {
                Test::Path(self.parsed(values, at, |_, text| PathPattern::parse(text).map_err(|fault| fault.to_string())))
            }
            Kind::Header(name) => Test::Header(name.clone(), patterns()),
            Kind::Sni => Test::Sni(patterns()),
            Kind::ServiceState => Test::ServiceState(patterns()),
            Kind::PathSegment(number) => Test::PathSegment(*number, patterns()),
            Kind::TimeOfDay => Test::TimeOfDay(self.parsed(values, at, |_, text| day_span(text))),
            Kind::Weekday => Test::Weekday(self.parsed(values, at, |_, text| weekdays(text))),
        }
    }

    fn parsed<T>(&mut self, values: &[String], at: &Path<'_>, parse: impl Fn(&Self, &str) -> Result<T, String>) -> Vec<T> {
        let mut out = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            match parse(self, value) {
                Ok(parsed) => out.push(parsed),
                Err(fault) => self.faults.add(&at.index(index), fault),
            }
        }
        out
    }

    fn service_account(&self, text: &str) -> Result<ServiceAccount, String> {
        let (namespace, name) = match (text.split_once('/'), self.namespace) {
            (Some(both), _) => both,
            (None, Some(namespace)) => (namespace, text),
            (None, None) => {
                return Err(format!("found `{text}`, expected `namespace/name`, since the policy has no `namespace`"));
            }
        };
        if namespace.is_empty() || name.is_empty() || text.contains('*') || name.contains('/') {
            return Err(format!("found `{text}`, expected `namespace/name` without `*`"));
        }
        Ok(ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// Which attribute a list of values is about.
#[derive(Clone)]
enum Kind {
    Principal,
    Namespace,
    ServiceAccount,
    TrustDomain,
    RequestPrincipal,
    Audience,
    Presenter,
    Claim(Vec<String>),
    Role,
    Scope,
    Service,
    ApiKey,
    SourceIp,
    RemoteIp,
    DestinationIp,
    Port,
    Host,
    Authority,
    Method,
    Path,
    Header(String),
    Sni,
    TimeOfDay,
    Weekday,
    ServiceState,
    PathSegment(usize),
}

/// Reads an address or a CIDR block; bits beyond the prefix length are dropped, as Envoy does.
pub(super) fn block(text: &str) -> Result<IpNet, String> {
    let parsed = match text.parse::<IpNet>() {
        Ok(block) => Some(block.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    };
    parsed.ok_or_else(|| format!("found `{text}`, expected an address or a CIDR block such as `10.2.0.0/16`"))
}

fn day_span(text: &str) -> Result<DaySpan, String> {
    DaySpan::parse(text).ok_or_else(|| format!("found `{text}`, expected a span such as `08:00-18:00` or `08:00-18:00+02:00`"))
}

fn weekdays(text: &str) -> Result<Weekdays, String> {
    Weekdays::parse(text).ok_or_else(|| format!("found `{text}`, expected days such as `Mon`, `Mon-Fri` or `Mon-Fri+02:00`"))
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("found `{text}`, expected a port such as `8080`"))
}
