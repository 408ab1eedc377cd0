//! Rules that ask for nobody, and rules that come too late.

use super::{Lint, Warnings};
use countersign_core::config::authorization::rules::{Rule, Source, When};
use countersign_core::config::authorization::{Action, Authorization, Policy};

/// An ALLOW rule by which someone without any identity may pass.
pub(super) fn allows_everyone(policy: &Policy, rule: &Rule, at: &str, warnings: &mut Warnings) {
    let anyone = rule.from.is_empty() || rule.from.iter().any(|from| !asks_for_someone(&from.source));
    let asked_elsewhere = rule.when.iter().any(is_about_identity);
    if policy.action != Action::Allow || policy.shadow || !anyone || asked_elsewhere {
        return;
    }
    let message = if rule.to.is_empty() && rule.when.is_empty() && rule.from.is_empty() {
        "anyone may do anything: the rule has no condition"
    } else {
        "anyone may do this: the rule asks for no identity"
    };
    warnings.add(Lint::AllowsEveryone, at, message);
}

/// Whether some field demands an identity or an address; the `not` forms hold for the anonymous too.
fn asks_for_someone(source: &Source) -> bool {
    let identities = [&source.principals, &source.request_principals, &source.namespaces, &source.service_accounts];
    let ours = [&source.trust_domains, &source.roles, &source.scopes, &source.services, &source.api_keys];
    let addresses = [&source.ip_blocks, &source.remote_ip_blocks];
    identities.iter().chain(&ours).chain(&addresses).any(|values| !values.is_empty())
}

fn is_about_identity(when: &When) -> bool {
    let prefixes = ["source.", "remote.ip", "request.auth.", "request.headers["];
    !when.values.is_empty() && prefixes.iter().any(|prefix| when.key.starts_with(prefix))
}

/// A rule without any condition, by its place.
struct Everything<'a> {
    policy: usize,
    rule: usize,
    action: Action,
    name: &'a str,
}

/// Rules that can decide nothing any more.
pub(super) fn unreachable(authorization: &Authorization, warnings: &mut Warnings) {
    let everything = unconditional(authorization);
    for (index, policy) in authorization.policies.iter().enumerate().filter(|(_, policy)| decides(policy)) {
        let before = |rule: usize| {
            let earlier = |other: &&Everything<'_>| {
                let same_action = other.action == policy.action && (other.policy, other.rule) < (index, rule);
                same_action || (other.action == Action::Deny && policy.action == Action::Allow)
            };
            everything.iter().find(earlier)
        };
        for rule in 0..policy.rules.len() {
            let at = format!("authorization.policies[{index}].rules[{rule}]");
            if let Some(other) = before(rule) {
                let verb = if other.action == Action::Deny { "refuses" } else { "allows" };
                warnings.add(Lint::Unreachable, at, format!("changes nothing: `{}` {verb} every request already", other.name));
            } else if let Some(first) = policy.rules.iter().take(rule).position(|earlier| Some(earlier) == policy.rules.get(rule))
            {
                warnings.add(Lint::Unreachable, at, format!("the same as rules[{first}]"));
            }
        }
    }
}

fn decides(policy: &Policy) -> bool {
    !policy.shadow && matches!(policy.action, Action::Allow | Action::Deny)
}

fn unconditional(authorization: &Authorization) -> Vec<Everything<'_>> {
    let mut found = Vec::new();
    for (index, policy) in authorization.policies.iter().enumerate().filter(|(_, policy)| decides(policy)) {
        let bare = |rule: &Rule| rule.from.is_empty() && rule.to.is_empty() && rule.when.is_empty();
        if let Some(rule) = policy.rules.iter().position(bare) {
            let name = policy.name.as_deref().unwrap_or("a policy without a name");
            found.push(Everything { policy: index, rule, action: policy.action, name });
        }
    }
    found
}
