//! Tokens as lines: bare, or as JSON objects.

use serde_json::Value;
use std::io::{self, BufRead, Read};

/// The longest line that is read, in bytes. Far above any token, far below what would hurt.
const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// One line of input.
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: u64,
    /// The id that the answer bears: the line's own, else its number.
    pub(super) id: Value,
    /// The token that it holds.
    pub(super) token: Result<String, LineFault>,
}

/// Why a line holds no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineFault {
    /// Not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// Longer than the limit.
    #[error("the line has more than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// Starts like a JSON object, and is none.
    #[error("the line is not JSON")]
    NotJson,
    /// An object without a string `token`.
    #[error("the line has no string `token`")]
    NoToken,
}

impl LineFault {
    /// The fault's stable name.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "line_not_utf8",
            Self::TooLong => "line_too_long",
            Self::NotJson => "line_not_json",
            Self::NoToken => "line_without_token",
        }
    }
}

impl Line {
    /// A line that is nothing but a token.
    pub(super) fn bare(number: u64, token: &str) -> Self {
        Self { number, id: number.into(), token: Ok(token.to_owned()) }
    }

    fn unreadable(number: u64, fault: LineFault) -> Self {
        Self { number, id: number.into(), token: Err(fault) }
    }

    fn read(number: u64, text: &str) -> Self {
        if !text.starts_with('{') {
            return Self::bare(number, text);
        }
        let Ok(object) = serde_json::from_str::<Value>(text) else {
            return Self::unreadable(number, LineFault::NotJson);
        };
        let id = object.get("id").cloned().unwrap_or_else(|| number.into());
        let token = object.get("token").and_then(Value::as_str).map(str::to_owned).ok_or(LineFault::NoToken);
        Self { number, id, token }
    }
}

/// The lines of `input` that are not blank.
pub(super) fn lines(mut input: impl BufRead) -> impl Iterator<Item = io::Result<Line>> {
    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            number += 1;
            match next_text(&mut input).transpose()? {
                Ok(Ok(text)) if text.trim().is_empty() => {}
                Ok(Ok(text)) => return Some(Ok(Line::read(number, text.trim_end_matches(['\n', '\r'])))),
                Ok(Err(fault)) => return Some(Ok(Line::unreadable(number, fault))),
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

/// The next line with its end, or none at the end of the input.
fn next_text(input: &mut impl BufRead) -> io::Result<Option<Result<String, LineFault>>> {
    let mut bytes = Vec::new();
    input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 == MAX_LINE_BYTES && !bytes.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Some(Err(LineFault::TooLong)));
    }
    Ok(Some(String::from_utf8(bytes).map_err(|_| LineFault::NotUtf8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u64, Value, Result<String, &'static str>)> {
        lines(text)
            .map(|line| line.expect("memory reads"))
            .map(|line| (line.number, line.id, line.token.map_err(|fault| fault.code())))
            .collect()
    }

    #[test]
    fn bare_tokens_are_known_by_their_line_and_objects_by_their_id() {
        let lines = read(b"a.b.c\r\n\n{\"id\":\"x\",\"token\":\"d.e.f\"}\n{\"token\":\"g\"}");
        assert_eq!(
            lines,
            [(1, 1.into(), Ok("a.b.c".to_owned())), (3, "x".into(), Ok("d.e.f".to_owned())), (4, 4.into(), Ok("g".to_owned())),]
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_and_what_follows_is_read() {
        let mut text = vec![b'x'; 1024 * 1024 + 1];
        text.extend(b"\n\xff\n{\n{\"id\":7}\nok");
        assert_eq!(
            read(&text),
            [
                (1, 1.into(), Err("line_too_long")),
                (2, 2.into(), Err("line_not_utf8")),
                (3, 3.into(), Err("line_not_json")),
                (4, 7.into(), Err("line_without_token")),
                (5, 5.into(), Ok("ok".to_owned())),
            ]
        );
    }
}
