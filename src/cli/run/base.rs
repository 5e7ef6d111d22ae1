//! What a program inherits: the environment as it is, or what of it is kept.

use super::options::Variables;
use super::value::Value;
use crate::child;
use crate::cli::context::Context;
use crate::error::Result;
use crate::template::Origin;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// What nearly every program needs, and no secret is in.
const USUAL: [&str; 10] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LC_*", "TZ", "TMPDIR"];

/// The inherited variables, and those of them that are to be resolved.
pub struct Base {
    /// Handed on as they are.
    pub plain: Vec<(OsString, OsString)>,
    /// With references in them.
    pub resolved: Vec<(String, Value)>,
}

impl Base {
    /// Reads it; says so when a reference is handed on.
    ///
    /// # Errors
    /// Usage (2) for a reference that is none, if it is to be resolved.
    pub fn read(options: &Variables, cx: &Context) -> Result<Self> {
        let mut base = Self { plain: Vec::new(), resolved: Vec::new() };
        for (name, value) in child::inherited(&cx.world).filter(|(name, _)| is_kept(options, name))
        {
            match reference(options, name, value, cx)? {
                Some(found) => base.resolved.push(found),
                None => base.plain.push((name.to_owned(), value.to_owned())),
            }
        }
        Ok(base)
    }

    /// One of them.
    #[must_use]
    pub fn var(&self, wanted: &str) -> Option<&OsStr> {
        let mut all = self.plain.iter();
        all.find(|(name, _)| name == wanted).map(|(_, value)| value.as_os_str())
    }
}

/// What is to be resolved of it. It may come from a stranger, as in CGI, and so is left alone if nobody says otherwise.
fn reference(
    options: &Variables,
    name: &OsStr,
    value: &OsStr,
    cx: &Context,
) -> Result<Option<(String, Value)>> {
    let Some(name) = name.to_str().filter(|name| child::is_variable(name)) else { return Ok(None) };
    match Value::read(value.as_bytes(), &Origin::start_of(name), name) {
        Ok(value) if !value.has_references() => Ok(None),
        found if options.resolve_env => Ok(Some((name.to_owned(), found?))),
        // the client says it
        Ok(_) if cx.deputy.is_some() => Ok(None),
        Ok(_) => {
            let what = "holds a reference, which the program gets as it is";
            cx.note(&format!("`{name}` {what}; `--resolve-env` resolves it"));
            Ok(None)
        }
        Err(_) => Ok(None),
    }
}

fn is_kept(options: &Variables, name: &OsStr) -> bool {
    let name = name.as_bytes();
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(begin) => name.starts_with(begin.as_bytes()),
        None => name == pattern.as_bytes(),
    };
    match &options.keep {
        _ if !options.clean => true,
        Some(named) => named.iter().any(|pattern| fits(pattern)),
        None => USUAL.into_iter().any(fits),
    }
}
