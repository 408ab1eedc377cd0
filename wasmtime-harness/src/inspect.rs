//! What a module is made of and which hosts would take it, without running it.

use crate::abi::{AbiVersion, Hostcall};
use crate::error::HostError;
use crate::link::refusals;
use crate::plugin::Plugin;
use crate::profile::{Profile, Support};

/// A section of the binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name; for custom sections `custom` and their own name.
    pub name: String,
    /// Its bytes, without the id and the length before it.
    pub size: usize,
}

/// What a host would make of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The host's profile.
    pub host: &'static str,
    /// Why it does not load it; empty if it does.
    pub refusals: Vec<HostError>,
    /// Imported hostcalls that trap there once they are called.
    pub traps: Vec<Hostcall>,
    /// Imported hostcalls that do nothing there.
    pub inert: Vec<Hostcall>,
}

/// Everything about a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The size of the binary.
    pub size: usize,
    /// The ABI it was built for, if it names a known one.
    pub abi: Option<AbiVersion>,
    /// Imported functions: module and name.
    pub imports: Vec<(String, String)>,
    /// Names of all exports.
    pub exports: Vec<String>,
    /// Sections in order; none if the module was text.
    pub sections: Vec<Section>,
    /// One verdict for each kind of host.
    pub hosts: Vec<Verdict>,
}

/// Looks at a module.
///
/// # Errors
/// [`HostError::BadModule`] if the engine does not accept it.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, HostError> {
    let plugin = Plugin::compile(bytes)?;
    let hosts = Profile::all().iter().filter(|profile| !profile.strict).map(|profile| verdict(&plugin, profile)).collect();
    Ok(Inspection {
        size: bytes.len(),
        abi: plugin.abi(),
        imports: plugin.imports().map(|(module, name)| (module.to_owned(), name.to_owned())).collect(),
        exports: plugin.exports().map(str::to_owned).collect(),
        sections: sections(bytes).unwrap_or_default(),
        hosts,
    })
}

fn verdict(plugin: &Plugin, profile: &Profile) -> Verdict {
    let imported: Vec<Hostcall> =
        plugin.imports().filter(|(module, _)| *module == "env").filter_map(|(_, name)| Hostcall::from_name(name)).collect();
    let those =
        |wanted: &[Support]| imported.iter().copied().filter(|call| wanted.contains(&profile.support(*call))).collect::<Vec<_>>();
    Verdict {
        host: profile.name(),
        refusals: refusals(plugin, profile),
        traps: those(&[Support::Traps]),
        inert: those(&[Support::Stub, Support::Ignored]),
    }
}

/// The sections of a binary module (WebAssembly core specification, 5.5).
fn sections(bytes: &[u8]) -> Option<Vec<Section>> {
    let mut rest = bytes.strip_prefix(b"\0asm")?.get(4..)?;
    let mut found = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        let (size, after) = leb(after)?;
        let (content, after) = after.split_at_checked(size)?;
        found.push(Section { name: section_name(*id, content), size });
        rest = after;
    }
    Some(found)
}

fn section_name(id: u8, content: &[u8]) -> String {
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    let name = NAMES.get(usize::from(id)).copied().unwrap_or("unknown");
    let custom = || {
        let (len, rest) = leb(content)?;
        Some(String::from_utf8_lossy(rest.get(..len)?).into_owned())
    };
    match (id, custom()) {
        (0, Some(own)) => format!("custom `{own}`"),
        _ => name.to_owned(),
    }
}

fn leb(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_with_their_sizes_and_custom_names() {
        let module = b"\0asm\x01\0\0\0\x05\x03\x01\0\x01\0\x06\x04nameX";
        let found = sections(module).unwrap();
        assert_eq!(found[0], Section { name: "memory".into(), size: 3 });
        assert_eq!(found[1], Section { name: "custom `name`".into(), size: 6 });
    }

    #[test]
    fn a_section_that_reaches_past_the_end_is_no_section() {
        assert_eq!(sections(b"\0asm\x01\0\0\0\x05\x09\x01"), None);
        assert_eq!(sections(b"(module)"), None);
    }
}
