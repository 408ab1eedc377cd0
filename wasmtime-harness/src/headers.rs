//! Header maps as proxies hold them: ordered, repeated names allowed, names in
//! lower case, values bytes.

/// An ordered multimap of headers or trailers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first value of that name, if it is UTF-8. Names are compared in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.bytes(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first value of that name.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// Every UTF-8 value of that name, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        same.filter_map(|(_, value)| std::str::from_utf8(value).ok()).collect()
    }

    /// Whether there is such a header.
    pub fn contains(&self, name: &str) -> bool {
        self.bytes(name).is_some()
    }

    /// Adds a value beside those of the same name.
    pub fn add(&mut self, name: impl AsRef<str>, value: impl Into<Vec<u8>>) {
        self.0.push((name.as_ref().to_ascii_lowercase(), value.into()));
    }

    /// Puts one value in the place of all of that name.
    pub fn replace(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let value = value.into();
        let mut fresh = Some(value);
        self.0.retain_mut(|(key, old)| {
            if !key.eq_ignore_ascii_case(name) {
                return true;
            }
            match fresh.take() {
                Some(value) => {
                    *old = value;
                    true
                }
                None => false,
            }
        });
        if let Some(value) = fresh {
            self.add(name, value);
        }
    }

    /// Removes all of that name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries in order; values that are no UTF-8 are shown with replacement characters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, std::borrow::Cow<'_, str>)> {
        self.0.iter().map(|(key, value)| (key.as_str(), String::from_utf8_lossy(value)))
    }

    /// The entries in order, as bytes.
    pub fn pairs(&self) -> &[(String, Vec<u8>)] {
        &self.0
    }

    /// Adds every entry of another map.
    pub fn extend(&mut self, other: &Headers) {
        self.0.extend(other.0.iter().cloned());
    }

    pub(crate) fn from_pairs(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        let mut headers = Self::new();
        for (key, value) in pairs {
            headers.add(String::from_utf8_lossy(&key), value);
        }
        headers
    }
}

impl<K: AsRef<str>, V: Into<Vec<u8>>> FromIterator<(K, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        for (key, value) in pairs {
            headers.add(key, value);
        }
        headers
    }
}

impl<K: AsRef<str>, V: Into<Vec<u8>>, const N: usize> From<[(K, V); N]> for Headers {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: AsRef<str>, V: Into<Vec<u8>>> From<Vec<(K, V)>> for Headers {
    fn from(pairs: Vec<(K, V)>) -> Self {
        pairs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_one_value_in_the_first_place() {
        let mut headers = Headers::from([("A", "1"), ("b", "2"), ("a", "3")]);
        headers.replace("a", "4");
        assert_eq!(headers, Headers::from([("a", "4"), ("b", "2")]));
        headers.replace("c", "5");
        assert_eq!(headers.get("C"), Some("5"));
    }

    #[test]
    fn removing_removes_every_value_of_the_name() {
        let mut headers = Headers::from([("a", "1"), ("b", "2"), ("A", "3")]);
        headers.remove("A");
        assert_eq!(headers.pairs().len(), 1);
    }
}
