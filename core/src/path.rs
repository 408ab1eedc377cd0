//! Paths as policies see them: without query and fragment, normalised.
//!
//! A policy is only as good as its idea of the path: `/public/../admin` must not pass as `/public`. The four ways are those
//! of Istio's `pathNormalization`; what they give is what the gateway forwards.

use crate::config::authorization::PathNormalization;
use std::borrow::Cow;

/// Why a path is refused before any policy is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// A `%` is not followed by two hexadecimal digits, at this byte.
    #[error("malformed escape at byte {0} of the path")]
    MalformedEscape(usize),
    /// An escaped NUL, at this byte.
    #[error("escaped NUL at byte {0} of the path")]
    EscapedNul(usize),
    /// An escaped `/` or `\` under a normalisation that does not decode them, at this byte.
    #[error("escaped slash at byte {0} of the path")]
    EscapedSlash(usize),
    /// A control character or, in a path with `/` in front, a space, at this byte.
    #[error("forbidden character at byte {0} of the path")]
    ForbiddenCharacter(usize),
    /// A path without `/` in front has dot segments, empty segments, backslashes or escapes.
    #[error("path without a leading slash is not plain")]
    RelativeNotPlain,
}

impl PathFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::MalformedEscape(_) => "path_malformed_escape",
            Self::EscapedNul(_) => "path_escaped_nul",
            Self::EscapedSlash(_) => "path_escaped_slash",
            Self::ForbiddenCharacter(_) => "path_forbidden_character",
            Self::RelativeNotPlain => "path_relative_not_plain",
        }
    }
}

/// The path of a request target without query and fragment.
#[must_use]
pub fn without_query(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

/// Normalises the path of a request target; query and fragment are dropped first.
///
/// A target without a leading `/` (`*`, a bare gRPC method name in tests) is passed on as it is if it is plain. Normalising
/// twice is the same as once, and apart from `NONE` the result holds neither `.` nor `..` segments; with merged slashes it
/// holds no `//` either.
///
/// # Errors
/// [`PathFault`] where gateways and upstreams are known to disagree about the meaning.
pub fn normalize(target: &str, mode: PathNormalization) -> Result<Cow<'_, str>, PathFault> {
    let path = without_query(target);
    if mode == PathNormalization::None {
        return Ok(Cow::Borrowed(path));
    }
    if !path.starts_with('/') {
        return relative(path).map(Cow::Borrowed);
    }
    if is_plain(path) {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = decode(path, mode)?;
    let merge = mode != PathNormalization::Base;
    Ok(Cow::Owned(remove_dot_segments(&decoded, merge)))
}

/// Whether nothing in an absolute path needs a second look: the usual case, told without allocating.
fn is_plain(path: &str) -> bool {
    let mut previous = 0;
    path.bytes().all(|byte| {
        let plain = match byte {
            b'/' | b'.' => previous != b'/',
            _ => is_kept(byte),
        };
        previous = byte;
        plain
    })
}

fn relative(path: &str) -> Result<&str, PathFault> {
    if let Some(at) = path.bytes().position(|byte| byte.is_ascii_control()) {
        return Err(PathFault::ForbiddenCharacter(at));
    }
    let plain = !path.contains(['%', '\\']) && path.split('/').all(|segment| !matches!(segment, "." | ".."));
    let plain = plain && !path.contains("//");
    plain.then_some(path).ok_or(PathFault::RelativeNotPlain)
}

/// Bytes that stay as they are: RFC 3986 pchar without `%`, and the brackets and bar that URL libraries leave alone.
fn is_kept(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;:@=/[]|".contains(&byte)
}

/// Decodes escapes of unreserved characters (RFC 3986 §2.3), turns `\` into `/`, escapes what may not stand in a path.
fn decode(path: &str, mode: PathNormalization) -> Result<String, PathFault> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [byte, tail @ ..] = rest {
        let at = path.len() - rest.len();
        rest = tail;
        match byte {
            b'%' => rest = decode_escape(tail, at, mode, &mut out)?,
            b'\\' => out.push(b'/'),
            b' ' => return Err(PathFault::ForbiddenCharacter(at)),
            byte if byte.is_ascii_control() => return Err(PathFault::ForbiddenCharacter(at)),
            byte if is_kept(*byte) => out.push(*byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    // Only ASCII is left: every other byte was escaped.
    String::from_utf8(out).map_err(|_| PathFault::ForbiddenCharacter(0))
}

fn decode_escape<'a>(tail: &'a [u8], at: usize, mode: PathNormalization, out: &mut Vec<u8>) -> Result<&'a [u8], PathFault> {
    let [high, low, rest @ ..] = tail else { return Err(PathFault::MalformedEscape(at)) };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (Some(upper), Some(lower)) = (digit(*high), digit(*low)) else { return Err(PathFault::MalformedEscape(at)) };
    match u8::try_from(upper * 16 + lower) {
        Ok(0) => return Err(PathFault::EscapedNul(at)),
        Ok(b'/' | b'\\') => match mode {
            PathNormalization::MergeSlashes => return Err(PathFault::EscapedSlash(at)),
            PathNormalization::DecodeAndMergeSlashes => out.push(b'/'),
            PathNormalization::Base | PathNormalization::None => out.extend_from_slice(&[b'%', *high, *low]),
        },
        Ok(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => out.push(byte),
        _ => out.extend_from_slice(&[b'%', *high, *low]),
    }
    Ok(rest)
}

/// RFC 3986 §5.2.4 on an absolute path, then, if asked, merging of slashes.
fn remove_dot_segments(path: &str, merge: bool) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut trailing = false;
    for segment in path.split('/').skip(1) {
        trailing = true;
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => {
                kept.push(segment);
                trailing = false;
            }
        }
    }
    if trailing {
        kept.push("");
    }
    render(&kept, merge)
}

fn render(segments: &[&str], merge: bool) -> String {
    let last = segments.len().saturating_sub(1);
    let mut out = String::new();
    for (index, segment) in segments.iter().enumerate() {
        if merge && segment.is_empty() && index != last {
            continue;
        }
        out.push('/');
        out.push_str(segment);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use PathNormalization::{Base, DecodeAndMergeSlashes, MergeSlashes, None as Raw};

    #[test]
    fn paths_become_what_a_gateway_forwards() {
        for (mode, input, expected) in [
            (Raw, "/a/../b?x#y", "/a/../b"),
            (Base, "/a/../b", "/b"),
            (Base, "/a//b", "/a//b"),
            (Base, "/a/b/..", "/a/"),
            (Base, "/a/b/.", "/a/b/"),
            (Base, "/../../a", "/a"),
            (Base, "/a%2fb", "/a%2fb"),
            (Base, "/%7euser/%2E%2e/x", "/x"),
            (MergeSlashes, "//", "/"),
            (MergeSlashes, "/a//../b", "/a/b"),
            (MergeSlashes, "/a\\b", "/a/b"),
            (MergeSlashes, "/caf\u{e9}\"", "/caf%C3%A9%22"),
            (DecodeAndMergeSlashes, "/a%2f%2F..%5cb", "/a/b"),
            (MergeSlashes, "*", "*"),
            (MergeSlashes, "", ""),
        ] {
            assert_eq!(normalize(input, mode).as_deref(), Ok(expected), "{input} {mode:?}");
        }
    }

    #[test]
    fn what_gateways_disagree_about_is_refused() {
        for (mode, input, expected) in [
            (Base, "/a%0", PathFault::MalformedEscape(2)),
            (Base, "/%2%65", PathFault::MalformedEscape(1)),
            (Base, "/a%00b", PathFault::EscapedNul(2)),
            (MergeSlashes, "/a%2Fb", PathFault::EscapedSlash(2)),
            (MergeSlashes, "/a%5cb", PathFault::EscapedSlash(2)),
            (MergeSlashes, "/a b", PathFault::ForbiddenCharacter(2)),
            (Base, "/a\u{7f}", PathFault::ForbiddenCharacter(2)),
            (MergeSlashes, "a/../b", PathFault::RelativeNotPlain),
            (MergeSlashes, "a%2e", PathFault::RelativeNotPlain),
        ] {
            assert_eq!(normalize(input, mode), Err(expected), "{input} {mode:?}");
        }
    }

    #[test]
    fn a_plain_path_is_not_copied() {
        assert!(matches!(normalize("/orders/17/items?x=%zz", MergeSlashes), Ok(Cow::Borrowed("/orders/17/items"))));
    }
}
