//! What a condition can be filed under.

use crate::authz::condition::{Condition, Test};
use crate::authz::pattern::Pattern;
use crate::authz::template::{PathPattern, Segment, Template};
use ipnet::IpNet;
use std::net::IpAddr;

/// The attributes that are not named by the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    Path,
    Host,
    Method,
    Port,
    Principal,
    Namespace,
    ServiceAccount,
    TrustDomain,
    Issuer,
    Subject,
    Audience,
    Presenter,
    Role,
    Scope,
    Service,
    ApiKey,
    Sni,
    SourceIp,
    RemoteIp,
    DestinationIp,
}

impl Attribute {
    pub(super) const COUNT: usize = Self::DestinationIp as usize + 1;
}

/// The names that lead to a claim.
pub(super) type ClaimPath = Vec<String>;

/// What a key is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    Fixed(Attribute),
    Header(&'a str),
    Claim(&'a ClaimPath),
}

impl Subject<'_> {
    /// Where the hashes of its values start.
    pub(super) fn seed(self) -> u64 {
        match self {
            Self::Fixed(attribute) => hash(OFFSET, &[attribute as u8]),
            Self::Header(name) => hash(hash(OFFSET, &[254]), name.as_bytes()),
            Self::Claim(path) => path.iter().fold(hash(OFFSET, &[255]), |seed, name| hash(hash(seed, name.as_bytes()), &[0])),
        }
    }
}

/// Which segments of a template are literal, and how many segments a path must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// Positions of the literal segments.
    pub(super) literals: Vec<usize>,
    /// How many segments come before `{**}`, or in all.
    pub(super) segments: usize,
    /// Whether more may follow.
    pub(super) open: bool,
}

impl Shape {
    fn of(template: &Template) -> Self {
        let literal = |(position, segment): (usize, &Segment)| matches!(segment, Segment::Literal(_)).then_some(position);
        let literals = template.head.iter().enumerate().filter_map(literal).collect();
        Self { literals, segments: template.head.len(), open: template.rest.is_some() }
    }

    /// The key of the paths that have these hashes at the literal positions, if a path of so many segments fits at all.
    pub(super) fn key(&self, hashes: &[u64]) -> Option<u64> {
        let fits = if self.open { hashes.len() > self.segments } else { hashes.len() == self.segments };
        let start = hash(OFFSET, &[253, u8::from(self.open)]);
        let start = hash(start, &self.segments.to_le_bytes());
        let step = |key: u64, position: &usize| {
            hashes.get(*position).map(|segment| hash(hash(key, &position.to_le_bytes()), &segment.to_le_bytes()))
        };
        if fits { self.literals.iter().try_fold(start, step).map(finish) } else { None }
    }
}

/// How a value is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Exact,
    Present,
    Prefix(usize),
    Suffix(usize),
    Template(Shape),
    Block { is_v6: bool, length: u8 },
}

/// One place where a rule can be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) form: Form,
    pub(super) hash: u64,
}

/// The places where a rule with this condition has to be filed to be found; `None` when it cannot be found by it.
pub(super) fn keys(condition: &Condition) -> Option<Vec<Key<'_>>> {
    if condition.negated {
        return None;
    }
    let texts = |attribute: Attribute, patterns: &[Pattern]| Some(texts(Subject::Fixed(attribute), patterns));
    match &condition.test {
        Test::Path(patterns) => Some(patterns.iter().map(path).collect()),
        Test::Host(patterns) => texts(Attribute::Host, patterns),
        Test::Method(patterns) => texts(Attribute::Method, patterns),
        Test::Authority(_) | Test::TimeOfDay(_) | Test::Weekday(_) => None,
        Test::ServiceState(_) | Test::PathSegment(..) | Test::Reference(_) => None,
        Test::TrustDomain(patterns) => texts(Attribute::TrustDomain, patterns),
        Test::Audience(patterns) => texts(Attribute::Audience, patterns),
        Test::Presenter(patterns) => texts(Attribute::Presenter, patterns),
        Test::Role(patterns) => texts(Attribute::Role, patterns),
        Test::Scope(patterns) => texts(Attribute::Scope, patterns),
        Test::Service(patterns) => texts(Attribute::Service, patterns),
        Test::ApiKey(patterns) => texts(Attribute::ApiKey, patterns),
        Test::Sni(patterns) => texts(Attribute::Sni, patterns),
        Test::Header(name, patterns) => Some(self::texts(Subject::Header(name), patterns)),
        Test::Claim(path, patterns) => Some(self::texts(Subject::Claim(path), patterns)),
        Test::Principal(patterns) => {
            Some(patterns.iter().map(|pattern| text(Subject::Fixed(Attribute::Principal), pattern.pattern())).collect())
        }
        Test::RequestPrincipal(patterns) => Some(
            patterns
                .iter()
                .map(|pattern| match (pattern.issuer(), pattern.subject()) {
                    (issuer @ Pattern::Exact(_), Pattern::Present | Pattern::Prefix(_) | Pattern::Suffix(_)) => {
                        text(Subject::Fixed(Attribute::Issuer), issuer)
                    }
                    (_, subject) => text(Subject::Fixed(Attribute::Subject), subject),
                })
                .collect(),
        ),
        Test::Namespace(patterns) => {
            let plain = patterns.iter().all(|pattern| !pattern.0.contains('*'));
            plain.then(|| patterns.iter().map(|pattern| exact(Attribute::Namespace, pattern.0.as_bytes())).collect())
        }
        Test::ServiceAccount(accounts) => {
            Some(accounts.iter().map(|account| exact(Attribute::ServiceAccount, account.name.as_bytes())).collect())
        }
        Test::Port(ports) => Some(ports.iter().map(|port| exact(Attribute::Port, &port.to_le_bytes())).collect()),
        Test::SourceIp(blocks) => Some(self::blocks(Attribute::SourceIp, blocks)),
        Test::RemoteIp(blocks) => Some(self::blocks(Attribute::RemoteIp, blocks)),
        Test::DestinationIp(blocks) => Some(self::blocks(Attribute::DestinationIp, blocks)),
    }
}

fn path(pattern: &PathPattern) -> Key<'_> {
    match pattern {
        PathPattern::Plain(pattern) => text(Subject::Fixed(Attribute::Path), pattern),
        PathPattern::Template(template) => {
            let shape = Shape::of(template);
            let literal = |segment: &Segment| match segment {
                Segment::Literal(literal) => segment_hash(literal),
                Segment::One => 0,
            };
            let mut hashes: Vec<u64> = template.head.iter().map(literal).collect();
            if shape.open {
                hashes.push(0);
            }
            // The hashes have just the length that the shape asks for, so there is a key.
            let hash = shape.key(&hashes).unwrap_or_default();
            Key { subject: Subject::Fixed(Attribute::Path), form: Form::Template(shape), hash }
        }
    }
}

fn texts<'a>(subject: Subject<'a>, patterns: &[Pattern]) -> Vec<Key<'a>> {
    patterns.iter().map(|pattern| text(subject, pattern)).collect()
}

fn text<'a>(subject: Subject<'a>, pattern: &Pattern) -> Key<'a> {
    let seed = subject.seed();
    let (form, hash) = match pattern {
        Pattern::Exact(exact) => (Form::Exact, exact_key(hash(seed, exact.as_bytes()))),
        Pattern::Prefix(prefix) => (Form::Prefix(prefix.len()), prefix_key(hash(seed, prefix.as_bytes()))),
        Pattern::Suffix(suffix) => (Form::Suffix(suffix.len()), suffix_key(hash_backwards(seed, suffix.as_bytes()))),
        Pattern::Present => (Form::Present, present_key(seed)),
    };
    Key { subject, form, hash }
}

fn exact(attribute: Attribute, value: &[u8]) -> Key<'static> {
    let subject = Subject::Fixed(attribute);
    Key { subject, form: Form::Exact, hash: exact_key(hash(subject.seed(), value)) }
}

fn blocks(attribute: Attribute, blocks: &[IpNet]) -> Vec<Key<'static>> {
    let each = |block: &IpNet| {
        let (address, length) = (block.network(), block.prefix_len());
        let form = Form::Block { is_v6: address.is_ipv6(), length };
        Key { subject: Subject::Fixed(attribute), form, hash: block_key(attribute, address, length) }
    };
    blocks.iter().map(each).collect()
}

/// The key of a block by its network address.
pub(super) fn block_key(attribute: Attribute, network: IpAddr, length: u8) -> u64 {
    let seed = hash(Subject::Fixed(attribute).seed(), &[length]);
    finish(match network {
        IpAddr::V4(address) => hash(seed, &address.octets()),
        IpAddr::V6(address) => hash(seed, &address.octets()),
    })
}

pub(super) fn segment_hash(segment: &str) -> u64 {
    hash(OFFSET, segment.as_bytes())
}

pub(super) fn exact_key(hash: u64) -> u64 {
    finish(hash ^ 1)
}

pub(super) fn prefix_key(hash: u64) -> u64 {
    finish(hash ^ 2)
}

pub(super) fn suffix_key(hash: u64) -> u64 {
    finish(hash ^ 3)
}

pub(super) fn present_key(seed: u64) -> u64 {
    finish(seed ^ 4)
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a, which gives the hash of every prefix on its way.
pub(super) fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(PRIME)
}

pub(super) fn hash(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| step(hash, *byte))
}

fn hash_backwards(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(start, |hash, byte| step(hash, *byte))
}

/// Spreads a hash over all bits (the finaliser of splitmix64).
fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
