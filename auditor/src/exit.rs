//! Exit codes. They are API: scripts and schedulers decide by them.

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well: accepted, allowed, verified.
    Good,
    /// There are findings, or something was refused.
    Findings,
    /// It could not be told: bad usage, unreadable input.
    CouldNotTell,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Good => 0,
            Exit::Findings => 1,
            Exit::CouldNotTell => 2,
        })
    }
}
