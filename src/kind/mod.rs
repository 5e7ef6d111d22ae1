//! What can be kept: one file per kind, one line each in the table. The rest of the program derives
//! from it: `--type` values, completions, prompts, environment names, checks, the manual.

mod address;
mod api_key;
mod bearer_token;
mod certificate;
pub mod checks;
mod connection_string;
mod custom;
mod dsn;
mod dsn_whole;
pub mod generate;
mod http_basic;
mod jwt;
pub mod media;
mod oauth;
mod password;
pub mod public;
mod renewal;
mod services;
mod shared_secret;
pub mod signature;
mod ssh;
pub mod strength;
#[cfg(test)]
mod tests;
pub mod totp;
mod uses;
pub mod variables;

pub use dsn::percent_decode;
pub use renewal::{STATED, Said, take_over};

use crate::error::{Error, Result};
use crate::model::{FieldName, Metadata, Secret};

/// Every kind, in the order of the manual.
pub static ALL: &[Kind] = &[
    password::KIND,
    http_basic::KIND,
    api_key::KIND,
    bearer_token::KIND,
    oauth::KIND,
    ssh::KIND,
    shared_secret::KIND,
    jwt::KIND,
    connection_string::KIND,
    certificate::KIND,
    custom::KIND,
];

/// The sealed free text that every kind may have besides its own fields.
pub static NOTES: Field = Field::secret("notes", "Free text, sealed").optional();

/// The seed of one-time codes, which every kind may have too: what a login asks for besides.
pub static TOTP: Field = totp::FIELD;

/// Whether a secret field goes with credentials of any kind, and so is never the primary one while
/// there is another.
#[must_use]
pub fn is_common(field: &str) -> bool {
    [NOTES.name, TOTP.name].contains(&field)
}

/// A sort of credential.
pub struct Kind {
    /// Its own name; what is stored.
    pub name: &'static str,
    /// Other names people know it by.
    pub aliases: &'static [&'static str],
    /// One line, capitalised, no full stop.
    pub about: &'static str,
    /// The first secret field is the primary one: what `get NAME` prints.
    pub fields: &'static [Field],
    /// Whether any further field names are allowed (`custom`).
    pub open: bool,
    /// Reads what the secret values say about themselves (expiry, issuer, host) into the metadata,
    /// never overwriting what the user set, never copying anything secret.
    pub learn: Option<Learn>,
}

/// One field of a kind.
pub struct Field {
    /// Its name, a [`FieldName`].
    pub name: &'static str,
    /// Whether it is sealed.
    pub secret: bool,
    /// Whether a credential of this kind makes no sense without it. Public fields never are: a
    /// secret can be kept before all about it is known.
    pub required: bool,
    /// The customary environment variable.
    pub env: Option<&'static str>,
    /// One line, capitalised, no full stop.
    pub about: &'static str,
    /// A value that passes the check, or nothing.
    pub example: &'static str,
    /// Warnings about a value that looks wrong; they never quote it.
    pub check: Option<Check>,
    /// What to do at the service when the value is a new one; `{at}` becomes the place. See
    /// [`Kind::at_service`].
    pub service: &'static str,
}

/// Reads secret values of a credential and fills gaps in its metadata.
pub type Learn = fn(&[(FieldName, Secret)], &mut Metadata);

/// Warns of a value that looks wrong, without quoting it.
pub type Check = fn(&[u8]) -> Vec<String>;

/// The kind called `name`, by its own name or an alias; case does not matter, and `-` is `_`.
///
/// # Errors
/// Usage, with the list of kinds and the nearest match.
pub fn find(name: &str) -> Result<&'static Kind> {
    let wanted = name.to_ascii_lowercase().replace('-', "_");
    ALL.iter().find(|kind| kind.is_called(&wanted)).ok_or_else(|| unknown(name, &wanted))
}

impl Kind {
    /// The primary field; an open kind has none.
    #[must_use]
    pub fn primary(&self) -> Option<&'static Field> {
        self.secret_fields().next()
    }

    /// The field that `value` is for when nobody says: the primary one, but a private key goes into
    /// the field for private keys.
    #[must_use]
    pub fn field_for(&self, value: &[u8]) -> Option<&'static Field> {
        let holds = || std::str::from_utf8(value).is_ok_and(public::holds_private_key);
        let for_keys = self.secret_fields().find(|field| field.name == "private_key");
        for_keys.filter(|_| holds()).or_else(|| self.primary())
    }

    /// The secret field called `name`, [`TOTP`] and [`NOTES`] among them. None for names that are not
    /// in the table, even when the kind is open.
    #[must_use]
    pub fn secret_field(&self, name: &str) -> Option<&'static Field> {
        self.secret_fields().chain([&TOTP, &NOTES]).find(|field| field.name == name)
    }

    /// The secret fields of its own, the primary one first.
    pub fn secret_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().filter(|field| field.secret)
    }

    /// The public fields in the order they are asked for and shown.
    pub fn public_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().filter(|field| !field.secret)
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

impl Field {
    const fn public(name: &'static str, about: &'static str) -> Self {
        Self { secret: false, required: false, ..Self::secret(name, about) }
    }

    const fn secret(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            secret: true,
            required: true,
            env: None,
            about,
            example: "",
            check: None,
            service: "",
        }
    }

    const fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    const fn env(mut self, name: &'static str) -> Self {
        self.env = Some(name);
        self
    }

    const fn example(mut self, value: &'static str) -> Self {
        self.example = value;
        self
    }

    const fn service(mut self, what: &'static str) -> Self {
        self.service = what;
        self
    }

    const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }
}

/// The value of the secret field `name` among `secrets`.
fn value_of<'s>(secrets: &'s [(FieldName, Secret)], name: &str) -> Option<&'s [u8]> {
    secrets.iter().find(|(field, _)| field.as_str() == name).map(|(_, value)| value.expose())
}

/// Fills the public field `name` unless it has a value already.
fn fill(meta: &mut Metadata, name: &str, value: &str) {
    if let Ok(name) = name.parse() {
        meta.fields.entry(name).or_insert_with(|| value.to_owned());
    }
}

fn unknown(name: &str, wanted: &str) -> Error {
    let error = Error::usage(match repeatable(name) {
        true => format!("unknown type `{name}`"),
        false => "unknown type".to_owned(),
    });
    let error = match nearest(wanted) {
        Some(near) => {
            error.hint(format!("did you mean `{near}`?")).candidates(vec![near.to_owned()])
        }
        None => error,
    };
    let names: Vec<_> = ALL.iter().map(|kind| kind.name).collect();
    error.hint(format!("types: {}", names.join(", ")))
}

/// Whether a message may repeat `word`, which somebody typed where a secret does not belong but may
/// have been put: a short word of small letters, as our own are.
#[must_use]
pub fn repeatable(word: &str) -> bool {
    word.len() <= 20 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-')
}

/// The name or alias that `wanted` is most likely a slip of.
fn nearest(wanted: &str) -> Option<&'static str> {
    ALL.iter()
        .flat_map(|kind| std::iter::once(kind.name).chain(kind.aliases.iter().copied()))
        .map(|name| (strsim::damerau_levenshtein(name, wanted), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .map(|(_, name)| name)
}
