//! The numbers and byte layouts of the proxy-wasm ABI (0.1.0, 0.2.0, 0.2.1).
//!
//! Nothing here knows wasmtime: the types are what crosses the boundary, and
//! [`pairs`] is the layout of header maps on the wire.

pub mod pairs;

mod callback;
mod hostcall;

pub use callback::Callback;
pub use hostcall::Hostcall;

/// What a hostcall returns to the plugin (`proxy_status_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// No such key, property, queue, call or foreign function.
    NotFound = 1,
    /// An argument is out of range or not allowed in this phase.
    BadArgument = 2,
    /// A value could not be serialised.
    SerializationFailure = 3,
    /// A value could not be parsed.
    ParseFailure = 4,
    /// An expression or name is malformed.
    BadExpression = 5,
    /// A pointer and size reach outside the plugin's memory.
    InvalidMemoryAccess = 6,
    /// A shared queue holds nothing.
    Empty = 7,
    /// The compare-and-swap number is not the current one.
    CasMismatch = 8,
    /// The result has not the expected shape.
    ResultMismatch = 9,
    /// The host could not do it.
    InternalFailure = 10,
    /// The connection is broken.
    BrokenConnection = 11,
    /// The host does not know how to do it.
    Unimplemented = 12,
}

/// Why a number is not one of an ABI enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{value} is no {kind}")]
pub struct OutOfRange {
    /// Which enumeration was meant.
    pub kind: &'static str,
    /// What the plugin passed.
    pub value: u32,
}

macro_rules! number_enum {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$vdoc:meta])* $variant:ident = $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum $name { $($(#[$vdoc])* $variant = $value,)+ }

        impl TryFrom<u32> for $name {
            type Error = OutOfRange;

            fn try_from(value: u32) -> Result<Self, OutOfRange> {
                match value {
                    $($value => Ok(Self::$variant),)+
                    _ => Err(OutOfRange { kind: $kind, value }),
                }
            }
        }
    };
}

number_enum! {
    /// The level of a log line.
    LogLevel, "log level" {
        /// The finest.
        Trace = 0,
        /// For developers.
        Debug = 1,
        /// For operators.
        Info = 2,
        /// Something odd.
        Warn = 3,
        /// Something failed.
        Error = 4,
        /// Nothing works.
        Critical = 5,
    }
}

number_enum! {
    /// A header or trailer map.
    MapKind, "map type" {
        /// Headers of the request.
        RequestHeaders = 0,
        /// Trailers of the request.
        RequestTrailers = 1,
        /// Headers of the response.
        ResponseHeaders = 2,
        /// Trailers of the response.
        ResponseTrailers = 3,
        /// Initial metadata received on a gRPC stream.
        GrpcInitialMetadata = 4,
        /// Trailing metadata received on a gRPC stream.
        GrpcTrailingMetadata = 5,
        /// Headers of an HTTP callout's response.
        CallHeaders = 6,
        /// Trailers of an HTTP callout's response.
        CallTrailers = 7,
    }
}

number_enum! {
    /// A byte buffer.
    BufferKind, "buffer type" {
        /// Body of the request.
        RequestBody = 0,
        /// Body of the response.
        ResponseBody = 1,
        /// Bytes from the downstream connection.
        DownstreamData = 2,
        /// Bytes from the upstream connection.
        UpstreamData = 3,
        /// Body of an HTTP callout's response.
        CallBody = 4,
        /// A message received over gRPC.
        GrpcMessage = 5,
        /// The VM's configuration.
        VmConfiguration = 6,
        /// The plugin's configuration.
        PluginConfiguration = 7,
        /// The argument of a foreign function's callback.
        ForeignArgument = 8,
    }
}

number_enum! {
    /// Which half of a stream to continue or close.
    StreamKind, "stream type" {
        /// The HTTP request.
        Request = 0,
        /// The HTTP response.
        Response = 1,
        /// The downstream connection.
        Downstream = 2,
        /// The upstream connection.
        Upstream = 3,
    }
}

number_enum! {
    /// What a metric does with its values.
    MetricKind, "metric type" {
        /// Only grows.
        Counter = 0,
        /// Goes up and down.
        Gauge = 1,
        /// Collects samples.
        Histogram = 2,
    }
}

/// Who closed a connection (`proxy_peer_type_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Peer {
    /// The host does not say.
    Unknown = 0,
    /// This side.
    Local = 1,
    /// The other side.
    Remote = 2,
}

/// The ABI a module says it was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AbiVersion {
    /// `proxy_abi_version_0_1_0`
    V0_1_0,
    /// `proxy_abi_version_0_2_0`
    V0_2_0,
    /// `proxy_abi_version_0_2_1`
    V0_2_1,
}

impl AbiVersion {
    /// The version named by a marker export, if it is a known one.
    pub fn from_marker(export: &str) -> Option<Self> {
        match export {
            "proxy_abi_version_0_1_0" => Some(Self::V0_1_0),
            "proxy_abi_version_0_2_0" => Some(Self::V0_2_0),
            "proxy_abi_version_0_2_1" => Some(Self::V0_2_1),
            _ => None,
        }
    }
}

impl std::fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
        })
    }
}
