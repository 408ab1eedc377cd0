//! Hexadecimal digits.

/// Reads exactly as many bytes as `out` holds from hexadecimal digits of either case; `None` leaves `out` unspecified.
#[must_use]
pub fn decode_into(text: &str, out: &mut [u8]) -> Option<()> {
    let digits = text.as_bytes();
    if digits.len() != out.len() * 2 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(())
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut digits = Vec::with_capacity(bytes.len() * 2);
    crate::json::canonical::push_hex(&mut digits, bytes);
    String::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_survive_both_ways_and_nothing_else_is_read() {
        let mut bytes = [0; 3];
        assert_eq!(decode_into("00aBff", &mut bytes), Some(()));
        assert_eq!(encode(&bytes), "00abff");
        for text in ["00abf", "00abffff", "00abfg", "+0abff"] {
            assert_eq!(decode_into(text, &mut bytes), None, "{text}");
        }
    }
}
