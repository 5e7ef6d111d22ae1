//! Where the log goes besides the vault: the sinks of the configuration file. How far each is, and what
//! becomes of its failures, is the vault's affair.

mod command;
mod journald;
mod jsonl;
mod syslog;

use super::config;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Outlet, Sink};
use crate::world::World;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A `[sink.NAME]` of the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(rename = "type")]
    kind: Kind,
    path: Option<PathBuf>,
    address: Option<String>,
    command: Option<Vec<String>>,
    #[serde(default)]
    on_failure: OnFailure,
    timeout: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Jsonl,
    Syslog,
    Journald,
    Command,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum OnFailure {
    #[default]
    Warn,
    Refuse,
}

/// The sinks that are configured.
///
/// # Errors
/// Those of the configuration file.
pub fn all(world: &World) -> Result<Vec<Sink>> {
    let sinks = config::sinks(world).map_err(|e| match e.kind() {
        // else it would look as if a credential were not there
        ErrorKind::NotFound => Error::usage(e.message()).hint("VAULT_CONFIG_FILE names no file"),
        _ => e,
    });
    Ok(match sinks? {
        None => Vec::new(),
        Some(sinks) => sinks.into_iter().map(|(name, sink)| sink.open(name, world)).collect(),
    })
}

impl Settings {
    /// Whether they make sense.
    ///
    /// # Errors
    /// Usage (2), saying what does not.
    pub fn check(&self) -> Result<()> {
        let (word, takes): (_, &[&str]) = match self.kind {
            Kind::Jsonl => ("jsonl", &["path"]),
            Kind::Syslog => ("syslog", &["address"]),
            Kind::Journald => ("journald", &["path"]),
            Kind::Command => ("command", &["command"]),
        };
        for (key, given) in [
            ("path", self.path.is_some()),
            ("address", self.address.is_some()),
            ("command", self.command.is_some()),
        ] {
            if given && !takes.contains(&key) {
                return Err(Error::usage(format!("a sink of type `{word}` takes no `{key}`")));
            }
        }
        if self.path.as_ref().is_some_and(|path| !path.is_absolute()) {
            return Err(Error::usage("`path` must begin with a slash"));
        }
        let needs = |what: &str| Err(Error::usage(format!("a sink of type `{word}` needs {what}")));
        match self.kind {
            Kind::Jsonl if self.path.is_none() => needs("a `path`"),
            Kind::Command if !self.program_is_absolute() => {
                needs("a `command`: a list, whose program begins with a slash")
            }
            Kind::Syslog if !self.address.as_deref().is_none_or(syslog::is_address) => {
                needs("an `address` that is the path of a socket, or HOST:PORT")
            }
            Kind::Jsonl | Kind::Command | Kind::Syslog | Kind::Journald => self.timeout().map(drop),
        }
    }

    fn program_is_absolute(&self) -> bool {
        let program = self.command.as_ref().and_then(|command| command.first());
        program.is_some_and(|program| program.starts_with('/'))
    }

    fn timeout(&self) -> Result<Duration> {
        let Some(text) = &self.timeout else { return Ok(TIMEOUT) };
        let (digits, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
            (Some(digits), _) => (digits, 1),
            (None, Some(digits)) => (digits, 1000),
            (None, None) => ("", 0),
        };
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        let millis = digits.parse::<u64>().ok().filter(|_| plain);
        let millis = millis.and_then(|count| count.checked_mul(unit));
        millis.filter(|millis| (1..=60_000).contains(millis)).map(Duration::from_millis).ok_or_else(
            || Error::usage("a `timeout` is 1ms to 60s").hint("write: timeout = \"2s\""),
        )
    }

    fn open(self, name: String, world: &World) -> Sink {
        let timeout = self.timeout().unwrap_or(TIMEOUT);
        let path = self.path.unwrap_or_default();
        let (kind, outlet): (_, Box<dyn Outlet>) = match self.kind {
            Kind::Jsonl => ("jsonl", Box::new(jsonl::Jsonl::new(path))),
            Kind::Syslog => ("syslog", Box::new(syslog::Syslog::new(self.address))),
            Kind::Journald => ("journald", Box::new(journald::Journald::new(path))),
            Kind::Command => {
                let command = self.command.unwrap_or_default();
                ("command", Box::new(command::Command::new(command, world)))
            }
        };
        Sink { name, kind, must: self.on_failure == OnFailure::Refuse, timeout, outlet }
    }
}

/// Whether `name` can be the name of a sink: it becomes part of a file's.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(fine) && !name.starts_with('-')
}

/// Unless it is configured otherwise.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The time until `deadline`: never nothing, which sockets take for no limit.
fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// A failure of a sink. What it is about is said by whoever knows its name.
fn failed(doing: &str, cause: &std::io::Error) -> Error {
    use std::io::ErrorKind as K;
    match cause.kind() {
        K::WouldBlock | K::TimedOut => {
            Error::new(ErrorKind::Io, format!("{doing}: there was no answer in time"))
        }
        _ => Error::io(doing, cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Settings> {
        let settings: Settings = toml::from_str(text).map_err(|e| Error::usage(e.message()))?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn what_a_sink_needs_and_what_it_does_not_take() {
        for good in [
            "type = 'jsonl'\npath = '/x'",
            "type = 'syslog'",
            "type = 'syslog'\naddress = '/run/x'",
            "type = 'syslog'\naddress = 'host.example:601'\non_failure = 'refuse'",
            "type = 'syslog'\naddress = '[::1]:601'",
            "type = 'journald'\ntimeout = '1ms'",
            "type = 'command'\ncommand = ['/bin/x', 'y']\ntimeout = '60s'",
        ] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for bad in [
            "path = '/x'",
            "type = 'udp'",
            "type = 'jsonl'",
            "type = 'jsonl'\npath = 'x'",
            "type = 'jsonl'\npath = '/x'\ncommand = ['/bin/x']",
            "type = 'syslog'\naddress = 'host'",
            "type = 'syslog'\naddress = 'host:0x'",
            "type = 'command'\ncommand = []",
            "type = 'command'\ncommand = ['x']",
            "type = 'command'\ncommand = '/bin/x'",
            "type = 'syslog'\ntimeout = '0s'",
            "type = 'syslog'\ntimeout = '61s'",
            "type = 'syslog'\ntimeout = '+1s'",
            "type = 'syslog'\ntimeout = '2'",
            "type = 'syslog'\ntimeout = 's'",
            "type = 'syslog'\non_failure = 'ignore'",
            "type = 'syslog'\nnonsense = 1",
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
        assert!(is_name("a-b_9") && !is_name("") && !is_name("../x") && !is_name("A"));
    }
}
