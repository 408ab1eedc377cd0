//! From JSON values to configuration types, collecting every fault instead of stopping at the first.
//!
//! A person who mends a configuration wants all its faults at once, each with its path. Serde's derive stops at the first,
//! so the wire types are declared with [`wire!`], which writes for each a [`Decode`] that goes on after a fault, and a
//! description of its fields from which `docs/config.md` is generated.

use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;

/// One fault in a configuration: where, what was found, what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Path of the faulty value: `authentication.jwtRules[1].audiences`, empty for the whole document.
    pub path: String,
    /// What was found and what was expected, in one sentence without a full stop.
    pub message: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "configuration" } else { &self.path };
        write!(formatter, "{path}: {}", self.message)
    }
}

/// Where in the document a value stands.
#[derive(Debug, Clone, Copy)]
pub enum Path<'a> {
    /// The document itself.
    Root,
    /// A member of an object.
    Field(&'a Path<'a>, &'a str),
    /// An element of an array.
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    /// The path of a member of what stands here.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    /// The path of an element of what stands here.
    #[must_use]
    pub fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => formatter.write_str(name),
            Self::Field(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub struct Faults(Vec<ConfigFault>);

impl Faults {
    /// Records a fault at a place.
    pub fn add(&mut self, at: &Path<'_>, message: impl fmt::Display) {
        self.0.push(ConfigFault { path: at.to_string(), message: message.to_string() });
    }

    /// Records faults that were found elsewhere.
    pub fn extend(&mut self, found: Vec<ConfigFault>) {
        self.0.extend(found);
    }

    /// `Ok` with the value when nothing was faulty.
    ///
    /// # Errors
    /// All faults, in the order of the document.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<ConfigFault>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}

/// A type that can be read from a configuration value.
pub trait Decode: Sized {
    /// What a person should write, for fault messages and docs: `a string`, `a list of strings`.
    fn expected() -> String;

    /// Reads the value; records every fault in it and answers `None` if there was one.
    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self>;

    /// What an absent field means; `None` makes the field required.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// Records that a value is not what was expected.
pub fn mismatch<T: Decode>(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<T> {
    faults.add(at, format_args!("found {}, expected {}", Found(value), T::expected()));
    None
}

/// A value as a fault message shows it: short, and never a long secret.
struct Found<'a>(&'a Value);

impl fmt::Display for Found<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => formatter.write_str("null"),
            Value::Bool(value) => write!(formatter, "`{value}`"),
            Value::Number(value) => write!(formatter, "number `{value}`"),
            Value::String(value) if value.len() <= 40 => write!(formatter, "`{value}`"),
            Value::String(value) => write!(formatter, "a string of {} bytes", value.len()),
            Value::Array(items) => write!(formatter, "a list of {}", items.len()),
            Value::Object(_) => formatter.write_str("an object"),
        }
    }
}

/// Reads one member of an object that [`wire!`] describes.
pub fn field<T: Decode>(object: &Map<String, Value>, name: &str, at: &Path<'_>, faults: &mut Faults) -> Option<T> {
    match object.get(name) {
        Some(value) => T::decode(value, &at.field(name), faults),
        None => T::absent().or_else(|| {
            faults.add(&at.field(name), format_args!("missing, expected {}", T::expected()));
            None
        }),
    }
}

/// Records members that no field claims, with the nearest name that exists.
pub fn unknown_members(object: &Map<String, Value>, known: &[Field], at: &Path<'_>, faults: &mut Faults) {
    for name in object.keys().filter(|name| !known.iter().any(|field| field.name == *name)) {
        match known.iter().find(|field| resembles(field.name, name)) {
            Some(near) => faults.add(&at.field(name), format_args!("unknown field, did you mean `{}`", near.name)),
            None => {
                let names: Vec<&str> = known.iter().map(|field| field.name).collect();
                faults.add(&at.field(name), format_args!("unknown field, expected one of {}", names.join(", ")));
            }
        }
    }
}

fn resembles(known: &str, written: &str) -> bool {
    let plain = |text: &str| -> Vec<u8> {
        let letters = text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
        let mut letters: Vec<u8> = letters.collect();
        if letters.last() == Some(&b's') {
            letters.pop();
        }
        letters
    };
    plain(known) == plain(written)
}

/// A field of a wire type, for the generated documentation.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name on the wire.
    pub name: &'static str,
    /// Its doc comment, a line each.
    pub docs: &'static [&'static str],
    /// What a person should write.
    pub expected: fn() -> String,
    /// Whether it must be present.
    pub required: fn() -> bool,
}

/// Declares a wire type: a struct whose fields are read from an object's members of the given names.
///
/// Members that no field names are faults. An absent member takes what [`Decode::absent`] says for its type.
macro_rules! wire {
    ($(#[doc = $type_doc:literal])* pub struct $type:ident { $($(#[doc = $doc:literal])* $name:literal => $field:ident: $shape:ty,)* }) => {
        $(#[doc = $type_doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $type { $($(#[doc = $doc])* pub $field: $shape,)* }

        impl $type {
            /// The fields, for the generated documentation.
            pub const FIELDS: &'static [$crate::config::decode::Field] = &[$($crate::config::decode::Field {
                name: $name,
                docs: &[$($doc,)*],
                expected: <$shape as $crate::config::decode::Decode>::expected,
                required: || <$shape as $crate::config::decode::Decode>::absent().is_none(),
            },)*];
        }

        impl $crate::config::decode::Decode for $type {
            fn expected() -> String {
                concat!("an object (", stringify!($type), ")").to_owned()
            }

            fn decode(
                value: &serde_json::Value,
                at: &$crate::config::decode::Path<'_>,
                faults: &mut $crate::config::decode::Faults,
            ) -> Option<Self> {
                let serde_json::Value::Object(object) = value else {
                    return $crate::config::decode::mismatch(value, at, faults);
                };
                $crate::config::decode::unknown_members(object, Self::FIELDS, at, faults);
                $(let $field = $crate::config::decode::field(object, $name, at, faults);)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}

/// Declares a wire enum: one of a few words.
macro_rules! wire_words {
    ($(#[doc = $type_doc:literal])* pub enum $type:ident { $($(#[doc = $doc:literal])* $word:literal => $variant:ident,)* } $(absent: $absent:expr)?) => {
        $(#[doc = $type_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type { $($(#[doc = $doc])* $variant,)* }

        impl $type {
            /// The word that stands for this on the wire.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl $crate::config::decode::Decode for $type {
            fn expected() -> String {
                ["one of", $(concat!("`", $word, "`"),)*].join(" ")
            }

            fn decode(
                value: &serde_json::Value,
                at: &$crate::config::decode::Path<'_>,
                faults: &mut $crate::config::decode::Faults,
            ) -> Option<Self> {
                match value.as_str() {
                    $(Some($word) => Some(Self::$variant),)*
                    _ => $crate::config::decode::mismatch(value, at, faults),
                }
            }

            $(fn absent() -> Option<Self> { Some($absent) })?
        }
    };
}

pub(crate) use {wire, wire_words};

impl Decode for String {
    fn expected() -> String {
        "a string".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        value.as_str().map(str::to_owned).or_else(|| mismatch(value, at, faults))
    }
}

impl Decode for bool {
    fn expected() -> String {
        "`true` or `false`".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        value.as_bool().or_else(|| mismatch(value, at, faults))
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl Decode for u64 {
    fn expected() -> String {
        "a whole number".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        value.as_u64().or_else(|| mismatch(value, at, faults))
    }
}

impl Decode for Duration {
    fn expected() -> String {
        "a duration such as `60s`, `10m` or `24h`".to_owned()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        value.as_str().and_then(crate::time::parse_duration).or_else(|| mismatch(value, at, faults))
    }
}

impl<T: Decode> Decode for Option<T> {
    fn expected() -> String {
        T::expected()
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        T::decode(value, at, faults).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn expected() -> String {
        format!("a list, each {}", T::expected())
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        let Value::Array(items) = value else {
            return mismatch(value, at, faults);
        };
        let decoded: Vec<Option<T>> =
            items.iter().enumerate().map(|(index, item)| T::decode(item, &at.index(index), faults)).collect();
        decoded.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// An object whose member names the user chooses, in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T: Decode> Decode for Named<T> {
    fn expected() -> String {
        format!("an object of names, each {}", T::expected())
    }

    fn decode(value: &Value, at: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        let Value::Object(object) = value else {
            return mismatch(value, at, faults);
        };
        let decoded: Vec<Option<(String, T)>> =
            object.iter().map(|(name, item)| T::decode(item, &at.field(name), faults).map(|item| (name.clone(), item))).collect();
        decoded.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self(Vec::new()))
    }
}

#[cfg(test)]
#[expect(unreachable_pub, dead_code, reason = "the macros make public types, for modules that are")]
mod tests {
    use super::*;

    wire! {
        /// A sample.
        pub struct Sample {
            /// What it is called.
            "name" => name: String,
            /// Its skew.
            "skew" => skew: Option<Duration>,
            /// Its parts.
            "inner" => inner: Vec<Inner>,
        }
    }

    wire! {
        /// Inside the sample.
        pub struct Inner {
            /// How.
            "mode" => mode: Mode,
        }
    }

    wire_words! {
        /// How.
        pub enum Mode {
            /// Yes.
            "on" => On,
            /// No.
            "off" => Off,
        }
        absent: Self::Off
    }

    fn decode(text: &str) -> Result<Sample, Vec<String>> {
        let value = crate::json::parse(text.as_bytes()).expect("json");
        let mut faults = Faults::default();
        let sample = Sample::decode(&value, &Path::Root, &mut faults);
        faults.into_result(sample).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn absent_fields_take_what_their_type_says() {
        let sample = decode(r#"{"name":"x","inner":[{}]}"#).expect("good");
        assert_eq!(sample, Sample { name: "x".into(), skew: None, inner: vec![Inner { mode: Mode::Off }] });
    }

    #[test]
    fn every_fault_is_reported_with_its_path() {
        let faults = decode(r#"{"skew":"5","inner":[{"mode":"on"},{"mode":1,"Modes":2},3],"nmae":1}"#).expect_err("faulty");
        assert_eq!(
            faults,
            [
                "nmae: unknown field, expected one of name, skew, inner",
                "name: missing, expected a string",
                "skew: found `5`, expected a duration such as `60s`, `10m` or `24h`",
                "inner[1].Modes: unknown field, did you mean `mode`",
                "inner[1].mode: found number `1`, expected one of `on` `off`",
                "inner[2]: found number `3`, expected an object (Inner)",
            ]
        );
    }

    #[test]
    fn fields_describe_themselves() {
        let described: Vec<(&str, &[&str], bool)> =
            Sample::FIELDS.iter().map(|field| (field.name, field.docs, (field.required)())).collect();
        assert_eq!(
            described,
            [("name", &[" What it is called."][..], true), ("skew", &[" Its skew."], false), ("inner", &[" Its parts."], false)]
        );
    }
}
