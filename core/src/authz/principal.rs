//! Peer identities (SPIFFE) and token identities.

use super::attributes::RequestPrincipal;
use super::pattern::{Pattern, glob_matches};
use std::fmt;

const SCHEME: &str = "spiffe://";

/// A principal without `spiffe://`, if it has it.
#[must_use]
pub fn without_scheme(principal: &str) -> &str {
    principal.strip_prefix(SCHEME).unwrap_or(principal)
}

/// The parts of a SPIFFE ID: `spiffe://trust-domain/path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpiffeId<'a> {
    /// The trust domain.
    pub trust_domain: &'a str,
    path: &'a str,
}

impl<'a> SpiffeId<'a> {
    /// Reads a principal; without the scheme it is no SPIFFE ID.
    #[must_use]
    pub fn parse(principal: &'a str) -> Option<Self> {
        let id = principal.strip_prefix(SCHEME)?;
        let (trust_domain, path) = id.split_once('/').unwrap_or((id, ""));
        Some(Self { trust_domain, path })
    }

    /// The value of a key in a path of keys and values: `prod` for `ns` in `ns/prod/sa/billing`.
    #[must_use]
    pub fn value_of(&self, key: &str) -> Option<&'a str> {
        let mut segments = self.path.split('/');
        segments.find(|segment| *segment == key)?;
        segments.next()
    }

    /// The namespace. As in Istio, something must follow it.
    #[must_use]
    pub fn namespace(&self) -> Option<&'a str> {
        let mut segments = self.path.split('/');
        segments.find(|segment| *segment == "ns")?;
        let namespace = segments.next()?;
        segments.next().map(|_| namespace)
    }
}

/// A pattern over peer identities, written with or without `spiffe://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalPattern(Pattern);

impl PrincipalPattern {
    /// Reads a pattern.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(Pattern::parse(without_scheme(text)))
    }

    /// The pattern over what follows the scheme.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.0
    }

    /// Whether a peer identity fits.
    ///
    /// An identity that is no SPIFFE ID (a subject, a DNS name) is compared as it is, but never by suffix: who names
    /// himself `CN=x/ns/prod/sa/admin` must not pass for `*/ns/prod/sa/admin`.
    #[must_use]
    pub fn matches(&self, principal: &str) -> bool {
        match (principal.strip_prefix(SCHEME), &self.0) {
            (Some(id), pattern) => pattern.matches(id),
            (None, Pattern::Suffix(_)) => false,
            (None, pattern) => pattern.matches(principal),
        }
    }
}

impl fmt::Display for PrincipalPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A namespace pattern: `*` stands for any run of characters, anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespacePattern(pub String);

impl NamespacePattern {
    /// Whether the namespace of a peer identity fits.
    #[must_use]
    pub fn matches(&self, principal: &str) -> bool {
        SpiffeId::parse(principal).and_then(|id| id.namespace()).is_some_and(|namespace| glob_matches(&self.0, namespace))
    }
}

/// A service account in its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ServiceAccount {
    /// Whether a peer identity is this service account.
    #[must_use]
    pub fn matches(&self, principal: &str) -> bool {
        SpiffeId::parse(principal)
            .is_some_and(|id| id.namespace() == Some(&self.namespace) && id.value_of("sa") == Some(&self.name))
    }
}

impl fmt::Display for ServiceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// A pattern over `issuer/subject`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPrincipalPattern {
    issuer: Pattern,
    subject: Pattern,
}

impl RequestPrincipalPattern {
    /// Reads a pattern. The last `/` divides issuer from subject, since an issuer may be a URL; a leading `*` then belongs to
    /// the issuer, a trailing one to the subject.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (issuer, subject) = match (text, text.rsplit_once('/')) {
            ("*", _) => (Pattern::Present, Pattern::Present),
            (text, Some((issuer, subject))) => Self::divided(text, issuer, subject),
            (text, None) => match Pattern::parse(text) {
                suffix @ Pattern::Suffix(_) => (Pattern::Present, suffix),
                prefix @ Pattern::Prefix(_) => (prefix, Pattern::Present),
                exact => (exact, Pattern::Exact(String::new())),
            },
        };
        Self { issuer, subject }
    }

    fn divided(text: &str, issuer: &str, subject: &str) -> (Pattern, Pattern) {
        let exact = |text: &str| Pattern::Exact(text.to_owned());
        match (text.starts_with('*'), text.ends_with('*')) {
            (true, _) => (Pattern::parse(issuer), exact(subject)),
            (false, true) => (exact(issuer), Pattern::parse(subject)),
            (false, false) => (exact(issuer), exact(subject)),
        }
    }

    /// The pattern over the issuer.
    #[must_use]
    pub fn issuer(&self) -> &Pattern {
        &self.issuer
    }

    /// The pattern over the subject.
    #[must_use]
    pub fn subject(&self) -> &Pattern {
        &self.subject
    }

    /// Whether a token identity fits.
    #[must_use]
    pub fn matches(&self, principal: RequestPrincipal<'_>) -> bool {
        self.issuer.matches(principal.issuer) && self.subject.matches(principal.subject)
    }
}

impl fmt::Display for RequestPrincipalPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.issuer, &self.subject) {
            (Pattern::Present, Pattern::Present) => formatter.write_str("*"),
            (issuer, subject) => write!(formatter, "{issuer}/{subject}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_match_with_and_without_their_scheme() {
        let admin = "spiffe://cluster.local/ns/prod/sa/admin";
        for (pattern, principal, expected) in [
            ("cluster.local/ns/prod/sa/admin", admin, true),
            ("spiffe://cluster.local/ns/prod/sa/admin", admin, true),
            ("cluster.local/ns/prod/*", admin, true),
            ("*/sa/admin", admin, true),
            ("*/sa/admin", "CN=x/sa/admin", false),
            ("CN=client,O=acme", "CN=client,O=acme", true),
            ("*", "CN=client", true),
            ("*", "", false),
            ("", admin, false),
        ] {
            assert_eq!(PrincipalPattern::parse(pattern).matches(principal), expected, "{pattern} {principal}");
        }
    }

    #[test]
    fn namespaces_and_service_accounts_come_from_spiffe_ids_alone() {
        let billing = "spiffe://td/ns/prod/sa/billing";
        assert!(NamespacePattern("prod".into()).matches(billing));
        assert!(NamespacePattern("p*d".into()).matches(billing));
        assert!(!NamespacePattern("prod".into()).matches("td/ns/prod/sa/billing"));
        assert!(!NamespacePattern("prod".into()).matches("spiffe://td/ns/prod"));
        let account = |name: &str| ServiceAccount { namespace: "prod".into(), name: name.into() };
        assert!(account("billing").matches(billing));
        assert!(account("billing").matches("spiffe://td/ns/prod/x/y/sa/billing/z"));
        assert!(!account("bill").matches(billing));
    }

    #[test]
    fn request_principals_match_issuer_and_subject_apart() {
        for (pattern, issuer, subject, expected) in [
            ("https://issuer.example/alice", "https://issuer.example", "alice", true),
            ("https://issuer.example/alice", "https://issuer.example/alice", "", false),
            ("https://issuer.example/alice", "https:/", "issuer.example/alice", false),
            ("*", "i", "s", true),
            ("*", "i", "", false),
            ("*/alice", "https://any", "alice", true),
            ("*example/alice", "https://issuer.example", "alice", true),
            ("*alice", "i", "malice", true),
            ("https://issuer.example/*", "https://issuer.example", "bob", true),
            ("https://issuer.example/*", "https://issuer.example", "", false),
            ("https://issuer.example/al*", "https://issuer.example", "alice", true),
            ("issuer*", "issuer.example", "bob", true),
            ("issuer", "issuer", "bob", false),
        ] {
            let principal = RequestPrincipal { issuer, subject };
            assert_eq!(RequestPrincipalPattern::parse(pattern).matches(principal), expected, "{pattern} {issuer} {subject}");
        }
    }
}
