//! The configuration file: what somebody always wants. Without it everything has its default. A new
//! section is one field of [`Config`], and lines in [`SETTINGS`].

use super::alert_settings::{AlertSettings, CanarySettings, Hook};
use super::context::Context;
use super::read::{self, KEY_MAX, Privacy};
use super::{plugins, sink};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::generate::{self, Settings, Wish};
use crate::kind::repeatable;
use crate::vault::Rules;
use crate::world::World;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything that can be configured.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How secrets are made up, by name.
    policy: BTreeMap<String, Settings>,
    /// What in the log deserves a look.
    alerts: AlertSettings,
    /// What is done when a canary is touched.
    canary: CanarySettings,
    /// Where the log goes besides, by name.
    sink: BTreeMap<String, sink::Settings>,
    /// The programs of age plugins, by name.
    plugin: BTreeMap<String, plugins::Settings>,
}

/// Every setting, what it means, and an example.
pub const SETTINGS: &[(&str, &str, &str)] = &[
    ("policy.NAME.length", "Characters, 8 to 1024", "20"),
    ("policy.NAME.alphabet", "Which characters; a hyphen comes first", "\"-a-zA-Z0-9_\""),
    ("policy.NAME.lower", "At least so many small letters; 0 for none at all", "1"),
    ("policy.NAME.upper", "At least so many capitals; 0 for none at all", "1"),
    ("policy.NAME.digits", "At least so many digits; 0 for none at all", "2"),
    ("policy.NAME.symbols", "At least so much punctuation; 0 for none at all", "0"),
    ("policy.NAME.words", "Words of a passphrase, 3 to 64", "6"),
    ("policy.NAME.separator", "What stands between the words", "\"-\""),
    ("policy.NAME.pin", "Digits of a PIN, 4 to 64", "6"),
    ("policy.NAME.hex", "Random bytes in hex, 8 to 1024", "32"),
    ("policy.NAME.base64", "Random bytes in base64, 8 to 1024", "32"),
    ("policy.NAME.uuid", "A random UUID", "true"),
    ("policy.NAME.ed25519", "An SSH key pair", "true"),
    ("policy.NAME.rsa", "An SSH key pair of 2048, 3072 or 4096 bits", "4096"),
    ("alerts.failed_unlocks", "Alert after so many failed unlocks (5); 0 for never", "3"),
    ("alerts.failed_window", "Within this span (10m)", "\"30m\""),
    (
        "alerts.mass_access",
        "Alert when so many credentials are read by a user (50); 0 for never",
        "20",
    ),
    ("alerts.mass_window", "Within this span (5m)", "\"10m\""),
    ("alerts.new_actor", "Alert at the first use by a user, host and program (true)", "false"),
    ("alerts.unusual_hours", "Alert when somebody works at an hour he never did (true)", "false"),
    (
        "alerts.learning",
        "At the beginning of a log nothing is new or unusual for so long (7d); 0 for no time",
        "\"14d\"",
    ),
    ("alerts.expired", "Alert when an expired secret is read (true)", "false"),
    (
        "alerts.restored",
        "Alert when a secret is read that was in the trash so long ago (30d); 0 for never",
        "\"7d\"",
    ),
    (
        "alerts.ignore_users",
        "Who may read much, and at any hour; never for canaries",
        "[\"backup\"]",
    ),
    ("alerts.ignore_programs", "Programs that may", "[\"ansible-playboo\"]"),
    (
        "canary.hook",
        "A program, its whole path, and its arguments, to start when a canary is touched",
        "[\"/usr/local/bin/page-me\", \"vault\"]",
    ),
    ("canary.timeout", "When the hook is ended (30s)", "\"2m\""),
    (
        "sink.NAME.type",
        "Where entries of the log go: jsonl, syslog, journald, command",
        "\"syslog\"",
    ),
    ("sink.NAME.path", "The file of jsonl, the socket of journald", "\"/var/log/vault.jsonl\""),
    ("sink.NAME.address", "The socket of syslog, or its HOST:PORT for TCP", "\"/dev/log\""),
    ("sink.NAME.command", "A program and its arguments", "[\"/usr/local/bin/forward\", \"-\"]"),
    ("sink.NAME.on_failure", "What if it fails: warn, or refuse to do anything", "\"refuse\""),
    ("sink.NAME.timeout", "How long it may take at each use, 1ms to 60s", "\"2s\""),
    (
        "plugin.NAME.program",
        "The whole path of the age plugin NAME; others are not started",
        "\"/usr/bin/age-plugin-yubikey\"",
    ),
    (
        "plugin.NAME.timeout",
        "How long it may take (2m; 10s if it says nothing and nobody is at a terminal)",
        "\"5m\"",
    ),
];

/// The configuration of this run.
///
/// # Errors
/// Usage (2) when it cannot be understood; not found (10) when it was named and is not there;
/// refused (14) when others can write it.
pub fn load(world: &World) -> Result<Config> {
    match text(world)? {
        Some((text, path)) => parse(&text, &path),
        None => Ok(Config::default()),
    }
}

/// The sinks of this run, if any. A file that does not mention them is not looked at further: whoever
/// needs nothing of it must not fail because of it.
///
/// # Errors
/// As [`load`].
pub fn sinks(world: &World) -> Result<Option<BTreeMap<String, sink::Settings>>> {
    match text(world)? {
        Some((text, path)) if text.contains("sink") => parse(&text, &path).map(|c| Some(c.sink)),
        Some(_) | None => Ok(None),
    }
}

/// The file's text and path, if there is one.
fn text(world: &World) -> Result<Option<(String, PathBuf)>> {
    let Some((path, named)) = world.config_file() else { return Ok(None) };
    let text = match read::file(&path, KEY_MAX, Privacy::Unwritable) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound && !named => return Ok(None),
        Err(e) => return Err(e),
    };
    match std::str::from_utf8(text.expose()) {
        Ok(text) => Ok(Some((text.to_owned(), path))),
        Err(_) => Err(Error::usage(format!("`{}` is not UTF-8 text", path.display()))),
    }
}

/// What `wish` stands for. The file is read only for a name.
///
/// # Errors
/// As [`load`] and [`Config::policy`].
pub fn policy(wish: &Wish, cx: &Context) -> Result<Settings> {
    match wish {
        Wish::Settings(settings) => Ok(settings.as_ref().clone()),
        Wish::Named(name) => load(&cx.world)?.policy(name),
    }
}

impl Config {
    /// What in the log deserves a look.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.alerts.rules()
    }

    /// What is done when a canary is touched, if anything.
    #[must_use]
    pub fn hook(&self) -> Option<Hook> {
        self.canary.hook()
    }

    /// The policy called `name`.
    ///
    /// # Errors
    /// Usage (2) when there is none, with those there are.
    pub fn policy(&self, name: &str) -> Result<Settings> {
        self.policy.get(name).cloned().ok_or_else(|| self.unknown(name))
    }

    /// The program of the plugin called `name`, if there is one.
    #[must_use]
    pub fn plugin(mut self, name: &str) -> Option<plugins::Settings> {
        self.plugin.remove(name)
    }

    /// All plugins, in the order of their names.
    pub fn plugins(&self) -> impl Iterator<Item = (&str, &plugins::Settings)> {
        self.plugin.iter().map(|(name, settings)| (name.as_str(), settings))
    }

    /// The names there are, in order.
    #[must_use]
    pub fn policy_names(&self) -> Vec<String> {
        self.policy.keys().cloned().collect()
    }

    fn unknown(&self, name: &str) -> Error {
        let error = Error::usage(match repeatable(name) {
            true => format!("unknown policy `{name}`"),
            false => "unknown policy".to_owned(),
        });
        let own = "built in: words:6, pin:6, hex:32, base64:32, uuid, ed25519, rsa:4096";
        let names = self.policy_names();
        let error = match names.is_empty() {
            true => error.hint("the configuration file has none: `vault help config`"),
            false => error.hint(format!("policies: {}", names.join(", "))),
        };
        error.hint(own)
    }

    fn check(&self) -> Result<()> {
        for (name, settings) in &self.policy {
            if !generate::is_name(name) {
                return Err(Error::usage(format!("`{name}` cannot be the name of a policy"))
                    .hint("small letters, digits, `-` and `_`, and none of our own words"));
            }
            settings.check().map_err(|e| {
                let error = Error::usage(format!("policy `{name}`: {}", e.message()));
                e.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
            })?;
        }
        self.canary.check()?;
        for (name, settings) in &self.plugin {
            settings.check(name).map_err(|e| {
                let error = Error::usage(format!("plugin `{name}`: {}", e.message()));
                e.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
            })?;
        }
        self.check_sinks()
    }

    fn check_sinks(&self) -> Result<()> {
        for (name, settings) in &self.sink {
            if !sink::is_name(name) {
                return Err(Error::usage(format!("`{name}` cannot be the name of a sink"))
                    .hint("small letters, digits, `-` and `_`"));
            }
            let wrong = |e: Error| Error::usage(format!("sink `{name}`: {}", e.message()));
            settings.check().map_err(wrong)?;
        }
        Ok(())
    }
}

fn parse(text: &str, path: &Path) -> Result<Config> {
    let config: Config = toml::from_str(text).map_err(|e| {
        let line = e.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        wrong(path, &format!("{line}: {}", in_our_words(e.message())))
    })?;
    config.check().map_err(|e| {
        let error = wrong(path, &format!(": {}", e.message()));
        e.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
    })?;
    Ok(config)
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::usage(format!("`{}`{what}", path.display())).hint("vault help config")
}

/// The parser's message in one line, where a field is a key.
fn in_our_words(message: &str) -> String {
    let line = message.lines().map(str::trim).collect::<Vec<_>>().join(", ");
    let line = line.replacen("unknown field", "unknown key", 1);
    line.replacen("expected u32", "expected a number from 0 on", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Config> {
        parse(text, Path::new("config.toml"))
    }

    #[test]
    fn policies_have_names() {
        let config = parsed("[policy.office]\nlength = 20\ndigits = 2\n[policy.door]\npin = 4\n");
        let config = config.unwrap();
        assert_eq!(config.policy("office").unwrap(), "length=20,digits=2".parse().unwrap());
        let unknown = config.policy("ofice").unwrap_err();
        assert_eq!(unknown.message(), "unknown policy `ofice`");
        assert_eq!(unknown.hints()[0], "policies: door, office");
        let unknown = Config::default().policy("hunter2").unwrap_err();
        assert_eq!(unknown.message(), "unknown policy");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, why) in [
            ("[policy.office]\nlenght = 20\n", "`config.toml`, line 2: unknown key `lenght`"),
            ("\n\n[polcy.office]\n", "`config.toml`, line 3: unknown key `polcy`"),
            ("[policy.office\n", "`config.toml`, line 1: "),
            ("[policy.x]\nlength = 'a'\n", "`config.toml`, line 2: "),
            ("[policy.x]\nlength = 20\nlength = 20\n", "`config.toml`, line 3: "),
            ("[policy.x]\nlength = 3\n", "`config.toml`: policy `x`: a made-up secret has 8 to"),
            ("[policy.x]\nlength = -3\n", "`config.toml`: policy `x`: a made-up secret has 8 to"),
            ("[policy.uuid]\nlength = 20\n", "`config.toml`: `uuid` cannot be the name"),
            ("[policy.'Two words']\n", "`config.toml`: `Two words` cannot be the name"),
        ] {
            let error = parsed(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.message().starts_with(why), "{error}");
            assert!(!error.message().contains('\n') && !error.hints().is_empty(), "{error}");
        }
    }

    #[test]
    fn an_alert_on_what_was_in_the_trash_can_be_turned_off() {
        let rules = parsed("[alerts]\nrestored = 0\nlearning = 0\n").unwrap().alerts.rules();
        assert_eq!((rules.restored, rules.learning), (0, 0));
        let rules = parsed("[alerts]\nrestored = '2s'\n").unwrap().alerts.rules();
        assert_eq!(rules.restored, 2000);
        for wrong in ["1", "'0s'", "true"] {
            let error = parsed(&format!("[alerts]\nrestored = {wrong}\n")).unwrap_err();
            assert!(error.message().contains("line 2: neither 0 nor a duration"), "{error}");
        }
    }

    #[test]
    fn every_example_is_understood_and_every_setting_explained() {
        for (key, _, example) in SETTINGS {
            let besides = match *key {
                "policy.NAME.separator" => "words = 3\n",
                "sink.NAME.path" => "type = 'jsonl'\n",
                "sink.NAME.command" => "type = 'command'\n",
                "sink.NAME.type" => "",
                "plugin.NAME.timeout" => "program = '/x'\n",
                key if key.starts_with("sink.") => "type = 'syslog'\n",
                _ => "",
            };
            let (table, key) = key.rsplit_once('.').unwrap();
            let table = table.replace("NAME", "x");
            parsed(&format!("[{table}]\n{besides}{key} = {example}\n")).unwrap();
        }
        let mut all = 0;
        for (table, shown) in [
            ("policy.x", "policy.NAME"),
            ("sink.x", "sink.NAME"),
            ("plugin.x", "plugin.NAME"),
            ("alerts", "alerts"),
            ("canary", "canary"),
        ] {
            let error = parsed(&format!("[{table}]\nnonsense = 1\n")).unwrap_err();
            let known: Vec<_> = error.message().split('`').skip(5).step_by(2).collect();
            for key in known.iter().filter(|key| !key.is_empty()) {
                let explained = format!("{shown}.{key}");
                assert!(SETTINGS.iter().any(|(name, ..)| *name == explained), "{explained}");
            }
            all += known.len();
        }
        assert_eq!(all, SETTINGS.len());
    }
}
