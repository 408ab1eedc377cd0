//! Who calls what: a telling mix.

use countersign_testbed::client::Request;
use countersign_testbed::tokens::{Algorithm, Issuer, forged, unsigned};
use serde_json::{Value, json};

/// The issuer and the audience of the gateway's configuration.
pub(super) const ISSUER: &str = "https://issuer.example";
pub(super) const AUDIENCE: &str = "shop";
/// The API key that the configuration knows by its digest.
pub(super) const API_KEY: &str = "demo-key-of-the-billing-batch";

/// A request with what it is about.
#[derive(Debug)]
pub(super) struct Call {
    /// In a few words.
    pub(super) what: &'static str,
    /// Method and path.
    pub(super) line: String,
    /// The request itself.
    pub(super) request: Request,
    /// The trace that it starts, 32 hex digits.
    pub(super) trace_id: String,
    /// The status that it must get.
    pub(super) expected: u16,
}

/// What a caller shows.
enum Credential {
    Nothing,
    Token(String),
    ApiKey(&'static str),
}

/// All calls; `now` in Unix seconds.
pub(super) fn all(issuer: &Issuer, now: u64) -> Vec<Call> {
    use Credential::{ApiKey, Nothing, Token};
    let claims = |subject: &str, roles: &[&str]| claims(subject, roles, now);
    let with = |mut claims: Value, name: &str, value: Value| {
        if let Value::Object(members) = &mut claims {
            members.insert(name.into(), value);
        }
        claims
    };
    let reader = || claims("ada", &["orders.reader"]);
    let admin = || claims("grace", &["orders.admin"]);
    let token = |claims: &Value| Token(issuer.mint(Algorithm::Es256, claims));
    let rs256 = |claims: &Value| Token(issuer.mint(Algorithm::Rs256, claims));
    let expired = with(with(claims("alan", &["orders.reader"]), "iat", json!(now - 7200)), "exp", json!(now - 3600));
    let elsewhere = with(claims("eve", &["orders.reader"]), "aud", json!("another-shop"));
    let promoted = claims("ada", &["orders.admin"]);
    let good = issuer.mint(Algorithm::Es256, &reader());
    let plan = [
        ("a reader reads", "GET /orders/7", token(&reader()), 200),
        ("an admin writes, by an included role", "POST /orders", rs256(&admin()), 200),
        ("an API key", "GET /invoices/42", ApiKey(API_KEY), 200),
        ("a reader writes", "POST /orders", token(&reader()), 403),
        ("an unknown route", "GET /admin/users", token(&reader()), 403),
        ("the same key elsewhere", "GET /orders/7", ApiKey(API_KEY), 403),
        ("a guessed API key", "GET /invoices/42", ApiKey("guessed"), 401),
        ("no credential", "GET /orders/7", Nothing, 401),
        ("an expired token", "GET /orders/7", token(&expired), 401),
        ("a token for somewhere else", "GET /orders/7", token(&elsewhere), 401),
        ("a forged token", "POST /orders", Token(forged(&good, &promoted)), 401),
        ("a token with alg none", "POST /orders", Token(unsigned(&promoted)), 401),
        ("a token that is none", "GET /orders/7", Token("not.a.token".into()), 401),
        ("a path in disguise", "GET /orders/..%2fadmin", token(&reader()), 400),
    ];
    let call = |(number, (what, line, credential, expected)): (usize, (&'static str, &str, Credential, u16))| {
        let trace_id = format!("{:032x}", (u128::from(now) << 64) + number as u128 + 1);
        let (method, path) = line.split_once(' ').unwrap_or(("GET", line));
        let request = Request::new(method, path).header("host", "shop.example").header("user-agent", "demo/1.0");
        let request = request.header("traceparent", format!("00-{trace_id}-00f067aa0ba902b7-01"));
        let request = match credential {
            Nothing => request,
            Token(token) => request.bearer(&token),
            ApiKey(key) => request.header("x-api-key", key),
        };
        let request = if method == "POST" { request.body("{}") } else { request };
        Call { what, line: line.to_owned(), request, trace_id, expected }
    };
    plan.into_iter().enumerate().map(call).collect()
}

/// Good claims for five minutes.
pub(super) fn claims(subject: &str, roles: &[&str], now: u64) -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "realm_access": {"roles": roles}, "iat": now, "exp": now + 300})
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_call_starts_its_own_trace() {
        let calls = all(&Issuer::fixed().unwrap(), 1_795_519_353);
        let traces: BTreeSet<_> = calls.iter().map(|call| call.trace_id.as_str()).collect();
        assert_eq!(traces.len(), calls.len());
        assert!(traces.iter().all(|trace| trace.len() == 32));
    }
}
