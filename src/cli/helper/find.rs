//! Which credential a program means, and handing it over: what was looked at to choose it is handed out in
//! the same transaction, and compared.

use super::place::{Fit, Place};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::percent_decode;
use crate::model::{Attr, CredName, FieldName, Reference, Secret, Timestamp};
use crate::vault::{Errand, Filter, Handed, Listed, Mode, State, Unlocked, Vault, Want, What};
use std::collections::BTreeMap;

/// What the clear columns tell of a credential.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) name: CredName,
    pub(super) kind: String,
    pub(super) username: Option<String>,
    pub(super) url: Option<String>,
    pub(super) host: Option<String>,
    pub(super) fields: BTreeMap<FieldName, String>,
    pub(super) secrets: Vec<FieldName>,
    pub(super) expires_at: Option<Timestamp>,
}

impl Known {
    pub(super) fn of(row: &Listed<'_>) -> Result<Self> {
        let attr = |attr| row.attr(attr).map(|text| text.map(str::to_owned));
        Ok(Self {
            name: row.name()?.parse()?,
            kind: row.kind()?.to_owned(),
            username: attr(Attr::Username)?,
            url: attr(Attr::Url)?,
            host: attr(Attr::Host)?,
            fields: row.fields()?,
            secrets: row.secrets()?.into_iter().map(|(field, _)| field).collect(),
            expires_at: row.expires_at()?,
        })
    }

    /// The first of these secret fields that there is.
    pub(super) fn secret(&self, names: &[&str]) -> Option<&FieldName> {
        let of = |name: &&str| self.secrets.iter().find(|field| field.as_str() == *name);
        names.iter().find_map(of)
    }

    /// Whether it has this public field, or attribute.
    pub(super) fn has_public(&self, name: &str) -> bool {
        match name {
            "username" => self.username.is_some(),
            "url" => self.url.is_some(),
            "host" => self.host.is_some(),
            _ => self.fields.keys().any(|field| field.as_str() == name),
        }
    }

    /// The reference that means one of its fields and nothing else.
    pub(super) fn reference(&self, field: &FieldName) -> String {
        Reference::certain(&self.name, field)
    }
}

/// The live credentials that may fit, without an entry in the log.
pub(super) fn known<S: State>(
    vault: &Vault<S>,
    filter: &Filter,
    fits: impl Fn(&Known) -> bool,
) -> Result<Vec<Known>> {
    let mut found = Vec::new();
    vault.seek(filter, &mut |row| {
        let one = Known::of(row)?;
        if fits(&one) {
            found.push(one);
        }
        Ok(())
    })?;
    Ok(found)
}

/// The credential of this whole name.
pub(super) fn named<S: State>(vault: &Vault<S>, name: &CredName) -> Result<Option<Known>> {
    let filter = Filter { names: vec![name.clone()], ..Filter::default() };
    Ok(known(vault, &filter, |_| true)?.pop())
}

/// The same, which must be there.
pub(super) fn must_be_there<S: State>(vault: &Vault<S>, name: &CredName) -> Result<Known> {
    named(vault, name)?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("no credential named `{name}`"))
            .hint("vault cred list")
    })
}

/// The place that somebody wants to log in at, and as whom.
pub(super) struct Asked<'a> {
    pub(super) place: &'a Place,
    pub(super) username: Option<&'a str>,
}

/// A credential that may be handed out there.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) known: Known,
    /// The field to be handed out.
    pub(super) field: FieldName,
    /// The user name, wherever it stands.
    pub(super) username: Option<String>,
    /// Whether the user name is the one that was asked for.
    pub(super) is_named: bool,
    pub(super) fit: Fit,
}

impl Asked<'_> {
    /// All that fit, the best first.
    pub(super) fn accounts<S: State>(&self, vault: &Vault<S>) -> Result<Vec<Account>> {
        let host = self.place.host();
        // an IPv6 address may be written in several ways
        let search = (!host.starts_with('[')).then(|| host.to_owned());
        let filter = Filter { search, ..Filter::default() };
        let found = known(vault, &filter, |known| self.account(known).is_some())?;
        let mut all: Vec<Account> = found.iter().filter_map(|known| self.account(known)).collect();
        all.sort_by_key(|account| std::cmp::Reverse(account.rank()));
        Ok(all)
    }

    fn account(&self, known: &Known) -> Option<Account> {
        let (place, user) = Place::of_url(known.url.as_deref()?)?;
        let fit = place.serves(self.place)?;
        let field = known.secret(&FIELDS)?.clone();
        // `@` and others are written by their numbers there
        let user = match user {
            Some(user) => Some(percent_decode(user)?.to_string()),
            None => None,
        };
        let username = known.username.clone().or(user);
        let is_named = self.username.is_some() && self.username == username.as_deref();
        match (self.username, &username) {
            (Some(asked), Some(kept)) if asked != kept => None,
            _ => Some(Account { known: known.clone(), field, username, is_named, fit }),
        }
    }
}

/// What can be a password over HTTP, the best first.
const FIELDS: [&str; 4] = ["password", "token", "api_key", "access_token"];

impl Account {
    fn rank(&self) -> (bool, Fit) {
        (self.is_named, self.fit)
    }
}

/// The best of several, if it is better than all others.
pub(super) fn best(accounts: &[Account]) -> Option<&Account> {
    match accounts {
        [first, second, ..] if first.rank() == second.rank() => None,
        accounts => accounts.first(),
    }
}

/// Says that there is more than one.
pub(super) fn ambiguous(place: &Place, accounts: &[Account], hint: String) -> Error {
    let names = accounts.iter().map(|account| account.known.name.to_string()).collect();
    let what = format!("several credentials are for `{}`", place.url());
    Error::new(ErrorKind::Conflict, what).candidates(names).hint(hint)
}

/// Hands out what the references name to the program `command`, in their order.
pub(super) fn hand_out(
    vault: &mut Vault<Unlocked>,
    command: &'static str,
    references: &[String],
) -> Result<Vec<Handed>> {
    let want = |text: &String| -> Result<Want> {
        Ok(Want { what: What::Reference(text.parse()?), mode: Mode::Helper })
    };
    let wants = references.iter().map(want).collect::<Result<Vec<_>>>()?;
    vault.deliver(&wants, &errand(command))
}

/// What the log says of a helper.
pub(super) fn errand(command: &str) -> Errand {
    Errand { action: "decrypt", command: Some(command.to_owned()) }
}

/// Hands out the user name and the secret of an account, if it is still for the same place.
pub(super) fn hand_out_account(
    vault: &mut Vault<Unlocked>,
    command: &'static str,
    account: &Account,
) -> Result<(Option<String>, Secret)> {
    let known = &account.known;
    if !account.username.as_deref().is_none_or(is_line) {
        let what = format!("the user name of `{}` is not one line of text", known.name);
        return Err(Error::new(ErrorKind::Unsupported, what)
            .hint("give it another: vault cred set NAME --username USER"));
    }
    let public = ["url", "username"].into_iter().filter(|name| known.has_public(name));
    let public = public.map(str::parse).collect::<Result<Vec<FieldName>>>()?;
    let fields = [&account.field].into_iter().chain(&public);
    let references: Vec<String> = fields.map(|field| known.reference(field)).collect();
    let mut handed = hand_out(vault, command, &references)?.into_iter();
    let secret = handed.next().ok_or_else(|| Error::internal("nothing was handed out"))?;
    let mut rest = handed.map(|one| one.value.expose().to_vec());
    let same = |kept: Option<&str>, now: Option<Vec<u8>>| kept.map(str::as_bytes) == now.as_deref();
    let url_is_same = same(known.url.as_deref(), rest.next());
    if !url_is_same || !same(known.username.as_deref(), rest.next()) {
        let what = format!("`{}` was changed by somebody else meanwhile", known.name);
        return Err(Error::new(ErrorKind::Conflict, what).hint("try it once more"));
    }
    Ok((account.username.clone(), secret.value))
}

/// A value as one line of text: what most protocols can carry.
pub(super) fn line<'v>(known: &Known, value: &'v Secret) -> Result<&'v str> {
    let text = std::str::from_utf8(value.expose()).ok();
    text.filter(|text| is_line(text)).ok_or_else(|| {
        let what = format!("the value of `{}` is not one line of text", known.name);
        Error::new(ErrorKind::Unsupported, what).hint("see what it is: vault cred show NAME")
    })
}

/// Whether a text is one line. Where each line says something, what follows a line feed would say something else.
fn is_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\0'])
}
