//! Just enough of the protobuf wire format to read the few messages that
//! Envoy takes through the ABI, and to write their answers.

/// A field's value as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A field: its number and value.
pub(crate) type Field<'a> = (u32, Value<'a>);

/// The fields of a message. `None` if the bytes are no message.
pub(crate) fn fields(mut bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (key, rest) = varint(bytes)?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number != 0)?;
        let (value, rest) = match key & 7 {
            0 => {
                let (value, rest) = varint(rest)?;
                (Value::Number(value), rest)
            }
            1 => fixed(rest, 8)?,
            2 => {
                let (len, rest) = varint(rest)?;
                let (value, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
                (Value::Bytes(value), rest)
            }
            5 => fixed(rest, 4)?,
            // Groups: a start without its end does not parse, and no name ends one.
            _ => return None,
        };
        found.push((number, value));
        bytes = rest;
    }
    Some(found)
}

fn fixed(bytes: &[u8], len: usize) -> Option<(Value<'_>, &[u8])> {
    let (value, rest) = bytes.split_at_checked(len)?;
    Some((Value::Bytes(value), rest))
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

/// The last value of a length-delimited field, as protobuf has it for repeats.
pub(crate) fn bytes<'a>(fields: &[Field<'a>], number: u32) -> Option<&'a [u8]> {
    fields.iter().rev().find_map(|field| match field {
        (found, Value::Bytes(value)) if *found == number => Some(*value),
        _ => None,
    })
}

/// The last value of a text field, empty if there is none.
pub(crate) fn text(fields: &[Field<'_>], number: u32) -> String {
    String::from_utf8_lossy(bytes(fields, number).unwrap_or_default()).into_owned()
}

/// The last value of a boolean field.
pub(crate) fn flag(fields: &[Field<'_>], number: u32) -> bool {
    let found = fields.iter().rev().find(|(found, _)| *found == number);
    matches!(found, Some((_, Value::Number(value))) if *value != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order_and_the_last_of_a_number_counts() {
        let message = b"\x08\x01\x12\x02hi\x12\x01x\x18\x00";
        let fields = fields(message).unwrap();
        assert_eq!(fields[0], (1, Value::Number(1)));
        assert_eq!(text(&fields, 2), "x");
        assert!(flag(&fields, 1) && !flag(&fields, 3) && !flag(&fields, 9));
    }

    #[test]
    fn every_cut_inside_a_field_is_no_message() {
        let message = b"\x12\x05hello";
        for len in 1..message.len() {
            assert_eq!(fields(&message[..len]), None, "cut at {len}");
        }
    }
}
