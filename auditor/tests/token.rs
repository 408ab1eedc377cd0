//! `countersign token`, run as users run it.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// RFC 7515 A.3: ES256, `iss` joe, `exp` 1300819380.
const ES256_KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const ES256_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// RFC 7515 A.1: HS256, the same claims.
const HS256_KEY: &str =
    r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const HS256_TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 8037 A.4: EdDSA, over text that is no claims.
const ED25519_KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const ED25519_JWS: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
const IN_TIME: &str = "1300819000";

struct Run {
    code: Option<i32>,
    answers: Vec<Value>,
    output: String,
    errors: String,
}

fn run(name: &str, keys: &str, arguments: &[&str], input: &[u8]) -> Run {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    std::fs::write(&path, keys).expect("a file for the keys");
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("token")
        .arg("--jwks")
        .arg(&path)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // A run that refuses its arguments ends without reading: its output says so.
    let _ = child.stdin.take().expect("piped").write_all(input);
    let done = child.wait_with_output().expect("the binary ends");
    let output = String::from_utf8(done.stdout).expect("text");
    let answers = output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Run { code: done.status.code(), answers, output, errors: String::from_utf8(done.stderr).expect("text") }
}

#[test]
fn bare_tokens_and_objects_are_answered_in_order() {
    let input = format!("{ES256_TOKEN}\n\n{}\n", json!({"id": "x", "token": ES256_TOKEN}));
    let run = run("bare", ES256_KEYS, &["--now", IN_TIME], input.as_bytes());
    assert_eq!(
        run.answers,
        [json!({"id": 1, "verdict": "accepted", "reason": null}), json!({"id": "x", "verdict": "accepted", "reason": null})]
    );
    assert_eq!(run.code, Some(0));
}

#[test]
fn a_refusal_has_its_reason_and_exit_code_1() {
    for (name, arguments, reason) in [
        ("expired", &["--now", "2026-11-24T00:00:00Z"][..], "token_expired"),
        ("issuer", &["--now", IN_TIME, "--issuer", "jane"], "token_issuer"),
        ("audience", &["--now", IN_TIME, "--audience", "orders"], "token_audience"),
        ("algorithm", &["--now", IN_TIME, "--algorithms", "RS256,PS256"], "token_algorithm_not_allowed"),
        ("lifetime", &["--now", IN_TIME, "--max-lifetime", "60s"], "token_lifetime_exceeded"),
        ("claim", &["--now", IN_TIME, "--required-claim", "sub"], "token_claim_missing"),
        ("type", &["--now", IN_TIME, "--token-type", "at+jwt"], "token_type"),
        ("skew", &["--now", "1300819390", "--clock-skew", "5s"], "token_expired"),
    ] {
        let run = run(name, ES256_KEYS, arguments, ES256_TOKEN.as_bytes());
        assert_eq!(run.answers, [json!({"id": 1, "verdict": "refused", "reason": reason})], "{name}");
        assert_eq!(run.code, Some(1), "{name}");
    }
}

#[test]
fn what_is_asked_for_and_there_is_accepted() {
    let arguments =
        ["--now", IN_TIME, "--issuer", "joe", "--algorithms", "ES256", "--require-expiration", "--max-lifetime", "1h"];
    assert_eq!(run("asked", ES256_KEYS, &arguments, ES256_TOKEN.as_bytes()).code, Some(0));
}

#[test]
fn shared_secrets_count_when_they_are_alone_or_named() {
    let alone = format!(r#"{{"keys":[{HS256_KEY}]}}"#);
    let mixed =
        format!(r#"{{"keys":[{HS256_KEY},{{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}]}}"#);
    let code = |name, keys: &str, arguments: &[&str]| run(name, keys, arguments, HS256_TOKEN.as_bytes()).code;
    assert_eq!(code("alone", &alone, &["--now", IN_TIME]), Some(0));
    assert_eq!(code("mixed", &mixed, &["--now", IN_TIME]), Some(1));
    assert_eq!(code("named", &mixed, &["--now", IN_TIME, "--algorithms", "HS256"]), Some(0));
}

#[test]
fn a_payload_that_is_no_claims_passes_only_where_the_signature_alone_is_asked_about() {
    let strict = run("payload", ED25519_KEYS, &[], ED25519_JWS.as_bytes());
    assert_eq!((strict.code, &strict.answers[0]["reason"]), (Some(1), &json!("token_json")));
    assert_eq!(run("signature", ED25519_KEYS, &["--signature-only"], ED25519_JWS.as_bytes()).code, Some(0));
}

#[test]
fn lines_that_hold_no_token_are_counted_and_do_not_stop_the_others() {
    let input = [b"\xff\xfe\n{\n{\"id\":3}\n", ES256_TOKEN.as_bytes()].concat();
    let run = run("lines", ES256_KEYS, &["--now", IN_TIME], &input);
    let reasons: Vec<_> = run.answers.iter().map(|answer| answer["reason"].clone()).collect();
    assert_eq!(reasons, [json!("line_not_utf8"), json!("line_not_json"), json!("line_without_token"), Value::Null]);
    assert!(run.errors.contains("3 unreadable lines"), "{}", run.errors);
    assert_eq!(run.code, Some(2));
}

#[test]
fn keys_that_cannot_be_read_leave_everything_untold() {
    let run = run("garbage", "<html>", &[], ES256_TOKEN.as_bytes());
    assert_eq!((run.code, run.output.as_str()), (Some(2), ""));
    assert!(run.errors.contains("is not JSON"), "{}", run.errors);
}

#[test]
fn an_explanation_says_why_and_what_to_change_and_never_shows_the_token() {
    let run = run("explain", ES256_KEYS, &["--explain", ES256_TOKEN], b"");
    assert!(run.output.contains("refused (token_expired)"), "{}", run.output);
    assert!(run.output.contains("2011-03-22T18:43:00Z") && run.output.contains("change: "), "{}", run.output);
    assert!(!run.output.contains("DtEhU3lj") && !run.output.contains("eyJpc3"), "{}", run.output);
}
