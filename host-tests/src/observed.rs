//! What a run saw of a request, and how it differs from what was expected.

use crate::scenario::Case;
use serde_json::Value;

/// What a run saw.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Status that the client got.
    pub status: u16,
    /// Headers of the reply, names in lower case.
    pub reply: Vec<(String, String)>,
    /// Headers that the upstream got, `:path` among them; none when nothing went upstream.
    pub upstream: Option<Vec<(String, String)>>,
    /// The audit event.
    pub event: Value,
}

impl Observed {
    /// Every difference from what the case expects, a line each.
    #[must_use]
    pub fn differences(&self, case: &Case) -> Vec<String> {
        let expect = &case.expect;
        let mut found = Vec::new();
        if self.status != expect.status {
            found.push(format!("status: found {}, expected {}", self.status, expect.status));
        }
        if self.member("decision.reason") != Some(&Value::from(expect.reason.as_str())) {
            found.push(format!("reason: found {:?}, expected {:?}", self.member("decision.reason"), expect.reason));
        }
        for (name, wanted) in &expect.reply {
            found.extend(header_difference("reply", &self.reply, name, wanted.as_deref()));
        }
        if !expect.upstream.is_empty() && self.upstream.is_none() {
            found.push("nothing went upstream".to_owned());
        }
        for (name, wanted) in &expect.upstream {
            let headers = self.upstream.as_deref().unwrap_or_default();
            found.extend(header_difference("upstream", headers, name, wanted.as_deref()));
        }
        for (path, wanted) in &expect.event {
            let seen = self.member(path);
            if seen.unwrap_or(&Value::Null) != wanted {
                found.push(format!("event.{path}: found {seen:?}, expected {wanted}"));
            }
        }
        found.into_iter().map(|difference| format!("{}: {difference}", case.name)).collect()
    }

    fn member(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.event, |value, name| value.get(name))
    }
}

fn header_difference(side: &str, headers: &[(String, String)], name: &str, wanted: Option<&str>) -> Option<String> {
    let values: Vec<&str> = headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect();
    match (values.as_slice(), wanted) {
        ([], None) => None,
        ([one], Some(wanted)) if *one == wanted => None,
        _ => Some(format!("{side} header {name}: found {values:?}, expected {wanted:?}")),
    }
}
