//! Callouts as a test holds them: read what was sent, then answer.

use std::ops::Deref;

use crate::abi::Callback;
use crate::callout::{CalloutState, GrpcAnswer, GrpcRequest, HttpAnswer, HttpRequest};
use crate::error::HostError;
use crate::headers::Headers;
use crate::host::Host;
use crate::vm::VmRole;

/// An HTTP call, as it was when it was asked for. Reads as its [`HttpRequest`].
#[derive(Debug, Clone)]
pub struct HttpCall {
    host: Host,
    index: usize,
    vm: VmRole,
    request: HttpRequest,
}

impl HttpCall {
    pub(crate) fn new(host: Host, index: usize, vm: VmRole, request: &HttpRequest) -> Self {
        Self { host, index, vm, request: request.clone() }
    }

    /// Which VM made it.
    pub fn vm(&self) -> VmRole {
        self.vm
    }

    /// Answers with a response.
    ///
    /// # Errors
    /// [`HostError::NotPending`] if it was answered, cancelled or timed out before.
    pub fn respond(&self, status: u32, headers: impl Into<Headers>, body: impl Into<Vec<u8>>) -> Result<(), HostError> {
        self.answer(HttpAnswer::response(status, headers, body), CalloutState::Answered)
    }

    /// Fails it, as a refused connection does.
    ///
    /// # Errors
    /// [`HostError::NotPending`] if it was answered, cancelled or timed out before.
    pub fn fail(&self) -> Result<(), HostError> {
        self.answer(HttpAnswer::Failure, CalloutState::Failed)
    }

    fn answer(&self, answer: HttpAnswer, becomes: CalloutState) -> Result<(), HostError> {
        let mut runtime = self.host.lock();
        if !runtime.deliver_http(self.index, answer, becomes) {
            return Err(HostError::NotPending { token: self.request.token });
        }
        runtime.settle();
        Ok(())
    }
}

impl Deref for HttpCall {
    type Target = HttpRequest;

    fn deref(&self) -> &HttpRequest {
        &self.request
    }
}

/// A gRPC call or stream, as it was when it was asked for. Reads as its [`GrpcRequest`].
#[derive(Debug, Clone)]
pub struct GrpcCall {
    host: Host,
    index: usize,
    vm: VmRole,
    request: GrpcRequest,
}

impl GrpcCall {
    pub(crate) fn new(host: Host, index: usize, vm: VmRole, request: &GrpcRequest) -> Self {
        Self { host, index, vm, request: request.clone() }
    }

    /// Which VM made it.
    pub fn vm(&self) -> VmRole {
        self.vm
    }

    /// Ends a call well, or sends a stream one message.
    ///
    /// # Errors
    /// [`HostError::NotPending`] if it is over.
    pub fn respond_ok(&self, message: impl Into<Vec<u8>>) -> Result<(), HostError> {
        self.answer(GrpcAnswer::Message(message.into()), CalloutState::Answered)
    }

    /// Ends it with a gRPC status; 0 ends a stream well.
    ///
    /// # Errors
    /// [`HostError::NotPending`] if it is over.
    pub fn fail(&self, status: u32) -> Result<(), HostError> {
        self.fail_with(status, "")
    }

    /// Ends it with a gRPC status and its message.
    ///
    /// # Errors
    /// [`HostError::NotPending`] if it is over.
    pub fn fail_with(&self, status: u32, message: impl Into<String>) -> Result<(), HostError> {
        self.answer(GrpcAnswer::Status(status, message.into()), CalloutState::Failed)
    }

    /// Sends a stream its initial metadata.
    ///
    /// # Errors
    /// [`HostError::NotPending`] if it is over or no stream.
    pub fn initial_metadata(&self, metadata: impl Into<Headers>) -> Result<(), HostError> {
        self.metadata(metadata.into(), Callback::OnGrpcInitialMetadata)
    }

    /// Sends a stream its trailing metadata.
    ///
    /// # Errors
    /// [`HostError::NotPending`] if it is over or no stream.
    pub fn trailing_metadata(&self, metadata: impl Into<Headers>) -> Result<(), HostError> {
        self.metadata(metadata.into(), Callback::OnGrpcTrailingMetadata)
    }

    fn metadata(&self, metadata: Headers, callback: Callback) -> Result<(), HostError> {
        let mut runtime = self.host.lock();
        if !runtime.deliver_metadata(self.index, metadata, callback) {
            return Err(HostError::NotPending { token: self.request.token });
        }
        runtime.settle();
        Ok(())
    }

    fn answer(&self, answer: GrpcAnswer, becomes: CalloutState) -> Result<(), HostError> {
        let mut runtime = self.host.lock();
        if !runtime.deliver_grpc(self.index, answer, becomes) {
            return Err(HostError::NotPending { token: self.request.token });
        }
        runtime.settle();
        Ok(())
    }
}

impl Deref for GrpcCall {
    type Target = GrpcRequest;

    fn deref(&self) -> &GrpcRequest {
        &self.request
    }
}
