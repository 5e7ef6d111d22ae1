//! The environment variables of a credential: the customary ones, by which programs find what they need
//! without being told, and full ones, which no two credentials share.

use super::{find, is_common};
use crate::model::{Attr, CredName, FieldName, Metadata};
use zeroize::Zeroizing;

/// One variable, and where its value comes from.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name: letters, digits and `_`, not beginning with a digit.
    pub name: String,
    /// Its value.
    pub source: Source,
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A secret field.
    Secret(FieldName),
    /// What can be read from a secret field, as the password from an address; no variable if there is
    /// none in it.
    Part(FieldName, Part),
    /// A public field: its name and its value.
    Public(String, String),
}

/// Reads a part of a secret value.
pub type Part = fn(&[u8]) -> Option<Zeroizing<Vec<u8>>>;

/// The variables that programs look for, of a credential with these secret fields.
#[must_use]
pub fn customary(meta: &Metadata, secrets: &[&FieldName]) -> Vec<Variable> {
    let Ok(kind) = find(&meta.kind) else { return Vec::new() };
    let of = |field: &super::Field| {
        let name = field.env?.to_owned();
        Some(Variable { name, source: source(field.name, field.secret, meta, secrets)? })
    };
    kind.fields.iter().filter_map(of).collect()
}

/// A variable for each field, named after the credential and the field: `DB_MAIN_PASSWORD`. What goes with
/// credentials of any kind (notes, seeds of one-time codes) is left out.
#[must_use]
pub fn full(name: &CredName, meta: &Metadata, secrets: &[&FieldName]) -> Vec<Variable> {
    let secret = secrets.iter().filter(|field| !is_common(field.as_str()));
    let secret = secret.map(|field| (field.as_str(), Source::Secret((*field).clone())));
    let attrs = [Attr::Username, Attr::Url, Attr::Host, Attr::Database].map(Attr::name);
    let own = meta.fields.keys().map(FieldName::as_str);
    let public = attrs.into_iter().chain(["port"]).chain(own);
    let public = public.filter_map(|field| {
        let value = public_value(field, meta)?;
        Some((field, Source::Public(field.to_owned(), value)))
    });
    let named =
        |(field, source): (&str, Source)| Variable { name: upper(name.as_str(), field), source };
    secret.chain(public).map(named).collect()
}

/// The value of a public field or attribute, whatever the kind calls its own.
#[must_use]
pub fn public_value(field: &str, meta: &Metadata) -> Option<String> {
    let own = meta.fields.iter().find(|(name, _)| name.as_str() == field);
    let own = own.map(|(_, value)| value.clone());
    own.or_else(|| match field {
        "port" => meta.port.map(|port| port.to_string()),
        field => {
            let attr = Attr::ALL.into_iter().find(|attr| attr.name() == field)?;
            meta.get(attr).map(str::to_owned)
        }
    })
}

fn source(field: &str, is_secret: bool, meta: &Metadata, secrets: &[&FieldName]) -> Option<Source> {
    match is_secret {
        true => {
            secrets.iter().find(|name| name.as_str() == field).map(|n| Source::Secret((*n).clone()))
        }
        false => Some(Source::Public(field.to_owned(), public_value(field, meta)?)),
    }
}

/// `db/main`, `password` as `DB_MAIN_PASSWORD`.
fn upper(name: &str, field: &str) -> String {
    let one = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let text: String = name.chars().chain(['_']).chain(field.chars()).map(one).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(variables: &[Variable]) -> Vec<&str> {
        variables.iter().map(|variable| variable.name.as_str()).collect()
    }

    #[test]
    fn what_is_there_has_its_customary_name() {
        let mut meta = Metadata::default();
        meta.kind = "ssh".into();
        meta.set(Attr::Username, Some("root".into()));
        meta.port = Some(2222);
        let (key, notes): (FieldName, FieldName) =
            ("private_key".parse().unwrap(), "notes".parse().unwrap());
        let found = customary(&meta, &[&key, &notes]);
        assert_eq!(names(&found), ["SSH_PRIVATE_KEY", "SSH_USER", "SSH_PORT"]);
        assert!(matches!(&found[2].source, Source::Public(_, port) if port == "2222"));
    }

    #[test]
    fn full_names_tell_whose_they_are() {
        let mut meta = Metadata::default();
        meta.kind = "password".into();
        meta.set(Attr::Host, Some("db.internal".into()));
        let (password, totp): (FieldName, FieldName) =
            ("password".parse().unwrap(), "totp".parse().unwrap());
        let found = full(&"9/db-main ü".parse().unwrap(), &meta, &[&password, &totp]);
        assert_eq!(names(&found), ["_9_DB_MAIN___PASSWORD", "_9_DB_MAIN___HOST"]);
    }
}
