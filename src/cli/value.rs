//! Where secret values come from. Never from an argument: arguments are visible to every process and
//! stay in the shell's history.

use super::context::Context;
use super::read::{self, Privacy};
use super::{complete, config};
use crate::error::{Error, Result};
use crate::kind::generate::{self, Settings, Wish};
use crate::kind::{Kind, checks, media, strength};
use crate::model::{FieldName, Metadata, Secret};
use clap_complete::engine::ArgValueCompleter;
use std::ffi::OsStr;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

/// Over the options for values in help texts.
pub const HEADING: &str = "Where the secret comes from";

/// How a value is handed in; without any of these it is for the command to say.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = HEADING)]
pub struct ValueArgs {
    /// Read it from standard input
    #[arg(long, group = "source")]
    pub stdin: bool,

    /// Read it from a file, of any content, up to 16 MiB
    #[arg(long, group = "source", value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// Read it from an open descriptor
    #[arg(long, group = "source", value_name = "N", value_parser = clap::value_parser!(RawFd).range(0..))]
    pub fd: Option<RawFd>,

    /// Make one up, of the kind's own composition or by a policy: a length, `words:6`, `pin:6`,
    /// `hex:32`, `base64:32`, `uuid`, `ed25519`, `rsa:4096`, `length=20,upper=2,digits=2`, or a name
    /// from the configuration file
    #[arg(long, group = "source", value_name = "POLICY", num_args = 0..=1, require_equals = true,
          add = ArgValueCompleter::new(complete::policies))]
    pub generate: Option<Option<Wish>>,

    /// Keep a final newline
    #[arg(long, conflicts_with = "generate")]
    pub exact: bool,
}

/// A value, and whether somebody typed it.
pub struct Given {
    /// The value.
    pub secret: Secret,
    /// Whether it was typed at a prompt.
    pub typed: bool,
}

impl ValueArgs {
    /// Whether any of them was used, so that nobody must be asked.
    #[must_use]
    pub fn given(&self) -> bool {
        self.stdin || self.file.is_some() || self.fd.is_some() || self.generate.is_some()
    }

    /// The value for `field` from where these say, if they say.
    ///
    /// # Errors
    /// Usage (2) when it is empty or too large; what reading finds.
    pub fn read(&self, kind: &Kind, field: &FieldName, cx: &Context) -> Result<Option<Given>> {
        let raw = if self.stdin {
            read::stdin(Secret::MAX)?
        } else if let Some(path) = &self.file {
            as_a_file(read::file(path, Secret::MAX, Privacy::AsItIs)?, path)
        } else if let Some(fd) = self.fd {
            read::descriptor(fd, Secret::MAX)?
        } else if self.generate.is_some() {
            let wished = self.wished(cx)?;
            let secret = generate::generate(kind, field.as_str(), wished.as_ref())?;
            return Ok(Some(Given { secret, typed: false }));
        } else {
            return Ok(None);
        };
        let keep = self.exact || raw.media().is_some();
        let secret = if keep { raw } else { without_final_newline(raw) };
        not_empty(secret).map(|secret| Some(Given { secret, typed: false }))
    }

    /// What a value to be made up is to consist of, unless the kind decides.
    ///
    /// # Errors
    /// Usage (2) for a name that is not in the configuration file, or when that file is wrong.
    pub fn wished(&self, cx: &Context) -> Result<Option<Settings>> {
        let wish = self.generate.iter().flatten().next();
        wish.map(|wish| config::policy(wish, cx)).transpose()
    }
}

/// What is no plain line is kept byte for byte, and its media type with it.
fn as_a_file(raw: Secret, path: &Path) -> Secret {
    let extension = path.extension().and_then(OsStr::to_str);
    let kind = media::of(raw.expose(), extension).map(str::to_owned);
    raw.with_media(kind)
}

/// Asks for the value of `field` on the terminal, twice.
///
/// # Errors
/// Usage (2) when there is no terminal or nothing was typed; aborted (3).
pub fn ask(cx: &Context, field: &FieldName) -> Result<Given> {
    let Some(mut terminal) = cx.terminal() else {
        return Err(Error::usage(format!("no value for `{field}`, and no terminal to ask on"))
            .hint("hand it in: `--stdin < FILE`, `--file PATH` or `--generate`"));
    };
    let secret = not_empty(terminal.secret_twice(&format!("Value of {field}"))?)?;
    Ok(Given { secret, typed: true })
}

/// What looks wrong with a value, for [`heed`].
#[must_use]
pub fn doubts(kind: &Kind, field: &FieldName, given: &Given, meta: &Metadata) -> Vec<String> {
    let warnings = checks::warnings(kind, field.as_str(), given.secret.expose(), meta);
    warnings.into_iter().map(|warning| format!("`{field}` {warning}")).collect()
}

/// Says what looks wrong with a value. Somebody who typed it is asked whether to go on.
///
/// # Errors
/// Aborted (3) at no.
pub fn heed(cx: &Context, warnings: &[String], typed: bool) -> Result<()> {
    for warning in warnings {
        cx.warn(warning);
    }
    match typed && !warnings.is_empty() {
        true => cx.confirm("store it anyway?", "correct the value"),
        false => Ok(()),
    }
}

/// Says how strong a value is that somebody typed, if it is one that people choose themselves.
pub fn weigh(cx: &Context, field: &FieldName, given: &Given) {
    if !given.typed || !strength::is_chosen(field.as_str()) {
        return;
    }
    let found = strength::strength(given.secret.expose());
    match found.is_weak() {
        true => cx.warn(&format!("`{field}` has {found}; `--generate` makes a strong one")),
        false => cx.note(&format!("`{field}` has {found}")),
    }
}

/// Drops a final newline when it is the only one: what editors and `echo` add to one line. A text of
/// several lines is kept as it is.
#[must_use]
pub fn without_final_newline(secret: Secret) -> Secret {
    match secret.expose().iter().position(|byte| *byte == b'\n') {
        Some(at) if at + 1 == secret.len() => Secret::from_bytes(&secret.expose()[..at]),
        Some(_) | None => secret,
    }
}

fn not_empty(secret: Secret) -> Result<Secret> {
    match secret.is_empty() {
        true => Err(Error::usage("the value is empty")
            .hint("a credential needs a secret; nothing was stored")),
        false => Ok(secret),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_final_newline_goes_when_it_is_the_only_one() {
        let kept = |text: &[u8]| without_final_newline(Secret::from_bytes(text)).expose().to_vec();
        assert_eq!(kept(b"x"), b"x");
        assert_eq!(kept(b"x\n"), b"x");
        assert_eq!(kept(b"\n"), b"");
        assert_eq!(kept(b"x\n\n"), b"x\n\n");
        assert_eq!(kept(b"a\nb\n"), b"a\nb\n");
        assert_eq!(kept(b"a\nb"), b"a\nb");
        assert_eq!(kept(b"\xff\0\n"), b"\xff\0");
        assert_eq!(kept(b"x\r\n"), b"x\r");
    }

    #[test]
    fn empty_is_refused() {
        assert!(not_empty(without_final_newline(Secret::from_bytes(b"\n"))).is_err());
        assert!(not_empty(Secret::from_bytes(b" ")).is_ok());
    }
}
