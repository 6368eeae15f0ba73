//! One error type for everything that a person can cause: what was wrong, where, and what to do about it.

use std::fmt;

/// How the program ends (design, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A check failed: an audit, a comparison.
    CheckFailed = 1,
    /// Wrong use or bad input.
    BadInput = 2,
    /// Interrupted, and resumable.
    Interrupted = 3,
    /// The environment: no libtorch, no device, no space, no permission.
    Environment = 4,
}

/// An error with a place and a way out. `what` reads well after "pinfold: ".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was wrong, as a lowercase fragment.
    pub what: String,
    /// Where: file, line, key, row. Several lines when a source excerpt with a caret helps.
    pub place: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// The exit code this error asks for.
    pub exit: Exit,
}

/// The result of everything that can fail for a reason from outside.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Bad input or wrong use: exit code 2.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(Exit::BadInput, what)
    }
    /// The environment is not as needed: exit code 4.
    pub fn environment(what: impl Into<String>) -> Self {
        Self::new(Exit::Environment, what)
    }
    /// A check came out negative: exit code 1.
    pub fn check(what: impl Into<String>) -> Self {
        Self::new(Exit::CheckFailed, what)
    }
    /// Stopped on request; can go on later: exit code 3.
    pub fn interrupted(what: impl Into<String>) -> Self {
        Self::new(Exit::Interrupted, what)
    }
    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None, hint: None, exit }
    }
    /// Adds where it happened. A place that is already there stays, and this one goes in front of it.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        let place = place.into();
        self.place = Some(match self.place {
            Some(inner) => format!("{place}: {inner}"),
            None => place,
        });
        self
    }
    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// An input/output error on a path. A full disk and a refused permission are the environment's fault
    /// (exit code 4); a missing file is the input's (2).
    pub fn io(error: &std::io::Error, doing: &str, path: &std::path::Path) -> Self {
        use std::io::ErrorKind as K;
        let shown = path.display();
        match error.kind() {
            K::NotFound => Self::input(format!("cannot {doing}: no such file or folder")).at(shown.to_string()),
            K::PermissionDenied => Self::environment(format!("cannot {doing}: permission denied"))
                .at(shown.to_string())
                .hint("check the owner and mode of this path"),
            K::StorageFull | K::QuotaExceeded => Self::environment(format!("cannot {doing}: no space left"))
                .at(shown.to_string())
                .hint("free some space and run the same command again; nothing finished is lost"),
            _ => Self::environment(format!("cannot {doing}: {error}")).at(shown.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", super::text::clean_lines(&self.what))?;
        if let Some(place) = &self.place {
            let place = super::text::clean_lines(place);
            if place.contains('\n') { write!(f, "\n{place}")? } else { write!(f, "\n  at: {place}")? }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  do: {}", super::text::clean_lines(hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Turns an input/output result into one of ours, with what was being done and where.
pub trait IoContext<T> {
    /// `doing` completes "cannot …": "read", "write the lock".
    fn doing(self, doing: &str, path: &std::path::Path) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn doing(self, doing: &str, path: &std::path::Path) -> Result<T> {
        self.map_err(|e| Failure::io(&e, doing, path))
    }
}
