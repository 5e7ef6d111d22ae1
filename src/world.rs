//! The world as the program finds it: clock, environment, terminal. Tests bring their own.

use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Whether a variable of this name is one of ours that holds a key, or leads to one. Others that begin with
/// `VAULT_` say where a vault is, or belong to another product of that name.
#[must_use]
pub fn leads_to_keys(name: &[u8]) -> bool {
    name.starts_with(b"VAULT_KEY") || name.starts_with(b"VAULT_PASSPHRASE")
}

/// What a command may know of its surroundings. Captured once, at the start.
pub struct World {
    env: HashMap<OsString, OsString>,
    fixed_clock: Option<Timestamp>,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// In whose place this process works, if in another one's.
    pub client: Option<Client>,
}

/// A process that has asked this one to do its work.
pub struct Client {
    /// Its number, if it can be seen from here.
    pub pid: Option<i32>,
    /// The terminal at which it can be asked.
    pub terminal: Option<File>,
}

impl World {
    /// The real one.
    #[must_use]
    pub fn real() -> Self {
        use std::io::IsTerminal;
        Self {
            env: std::env::vars_os().collect(),
            fixed_clock: None,
            stdout_is_terminal: std::io::stdout().is_terminal(),
            client: None,
        }
    }

    /// The same for a process that has put on the surroundings of `client`.
    #[must_use]
    pub fn real_for(client: Client) -> Self {
        Self { client: Some(client), ..Self::real() }
    }

    /// One for tests: this environment, and this clock if given.
    #[must_use]
    pub fn fake(env: &[(&str, &OsStr)], clock: Option<Timestamp>) -> Self {
        let env = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Self { env, fixed_clock: clock, stdout_is_terminal: false, client: None }
    }

    /// A variable of the environment; empty counts as absent.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.env.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Whether a variable of the environment is set, and empty: somebody meant to give it.
    #[must_use]
    pub fn is_empty_var(&self, name: &str) -> bool {
        self.env.get(OsStr::new(name)).is_some_and(|value| value.is_empty())
    }

    /// All variables, but those of ours that hold keys, or lead to them: for whoever works in our place.
    #[must_use]
    pub fn for_deputy(&self) -> Vec<(OsString, OsString)> {
        self.child_env().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The environment for other programs: without the variables of ours that hold keys, or lead to them.
    pub fn child_env(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let all = self.env.iter().map(|(k, v)| (k.as_os_str(), v.as_os_str()));
        all.filter(|(name, _)| !leads_to_keys(name.as_encoded_bytes()))
    }

    /// Now, by the system's clock. A clock before 1970 counts as 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is asked")]
    pub fn now(&self) -> Timestamp {
        self.fixed_clock.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// A new id: a version 7 UUID (RFC 9562) of this clock, so that ids sort by time.
    #[must_use]
    pub fn new_id(&self) -> uuid::Uuid {
        let millis = u64::try_from(self.now().0).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
    }

    /// Where the vault file is when nobody says otherwise: the platform's data directory.
    ///
    /// # Errors
    /// Usage (exit 2) when there is no home directory.
    pub fn default_vault_file(&self) -> Result<PathBuf> {
        if let Some(dir) = self.absolute("XDG_DATA_HOME") {
            return Ok(dir.join("vault").join("vault.db"));
        }
        self.project_dirs().map(|dirs| dirs.data_dir().join("vault.db"))
    }

    /// Where the seal files are: `$XDG_STATE_HOME/vault`, or the platform's equivalent.
    ///
    /// # Errors
    /// Usage (exit 2) when there is no home directory.
    pub fn state_dir(&self) -> Result<PathBuf> {
        if let Some(dir) = self.absolute("XDG_STATE_HOME") {
            return Ok(dir.join("vault"));
        }
        let dirs = self.project_dirs()?;
        Ok(dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned())
    }

    /// Where the configuration file is, and whether somebody named it. No home directory, no file.
    #[must_use]
    pub fn config_file(&self) -> Option<(PathBuf, bool)> {
        if let Some(path) = self.var("VAULT_CONFIG_FILE") {
            return Some((path.into(), true));
        }
        if let Some(dir) = self.absolute("XDG_CONFIG_HOME") {
            return Some((dir.join("vault").join("config.toml"), false));
        }
        let dirs = self.project_dirs().ok()?;
        Some((dirs.config_dir().join("config.toml"), false))
    }

    fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    fn project_dirs(&self) -> Result<directories::ProjectDirs> {
        let no_home = || {
            Error::new(ErrorKind::Usage, "no home directory, so no place for the vault")
                .hint("set HOME, or give both `--vault FILE` and XDG_STATE_HOME")
        };
        self.var("HOME").ok_or_else(no_home)?;
        directories::ProjectDirs::from("", "", "vault").ok_or_else(no_home)
    }
}
