//! The rules that can match a request.

use super::keys::{self, Attribute, Subject};
use super::{Forms, Index, RuleNumber};
use crate::authz::attributes::Attributes;
use crate::authz::condition::{claim, joined_header};
use crate::authz::principal::{SpiffeId, without_scheme};
use ipnet::IpNet;
use serde_json::Value;
use std::net::IpAddr;

impl Index {
    /// Numbers of the rules that can match, ascending, each once.
    pub(in crate::authz) fn candidates(&self, attributes: &Attributes<'_>) -> Vec<RuleNumber> {
        let mut found = Found { index: self, numbers: self.always.clone() };
        found.operation(attributes);
        found.peer(attributes);
        found.token(attributes);
        found.addresses(attributes);
        found.headers(attributes);
        found.numbers.sort_unstable();
        found.numbers.dedup();
        found.numbers
    }
}

struct Found<'i> {
    index: &'i Index,
    numbers: Vec<RuleNumber>,
}

impl Found<'_> {
    fn operation(&mut self, attributes: &Attributes<'_>) {
        self.fixed(Attribute::Path, attributes.path);
        self.templates(attributes.path);
        self.fixed(Attribute::Method, attributes.method);
        if self.index.fixed.get(Attribute::Host as usize).is_some_and(Forms::is_used) {
            self.fixed(Attribute::Host, &attributes.host.to_ascii_lowercase());
        }
        if let Some(port) = attributes.destination_port {
            self.bytes(Attribute::Port, &port.to_le_bytes());
        }
        self.all(Attribute::Sni, attributes.sni);
    }

    fn peer(&mut self, attributes: &Attributes<'_>) {
        for principal in attributes.peer_principals {
            self.fixed(Attribute::Principal, without_scheme(principal));
            if let Some(id) = SpiffeId::parse(principal) {
                self.fixed(Attribute::TrustDomain, id.trust_domain);
                self.all(Attribute::Namespace, id.namespace());
                self.all(Attribute::ServiceAccount, id.value_of("sa"));
            }
        }
        self.all(Attribute::Service, attributes.service);
        self.all(Attribute::ApiKey, attributes.api_key);
    }

    fn token(&mut self, attributes: &Attributes<'_>) {
        if let Some(principal) = attributes.request_principal {
            self.fixed(Attribute::Issuer, principal.issuer);
            self.fixed(Attribute::Subject, principal.subject);
        }
        self.all(Attribute::Audience, attributes.audiences.iter().copied());
        self.all(Attribute::Presenter, attributes.presenter);
        self.all(Attribute::Role, attributes.roles.iter().copied());
        self.all(Attribute::Scope, attributes.scopes.iter().copied());
        for (path, forms) in &self.index.claims {
            let seed = Subject::Claim(path).seed();
            match claim(attributes, path) {
                Some(Value::String(text)) => self.text(forms, seed, text.as_bytes()),
                Some(Value::Array(items)) => {
                    items.iter().filter_map(Value::as_str).for_each(|text| self.text(forms, seed, text.as_bytes()));
                }
                _ => {}
            }
        }
    }

    fn addresses(&mut self, attributes: &Attributes<'_>) {
        self.blocks(Attribute::SourceIp, attributes.source_ip);
        self.blocks(Attribute::RemoteIp, attributes.remote_ip.or(attributes.source_ip));
        self.blocks(Attribute::DestinationIp, attributes.destination_ip);
    }

    fn headers(&mut self, attributes: &Attributes<'_>) {
        if self.index.headers.is_empty() {
            return;
        }
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in attributes.headers {
            let Some(forms) = self.index.headers.get(*name).filter(|_| !seen.contains(name)) else { continue };
            seen.push(name);
            if let Some(value) = joined_header(attributes.headers, name) {
                self.text(forms, Subject::Header(name).seed(), value.as_bytes());
            }
        }
    }

    fn all<'v>(&mut self, attribute: Attribute, values: impl IntoIterator<Item = &'v str>) {
        values.into_iter().for_each(|value| self.fixed(attribute, value));
    }

    fn fixed(&mut self, attribute: Attribute, value: &str) {
        self.bytes(attribute, value.as_bytes());
    }

    fn bytes(&mut self, attribute: Attribute, value: &[u8]) {
        if let Some(forms) = self.index.fixed.get(attribute as usize) {
            self.text(forms, Subject::Fixed(attribute).seed(), value);
        }
    }

    /// One pass forwards for exact values and prefixes, one backwards for suffixes.
    fn text(&mut self, forms: &Forms, seed: u64, value: &[u8]) {
        if !forms.is_used() {
            return;
        }
        if forms.present && !value.is_empty() {
            self.take(keys::present_key(seed));
        }
        if forms.exact || !forms.prefixes.is_empty() {
            let whole = self.prefixes(&forms.prefixes, seed, value.iter(), keys::prefix_key);
            if forms.exact {
                self.take(keys::exact_key(whole));
            }
        }
        if !forms.suffixes.is_empty() {
            self.prefixes(&forms.suffixes, seed, value.iter().rev(), keys::suffix_key);
        }
    }

    /// Looks up the beginnings that have one of the lengths; gives the hash of the whole.
    fn prefixes<'v>(&mut self, lengths: &[usize], seed: u64, value: impl Iterator<Item = &'v u8>, key: fn(u64) -> u64) -> u64 {
        let mut wanted = lengths.iter().peekable();
        let mut hash = seed;
        if wanted.next_if(|length| **length == 0).is_some() {
            self.take(key(hash));
        }
        for (position, byte) in value.enumerate() {
            hash = keys::step(hash, *byte);
            if wanted.next_if(|length| **length == position + 1).is_some() {
                self.take(key(hash));
            }
        }
        hash
    }

    fn templates(&mut self, path: &str) {
        if self.index.shapes.is_empty() {
            return;
        }
        let Some(body) = path.strip_prefix('/') else { return };
        let hashes: Vec<u64> = body.split('/').map(keys::segment_hash).collect();
        for key in self.index.shapes.iter().filter_map(|shape| shape.key(&hashes)) {
            self.take(key);
        }
    }

    fn blocks(&mut self, attribute: Attribute, address: Option<IpAddr>) {
        let Some(lengths) = self.index.blocks.0.get(&attribute) else { return };
        let Some(address) = address.map(|address| address.to_canonical()) else { return };
        for length in lengths.iter().filter(|length| length.is_v6 == address.is_ipv6()) {
            if let Ok(block) = IpNet::new(address, length.length) {
                self.take(keys::block_key(attribute, block.network(), length.length));
            }
        }
    }

    fn take(&mut self, key: u64) {
        self.numbers.extend(self.index.buckets.get(&key).into_iter().flatten());
    }
}

impl Forms {
    fn is_used(&self) -> bool {
        self.exact || self.present || !self.prefixes.is_empty() || !self.suffixes.is_empty()
    }
}
