//! Who calls, by the registry of services.

use super::compile::block;
use super::condition::within;
use super::principal::PrincipalPattern;
use crate::config::authorization::registry::{self as wire, ServiceState};
use crate::config::decode::{ConfigFault, Faults, Path};
use ipnet::IpNet;
use std::collections::HashSet;
use std::net::IpAddr;

/// The services that may call.
#[derive(Debug, Clone, Default)]
pub struct Services(Vec<Service>);

#[derive(Debug, Clone)]
struct Service {
    name: String,
    principals: Vec<PrincipalPattern>,
    blocks: Vec<IpNet>,
    state: ServiceState,
}

/// The service that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller<'a> {
    /// Its name.
    pub name: &'a str,
    /// The state it says it is in.
    pub state: ServiceState,
    /// Whether it is known by its principal but calls from outside its `ipBlocks`: a finding, and no ground to grant anything.
    pub out_of_bounds: bool,
}

impl Caller<'_> {
    /// `active`, `offline` or `retired`, or `out_of_bounds` when it calls from outside its `ipBlocks`.
    #[must_use]
    pub fn state_word(&self) -> &'static str {
        if self.out_of_bounds { "out_of_bounds" } else { self.state.word() }
    }
}

impl Services {
    /// Compiles the registry.
    ///
    /// # Errors
    /// Every fault, with its path under `services`.
    pub fn compile(wire: &[wire::Service]) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Faults::default();
        let mut seen = HashSet::new();
        let list = Path::Root.field("services");
        let mut services = Vec::new();
        for (index, service) in wire.iter().enumerate() {
            let at = list.index(index);
            if !seen.insert(service.name.as_str()) {
                faults.add(&at.field("name"), format_args!("`{}` is the name of an earlier service too", service.name));
            }
            services.push(compile_one(service, &at, &mut faults));
        }
        faults.into_result(Some(Self(services)))
    }

    /// The service that calls: by principal first, then, among services without principals, by the connection's address.
    #[must_use]
    pub fn identify(&self, principals: &[&str], source_ip: Option<IpAddr>) -> Option<Caller<'_>> {
        let by_principal = |service: &&Service| {
            principals.iter().any(|principal| service.principals.iter().any(|pattern| pattern.matches(principal)))
        };
        let by_address = |service: &&Service| service.principals.is_empty() && within(&service.blocks, source_ip);
        let known = self.0.iter().find(by_principal).or_else(|| self.0.iter().find(by_address))?;
        let out_of_bounds = !known.blocks.is_empty() && !within(&known.blocks, source_ip);
        Some(Caller { name: &known.name, state: known.state, out_of_bounds })
    }

    /// The names of the services, in the order of the configuration.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|service| service.name.as_str())
    }
}

fn compile_one(service: &wire::Service, at: &Path<'_>, faults: &mut Faults) -> Service {
    let wire::Service { name, principals, ip_blocks, state } = service;
    if name.is_empty() {
        faults.add(&at.field("name"), "the name is empty");
    }
    if principals.is_empty() && ip_blocks.is_empty() {
        faults.add(at, "neither `principals` nor `ipBlocks` says how the service is known");
    }
    let listed = at.field("ipBlocks");
    let mut blocks = Vec::new();
    for (index, text) in ip_blocks.iter().enumerate() {
        match block(text) {
            Ok(block) => blocks.push(block),
            Err(fault) => faults.add(&listed.index(index), fault),
        }
    }
    let principals = principals.iter().map(|principal| PrincipalPattern::parse(principal)).collect();
    Service { name: name.clone(), principals, blocks, state: *state }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, principals: &[&str], blocks: &[&str]) -> wire::Service {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        wire::Service { name: name.into(), principals: owned(principals), ip_blocks: owned(blocks), state: ServiceState::Offline }
    }

    #[test]
    fn a_service_is_known_by_principal_before_address() {
        let wire = [service("batch", &[], &["10.2.0.0/16"]), service("billing", &["td/ns/billing/sa/default"], &["10.3.0.0/16"])];
        let services = Services::compile(&wire).expect("good");
        let billing = "spiffe://td/ns/billing/sa/default";
        let ip = |text: &str| text.parse().ok();
        let caller = services.identify(&[billing], ip("10.3.0.1")).expect("known");
        assert_eq!((caller.name, caller.out_of_bounds, caller.state), ("billing", false, ServiceState::Offline));
        let caller = services.identify(&[billing], ip("10.2.0.1")).expect("known");
        assert_eq!((caller.name, caller.out_of_bounds), ("billing", true));
        assert_eq!(services.identify(&[], ip("10.2.0.1")).map(|caller| caller.name), Some("batch"));
        assert_eq!(services.identify(&[], ip("10.3.0.1")), None);
        assert_eq!(services.identify(&[], None), None);
    }

    #[test]
    fn a_registry_reports_every_fault() {
        let wire = [service("a", &[], &[]), service("a", &[], &["10.0.0.0/99"])];
        let faults = Services::compile(&wire).expect_err("faulty");
        let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["services[0]", "services[1].name", "services[1].ipBlocks[0]"]);
    }
}
