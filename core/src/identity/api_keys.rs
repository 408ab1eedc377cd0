//! API keys: only their SHA-256 is known here, and comparing one takes the same time wherever it differs.

use super::credentials::Places;
use crate::time::UnixNanos;
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// The keys and where they are read from.
#[derive(Debug, Default)]
pub struct ApiKeys {
    /// Where keys are read from.
    pub places: Places,
    /// Whether the key goes upstream.
    pub forward: bool,
    /// The keys.
    pub keys: Vec<ApiKey>,
}

/// One key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// What it is called.
    pub id: String,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
    /// Roles of whoever holds it.
    pub roles: Vec<String>,
    /// Scopes of whoever holds it.
    pub scopes: Vec<String>,
    /// Not before this instant.
    pub not_before: Option<UnixNanos>,
    /// Not after this instant.
    pub not_after: Option<UnixNanos>,
    /// Addresses that it may be used from; any when empty.
    pub ip_blocks: Vec<IpNet>,
    /// Services that may use it; any when empty.
    pub services: Vec<String>,
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyDenial {
    /// No key of that hash.
    #[error("the key is not known")]
    Unknown,
    /// Before its time.
    #[error("the key is not valid yet")]
    NotYetValid,
    /// After its time.
    #[error("the key has expired")]
    Expired,
    /// From an address outside its blocks, or from another service than those it is bound to.
    #[error("the key is used where it should not be")]
    OutOfBounds,
}

impl ApiKeyDenial {
    /// Every denial.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::NotYetValid, Self::Expired, Self::OutOfBounds];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "api_key_unknown",
            Self::NotYetValid => "api_key_not_yet_valid",
            Self::Expired => "api_key_expired",
            Self::OutOfBounds => "api_key_out_of_bounds",
        }
    }
}

impl ApiKeys {
    /// The key that was presented, if it may be used now, from there, by that service.
    ///
    /// # Errors
    /// [`ApiKeyDenial`].
    pub fn accept(
        &self,
        presented: &str,
        now: UnixNanos,
        source: Option<IpAddr>,
        service: Option<&str>,
    ) -> Result<&ApiKey, ApiKeyDenial> {
        let digest: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let key = self.find(&digest).ok_or(ApiKeyDenial::Unknown)?;
        if key.not_before.is_some_and(|start| now < start) {
            return Err(ApiKeyDenial::NotYetValid);
        }
        if key.not_after.is_some_and(|end| now > end) {
            return Err(ApiKeyDenial::Expired);
        }
        let from_there = source.is_some_and(|source| key.ip_blocks.iter().any(|block| block.contains(&source)));
        let by_it = service.is_some_and(|service| key.services.iter().any(|bound| bound == service));
        if (!key.ip_blocks.is_empty() && !from_there) || (!key.services.is_empty() && !by_it) {
            return Err(ApiKeyDenial::OutOfBounds);
        }
        Ok(key)
    }

    /// Every key is compared in full, so that time tells nothing about how near a guess was.
    fn find(&self, digest: &[u8; 32]) -> Option<&ApiKey> {
        let differs = |key: &ApiKey| key.sha256.iter().zip(digest).fold(0, |sum, (left, right)| sum | (left ^ right));
        self.keys.iter().fold(None, |found, key| if differs(key) == 0 { Some(key) } else { found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> ApiKeys {
        let key = ApiKey {
            id: "batch".into(),
            sha256: Sha256::digest(b"secret").into(),
            roles: Vec::new(),
            scopes: Vec::new(),
            not_before: Some(UnixNanos(10)),
            not_after: Some(UnixNanos(20)),
            ip_blocks: vec!["10.2.0.0/16".parse().expect("block")],
            services: vec!["billing".into()],
        };
        ApiKeys { keys: vec![key], ..ApiKeys::default() }
    }

    #[test]
    fn a_key_is_good_only_in_its_time_from_its_place_by_its_service() {
        let keys = keys();
        let here = "10.2.3.4".parse().ok();
        let there = "10.3.3.4".parse().ok();
        let accept = |key, now, from, by| keys.accept(key, UnixNanos(now), from, by).map(|key| key.id.as_str());
        assert_eq!(accept("secret", 10, here, Some("billing")), Ok("batch"));
        assert_eq!(accept("secrets", 10, here, Some("billing")), Err(ApiKeyDenial::Unknown));
        assert_eq!(accept("secret", 9, here, Some("billing")), Err(ApiKeyDenial::NotYetValid));
        assert_eq!(accept("secret", 21, here, Some("billing")), Err(ApiKeyDenial::Expired));
        for (from, by) in [(there, Some("billing")), (None, Some("billing")), (here, Some("orders")), (here, None)] {
            assert_eq!(accept("secret", 15, from, by), Err(ApiKeyDenial::OutOfBounds));
        }
    }
}
