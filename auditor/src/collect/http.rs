//! The OTLP/HTTP receiver (`/v1/logs`, protobuf and JSON), and `/metrics` and `/healthz` beside it.

use super::MAX_MESSAGE;
use super::batch::Batch;
use super::commit::{Intake, Refusal};
use super::gate::{Gate, Token};
use super::grpc::response;
use super::metrics::Metrics;
use super::rpc::RpcStatus;
use axum::Router;
use axum::body::Bytes;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use serde_json::json;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use tonic::Code;

/// What the handlers share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) intake: Intake,
    pub(super) token: Option<Token>,
    pub(super) metrics: Arc<Metrics>,
}

/// Who sent a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Gate>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// The two encodings of OTLP/HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

/// A request that cannot be taken, whoever sends it again.
struct Bad(StatusCode, Code, String);

pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/logs", post(export))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE))
        .with_state(shared)
}

async fn export(
    State(shared): State<Shared>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(encoding) = encoding(&headers) else {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected application/x-protobuf or application/json").into_response();
    };
    if !authorised(&shared, &headers) {
        return encoding.status(StatusCode::UNAUTHORIZED, &RpcStatus::new(Code::Unauthenticated, "no valid bearer token"));
    }
    let request = match decompress(&headers, &body).and_then(|bytes| encoding.read(&bytes)) {
        Ok(request) => request,
        Err(Bad(status, code, message)) => return encoding.status(status, &RpcStatus::new(code, &message)),
    };
    match shared.intake.commit(Batch::read(request, &peer.to_string())).await {
        Ok(receipt) => encoding.answer(StatusCode::OK, &response(receipt)),
        Err(refusal) => refused(encoding, refusal),
    }
}

fn refused(encoding: Encoding, refusal: Refusal) -> Response {
    let status = match refusal {
        Refusal::QueueFull => StatusCode::TOO_MANY_REQUESTS,
        Refusal::StoreUnavailable | Refusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = encoding.status(status, &RpcStatus::of(refusal));
    response.headers_mut().insert(header::RETRY_AFTER, refusal.retry_after().as_secs().into());
    response
}

fn authorised(shared: &Shared, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let authorised = shared.token.as_ref().is_none_or(|token| token.is_shown(shown));
    if !authorised {
        shared.metrics.refused_unauthenticated.add(1);
    }
    authorised
}

fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match media_type.split(';').next()?.trim() {
        "application/x-protobuf" => Some(Encoding::Protobuf),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

/// A compressed body may not grow beyond what an uncompressed one may be.
fn decompress(headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Bad> {
    let unknown = || Bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, "unknown content-encoding".to_owned());
    let coding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str());
    match coding.transpose().map_err(|_| unknown())? {
        None | Some("identity") => Ok(body.clone()),
        Some("gzip") => read_bounded(flate2::read::MultiGzDecoder::new(&body[..])),
        Some("zstd") => zstd::Decoder::new(&body[..]).map_err(|error| malformed(&error)).and_then(read_bounded),
        Some(_) => Err(unknown()),
    }
}

fn read_bounded(reader: impl Read) -> Result<Bytes, Bad> {
    let mut bytes = Vec::new();
    reader.take(MAX_MESSAGE as u64 + 1).read_to_end(&mut bytes).map_err(|error| malformed(&error))?;
    if bytes.len() > MAX_MESSAGE {
        return Err(Bad(StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted, "the message is too large".to_owned()));
    }
    Ok(bytes.into())
}

fn malformed(error: &dyn std::fmt::Display) -> Bad {
    Bad(StatusCode::BAD_REQUEST, Code::InvalidArgument, error.to_string())
}

impl Encoding {
    fn read(self, bytes: &[u8]) -> Result<ExportLogsServiceRequest, Bad> {
        match self {
            Self::Protobuf => ExportLogsServiceRequest::decode(bytes).map_err(|error| malformed(&error)),
            Self::Json => serde_json::from_slice(bytes).map_err(|error| malformed(&error)),
        }
    }

    fn answer(self, status: StatusCode, message: &(impl Message + serde::Serialize)) -> Response {
        let bytes = match self {
            Self::Protobuf => message.encode_to_vec(),
            // An OTLP answer always has a JSON form.
            Self::Json => serde_json::to_vec(message).unwrap_or_default(),
        };
        (status, [self.content_type()], bytes).into_response()
    }

    fn status(self, status: StatusCode, message: &RpcStatus) -> Response {
        let bytes = match self {
            Self::Protobuf => message.encode_to_vec(),
            Self::Json => json!({"code": message.code(), "message": message.message()}).to_string().into_bytes(),
        };
        (status, [self.content_type()], bytes).into_response()
    }

    fn content_type(self) -> (HeaderName, &'static str) {
        let media_type = match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        };
        (header::CONTENT_TYPE, media_type)
    }
}

async fn metrics(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if !authorised(&shared, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], shared.metrics.render()).into_response()
}

/// Healthy is who can keep what comes.
async fn health(State(shared): State<Shared>) -> Response {
    match shared.metrics.store_failing.value() {
        0 => (StatusCode::OK, "ok\n").into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be written\n").into_response(),
    }
}
