//! The properties each kind of host offers, and in which phase (HOSTS.md 1.3).

use crate::abi::Status;
use crate::profile::PropertyStyle;
use crate::property::PropertyValue;
use crate::state::State;
use crate::stream::HttpStream;

/// What the plugin reads under that dotted path.
pub(crate) fn read(state: &State, path: &str) -> Result<PropertyValue, Status> {
    let stream = state.stream_index().and_then(|index| state.streams.get(&index));
    // The test gives `ip:port`; who sees only part of it is answered below.
    let partial = path == "source.address" && state.profile.properties != PropertyStyle::Envoy;
    let own = stream.filter(|_| !partial).and_then(|stream| stream.properties.get(path));
    if let Some(value) = own {
        return Ok(value.clone());
    }
    let connection = state.connection_index().and_then(|index| state.connections.get(index));
    if let Some(value) = connection.and_then(|tcp| tcp.properties.get(path)) {
        return Ok(value.clone());
    }
    if let Some(value) = state.settings.properties.get(path) {
        return Ok(value.clone());
    }
    match state.profile.properties {
        PropertyStyle::Envoy => envoy(state, stream, path).ok_or(Status::NotFound),
        PropertyStyle::NginxWasm => nginx_wasm(state, stream, path),
        PropertyStyle::Apisix => apisix(state, stream, path),
    }
}

fn envoy(state: &State, stream: Option<&HttpStream>, path: &str) -> Option<PropertyValue> {
    let settings = &state.settings;
    match path {
        "plugin_name" => Some(settings.plugin_name.as_str().into()),
        "plugin_root_id" => Some(settings.root_id.as_str().into()),
        "plugin_vm_id" => Some(settings.vm_id.as_str().into()),
        "xds.node.id" => Some("harness".into()),
        "xds.node.cluster" => Some("harness".into()),
        _ => stream_attribute(state, stream?, path),
    }
}

fn nginx_wasm(state: &State, stream: Option<&HttpStream>, path: &str) -> Result<PropertyValue, Status> {
    match path {
        "plugin_name" => return Ok(state.settings.plugin_name.as_str().into()),
        "plugin_root_id" => return Ok(state.settings.root_id.as_str().into()),
        _ => {}
    }
    let Some(stream) = stream else {
        let dotted = path.contains('.');
        return Err(if dotted { Status::InternalFailure } else { Status::NotFound });
    };
    if NOT_ON_NGINX_WASM.contains(&path) {
        return Err(Status::NotFound);
    }
    match path {
        "ngx.pid" => Ok(PropertyValue::Int(1)),
        // Without the port, unlike Envoy's.
        "source.address" => Ok(split_address(stream, "source.address").0.into()),
        _ => stream_attribute(state, stream, path).ok_or(Status::NotFound),
    }
}

const NOT_ON_NGINX_WASM: &[&str] = &[
    "plugin_vm_id",
    "response.flags",
    "response.code_details",
    "response.grpc_status",
    "connection.uri_san_peer_certificate",
    "connection.dns_san_peer_certificate",
    "connection.sha256_peer_certificate_digest",
    "xds.node.id",
    "xds.cluster_name",
    "xds.route_name",
];

fn apisix(state: &State, stream: Option<&HttpStream>, path: &str) -> Result<PropertyValue, Status> {
    if path == "plugin_root_id" && stream.is_some() {
        return Ok(state.settings.plugin_name.as_str().into());
    }
    // Outside a request even the plugin's own name is a bad argument.
    let stream = stream.ok_or(Status::BadArgument)?;
    let header = |name: &str| stream.request.headers.get(name).map(PropertyValue::from);
    let found = match path {
        "remote_addr" => Some(split_address(stream, "source.address").0.into()),
        "remote_port" => Some(split_address(stream, "source.address").1.into()),
        "host" => header(":authority"),
        "request_method" => header(":method"),
        "request_uri" => header(":path"),
        "uri" => Some(split_query(stream).0.into()),
        "args" => Some(split_query(stream).1.into()),
        "scheme" => header(":scheme"),
        "status" => response_code(stream),
        _ => path.strip_prefix("http_").and_then(|name| header(&name.replace('_', "-"))),
    };
    found.ok_or(Status::NotFound)
}

fn stream_attribute(state: &State, stream: &HttpStream, path: &str) -> Option<PropertyValue> {
    let (group, name) = path.split_once('.').unwrap_or((path, ""));
    match group {
        "request" => request_attribute(state, stream, name),
        "response" => response_attribute(stream, name),
        "source" | "destination" => address_attribute(stream, group, name),
        "connection" => connection_attribute(stream, name),
        "connection_id" => Some(PropertyValue::Int(number(stream))),
        "upstream" => upstream_attribute(stream, name),
        "xds" => xds_attribute(name),
        _ => None,
    }
}

fn request_attribute(state: &State, stream: &HttpStream, name: &str) -> Option<PropertyValue> {
    let header = |name: &str| stream.request.headers.get(name).map(PropertyValue::from);
    if let Some(name) = name.strip_prefix("headers.") {
        return header(name);
    }
    match name {
        "path" => header(":path"),
        "url_path" => Some(split_query(stream).0.into()),
        "query" => Some(split_query(stream).1.into()),
        "host" => header(":authority"),
        "scheme" => header(":scheme"),
        "method" => header(":method"),
        "protocol" => Some("HTTP/1.1".into()),
        "id" => header("x-request-id"),
        "referer" => header("referer"),
        "useragent" => header("user-agent"),
        "time" => Some(PropertyValue::Time(stream.started)),
        "size" => Some(size(stream.request.passed.len())),
        "total_size" => Some(size(stream.request.passed.len() + header_size(stream))),
        "headers" => Some(PropertyValue::Map(
            stream.request.headers.iter().map(|(key, value)| (key.to_owned(), value.into_owned())).collect(),
        )),
        "duration" if stream.logging => Some(PropertyValue::Span(state.clock.now().saturating_sub(stream.started))),
        _ => None,
    }
}

fn response_attribute(stream: &HttpStream, name: &str) -> Option<PropertyValue> {
    if let Some(name) = name.strip_prefix("headers.") {
        return stream.response.headers.get(name).map(PropertyValue::from);
    }
    match name {
        "code" => response_code(stream),
        "code_details" if stream.logging => Some(code_details(stream).into()),
        "flags" => Some(PropertyValue::Int(0)),
        "size" => Some(size(stream.response.passed.len())),
        "total_size" => Some(size(stream.response.passed.len())),
        "grpc_status" => stream.response.headers.get("grpc-status")?.parse().ok().map(PropertyValue::Int),
        "backend_latency" if stream.logging && stream.local.is_none() => {
            Some(PropertyValue::Span(stream.replied_at?.saturating_sub(stream.started)))
        }
        _ => None,
    }
}

fn response_code(stream: &HttpStream) -> Option<PropertyValue> {
    stream.response.headers.get(":status")?.parse().ok().map(PropertyValue::Int)
}

fn code_details(stream: &HttpStream) -> &str {
    match &stream.local {
        Some(reply) if reply.details.is_empty() => "",
        Some(reply) => &reply.details,
        None => "via_upstream",
    }
}

fn address_attribute(stream: &HttpStream, group: &str, name: &str) -> Option<PropertyValue> {
    let (host, port) = split_address(stream, &format!("{group}.address"));
    match name {
        "address" => Some(format!("{host}:{port}").into()),
        "port" => port.parse().ok().map(PropertyValue::Int),
        _ => None,
    }
}

/// The test's address, or one of the loopback network.
fn split_address(stream: &HttpStream, path: &str) -> (String, String) {
    let address = match stream.properties.get(path) {
        Some(PropertyValue::Text(address)) => address.as_str(),
        _ if path.starts_with("source") => "127.0.0.1:50000",
        _ => "127.0.0.1:10000",
    };
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "0"));
    (host.to_owned(), port.to_owned())
}

fn connection_attribute(stream: &HttpStream, name: &str) -> Option<PropertyValue> {
    match name {
        "id" => Some(PropertyValue::Int(number(stream))),
        "mtls" => Some(PropertyValue::Bool(false)),
        "requested_server_name" => Some("".into()),
        _ => None,
    }
}

fn upstream_attribute(stream: &HttpStream, name: &str) -> Option<PropertyValue> {
    match name {
        "request_attempt_count" => Some(PropertyValue::Int(1)),
        "address" if stream.logging && stream.request.headers_passed => Some("127.0.0.1:8080".into()),
        "port" if stream.logging && stream.request.headers_passed => Some(PropertyValue::Int(8080)),
        _ => None,
    }
}

fn xds_attribute(name: &str) -> Option<PropertyValue> {
    match name {
        "cluster_name" => Some("upstream".into()),
        "route_name" => Some("default".into()),
        "virtual_host_name" => Some("default".into()),
        "listener_direction" => Some(PropertyValue::Int(1)),
        "filter_chain_name" => Some("".into()),
        _ => None,
    }
}

fn split_query(stream: &HttpStream) -> (String, String) {
    let path = stream.request.headers.get(":path").unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    (path.to_owned(), query.to_owned())
}

fn header_size(stream: &HttpStream) -> usize {
    stream.request.headers.pairs().iter().map(|(key, value)| key.len() + value.len()).sum()
}

fn size(len: usize) -> PropertyValue {
    PropertyValue::Int(i64::try_from(len).unwrap_or(i64::MAX))
}

fn number(stream: &HttpStream) -> i64 {
    i64::try_from(stream.number).unwrap_or(i64::MAX)
}
