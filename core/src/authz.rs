//! Authorization: policies in Istio's language, compiled, and decisions that name their rule.
//!
//! ```
//! use countersign_core::authz::{Attributes, Outcome, Policies};
//! use countersign_core::config::{authorization::Authorization, decode::{Decode, Faults, Path}};
//!
//! let text = br#"{"policies": [{"name": "read", "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}]}"#;
//! let value = countersign_core::json::parse(text)?;
//! let mut faults = Faults::default();
//! let wire = Authorization::decode(&value, &Path::Root, &mut faults);
//! let policies = Policies::compile(&faults.into_result(wire).map_err(|_| "faulty")?).map_err(|_| "faulty")?;
//!
//! let verdict = policies.decide(&Attributes { method: "GET", path: "/", ..Attributes::default() });
//! assert_eq!((verdict.outcome, verdict.policy), (Outcome::Allow, Some("read")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Matching is Istio's and Envoy's; where it differs deliberately, `docs/authorization.md` says so and why. Nothing here can
//! run away: there are no regular expressions, and a decision's work is bounded by the policies that an index finds for it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`attributes`] | what is known of a request |
//! | [`policies`] | the compiled policies |
//! | [`verdict`] | what a decision says |
//! | [`roles`] | which roles include which |
//! | [`services`] | who calls, by the registry |
//! | [`endpoints`] | which endpoint a path belongs to |
//! | [`clock`], [`condition`], [`pattern`], [`principal`], [`template`] | the parts of a rule |

pub mod attributes;
pub mod clock;
pub mod condition;
pub mod endpoints;
pub mod pattern;
pub mod policies;
pub mod principal;
pub mod roles;
pub mod services;
pub mod template;
pub mod verdict;

mod compile;
mod describe;
mod digest;
mod index;

pub use attributes::{Attributes, RequestPrincipal};
pub use endpoints::{EndpointMatch, Endpoints};
pub use policies::Policies;
pub use roles::Roles;
pub use services::{Caller, Services};
pub use verdict::{NearestMiss, Outcome, Permit, PolicyMatch, Reason, Verdict};
