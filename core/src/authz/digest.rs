//! The digest of a policy set.
//!
//! The canonical form is a tree of texts, each preceded by its length, each list by its count, in the order of the
//! configuration: no two different policy sets share a form, and neither layout nor the order of members changes it.

use crate::config::authorization::rules::{From, Operation, PortText, Rule, Source, To, When};
use crate::config::authorization::{Authorization, Policy};
use sha2::{Digest, Sha256};

pub(super) fn digest(authorization: &Authorization) -> [u8; 32] {
    let mut form = Form(Sha256::new());
    form.text("countersign policies 1");
    form.authorization(authorization);
    form.0.finalize().into()
}

struct Form(Sha256);

impl Form {
    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }

    fn count(&mut self, count: usize) {
        self.0.update(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
    }

    fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Self, &T)) {
        self.count(items.len());
        for item in items {
            each(self, item);
        }
    }

    fn texts(&mut self, texts: &[String]) {
        self.list(texts, |form, text| form.text(text));
    }

    fn authorization(&mut self, authorization: &Authorization) {
        let Authorization { unmatched, path_normalization, policies } = authorization;
        self.text(unmatched.word());
        self.text(path_normalization.word());
        self.list(policies, Self::policy);
    }

    fn policy(&mut self, policy: &Policy) {
        let Policy { name, namespace, action, shadow, rules } = policy;
        self.text(name.as_deref().unwrap_or_default());
        self.text(namespace.as_deref().unwrap_or_default());
        self.text(action.word());
        self.count(usize::from(*shadow));
        self.list(rules, Self::rule);
    }

    fn rule(&mut self, rule: &Rule) {
        let Rule { from, to, when } = rule;
        self.list(from, |form, From { source }| form.source(source));
        self.list(to, |form, To { operation }| form.operation(operation));
        self.list(when, |form, When { key, values, not_values }| {
            form.text(key);
            form.texts(values);
            form.texts(not_values);
        });
    }

    fn source(&mut self, source: &Source) {
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
        let identity = [principals, not_principals, request_principals, not_request_principals];
        let spiffe = [namespaces, not_namespaces, service_accounts, not_service_accounts, trust_domains, not_trust_domains];
        let address = [ip_blocks, not_ip_blocks, remote_ip_blocks, not_remote_ip_blocks];
        let ours = [roles, not_roles, scopes, not_scopes, services, not_services, api_keys, not_api_keys];
        for texts in identity.into_iter().chain(spiffe).chain(address).chain(ours) {
            self.texts(texts);
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let Operation { hosts, not_hosts, ports, not_ports, methods, not_methods, paths, not_paths } = operation;
        for texts in [hosts, not_hosts, methods, not_methods, paths, not_paths] {
            self.texts(texts);
        }
        for ports in [ports, not_ports] {
            self.list(ports, |form, PortText(port)| form.text(port));
        }
    }
}
