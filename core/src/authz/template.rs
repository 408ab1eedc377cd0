//! Path templates: `{*}` is one segment, `{**}` is what remains, if anything.

use super::pattern::Pattern;
use std::fmt;

/// A pattern over normalised paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// One without templates.
    Plain(Pattern),
    /// One with `{*}` or `{**}`.
    Template(Template),
}

/// Why a text is no path pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// Something stands beside an operator in its segment.
    #[error("`{{*}}` and `{{**}}` must be a whole segment, found `{0}`")]
    NotAWholeSegment(String),
    /// `{**}` is followed by another operator.
    #[error("nothing but literal segments may follow `{{**}}`, found `{0}`")]
    AfterRest(String),
    /// A star outside braces beside a template.
    #[error("`*` and templates cannot be combined, found `{0}`")]
    MixedWildcards(String),
    /// The text does not begin with `/`.
    #[error("a path template begins with `/`, found `{0}`")]
    NotAbsolute(String),
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`TemplateFault`] for operators where Istio does not allow them.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        if text.contains("{*}") || text.contains("{**}") {
            return Template::parse(text).map(Self::Template);
        }
        Ok(Self::Plain(Pattern::parse(text)))
    }

    /// Whether a normalised path fits.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Plain(pattern) => pattern.matches(path),
            Self::Template(template) => template.matches(path),
        }
    }
}

/// A segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// These characters.
    Literal(String),
    /// Any one segment that is not empty.
    One,
}

/// A path with operators, as segments: what comes before `{**}`, and what must follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Segments from the start.
    pub head: Vec<Segment>,
    /// With `{**}`: the literal text that the path must end with, empty or beginning with `/`.
    pub rest: Option<String>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateFault`] for operators where Istio does not allow them.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        let Some(body) = text.strip_prefix('/') else { return Err(TemplateFault::NotAbsolute(text.to_owned())) };
        let mut head = Vec::new();
        let mut rest: Option<String> = None;
        for part in body.split('/') {
            match (part, &mut rest) {
                ("{**}", None) => rest = Some(String::new()),
                ("{*}", None) => head.push(Segment::One),
                ("{*}" | "{**}", Some(_)) => return Err(TemplateFault::AfterRest(part.to_owned())),
                (literal, rest) => {
                    let literal = checked(literal)?;
                    match rest {
                        Some(rest) => *rest += &format!("/{literal}"),
                        None => head.push(Segment::Literal(literal.to_owned())),
                    }
                }
            }
        }
        Ok(Self { head, rest })
    }

    /// Whether a normalised path fits.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut remaining = path;
        for segment in &self.head {
            let Some(body) = remaining.strip_prefix('/') else { return false };
            let end = body.find('/').unwrap_or(body.len());
            let (found, tail) = body.split_at_checked(end).unwrap_or((body, ""));
            let fits = match segment {
                Segment::Literal(literal) => found == literal,
                Segment::One => !found.is_empty(),
            };
            if !fits {
                return false;
            }
            remaining = tail;
        }
        match &self.rest {
            None => remaining.is_empty(),
            Some(suffix) => remaining.strip_prefix('/').is_some_and(|body| body.ends_with(suffix.as_str())),
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(pattern) => pattern.fmt(formatter),
            Self::Template(template) => template.fmt(formatter),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.head {
            match segment {
                Segment::Literal(literal) => write!(formatter, "/{literal}")?,
                Segment::One => formatter.write_str("/{*}")?,
            }
        }
        match &self.rest {
            Some(rest) => write!(formatter, "/{{**}}{rest}"),
            None => Ok(()),
        }
    }
}

fn checked(literal: &str) -> Result<&str, TemplateFault> {
    if literal.contains(['{', '}']) {
        return Err(TemplateFault::NotAWholeSegment(literal.to_owned()));
    }
    if literal.contains('*') {
        return Err(TemplateFault::MixedWildcards(literal.to_owned()));
    }
    Ok(literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_what_istio_documents() {
        for (template, path, expected) in [
            ("/foo/{*}", "/foo/bar", true),
            ("/foo/{*}", "/foo/bar/baz", false),
            ("/foo/{*}", "/foo/", false),
            ("/foo/{*}/baz", "/foo/bar/baz", true),
            ("/foo/{**}", "/foo/bar/baz.txt", true),
            ("/foo/{**}", "/foo/", true),
            ("/foo/{**}", "/foo", false),
            ("/foo/{**}/", "/foo/bar/", true),
            ("/foo/{**}/", "/foo//", true),
            ("/foo/{**}/", "/foo/bar", false),
            ("/foo/{*}/bar/{**}", "/foo/buzz/bar/", true),
            ("/foo/{*}/bar/{**}", "/foo/buzz/bar/baz", true),
            ("/{**}/admin", "/a/b/admin", true),
            ("/{**}/admin", "/admin", false),
            ("/{*}/admin", "/a/admin", true),
        ] {
            assert_eq!(PathPattern::parse(template).map(|pattern| pattern.matches(path)), Ok(expected), "{template} {path}");
        }
    }

    #[test]
    fn misplaced_operators_are_refused() {
        for text in ["/foo/a{*}", "/{**}/{*}", "/{**}/{**}", "/foo*/{*}", "foo/{*}", "/{*}/{id}"] {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
    }
}
