//! How a refusal looks to the client: the status and the challenge that the standards ask for, an id under which the
//! operators find the event, and nothing about the rules.

use super::authenticate::Denied;
use crate::request::RequestView;

/// An answer in place of the upstream's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Reason code for the gateway's own log, without spaces.
    pub details: &'static str,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body, plain text.
    pub body: String,
    /// gRPC status, where the request is a gRPC one.
    pub grpc_status: Option<i32>,
}

/// gRPC status codes (`google.rpc.Code`).
const PERMISSION_DENIED: i32 = 7;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

impl Reply {
    /// 401, or 400 for ambiguous credentials, with the challenge of RFC 6750 §3. Without a credential the challenge names
    /// no error (§3.1).
    #[must_use]
    pub(super) fn unauthorized(request: &RequestView<'_>, status: u16, realm: &str, denied: Option<&Denied>) -> Self {
        let realm = realm.replace(['"', '\\'], "");
        let mut challenge = format!("Bearer realm=\"{realm}\"");
        if let Some(denied) = denied {
            challenge.push_str(", error=\"");
            challenge.push_str(if denied.ambiguous { "invalid_request" } else { "invalid_token" });
            challenge.push('"');
        }
        let mut reply = Self::plain(request, status, denied.map_or("missing_identity", |denied| denied.code), UNAUTHENTICATED);
        reply.headers.push(("www-authenticate", challenge));
        reply
    }

    /// 403.
    #[must_use]
    pub fn forbidden(request: &RequestView<'_>, code: &'static str) -> Self {
        Self::plain(request, 403, code, PERMISSION_DENIED)
    }

    /// 503: it could not be told.
    #[must_use]
    pub(super) fn undecided(request: &RequestView<'_>, code: &'static str) -> Self {
        let mut reply = Self::plain(request, 503, code, UNAVAILABLE);
        "access could not be decided".clone_into(&mut reply.body);
        reply
    }

    /// 503: it could not be told, or not be recorded.
    #[must_use]
    pub fn unavailable(id: Option<&str>) -> Self {
        let reply = Self {
            status: 503,
            details: "countersign_unavailable",
            headers: vec![("content-type", "text/plain".to_owned())],
            body: "access could not be decided".to_owned(),
            grpc_status: None,
        };
        match id {
            Some(id) => reply.with_id(id),
            None => reply,
        }
    }

    fn plain(request: &RequestView<'_>, status: u16, details: &'static str, grpc_status: i32) -> Self {
        let grpc = request.header("content-type").is_some_and(|kind| kind.starts_with("application/grpc"));
        Self {
            status,
            details,
            headers: vec![("content-type", "text/plain".to_owned())],
            body: "access denied".to_owned(),
            grpc_status: grpc.then_some(if status == 503 { UNAVAILABLE } else { grpc_status }),
        }
    }

    /// The same reply with the id of its event, in a header and in the body.
    #[must_use]
    pub fn with_id(&self, id: &str) -> Self {
        let mut reply = self.clone();
        reply.headers.push(("x-audit-id", id.to_owned()));
        reply.body.push_str("; audit id ");
        reply.body.push_str(id);
        reply.body.push('\n');
        reply
    }
}
