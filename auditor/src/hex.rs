//! Lower-case hexadecimal, the only way in which a line writes bytes.

/// Reads exactly `N` bytes from lower-case hexadecimal; anything else, upper case too, is none.
///
/// ```
/// assert_eq!(countersign::hex::decode::<2>("0aff"), Some([0x0a, 0xff]));
/// assert_eq!(countersign::hex::decode::<2>("0AFF"), None);
/// ```
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

/// Writes bytes as lower-case hexadecimal.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_hexadecimal() {
        let all: [u8; 256] = std::array::from_fn(|index| u8::try_from(index).expect("a byte"));
        assert_eq!(decode(&encode(&all)), Some(all));
    }

    #[test]
    fn wrong_lengths_and_digits_are_refused() {
        for text in ["", "0", "0g", "000", "0000", "é"] {
            assert_eq!(decode::<1>(text), None, "{text}");
        }
    }
}
