//! The rules of a policy: `from`, `to` and `when`, as Istio's AuthorizationPolicy has them.

use crate::config::decode::{Decode, Faults, Path, mismatch, wire};
use serde_json::Value;

wire! {
    /// A rule matches when one of `from`, one of `to` and all of `when` match; what is absent matches.
    pub struct Rule {
        /// Where the request comes from.
        "from" => from: Vec<From>,
        /// What it wants.
        "to" => to: Vec<To>,
        /// Further conditions.
        "when" => when: Vec<When>,
    }
}

wire! {
    /// One of the sources of a rule.
    pub struct From {
        /// All of its fields must match.
        "source" => source: Source,
    }
}

wire! {
    /// One of the operations of a rule.
    pub struct To {
        /// All of its fields must match.
        "operation" => operation: Operation,
    }
}

wire! {
    /// Who calls. Each field is a list of which one must match; a `not` form matches when none does.
    pub struct Source {
        /// Peer identities from the client certificate: `cluster.local/ns/default/sa/billing`, with or without `spiffe://`.
        "principals" => principals: Vec<String>,
        /// No such peer.
        "notPrincipals" => not_principals: Vec<String>,
        /// `issuer/subject` of the verified token.
        "requestPrincipals" => request_principals: Vec<String>,
        /// No such token.
        "notRequestPrincipals" => not_request_principals: Vec<String>,
        /// Namespaces of the peer identity.
        "namespaces" => namespaces: Vec<String>,
        /// No such namespace.
        "notNamespaces" => not_namespaces: Vec<String>,
        /// Service accounts of the peer identity: `namespace/name`, or `name` in the namespace of the policy.
        "serviceAccounts" => service_accounts: Vec<String>,
        /// No such service account.
        "notServiceAccounts" => not_service_accounts: Vec<String>,
        /// Trust domains of the peer identity.
        "trustDomains" => trust_domains: Vec<String>,
        /// No such trust domain.
        "notTrustDomains" => not_trust_domains: Vec<String>,
        /// Addresses or CIDR blocks of the connection.
        "ipBlocks" => ip_blocks: Vec<String>,
        /// No such address.
        "notIpBlocks" => not_ip_blocks: Vec<String>,
        /// Addresses or CIDR blocks of the original client.
        "remoteIpBlocks" => remote_ip_blocks: Vec<String>,
        /// No such client.
        "notRemoteIpBlocks" => not_remote_ip_blocks: Vec<String>,
        /// Roles the caller effectively holds.
        "roles" => roles: Vec<String>,
        /// None of these roles.
        "notRoles" => not_roles: Vec<String>,
        /// Scopes of the token.
        "scopes" => scopes: Vec<String>,
        /// None of these scopes.
        "notScopes" => not_scopes: Vec<String>,
        /// Names from `services`.
        "services" => services: Vec<String>,
        /// None of these services.
        "notServices" => not_services: Vec<String>,
        /// Ids from `authentication.apiKeys.keys`.
        "apiKeys" => api_keys: Vec<String>,
        /// None of these keys.
        "notApiKeys" => not_api_keys: Vec<String>,
    }
}

wire! {
    /// What is wanted. Each field is a list of which one must match; a `not` form matches when none does.
    pub struct Operation {
        /// Hosts with their port, if the client sends one; case does not matter.
        "hosts" => hosts: Vec<String>,
        /// None of these hosts.
        "notHosts" => not_hosts: Vec<String>,
        /// Ports that the connection came in on.
        "ports" => ports: Vec<PortText>,
        /// None of these ports.
        "notPorts" => not_ports: Vec<PortText>,
        /// Methods; case matters.
        "methods" => methods: Vec<String>,
        /// None of these methods.
        "notMethods" => not_methods: Vec<String>,
        /// Normalised paths without query; `{*}` is one segment, `{**}` is what remains.
        "paths" => paths: Vec<String>,
        /// None of these paths.
        "notPaths" => not_paths: Vec<String>,
    }
}

wire! {
    /// A condition on an attribute.
    pub struct When {
        /// The attribute, such as `request.headers[x-version]` or `request.auth.claims[tenant]`.
        "key" => key: String,
        /// Values of which one must match.
        "values" => values: Vec<String>,
        /// Values of which none may match.
        "notValues" => not_values: Vec<String>,
    }
}

/// A port as Istio writes it, in quotes; a bare number is understood too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortText(pub String);

impl Decode for PortText {
    fn expected() -> String {
        "a port such as \"8080\"".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self(text.clone())),
            Value::Number(number) if number.is_u64() => Some(Self(number.to_string())),
            _ => mismatch(value, at, faults),
        }
    }
}
