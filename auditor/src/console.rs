//! Telling whoever runs this, on standard error.

use std::io::Write as _;

/// Writes a line to standard error. A service goes on where nobody can be told: standard error may lie on the full disk that
/// the line is about.
pub fn tell(message: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{message}");
}
