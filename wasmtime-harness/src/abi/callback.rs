//! The functions a plugin offers to the host.

macro_rules! callbacks {
    ($($variant:ident $name:literal,)+) => {
        /// A function that the host calls in the plugin, if the plugin has it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Callback {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Callback {
            /// All of them.
            pub const ALL: &[Callback] = &[$(Self::$variant,)+];

            /// Its name in the module's export section.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

callbacks! {
    Initialize "_initialize",
    Start "_start",
    Main "main",
    MainVoid "__main_void",
    OnContextCreate "proxy_on_context_create",
    OnVmStart "proxy_on_vm_start",
    OnConfigure "proxy_on_configure",
    OnTick "proxy_on_tick",
    OnDone "proxy_on_done",
    OnLog "proxy_on_log",
    OnDelete "proxy_on_delete",
    OnNewConnection "proxy_on_new_connection",
    OnDownstreamData "proxy_on_downstream_data",
    OnDownstreamClose "proxy_on_downstream_connection_close",
    OnUpstreamData "proxy_on_upstream_data",
    OnUpstreamClose "proxy_on_upstream_connection_close",
    OnRequestHeaders "proxy_on_request_headers",
    OnRequestBody "proxy_on_request_body",
    OnRequestTrailers "proxy_on_request_trailers",
    OnResponseHeaders "proxy_on_response_headers",
    OnResponseBody "proxy_on_response_body",
    OnResponseTrailers "proxy_on_response_trailers",
    OnHttpCallResponse "proxy_on_http_call_response",
    OnGrpcInitialMetadata "proxy_on_grpc_receive_initial_metadata",
    OnGrpcReceive "proxy_on_grpc_receive",
    OnGrpcTrailingMetadata "proxy_on_grpc_receive_trailing_metadata",
    OnGrpcClose "proxy_on_grpc_close",
    OnQueueReady "proxy_on_queue_ready",
    OnForeignFunction "proxy_on_foreign_function",
}

impl Callback {
    /// How many there are; every one's `as usize` is below it.
    pub const COUNT: usize = Self::ALL.len();
}
