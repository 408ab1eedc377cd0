//! HTTP callouts.

use std::time::Duration;

use wasmtime::Linker;

use super::hostcall;
use crate::abi::{Status, pairs};
use crate::callout::{Callout, CalloutState, HttpRequest};
use crate::guest::{Guest, Outcome, Refusal};
use crate::headers::Headers;
use crate::profile::Elsewhere;
use crate::state::State;
use crate::trap::{Abort, TrapKind};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hostcall!(linker, HttpCall, |g,
                                 upstream: u32,
                                 upstream_len: u32,
                                 headers: u32,
                                 headers_len: u32,
                                 body: u32,
                                 body_len: u32,
                                 trailers: u32,
                                 trailers_len: u32,
                                 timeout: u32,
                                 token_ptr: u32| {
        let request = HttpRequest {
            token: 0,
            upstream: g.read_text(upstream, upstream_len)?,
            headers: read_map(g, headers, headers_len)?,
            body: g.read(body, body_len)?,
            trailers: read_map(g, trailers, trailers_len)?,
            timeout: Duration::from_millis(timeout.into()),
            made_at: g.state().clock.now(),
            state: CalloutState::Pending,
        };
        call(g, request, token_ptr)
    });
    Ok(())
}

pub(super) fn read_map(guest: &mut Guest<'_>, ptr: u32, len: u32) -> Result<Headers, Status> {
    let bytes = guest.read(ptr, len)?;
    Ok(Headers::from_pairs(pairs::decode(&bytes).unwrap_or_default()))
}

fn call(guest: &mut Guest<'_>, mut request: HttpRequest, token_ptr: u32) -> Outcome {
    guest.note(|| format!("{}, {}", request.upstream, request.headers.get(":path").unwrap_or_default()));
    guest.write_u32(token_ptr, 0)?;
    allowed_here(guest.state())?;
    check(guest.state(), &request)?;
    let state = guest.state();
    request.token = state.take_token();
    let token = request.token;
    let callout = Callout { vm: state.frame.vm, root: state.root_id(), stream: state.stream_index(), request };
    state.http_calls.push(callout);
    Ok(guest.write_u32(token_ptr, token)?)
}

/// Whether the host lets a callout be made in this callback.
pub(super) fn allowed_here(state: &State) -> Result<(), Refusal> {
    let rules = &state.profile.http;
    let phase = state.frame.callback;
    let elsewhere = !rules.call_phases.is_empty() && !phase.is_some_and(|phase| rules.call_phases.contains(&phase));
    let second = rules.one_call_at_a_time && pending_for_stream(state);
    if !elsewhere && !second {
        return Ok(());
    }
    match rules.call_elsewhere {
        Elsewhere::BadArgument => Err(Status::BadArgument.into()),
        Elsewhere::Traps => Err(Abort::new(TrapKind::Hostcall, "a callout in a phase that has none").into()),
    }
}

fn pending_for_stream(state: &State) -> bool {
    state.stream_index().is_some_and(|stream| state.http_calls.waits_for(stream))
}

fn check(state: &State, request: &HttpRequest) -> Result<(), Status> {
    if !state.profile.http.checks_callouts {
        return Ok(());
    }
    let known = state.settings.clusters.as_ref().is_none_or(|clusters| clusters.contains(&request.upstream));
    let complete = [":path", ":method", ":authority"].iter().all(|name| request.headers.contains(name));
    if known && complete { Ok(()) } else { Err(Status::BadArgument) }
}
