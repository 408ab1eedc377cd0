//! The functions a host offers in the `env` module.

macro_rules! hostcalls {
    ($($variant:ident $name:literal,)+) => {
        /// A function that the host offers to plugins.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Hostcall {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Hostcall {
            /// All of them, in the order of the specification's families.
            pub const ALL: &[Hostcall] = &[$(Self::$variant,)+];

            /// Its name in the module's import section.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

hostcalls! {
    Log "proxy_log",
    GetLogLevel "proxy_get_log_level",
    GetCurrentTime "proxy_get_current_time_nanoseconds",
    SetTickPeriod "proxy_set_tick_period_milliseconds",
    GetConfiguration "proxy_get_configuration",
    GetBufferBytes "proxy_get_buffer_bytes",
    GetBufferStatus "proxy_get_buffer_status",
    SetBufferBytes "proxy_set_buffer_bytes",
    GetHeaderMapPairs "proxy_get_header_map_pairs",
    SetHeaderMapPairs "proxy_set_header_map_pairs",
    GetHeaderMapSize "proxy_get_header_map_size",
    GetHeaderMapValue "proxy_get_header_map_value",
    AddHeaderMapValue "proxy_add_header_map_value",
    ReplaceHeaderMapValue "proxy_replace_header_map_value",
    RemoveHeaderMapValue "proxy_remove_header_map_value",
    GetProperty "proxy_get_property",
    SetProperty "proxy_set_property",
    ContinueRequest "proxy_continue_request",
    ContinueResponse "proxy_continue_response",
    ContinueStream "proxy_continue_stream",
    CloseStream "proxy_close_stream",
    ClearRouteCache "proxy_clear_route_cache",
    SendLocalResponse "proxy_send_local_response",
    HttpCall "proxy_http_call",
    GrpcCall "proxy_grpc_call",
    GrpcStream "proxy_grpc_stream",
    GrpcSend "proxy_grpc_send",
    GrpcCancel "proxy_grpc_cancel",
    GrpcClose "proxy_grpc_close",
    GetStatus "proxy_get_status",
    GetSharedData "proxy_get_shared_data",
    SetSharedData "proxy_set_shared_data",
    RegisterSharedQueue "proxy_register_shared_queue",
    ResolveSharedQueue "proxy_resolve_shared_queue",
    EnqueueSharedQueue "proxy_enqueue_shared_queue",
    DequeueSharedQueue "proxy_dequeue_shared_queue",
    DefineMetric "proxy_define_metric",
    IncrementMetric "proxy_increment_metric",
    RecordMetric "proxy_record_metric",
    GetMetric "proxy_get_metric",
    SetEffectiveContext "proxy_set_effective_context",
    Done "proxy_done",
    CallForeignFunction "proxy_call_foreign_function",
}

impl Hostcall {
    /// How many there are; every one's `as usize` is below it.
    pub const COUNT: usize = Self::ALL.len();

    /// The hostcall of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|call| call.name() == name)
    }
}
