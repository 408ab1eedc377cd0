//! What steers a stream: local replies, continue, close, contexts.

use wasmtime::Linker;

use super::hostcall;
use crate::abi::{Status, StreamKind, pairs};
use crate::guest::{Guest, Outcome};
use crate::headers::Headers;
use crate::state::State;
use crate::stream::{LocalReply, Place, Stage};
use crate::trap::{Abort, TrapKind};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, SendLocalResponse, |g,
                                          status: u32,
                                          details: u32,
                                          details_len: u32,
                                          body: u32,
                                          body_len: u32,
                                          headers: u32,
                                          headers_len: u32,
                                          grpc: i32| {
        let reply = LocalReply {
            status,
            details: g.read_text(details, details_len)?,
            body: g.read(body, body_len)?,
            headers: Headers::from_pairs(pairs::decode(&g.read(headers, headers_len)?).unwrap_or_default()),
            grpc_status: (grpc >= 0).then_some(grpc),
        };
        send_local_response(g, reply)
    });
    hostcall!(linker, ContinueRequest, |g| continue_stream(g, StreamKind::Request as u32));
    hostcall!(linker, ContinueResponse, |g| continue_stream(g, StreamKind::Response as u32));
    hostcall!(linker, ContinueStream, |g, kind: u32| continue_stream(g, kind));
    hostcall!(linker, CloseStream, |g, kind: u32| close_stream(g, kind));
    hostcall!(linker, ClearRouteCache, |g| {
        if let Some(stream) = g.state().stream() {
            stream.route_cleared = true;
        }
        Ok(())
    });
    hostcall!(linker, SetEffectiveContext, |g, context: u32| { set_effective_context(g, context) });
    hostcall!(linker, Done, |g| done(g));
    Ok(())
}

fn send_local_response(guest: &mut Guest<'_>, reply: LocalReply) -> Outcome {
    guest.note(|| format!("{}, {}", reply.status, reply.details));
    let Some(index) = guest.state().stream_index() else {
        // Envoy returns Ok and does nothing.
        return guest.violation("a local reply was sent outside a stream");
    };
    let traps = guest.state().profile.http.second_reply_traps;
    let Some(stream) = guest.state().streams.get_mut(&index) else {
        return Err(Status::InternalFailure.into());
    };
    let again = stream.pending_reply.is_some() || stream.local.is_some();
    let over = matches!(stream.stage, Stage::Replied | Stage::Reset | Stage::Ended);
    if again && traps {
        return Err(Abort::new(TrapKind::Hostcall, "a second local reply to one request").into());
    }
    if again || over {
        return guest.violation("a local reply was sent to a stream that already has one or is over");
    }
    stream.pending_reply = Some(reply);
    guest.state().touched.insert(index);
    Ok(())
}

fn continue_stream(guest: &mut Guest<'_>, kind: u32) -> Outcome {
    let kind = StreamKind::try_from(kind).map_err(|_| Status::BadArgument)?;
    guest.note(|| format!("{kind:?}"));
    let Some(index) = guest.state().stream_index() else {
        return match kind {
            StreamKind::Request | StreamKind::Response => guest.violation("a stream was continued outside any"),
            StreamKind::Downstream | StreamKind::Upstream => Err(Status::BadArgument.into()),
        };
    };
    let Some(stream) = guest.state().streams.get_mut(&index) else {
        return Err(Status::InternalFailure.into());
    };
    let half = match kind {
        StreamKind::Request => &mut stream.request,
        StreamKind::Response => &mut stream.response,
        StreamKind::Downstream | StreamKind::Upstream => return Err(Status::BadArgument.into()),
    };
    half.resume_asked = true;
    if guest.state().profile.http.maps_follow_phase {
        // Envoy forgets the request maps here, even for the response's half.
        if let Some(stream) = guest.state().streams.get_mut(&index) {
            stream.request.headers_open = false;
            stream.request.trailers_open = false;
        }
    }
    guest.state().touched.insert(index);
    Ok(())
}

fn close_stream(guest: &mut Guest<'_>, kind: u32) -> Outcome {
    let kind = StreamKind::try_from(kind).map_err(|_| Status::BadArgument)?;
    guest.note(|| format!("{kind:?}"));
    if let Some(tcp) = guest.state().connection() {
        tcp.close_asked = true;
        return Ok(());
    }
    let Some(index) = guest.state().stream_index() else {
        return Ok(());
    };
    if let Some(stream) = guest.state().streams.get_mut(&index) {
        stream.reset_asked = true;
    }
    guest.state().touched.insert(index);
    Ok(())
}

fn set_effective_context(guest: &mut Guest<'_>, context: u32) -> Outcome {
    guest.note(|| context.to_string());
    let state = guest.state();
    let known = state.vm().is_some_and(|vm| vm.contexts.contains_key(&context));
    if !known {
        return Err(Status::BadArgument.into());
    }
    state.frame.effective = context;
    Ok(())
}

fn done(guest: &mut Guest<'_>) -> Outcome {
    use crate::vm::RootStage::{Deleted, PendingDone};
    let state = guest.state();
    let context = state.root_id();
    let vm = state.frame.vm;
    let root = state.vm().and_then(|vm| vm.root(context));
    let root = root.filter(|root| root.stage == PendingDone).ok_or(Status::NotFound)?;
    root.stage = Deleted;
    state.done.push(Place { vm, context });
    Ok(())
}
