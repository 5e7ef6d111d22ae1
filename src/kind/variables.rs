//! The environment variables of a credential: the customary ones, by which programs find what they need
//! without being told, and full ones, which no two credentials share.

mod reserved;

use super::dsn_whole::Whole;
use super::uses::{self, Content, Use};
use super::{Kind, find, is_common, services};
use crate::model::{Attr, CredName, FieldName, Metadata};
use zeroize::Zeroizing;

pub use reserved::is_reserved;

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

/// What is read from a connection string.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The schemes it must have one of; keywords of libpq are for PostgreSQL.
    pub(super) schemes: &'static [&'static str],
    /// The keyword of libpq.
    pub(super) key: &'static str,
}

impl Part {
    /// Reads it.
    #[must_use]
    pub fn read(self, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let whole = Whole::read(value)?;
        if !self.schemes.contains(&whole.scheme.unwrap_or("postgres")) {
            return None;
        }
        whole.part(self.key).map(|text| Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// Whether it is one to be kept from being seen.
    #[must_use]
    pub fn is_secret(self) -> bool {
        self.key == "password"
    }
}

/// The variables that programs look for, of a credential with these secret fields. There is one for the
/// primary secret, whatever it is for.
#[must_use]
pub fn customary(meta: &Metadata, secrets: &[&FieldName]) -> Vec<Variable> {
    let Ok(kind) = find(&meta.kind) else { return Vec::new() };
    let whose = Whose { kind, meta, secrets };
    let mut found = whose.own();
    match kind.name {
        "connection_string" => found.extend(whose.of_address()),
        "api_key" | "bearer_token" | "jwt" | "oauth" => whose.name_token(&mut found),
        _ => (),
    }
    if let ("password" | "api_key" | "custom", Some(used)) = (kind.name, uses::of(meta)) {
        let instead = whose.of_use(used);
        if !instead.is_empty() {
            found = instead;
        }
    }
    found
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
    let named = |(field, source): (&str, Source)| Variable {
        name: upper(&format!("{name}_{field}")),
        source,
    };
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

/// The customary names, for the manual: what for, and in the order in which they are set.
pub fn table() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let uses = uses::USES.iter().map(|one| (one.name, one.variables.iter().map(|v| v.0).collect()));
    let kinds = super::ALL.iter().map(|kind| {
        (kind.name, kind.fields.iter().filter_map(|field| field.env).collect::<Vec<_>>())
    });
    let services = services::variables().map(|(host, names)| (host, names.to_vec()));
    uses.chain(kinds).chain(services).filter(|(_, names)| !names.is_empty())
}

/// A credential.
struct Whose<'a> {
    kind: &'static Kind,
    meta: &'a Metadata,
    secrets: &'a [&'a FieldName],
}

impl Whose<'_> {
    /// By the names of its kind, or of its fields.
    fn own(&self) -> Vec<Variable> {
        let fields = self.kind.fields.iter().filter_map(|field| {
            let source = match field.secret {
                true => self.secret(field.name),
                false => self.public(field.name),
            };
            Some(Variable { name: field.env?.to_owned(), source: source? })
        });
        let mut found: Vec<Variable> = fields.collect();
        let named = |field: &&&FieldName| self.kind.fields.iter().all(|f| f.name != field.as_str());
        let other = self.secrets.iter().filter(named);
        let (common, own): (Vec<&&FieldName>, _) = other.partition(|f| is_common(f.as_str()));
        found.extend(own.into_iter().map(|field| plain(field)));
        if !found.iter().any(|one| matches!(one.source, Source::Secret(_))) {
            let kept = self
                .secret("totp")
                .into_iter()
                .next()
                .map(|source| Variable { name: "TOTP".to_owned(), source });
            found.extend(kept.or_else(|| common.into_iter().next().map(|field| plain(field))));
        }
        found
    }

    /// By the names that programs for `used` know; nothing if it has no primary secret.
    fn of_use(&self, used: &'static Use) -> Vec<Variable> {
        let Some(primary) = self.primary() else { return Vec::new() };
        let source = |content: Content| match content {
            Content::Primary => Some(Source::Secret(primary.clone())),
            Content::Secret(field) => self.secret(field),
            Content::Public(field, key) => self.public(field).or_else(|| {
                let value = uses::public_part(self.meta, key)?;
                Some(Source::Public("url".to_owned(), value))
            }),
            Content::Setting(_) => None,
        };
        let variables = used.variables.iter();
        let named = variables.filter_map(|(name, content)| Some((name, source(*content)?)));
        named.map(|(name, source)| Variable { name: (*name).to_owned(), source }).collect()
    }

    /// By what can be read from its address. What the metadata says may be about an older one.
    fn of_address(&self) -> Vec<Variable> {
        let Some(field) = self.primary() else { return Vec::new() };
        // keywords of libpq have no scheme
        let used = uses::of(self.meta).or_else(|| uses::USES.first());
        let parts = used.into_iter().flat_map(|used| {
            used.variables.iter().filter_map(|(name, content)| Some((name, content.part(used)?)))
        });
        let source = |part| Source::Part(field.clone(), part);
        parts
            .map(|(name, part)| Variable { name: (*name).to_owned(), source: source(part) })
            .collect()
    }

    /// Calls the token as the tools of its service do.
    fn name_token(&self, found: &mut Vec<Variable>) {
        let Some(names) = uses::token_variables(self.meta) else { return };
        let field = match self.kind.name {
            "oauth" => Some("access_token"),
            _ => self.kind.primary().map(|field| field.name),
        };
        let Some(Source::Secret(field)) = field.and_then(|field| self.secret(field)) else {
            return;
        };
        found.retain(|one| !matches!(&one.source, Source::Secret(name) if *name == field));
        let token = |name: &&str| Variable {
            name: (*name).to_owned(),
            source: Source::Secret(field.clone()),
        };
        found.splice(0..0, names.iter().map(token));
    }

    /// The one secret that the rest belongs to.
    fn primary(&self) -> Option<FieldName> {
        let own = self.kind.primary().map(|field| field.name);
        let mut likely = own.into_iter().chain(["password", "secret_access_key"]);
        let found = likely.find_map(|name| self.secrets.iter().find(|f| f.as_str() == name));
        let mut others = self.secrets.iter().filter(|field| !is_common(field.as_str()));
        let only = (others.next(), others.next());
        found.or(if let (Some(one), None) = only { Some(one) } else { None }).map(|f| (*f).clone())
    }

    fn secret(&self, field: &str) -> Option<Source> {
        let found = self.secrets.iter().find(|name| name.as_str() == field);
        found.map(|name| Source::Secret((*name).clone()))
    }

    fn public(&self, field: &str) -> Option<Source> {
        Some(Source::Public(field.to_owned(), public_value(field, self.meta)?))
    }
}

fn plain(field: &FieldName) -> Variable {
    Variable { name: upper(field.as_str()), source: Source::Secret(field.clone()) }
}

/// `db/main_password` as `DB_MAIN_PASSWORD`; never a name that means something else.
fn upper(text: &str) -> String {
    let one = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let text: String = text.chars().map(one).collect();
    match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{text}"),
        false if is_reserved(&text) => format!("SECRET_{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests;
