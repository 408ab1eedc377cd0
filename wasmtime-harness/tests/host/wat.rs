//! Plugins in WebAssembly text, put together from hostcalls.
//!
//! The types of all hostcalls are written down here a second time, from the
//! specification, so that a wrong type in the host fails to link.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use countersign_harness::{Callback, Hostcall};

/// An argument of a hostcall.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    /// A 32-bit number.
    I(i32),
    /// A 64-bit number.
    L(i64),
    /// A text: its address and size.
    S(&'a str),
    /// Bytes: their address and size.
    B(&'a [u8]),
    /// Where to put an address and a size: the words at 24 and 28 (0 means nowhere to some hostcalls).
    Out,
    /// Where to put a number: the word at 8.
    Num,
    /// The number at 8, as a call wrote it.
    Read,
    /// The callback's own argument of that number.
    P(usize),
}

pub(crate) use Arg::{B, I, L, Num, Out, P, Read, S};

/// The ABI marker of a module.
pub(crate) const V0_2_1: &str = "proxy_abi_version_0_2_1";

/// A module being written.
#[derive(Clone)]
pub(crate) struct Wat {
    marker: String,
    imports: BTreeSet<Hostcall>,
    functions: String,
    data: Vec<u8>,
    pages: u32,
}

/// Where texts start: above the scratch words and the bump pointer.
const DATA: usize = 64;

impl Wat {
    pub(crate) fn new() -> Self {
        Self { marker: V0_2_1.to_owned(), imports: BTreeSet::new(), functions: String::new(), data: Vec::new(), pages: 4 }
    }

    /// Another ABI marker.
    pub(crate) fn marker(mut self, marker: &str) -> Self {
        self.marker = marker.to_owned();
        self
    }

    /// One hostcall whose status is dropped; the trace has it.
    pub(crate) fn call(&mut self, call: Hostcall, args: &[Arg<'_>]) -> String {
        self.imports.insert(call);
        let args: String = args.iter().map(|arg| self.arg(*arg)).collect();
        format!("(drop (call ${}{args}))\n", call.name())
    }

    fn arg(&mut self, arg: Arg<'_>) -> String {
        match arg {
            I(value) => format!(" (i32.const {value})"),
            L(value) => format!(" (i64.const {value})"),
            S(text) => self.arg(B(text.as_bytes())),
            B(bytes) => {
                let at = DATA + self.data.len();
                self.data.extend_from_slice(bytes);
                format!(" (i32.const {at}) (i32.const {})", bytes.len())
            }
            Out => " (i32.const 24) (i32.const 28)".to_owned(),
            Num => " (i32.const 8)".to_owned(),
            Read => " (i32.load (i32.const 8))".to_owned(),
            P(index) => format!(" (local.get {index})"),
        }
    }

    /// Logs what the last call left at 24 and 28.
    pub(crate) fn log_out(&mut self) -> String {
        self.imports.insert(Hostcall::Log);
        "(drop (call $proxy_log (i32.const 2) (i32.load (i32.const 24)) (i32.load (i32.const 28))))\n".to_owned()
    }

    /// Logs a fixed text.
    pub(crate) fn log(&mut self, text: &str) -> String {
        self.call(Hostcall::Log, &[I(2), S(text)])
    }

    /// A callback with that body, which returns that value if callbacks of its kind return one.
    pub(crate) fn on(mut self, callback: Callback, body: impl AsRef<str>, returns: i32) -> Self {
        let (params, result) = signature(callback);
        let params = " i32".repeat(params);
        let (result, value) = if result { ("(result i32)", format!("(i32.const {returns})")) } else { ("", String::new()) };
        let _ = writeln!(
            self.functions,
            "(func (export \"{}\") (param{params}) {result}\n{}{value})",
            callback.name(),
            body.as_ref(),
        );
        self
    }

    /// Raw module text beside the rest.
    pub(crate) fn raw(mut self, text: &str) -> Self {
        self.functions.push_str(text);
        self
    }

    /// The whole module.
    pub(crate) fn text(&self) -> String {
        let mut out = "(module\n".to_owned();
        for call in &self.imports {
            let _ = writeln!(out, "(import \"env\" \"{0}\" (func ${0} (param {1}) (result i32)))", call.name(), params(*call));
        }
        let data: String = self.data.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let _ = writeln!(out, "(memory (export \"memory\") {})", self.pages);
        let _ = writeln!(out, "(data (i32.const {DATA}) \"{data}\")");
        let _ = writeln!(out, "(func (export \"{}\"))", self.marker);
        // A bump allocator from the second page on.
        out.push_str(
            "(global $next (mut i32) (i32.const 65536))
             (func (export \"malloc\") (param i32) (result i32)
               (global.get $next)
               (global.set $next (i32.add (global.get $next) (local.get 0))))\n",
        );
        out.push_str(&self.functions);
        out.push_str(")\n");
        out
    }
}

fn params(call: Hostcall) -> String {
    let count = match call {
        Hostcall::ContinueRequest | Hostcall::ContinueResponse => 0,
        Hostcall::ClearRouteCache | Hostcall::Done => 0,
        Hostcall::GetLogLevel | Hostcall::GetCurrentTime | Hostcall::SetTickPeriod => 1,
        Hostcall::ContinueStream | Hostcall::CloseStream | Hostcall::SetEffectiveContext => 1,
        Hostcall::GrpcCancel | Hostcall::GrpcClose => 1,
        Hostcall::GetConfiguration | Hostcall::GetHeaderMapSize | Hostcall::GetMetric => 2,
        Hostcall::Log | Hostcall::GetBufferStatus | Hostcall::GetHeaderMapPairs => 3,
        Hostcall::SetHeaderMapPairs | Hostcall::RemoveHeaderMapValue | Hostcall::GetStatus => 3,
        Hostcall::RegisterSharedQueue | Hostcall::EnqueueSharedQueue => 3,
        Hostcall::DequeueSharedQueue => 3,
        Hostcall::GetProperty | Hostcall::SetProperty | Hostcall::GrpcSend => 4,
        Hostcall::DefineMetric => 4,
        Hostcall::GetBufferBytes | Hostcall::SetBufferBytes | Hostcall::GetHeaderMapValue => 5,
        Hostcall::AddHeaderMapValue | Hostcall::ReplaceHeaderMapValue => 5,
        Hostcall::GetSharedData | Hostcall::SetSharedData | Hostcall::ResolveSharedQueue => 5,
        Hostcall::CallForeignFunction => 6,
        Hostcall::SendLocalResponse => 8,
        Hostcall::GrpcStream => 9,
        Hostcall::HttpCall => 10,
        Hostcall::GrpcCall => 12,
        Hostcall::IncrementMetric | Hostcall::RecordMetric => return "i32 i64".to_owned(),
    };
    "i32 ".repeat(count)
}

fn signature(callback: Callback) -> (usize, bool) {
    match callback {
        Callback::Initialize | Callback::Start => (0, false),
        Callback::MainVoid => (0, true),
        Callback::Main => (2, true),
        Callback::OnVmStart | Callback::OnConfigure => (2, true),
        Callback::OnContextCreate => (2, false),
        Callback::OnTick | Callback::OnLog | Callback::OnDelete => (1, false),
        Callback::OnDone | Callback::OnNewConnection => (1, true),
        Callback::OnDownstreamData | Callback::OnUpstreamData => (3, true),
        Callback::OnDownstreamClose | Callback::OnUpstreamClose => (2, false),
        Callback::OnRequestHeaders | Callback::OnRequestBody => (3, true),
        Callback::OnResponseHeaders | Callback::OnResponseBody => (3, true),
        Callback::OnRequestTrailers | Callback::OnResponseTrailers => (2, true),
        Callback::OnHttpCallResponse => (5, false),
        Callback::OnGrpcInitialMetadata | Callback::OnGrpcTrailingMetadata => (3, false),
        Callback::OnGrpcReceive | Callback::OnGrpcClose | Callback::OnForeignFunction => (3, false),
        Callback::OnQueueReady => (2, false),
    }
}

/// A serialised map, written independently of the host's own code.
pub(crate) fn map(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = u32::try_from(pairs.len()).unwrap().to_le_bytes().to_vec();
    for (key, value) in pairs {
        out.extend(u32::try_from(key.len()).unwrap().to_le_bytes());
        out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    }
    for (key, value) in pairs {
        out.extend([key.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    out
}

/// An HTTP call to `up` with the pseudo headers it needs; the token lands at 8.
pub(crate) fn http_call(wat: &mut Wat, upstream: &str, timeout: i32) -> String {
    let headers = map(&[(":method", "POST"), (":path", "/p"), (":authority", "a")]);
    let args = [S(upstream), B(&headers), S("body"), B(b""), I(timeout), Num];
    wat.call(Hostcall::HttpCall, &args)
}

/// A gRPC call of `svc/Method` with message `msg`; the token lands at 8.
pub(crate) fn grpc_call(wat: &mut Wat, target: &[u8], timeout: i32) -> String {
    let args = [B(target), S("svc"), S("Method"), B(b""), S("msg"), I(timeout), Num];
    wat.call(Hostcall::GrpcCall, &args)
}

/// A local reply with one header and a body.
pub(crate) fn reply(wat: &mut Wat, status: i32) -> String {
    let headers = map(&[("x-deny", "yes")]);
    wat.call(Hostcall::SendLocalResponse, &[I(status), S("why"), S("no"), B(&headers), I(-1)])
}
