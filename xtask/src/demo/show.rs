//! What a person reads: the table, the event, what to try next.

use super::Witnessed;
use super::calls::{API_KEY, claims};
use super::stage::{Stage, shown};
use crate::Failure;
use crate::table::table;
use comfy_table::{Cell, Color, Table};
use countersign_testbed::tokens::Algorithm;
use serde_json::Value;
use std::time::Duration;

/// One row a call: what was asked, and what its event says.
pub(super) fn decisions(witnessed: &[Witnessed]) -> Table {
    let mut table = table(["what", "request", "who (verified)", "decision", "rule", "reason", "status"]);
    for one in witnessed {
        let outcome = text(&one.event, "/decision/outcome");
        let colour = match outcome {
            "allow" => Color::Green,
            "deny" => Color::Red,
            _ => Color::Yellow,
        };
        table.add_row([
            Cell::new(one.call.what),
            Cell::new(&one.call.line),
            Cell::new(who(&one.event)),
            Cell::new(outcome).fg(colour),
            Cell::new(rule(&one.event)),
            Cell::new(text(&one.event, "/decision/reason")),
            Cell::new(one.status),
        ]);
    }
    table
}

/// The event of a refusal that says most: who, why, and what came nearest.
pub(super) fn event(witnessed: &[Witnessed]) -> Result<String, Failure> {
    let telling = |one: &&Witnessed| one.event.pointer("/decision/nearest").is_some() && !who(&one.event).is_empty();
    let chosen = witnessed.iter().find(telling).or(witnessed.first());
    let event = chosen.map(|one| &one.event).ok_or_else(|| Failure::failed("there is no event to show"))?;
    Ok(by_member(event))
}

/// A member a line: on a screen, and still JSON.
fn by_member(event: &Value) -> String {
    let member = |(name, value): (&String, &Value)| format!("  {}: {value}", Value::from(name.as_str()));
    let members: Vec<_> = event.as_object().into_iter().flatten().map(member).collect();
    format!("{{\n{}\n}}", members.join(",\n"))
}

/// What to try next, or what to try now.
pub(super) fn next_steps(stage: &Stage, keep: bool, took: Duration) -> String {
    let mut lines = vec![format!("It all held, in {:.0} s.", took.as_secs_f64())];
    if keep {
        lines.push("\nThe gateway runs until Ctrl-C. Try, in another terminal:\n".into());
        lines.extend(curls(stage));
        lines.push(format!("\n  tail -f {}/date=*/hour=*/*.jsonl", shown(stage.store())));
    } else {
        lines.push("\nNext:\n".into());
        lines.push("  cargo xtask demo --keep      the same, left running, with requests to try".into());
        lines.push("  cargo xtask bench envoy      what a request costs in Envoy, beside native filters".into());
        lines.push("  cargo xtask test             everything that must hold".into());
        lines.push("  less envoy/envoy.yaml        how the gateway is set up".into());
        lines.push(format!("  ls {}\n{:31}the evidence of this run", shown(stage.store()), ""));
    }
    lines.join("\n")
}

/// Commands with tokens that are good for a while.
fn curls(stage: &Stage) -> Vec<String> {
    let token = |subject: &str, role: &str| stage.issuer().mint(Algorithm::Es256, &claims(subject, &[role], stage.now()));
    let url = format!("http://{}", stage.gateway());
    let reader = token("ada", "orders.reader");
    vec![
        format!("  curl -i {url}/orders/7 -H 'authorization: Bearer {reader}'"),
        format!("  curl -i {url}/orders -d '{{}}' -H 'authorization: Bearer {reader}'"),
        format!("  curl -i {url}/orders -d '{{}}' -H 'authorization: Bearer {}'", token("grace", "orders.admin")),
        format!("  curl -i {url}/invoices/42 -H 'x-api-key: {API_KEY}'"),
        format!("  curl -i {url}/orders/7"),
    ]
}

fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Subject and how it was established; empty when nobody was.
fn who(event: &Value) -> String {
    match (text(event, "/identity/subject"), text(event, "/identity/method")) {
        ("", _) => String::new(),
        (subject, method) => format!("{subject} ({method})"),
    }
}

/// The rule that decided, or the one that came nearest.
fn rule(event: &Value) -> String {
    let named = |at: &str| {
        let rule = event.pointer(&format!("{at}/rule")).and_then(Value::as_u64);
        let policy = text(event, &format!("{at}/policy"));
        rule.map_or_else(|| policy.to_owned(), |rule| format!("{policy}[{rule}]"))
    };
    let failed = event.pointer("/decision/nearest/failed").and_then(Value::as_array);
    match (named("/decision"), failed) {
        (decided, _) if !decided.is_empty() => decided,
        (_, Some(failed)) => {
            let failed: Vec<_> = failed.iter().filter_map(Value::as_str).collect();
            format!("not {}: {}", named("/decision/nearest"), failed.join(", "))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_rule_is_the_one_that_decided_else_the_nearest() {
        let decided = json!({"decision": {"policy": "read-orders", "rule": 0}});
        assert_eq!(rule(&decided), "read-orders[0]");
        let near = json!({"decision": {"nearest": {"policy": "write-orders", "rule": 1, "failed": ["from.roles"]}}});
        assert_eq!(rule(&near), "not write-orders[1]: from.roles");
        assert_eq!(rule(&json!({})), "");
    }

    #[test]
    fn an_event_shown_by_member_is_the_same_json() {
        let event = json!({"chain": {"seq": 1}, "v": 1, "findings": ["a\"b"]});
        let shown = by_member(&event);
        assert_eq!(shown.lines().count(), 5);
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), event);
    }

    #[test]
    fn only_a_verified_subject_has_a_name() {
        assert_eq!(who(&json!({"identity": {"method": "jwt", "subject": "ada"}})), "ada (jwt)");
        assert_eq!(who(&json!({"identity": {"method": "none"}})), "");
    }
}
