//! The layout of header maps: a count, the sizes of all keys and values, then
//! the bytes, each closed by a zero. All numbers are 32-bit little-endian.

/// The most entries a plugin may send (Envoy's limit).
pub const MAX_PAIRS: usize = 1024;

/// The most bytes a serialised map from a plugin may take (Envoy's limit).
pub const MAX_BYTES: usize = 1024 * 1024;

/// Serialises pairs. No pairs are no bytes, as Envoy has it.
pub fn encode<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(K, V)]) -> Vec<u8> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(encoded_size(pairs));
    put_len(&mut out, pairs.len());
    for (key, value) in pairs {
        put_len(&mut out, key.as_ref().len());
        put_len(&mut out, value.as_ref().len());
    }
    for (key, value) in pairs {
        out.extend_from_slice(key.as_ref());
        out.push(0);
        out.extend_from_slice(value.as_ref());
        out.push(0);
    }
    out
}

/// How many bytes [`encode`] makes of these pairs.
pub fn encoded_size<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(K, V)]) -> usize {
    let entry = |(key, value): &(K, V)| key.as_ref().len() + value.as_ref().len() + 10;
    4 + pairs.iter().map(entry).sum::<usize>()
}

/// Parses what a plugin sent. Anything malformed or over the limits is `None`.
pub fn decode(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let (count, rest) = take_len(bytes)?;
    if count > MAX_PAIRS || rest.len() < count.checked_mul(8)? {
        return None;
    }
    let (sizes, mut data) = rest.split_at_checked(count * 8)?;
    let mut pairs = Vec::with_capacity(count);
    for size in sizes.chunks_exact(8) {
        let (key_len, size) = take_len(size)?;
        let (value_len, _) = take_len(size)?;
        let (key, after_key) = take_terminated(data, key_len)?;
        let (value, after_value) = take_terminated(after_key, value_len)?;
        pairs.push((key.to_vec(), value.to_vec()));
        data = after_value;
    }
    Some(pairs)
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
}

fn take_len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*head)).ok()?, rest))
}

fn take_terminated(bytes: &[u8], len: usize) -> Option<(&[u8], &[u8])> {
    let (value, rest) = bytes.split_at_checked(len)?;
    let (zero, rest) = rest.split_first()?;
    (*zero == 0).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification's own table: two entries.
    const TWO: &[u8] = b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\0\0\0\0a\0bc\0def\0\0";

    #[test]
    fn pairs_are_laid_out_as_counts_sizes_and_terminated_bytes() {
        assert_eq!(encode(&[("a", "bc"), ("def", "")]), TWO);
        assert_eq!(encoded_size(&[("a", "bc"), ("def", "")]), TWO.len());
    }

    #[test]
    fn decoding_gives_back_what_was_encoded() {
        let pairs = decode(TWO).unwrap();
        assert_eq!(pairs, [(b"a".to_vec(), b"bc".to_vec()), (b"def".to_vec(), Vec::new())]);
        assert_eq!(decode(b"").unwrap(), []);
    }

    #[test]
    fn every_cut_of_a_map_is_refused() {
        for len in 1..TWO.len() {
            assert_eq!(decode(&TWO[..len]), None, "cut at {len}");
        }
    }

    #[test]
    fn a_count_over_the_limit_is_refused() {
        let mut bytes = u32::MAX.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0; 64]);
        assert_eq!(decode(&bytes), None);
    }
}
