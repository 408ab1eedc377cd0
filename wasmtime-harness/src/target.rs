//! The target of a gRPC callout as Envoy reads it: a serialised `GrpcService`,
//! or, if the bytes are none, a cluster's name.

use crate::protobuf;

/// What the bytes mean to Envoy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A cluster: `envoy_grpc.cluster_name`, or the bytes themselves.
    Cluster(String),
    /// `google_grpc`: outside the host's clusters.
    Elsewhere,
    /// A message that names no target; Envoy aborts on it.
    Missing,
}

const ENVOY_GRPC: u32 = 1;
const GOOGLE_GRPC: u32 = 2;
const CLUSTER_NAME: u32 = 1;

pub(crate) fn parse(bytes: &[u8]) -> Target {
    let Some(fields) = protobuf::fields(bytes) else {
        return Target::Cluster(String::from_utf8_lossy(bytes).into_owned());
    };
    if let Some(message) = protobuf::bytes(&fields, ENVOY_GRPC) {
        let fields = protobuf::fields(message).unwrap_or_default();
        return Target::Cluster(protobuf::text(&fields, CLUSTER_NAME));
    }
    match protobuf::bytes(&fields, GOOGLE_GRPC) {
        Some(_) => Target::Elsewhere,
        None => Target::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HOSTS.md 0.5: which names were tried on Envoy 1.40 and what happened.
    #[test]
    fn names_that_parse_as_a_message_without_a_target_are_missing() {
        for name in ["", "h1", "p9"] {
            assert_eq!(parse(name.as_bytes()), Target::Missing, "`{name}`");
        }
    }

    #[test]
    fn names_that_are_no_message_are_clusters() {
        for name in ["sink", "zipkin", "xds_audit", "outbound|80||x"] {
            assert_eq!(parse(name.as_bytes()), Target::Cluster(name.into()), "`{name}`");
        }
    }

    #[test]
    fn an_encoded_service_names_its_cluster() {
        assert_eq!(parse(b"\n\x06\n\x04sink"), Target::Cluster("sink".into()));
    }
}
