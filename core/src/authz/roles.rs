//! Which roles include which.

use crate::config::authorization::registry::Role;
use crate::config::decode::{ConfigFault, Faults, Named, Path};
use std::collections::{BTreeMap, BTreeSet};

/// The hierarchy of roles, closed: who holds a role holds all that it includes, directly or not.
#[derive(Debug, Clone, Default)]
pub struct Roles(BTreeMap<String, BTreeSet<String>>);

impl Roles {
    /// Compiles the hierarchy. A role that is included but not declared includes nothing.
    ///
    /// # Errors
    /// Every role that would include itself, with its path under `roles`.
    pub fn compile(wire: &Named<Role>) -> Result<Self, Vec<ConfigFault>> {
        let direct: BTreeMap<&str, &[String]> =
            wire.0.iter().map(|(name, Role { includes })| (name.as_str(), includes.as_slice())).collect();
        let mut faults = Faults::default();
        let mut closed = BTreeMap::new();
        for name in direct.keys() {
            let reached = reached_from(name, &direct);
            if reached.contains(*name) {
                let at = Path::Root.field("roles");
                faults.add(&at.field(name).field("includes"), format_args!("`{name}` includes itself"));
            }
            closed.insert((*name).to_owned(), reached);
        }
        faults.into_result(Some(Self(closed)))
    }

    /// The roles that someone effectively holds, sorted, each once.
    #[must_use]
    pub fn effective<'a>(&'a self, granted: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let mut held = BTreeSet::new();
        for role in granted {
            held.insert(role);
            held.extend(self.0.get(role).into_iter().flatten().map(String::as_str));
        }
        held.into_iter().collect()
    }

    /// The declared roles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn reached_from(start: &str, direct: &BTreeMap<&str, &[String]>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(role) = open.pop() {
        for included in direct.get(role).copied().unwrap_or_default() {
            if reached.insert(included.clone()) {
                open.push(included);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(roles: &[(&str, &[&str])]) -> Result<Roles, Vec<ConfigFault>> {
        let named = roles.iter().map(|(name, includes)| {
            let includes = includes.iter().map(|role| (*role).to_owned()).collect();
            ((*name).to_owned(), Role { includes })
        });
        Roles::compile(&Named(named.collect()))
    }

    #[test]
    fn a_role_brings_all_that_it_includes() {
        let roles = compile(&[("admin", &["writer"]), ("writer", &["reader"])]).expect("no cycle");
        assert_eq!(roles.effective(["admin"]), ["admin", "reader", "writer"]);
        assert_eq!(roles.effective(["writer", "guest"]), ["guest", "reader", "writer"]);
        assert_eq!(roles.effective([]), Vec::<&str>::new());
    }

    #[test]
    fn cycles_are_refused_and_every_role_on_them_is_named() {
        let faults = compile(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &["d"])]).expect_err("cycles");
        let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["roles.b.includes", "roles.c.includes", "roles.d.includes"]);
    }
}
