//! The OTLP/gRPC receiver.

use super::batch::{Batch, Receipt};
use super::commit::{Intake, Refusal};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsService;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use tonic::{Request, Response, Status};

/// Answers OTLP export calls.
#[derive(Debug)]
pub(super) struct Receiver {
    intake: Intake,
}

impl Receiver {
    pub(super) fn new(intake: Intake) -> Self {
        Self { intake }
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(&self, request: Request<ExportLogsServiceRequest>) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let peer = request.remote_addr().map_or_else(|| "unknown".to_owned(), |address| address.to_string());
        let batch = Batch::read(request.into_inner(), &peer);
        match self.intake.commit(batch).await {
            Ok(receipt) => Ok(Response::new(response(receipt))),
            Err(refusal) => Err(status(refusal)),
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

fn status(refusal: Refusal) -> Status {
    match refusal {
        Refusal::QueueFull => Status::resource_exhausted(refusal.to_string()),
        Refusal::StoreUnavailable | Refusal::Stopping => Status::unavailable(refusal.to_string()),
    }
}
