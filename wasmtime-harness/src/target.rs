//! The target of a gRPC callout as Envoy reads it: a serialised `GrpcService`,
//! or, if the bytes are none, a cluster's name.

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
    let Some(fields) = fields(bytes) else {
        return Target::Cluster(String::from_utf8_lossy(bytes).into_owned());
    };
    for (number, value) in fields.iter().rev() {
        match (*number, value) {
            (ENVOY_GRPC, Some(message)) => return Target::Cluster(cluster_name(message)),
            (GOOGLE_GRPC, Some(_)) => return Target::Elsewhere,
            _ => {}
        }
    }
    Target::Missing
}

fn cluster_name(message: &[u8]) -> String {
    let fields = fields(message).unwrap_or_default();
    let name = fields.iter().rev().find(|(number, _)| *number == CLUSTER_NAME);
    let name = name.and_then(|(_, value)| *value).unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

type Field<'a> = (u32, Option<&'a [u8]>);

/// The fields of a message: number and, for length-delimited ones, the bytes.
/// `None` if the bytes are no protobuf message.
fn fields(mut bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (key, rest) = varint(bytes)?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number != 0)?;
        let (value, rest) = match key & 7 {
            0 => (None, varint(rest)?.1),
            1 => (None, rest.get(8..)?),
            2 => {
                let (len, rest) = varint(rest)?;
                let (value, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
                (Some(value), rest)
            }
            5 => (None, rest.get(4..)?),
            // Groups: a start without its end does not parse, and no name ends one.
            _ => return None,
        };
        found.push((number, value));
        bytes = rest;
    }
    Some(found)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
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
