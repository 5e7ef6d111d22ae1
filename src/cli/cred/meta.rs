//! The metadata options that `add` and `set` share.

use crate::cli::read::{self, Privacy};
use crate::cli::usage;
use crate::cli::value::without_final_newline;
use crate::error::{Error, Result};
use crate::kind::{STATED, Said, public};
use crate::model::{
    Attr, FieldName, Label, Metadata, Secret, Timestamp, parse_duration, parse_when,
};
use std::path::PathBuf;
use std::str::FromStr;

/// What is known in clear of a credential.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Metadata")]
pub struct MetaArgs {
    /// Whom to log in as
    #[arg(long, value_name = "TEXT")]
    pub username: Option<String>,
    /// Where to log in
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// On which machine
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// At which TCP port
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,
    /// For which database
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// Whose credential it is
    #[arg(long, value_name = "TEXT")]
    pub client: Option<String>,
    /// For which service
    #[arg(long, value_name = "TEXT")]
    pub service: Option<String>,
    /// On which system or part of the infrastructure
    #[arg(long, value_name = "TEXT")]
    pub infra: Option<String>,
    /// In which environment: production, staging, …
    #[arg(long, value_name = "TEXT")]
    pub environment: Option<String>,
    /// Who answers for it
    #[arg(long, value_name = "TEXT")]
    pub owner: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A tag; may be given several times
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<Label>,
    /// Works only inside a VPN
    #[arg(long)]
    pub requires_vpn: bool,
    /// Asks for a second factor
    #[arg(long)]
    pub requires_2fa: bool,
    /// When it ends: 2027-01-31, or 90d from now
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
    /// How often to change it: 90d
    #[arg(long, value_name = "SPAN")]
    pub rotate_every: Option<String>,
    /// Keep only so many versions of each secret, and destroy older ones: 1 to 1000
    #[arg(long, value_name = "N")]
    pub keep: Option<String>,
    /// A further public field; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = Pair::from_str)]
    pub field: Vec<Pair>,
    /// Notes to keep sealed, from a file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub notes_file: Option<PathBuf>,
}

impl MetaArgs {
    /// What they say that a value may say, too.
    #[must_use]
    pub fn said(&self) -> Said {
        let stated = self.field.iter().any(|pair| pair.key.as_str() == STATED);
        Said { expiry: self.expires.is_some(), stated }
    }

    /// Writes what was given into `meta`; an empty value clears.
    ///
    /// # Errors
    /// Usage (2): bad dates, ports, URLs, and public fields that smell of secrets.
    pub fn apply(&self, meta: &mut Metadata, now: Timestamp) -> Result<()> {
        for (attr, value) in self.texts() {
            if let Some(value) = value {
                set_text(meta, attr, value)?;
            }
        }
        if let Some(port) = &self.port {
            let read = |text| public::parse_port(text).map_err(|e| named("--port", &e));
            meta.port = filled(port).map(read).transpose()?;
        }
        if let Some(when) = &self.expires {
            meta.expires_at = parse_expiry(when, now)?;
        }
        if let Some(span) = &self.rotate_every {
            let every = |text| parse_duration(text).map_err(|e| named("--rotate-every", &e));
            meta.rotate_every = filled(span).map(every).transpose()?;
        }
        if let Some(keep) = &self.keep {
            let kept = |text| public::parse_keep(text).map_err(|e| named("--keep", &e));
            meta.keep = filled(keep).map(kept).transpose()?;
        }
        meta.tags.extend(self.tag.iter().cloned());
        meta.requires_vpn |= self.requires_vpn;
        meta.requires_2fa |= self.requires_2fa;
        for pair in &self.field {
            set_field(meta, &pair.key, &pair.value)?;
        }
        public::check_metadata(meta)
    }

    /// The notes, if a file was given.
    ///
    /// # Errors
    /// What reading the file finds; usage (2) when it is empty.
    pub fn notes(&self) -> Result<Option<(FieldName, Secret)>> {
        let Some(path) = &self.notes_file else {
            return Ok(None);
        };
        let notes = without_final_newline(read::file(path, Secret::MAX, Privacy::AsItIs)?);
        match notes.is_empty() {
            true => Err(Error::usage("the notes are empty")),
            false => Ok(Some(("notes".parse()?, notes))),
        }
    }

    /// Whether anything that lies in clear was given.
    #[must_use]
    pub fn any(&self) -> bool {
        self.texts().iter().any(|(_, value)| value.is_some())
            || [&self.port, &self.expires, &self.rotate_every, &self.keep]
                .iter()
                .any(|v| v.is_some())
            || self.requires_vpn
            || self.requires_2fa
            || !self.tag.is_empty()
            || !self.field.is_empty()
    }

    fn texts(&self) -> [(Attr, &Option<String>); Attr::ALL.len()] {
        [
            (Attr::Username, &self.username),
            (Attr::Url, &self.url),
            (Attr::Host, &self.host),
            (Attr::Database, &self.database),
            (Attr::Client, &self.client),
            (Attr::Service, &self.service),
            (Attr::Infra, &self.infra),
            (Attr::Environment, &self.environment),
            (Attr::Owner, &self.owner),
            (Attr::Description, &self.description),
        ]
    }
}

/// `KEY=VALUE`.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Before the sign.
    pub key: FieldName,
    /// After it.
    pub value: String,
}

impl FromStr for Pair {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::usage("a field is written KEY=VALUE");
        let (key, value) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Self { key: key.parse()?, value: value.to_owned() })
    }
}

/// What `--expires` says; nothing if it is empty.
///
/// # Errors
/// Usage (2), naming the accepted forms.
pub fn parse_expiry(when: &str, now: Timestamp) -> Result<Option<Timestamp>> {
    let at = |text| parse_when(text, now, true).map_err(|e| named("--expires", &e));
    filled(when).map(at).transpose()
}

/// The name of a secret field, without its value.
///
/// # Errors
/// Usage (2), not quoting the value, when there is one.
pub fn secret_field(text: &str) -> Result<FieldName> {
    match text.contains('=') {
        true => Err(usage::secret_in_arguments("… --secret-field KEY")),
        false => text.parse(),
    }
}

/// Sets an attribute by its name on the command line or in a file, or a further public field. An
/// empty value clears.
///
/// # Errors
/// Usage (2) when the value is not right, or the name belongs to an option of its own.
pub fn set_field(meta: &mut Metadata, key: &FieldName, value: &str) -> Result<()> {
    if let Some(attr) = Attr::ALL.into_iter().find(|attr| attr.name() == key.as_str()) {
        return set_text(meta, attr, value);
    }
    match key.as_str() {
        "port" => meta.port = filled(value).map(public::parse_port).transpose()?,
        "name" | "type" | "kind" | "tag" | "tags" | "expires" | "expires_at" | "rotate_every"
        | "keep" | "requires_vpn" | "requires_2fa" => {
            return Err(Error::usage(format!("`{key}` is not a field of its own"))
                .hint("it has its own option; see `vault cred add --help`"));
        }
        "notes" => {
            return Err(Error::usage("notes are kept sealed, not as a public field")
                .hint("--notes-file FILE"));
        }
        _ if value.is_empty() => drop(meta.fields.remove(key)),
        _ => {
            public::check_public(key, value)?;
            meta.fields.insert(key.clone(), value.to_owned());
        }
    }
    Ok(())
}

fn set_text(meta: &mut Metadata, attr: Attr, value: &str) -> Result<()> {
    if attr == Attr::Url && !value.is_empty() {
        public::parse_url(value)?;
    }
    meta.set(attr, Some(value.to_owned()));
    Ok(())
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The same error with the option it is about.
pub fn named(option: &str, cause: &Error) -> Error {
    let error = Error::usage(format!("`{option}`: {}", cause.message()));
    cause.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metadata_key_goes_to_its_column() {
        let mut meta = Metadata::default();
        let url = "https://git.example.com";
        set_field(&mut meta, &"url".parse().unwrap(), url).unwrap();
        set_field(&mut meta, &"port".parse().unwrap(), "22").unwrap();
        set_field(&mut meta, &"region".parse().unwrap(), "eu").unwrap();
        assert_eq!((meta.get(Attr::Url), meta.port), (Some(url), Some(22)));
        assert_eq!(meta.fields.len(), 1);
        set_field(&mut meta, &"url".parse().unwrap(), "").unwrap();
        set_field(&mut meta, &"region".parse().unwrap(), "").unwrap();
        assert_eq!((meta.get(Attr::Url), meta.fields.len()), (None, 0));
        assert!(set_field(&mut meta, &"tags".parse().unwrap(), "x").is_err());
    }

    #[test]
    fn a_secret_in_a_field_option_is_not_quoted() {
        let wrong = secret_field("password=hunter2").unwrap_err();
        assert!(!format!("{wrong:?}").contains("hunter2"));
        assert!(!format!("{:?}", "hunter2".parse::<Pair>().unwrap_err()).contains("hunter2"));
    }
}
