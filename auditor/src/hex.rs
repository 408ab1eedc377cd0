//! Lower-case hexadecimal, the only way in which a line writes bytes.

pub use countersign_core::hex::encode;

/// Reads exactly `N` bytes from lower-case hexadecimal; anything else, upper case too, is none.
///
/// ```
/// assert_eq!(countersign::hex::decode::<2>("0aff"), Some([0x0a, 0xff]));
/// assert_eq!(countersign::hex::decode::<2>("0AFF"), None);
/// ```
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower_case = !text.bytes().any(|digit| digit.is_ascii_uppercase());
    countersign_core::hex::decode_into(text, &mut bytes).filter(|()| lower_case).map(|()| bytes)
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
