//! What the configuration file says of alerts and canaries. Knows what the settings are called and
//! what can be written there; not what they do.

use crate::error::{Error, Result};
use crate::model::parse_duration;
use crate::vault::Rules;
use serde::{Deserialize, Deserializer};
use std::path::Path;
use std::time::Duration;

/// `[alerts]`: what is not there has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSettings {
    failed_unlocks: Option<u32>,
    failed_window: Option<Span>,
    mass_access: Option<u32>,
    mass_window: Option<Span>,
    new_actor: Option<bool>,
    unusual_hours: Option<bool>,
    #[serde(deserialize_with = "or_zero")]
    learning: Option<Span>,
    expired: Option<bool>,
    #[serde(deserialize_with = "or_zero")]
    restored: Option<Span>,
    ignore_users: Vec<String>,
    ignore_programs: Vec<String>,
}

/// `[canary]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CanarySettings {
    hook: Vec<String>,
    timeout: Option<Span>,
}

/// A program to be started when a canary is touched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hook {
    /// Its whole path, and its arguments.
    pub argv: Vec<String>,
    /// When it is ended.
    pub timeout: Duration,
}

/// A span of time as people write it, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(i64);

impl Span {
    pub(super) fn duration(self) -> Duration {
        Duration::from_secs(self.0.unsigned_abs())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse_duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A span that may be `0` as well.
fn or_zero<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<Span>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Text(String),
    }
    let wrong = || serde::de::Error::custom("neither 0 nor a duration as \"30d\"");
    match Written::deserialize(from).map_err(|_| wrong())? {
        Written::Number(0) => Ok(Some(Span(0))),
        Written::Number(_) => Err(wrong()),
        Written::Text(text) => parse_duration(&text).map(|s| Some(Span(s))).map_err(|_| wrong()),
    }
}

impl AlertSettings {
    /// As the vault wants them.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let usual = Rules::default();
        let count =
            |n: Option<u32>, usual| n.map_or(usual, |n| usize::try_from(n).unwrap_or(usual));
        let span = |span: Option<Span>, usual| span.map_or(usual, |Span(seconds)| seconds * 1000);
        Rules {
            failed_unlocks: count(self.failed_unlocks, usual.failed_unlocks),
            failed_window: span(self.failed_window, usual.failed_window),
            mass_access: count(self.mass_access, usual.mass_access),
            mass_window: span(self.mass_window, usual.mass_window),
            new_actor: self.new_actor.unwrap_or(usual.new_actor),
            unusual_hours: self.unusual_hours.unwrap_or(usual.unusual_hours),
            learning: span(self.learning, usual.learning),
            expired: self.expired.unwrap_or(usual.expired),
            restored: span(self.restored, usual.restored),
            ignore_users: self.ignore_users.clone(),
            ignore_programs: self.ignore_programs.clone(),
        }
    }
}

impl CanarySettings {
    /// The hook, if there is one.
    #[must_use]
    pub fn hook(&self) -> Option<Hook> {
        let timeout = self.timeout.map_or(USUAL, Span::duration);
        (!self.hook.is_empty()).then(|| Hook { argv: self.hook.clone(), timeout })
    }

    /// Refuses what could not be started from anywhere.
    ///
    /// # Errors
    /// Usage (2).
    pub fn check(&self) -> Result<()> {
        match self.hook.first().is_none_or(|program| Path::new(program).is_absolute()) {
            true => Ok(()),
            false => Err(Error::usage("the hook of `canary` is not the whole path of a program")
                .hint("for example: hook = [\"/usr/local/bin/page-me\"]")),
        }
    }
}

const USUAL: Duration = Duration::from_secs(30);
