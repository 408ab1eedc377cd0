//! Which endpoint a path belongs to, so that usage is counted by endpoint and never by raw path.

use crate::config::decode::{ConfigFault, Faults, Path};
use std::collections::BTreeMap;

/// The declared endpoints: `/orders/{id}`, `/files/{rest**}`.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    templates: Vec<String>,
    root: Node,
}

/// A place in the tree of templates, one level a segment.
#[derive(Debug, Clone, Default)]
struct Node {
    literals: BTreeMap<String, Node>,
    any: Option<Box<Node>>,
    rest: Option<usize>,
    end: Option<usize>,
}

/// Where a path belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointMatch<'a> {
    /// To this template.
    Endpoint(&'a str),
    /// To none: a route that the configuration does not know.
    Mismatched,
    /// No endpoint is declared, so that nothing can be said.
    Undeclared,
}

impl Endpoints {
    /// Compiles templates. A segment in braces stands for any one segment that is not empty; `{**}` or `{name**}` at the end
    /// for all that follows.
    ///
    /// # Errors
    /// Every fault, with its path under `endpoints`.
    pub fn compile(templates: &[String]) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Faults::default();
        let mut root = Node::default();
        let list = Path::Root.field("endpoints");
        for (index, template) in templates.iter().enumerate() {
            if let Err(fault) = root.insert(template, index) {
                faults.add(&list.index(index), fault);
            }
        }
        faults.into_result(Some(Self { templates: templates.to_vec(), root }))
    }

    /// The endpoint of a normalised path. Literal segments win over `{..}`, and those over `{..**}`.
    #[must_use]
    pub fn find(&self, path: &str) -> EndpointMatch<'_> {
        if self.templates.is_empty() {
            return EndpointMatch::Undeclared;
        }
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let found = self.root.find(&segments).and_then(|index| self.templates.get(index));
        found.map_or(EndpointMatch::Mismatched, |template| EndpointMatch::Endpoint(template))
    }
}

impl Node {
    fn insert(&mut self, template: &str, index: usize) -> Result<(), String> {
        let Some(body) = template.strip_prefix('/') else {
            return Err(format!("found `{template}`, expected a path that begins with `/`"));
        };
        let mut node = self;
        let mut segments = body.split('/').peekable();
        while let Some(segment) = segments.next() {
            match (placeholder(segment)?, segments.peek()) {
                (Some(Placeholder::Rest), Some(_)) => return Err(format!("nothing may follow `{segment}`")),
                (Some(Placeholder::Rest), None) => return claim(&mut node.rest, index),
                (Some(Placeholder::One), _) => node = node.any.get_or_insert_default(),
                (None, _) => node = node.literals.entry(segment.to_owned()).or_default(),
            }
        }
        claim(&mut node.end, index)
    }

    /// Visits each node at most once: a node has one depth, and the depth fixes the segments that are left.
    fn find(&self, segments: &[&str]) -> Option<usize> {
        let Some((first, rest)) = segments.split_first() else { return self.end };
        let literal = self.literals.get(*first).and_then(|node| node.find(rest));
        let any = || self.any.as_ref().filter(|_| !first.is_empty()).and_then(|node| node.find(rest));
        literal.or_else(any).or(self.rest)
    }
}

enum Placeholder {
    One,
    Rest,
}

fn placeholder(segment: &str) -> Result<Option<Placeholder>, String> {
    match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
        Some(name) if name.contains(['{', '}']) || name.is_empty() => {
            Err(format!("found `{segment}`, expected one name in braces"))
        }
        Some(name) if name.ends_with("**") => Ok(Some(Placeholder::Rest)),
        Some(_) => Ok(Some(Placeholder::One)),
        None if segment.contains(['{', '}']) => Err(format!("found `{segment}`, expected braces around a whole segment")),
        None => Ok(None),
    }
}

fn claim(slot: &mut Option<usize>, index: usize) -> Result<(), String> {
    match slot.replace(index) {
        None => Ok(()),
        Some(first) => Err(format!("matches the same paths as endpoints[{first}]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(templates: &[&str]) -> Result<Endpoints, Vec<ConfigFault>> {
        let templates: Vec<String> = templates.iter().map(|template| (*template).to_owned()).collect();
        Endpoints::compile(&templates)
    }

    #[test]
    fn the_most_literal_template_wins() {
        let endpoints =
            compile(&["/orders/{id}", "/orders/new", "/orders/{id}/items/{item}", "/files/{rest**}", "/"]).expect("good");
        for (path, expected) in [
            ("/orders/17", EndpointMatch::Endpoint("/orders/{id}")),
            ("/orders/new", EndpointMatch::Endpoint("/orders/new")),
            ("/orders/new/items/3", EndpointMatch::Endpoint("/orders/{id}/items/{item}")),
            ("/files/a/b/c", EndpointMatch::Endpoint("/files/{rest**}")),
            ("/files/", EndpointMatch::Endpoint("/files/{rest**}")),
            ("/", EndpointMatch::Endpoint("/")),
            ("/orders", EndpointMatch::Mismatched),
            ("/orders/", EndpointMatch::Mismatched),
            ("/files", EndpointMatch::Mismatched),
        ] {
            assert_eq!(endpoints.find(path), expected, "{path}");
        }
        assert_eq!(Endpoints::default().find("/x"), EndpointMatch::Undeclared);
    }

    #[test]
    fn templates_report_every_fault() {
        let faults = compile(&["orders", "/a{id}", "/{a**}/b", "/x/{id}", "/x/{other}", "/{}"]).expect_err("faulty");
        let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["endpoints[0]", "endpoints[1]", "endpoints[2]", "endpoints[4]", "endpoints[5]"]);
    }
}
