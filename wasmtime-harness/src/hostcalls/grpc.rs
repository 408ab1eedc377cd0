//! gRPC calls and streams.

use std::time::Duration;

use wasmtime::Linker;

use super::hostcall;
use super::http::read_map;
use crate::abi::Status;
use crate::callout::{Callout, CalloutState, GrpcRequest};
use crate::guest::{Guest, Outcome, Refusal};
use crate::state::State;
use crate::target::{self, Target};
use crate::trap::{Abort, TrapKind};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, GrpcCall, |g,
                                 target: u32,
                                 target_len: u32,
                                 service: u32,
                                 service_len: u32,
                                 method: u32,
                                 method_len: u32,
                                 metadata: u32,
                                 metadata_len: u32,
                                 message: u32,
                                 message_len: u32,
                                 timeout: u32,
                                 token_ptr: u32| {
        let mut request = opened(g, (target, target_len), (service, service_len), (method, method_len))?;
        request.metadata = read_map(g, metadata, metadata_len)?;
        request.messages = vec![g.read(message, message_len)?];
        request.timeout = Duration::from_millis(timeout.into());
        open(g, request, token_ptr)
    });
    hostcall!(linker, GrpcStream, |g,
                                   target: u32,
                                   target_len: u32,
                                   service: u32,
                                   service_len: u32,
                                   method: u32,
                                   method_len: u32,
                                   metadata: u32,
                                   metadata_len: u32,
                                   token_ptr: u32| {
        let mut request = opened(g, (target, target_len), (service, service_len), (method, method_len))?;
        request.metadata = read_map(g, metadata, metadata_len)?;
        request.stream = true;
        open(g, request, token_ptr)
    });
    add_stream_calls(linker)
}

fn add_stream_calls(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, GrpcSend, |g, token: u32, ptr: u32, len: u32, end: u32| send(g, token, (ptr, len), end != 0));
    hostcall!(linker, GrpcCancel, |g, token: u32| cancel(g, token));
    hostcall!(linker, GrpcClose, |g, token: u32| close(g, token));
    hostcall!(linker, GetStatus, |g, code_ptr: u32, ptr_ptr: u32, size_ptr: u32| {
        let status = g.state().vm().map(|vm| vm.grpc_status.clone());
        let (code, message) = status.unwrap_or_default();
        g.write_u32(code_ptr, code)?;
        g.give(message.as_bytes(), ptr_ptr, size_ptr)
    });
    Ok(())
}

fn opened(guest: &mut Guest<'_>, target: (u32, u32), service: (u32, u32), method: (u32, u32)) -> Result<GrpcRequest, Status> {
    Ok(GrpcRequest {
        token: 0,
        target: guest.read(target.0, target.1)?,
        service: guest.read_text(service.0, service.1)?,
        method: guest.read_text(method.0, method.1)?,
        metadata: crate::headers::Headers::new(),
        messages: Vec::new(),
        timeout: Duration::ZERO,
        made_at: guest.state().clock.now(),
        stream: false,
        half_closed: false,
        state: CalloutState::Pending,
    })
}

fn open(guest: &mut Guest<'_>, mut request: GrpcRequest, token_ptr: u32) -> Outcome {
    guest.note(|| format!("{}/{}", request.service, request.method));
    check_target(guest.state(), &request.target)?;
    let state = guest.state();
    request.token = state.take_token();
    let token = request.token;
    let callout = Callout { vm: state.frame.vm, root: state.root_id(), stream: state.stream_index(), request };
    state.grpc_calls.push(callout);
    Ok(guest.write_u32(token_ptr, token)?)
}

/// HOSTS.md 0.5: bytes that parse as a `GrpcService` without a target end the process.
fn check_target(state: &State, bytes: &[u8]) -> Result<(), Refusal> {
    if !state.profile.http.grpc_service_proto {
        return Ok(());
    }
    let cluster = match target::parse(bytes) {
        Target::Cluster(cluster) => cluster,
        Target::Elsewhere => return Ok(()),
        Target::Missing => {
            return Err(Abort::new(TrapKind::HostCrash, "gRPC target is a GrpcService without a target").into());
        }
    };
    let known = state.settings.clusters.as_ref().is_none_or(|clusters| clusters.contains(&cluster));
    if known { Ok(()) } else { Err(Status::InternalFailure.into()) }
}

/// Where the pending callout of that token lies.
fn pending(state: &State, token: u32) -> Result<usize, Status> {
    let vm = state.frame.vm;
    let mut waiting = state.grpc_calls.pending();
    let found = waiting.find(|(_, call)| call.vm == vm && call.request.token == token);
    found.map(|(index, _)| index).ok_or(Status::NotFound)
}

fn request(state: &mut State, token: u32) -> Result<&mut GrpcRequest, Status> {
    let index = pending(state, token)?;
    state.grpc_calls.waiting(index).map(|call| &mut call.request).ok_or(Status::NotFound)
}

fn send(guest: &mut Guest<'_>, token: u32, message: (u32, u32), end: bool) -> Outcome {
    guest.note(|| token.to_string());
    let message = guest.read(message.0, message.1)?;
    let request = request(guest.state(), token)?;
    if !request.stream || request.half_closed {
        return Err(Status::BadArgument.into());
    }
    request.messages.push(message);
    request.half_closed = end;
    Ok(())
}

fn cancel(guest: &mut Guest<'_>, token: u32) -> Outcome {
    guest.note(|| token.to_string());
    let index = pending(guest.state(), token)?;
    guest.state().grpc_calls.close(index, CalloutState::Cancelled);
    Ok(())
}

/// Closing a stream ends the plugin's side; closing a call cancels it.
fn close(guest: &mut Guest<'_>, token: u32) -> Outcome {
    let request = request(guest.state(), token)?;
    if !request.stream {
        return cancel(guest, token);
    }
    request.half_closed = true;
    guest.note(|| token.to_string());
    Ok(())
}
