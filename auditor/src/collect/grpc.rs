//! The OTLP/gRPC receiver.

use super::batch::{Batch, Receipt};
use super::commit::Intake;
use super::gate::Token;
use super::metrics::Metrics;
use super::rpc;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsService;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Answers OTLP export calls.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) intake: Intake,
    pub(super) token: Option<Token>,
    pub(super) metrics: Arc<Metrics>,
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(&self, request: Request<ExportLogsServiceRequest>) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let shown = request.metadata().get("authorization").map(|value| value.as_bytes());
        if self.token.as_ref().is_some_and(|token| !token.is_shown(shown)) {
            self.metrics.refused_unauthenticated.add(1);
            return Err(Status::unauthenticated("no valid bearer token"));
        }
        let peer = request.remote_addr().map_or_else(|| "unknown".to_owned(), |address| address.to_string());
        let batch = Batch::read(request.into_inner(), &peer);
        match self.intake.commit(batch).await {
            Ok(receipt) => Ok(Response::new(response(receipt))),
            Err(refusal) => Err(rpc::status(refusal)),
        }
    }
}

/// The answer to a batch that is kept (OTLP, "Partial Success").
pub(super) fn response(receipt: Receipt) -> ExportLogsServiceResponse {
    let partial_success = (receipt.rejected > 0).then(|| ExportLogsPartialSuccess {
        rejected_log_records: i64::try_from(receipt.rejected).unwrap_or(i64::MAX),
        error_message: "records whose body is no audit line were kept aside".to_owned(),
    });
    ExportLogsServiceResponse { partial_success }
}
