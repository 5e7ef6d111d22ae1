//! What a new value means: what it says of itself, and what is to be done at the service. Knows neither
//! vaults nor networks.

use super::{Kind, value_of};
use crate::model::{Attr, FieldName, Metadata, Secret};

impl Kind {
    /// What to do at the service once a new value of `field` is kept here.
    #[must_use]
    pub fn at_service(&self, field: &str, meta: &Metadata) -> String {
        let known = self.secret_field(field).map(|field| field.service);
        let what = known.filter(|what| !what.is_empty());
        what.unwrap_or("change it where it is used{at}").replace("{at}", &place(meta))
    }

    /// What new values say of themselves, given the metadata there is.
    #[must_use]
    pub fn learnt(&self, secrets: &[(FieldName, Secret)], meta: &Metadata) -> Option<Learnt> {
        let mut fresh = Metadata::default();
        fresh.fields.clone_from(&meta.fields);
        fresh.fields.retain(|name, _| name.as_str() != STATED);
        self.learn?(secrets, &mut fresh);
        Some(Learnt { meta: fresh, new_key: value_of(secrets, "private_key").is_some() })
    }
}

/// What new values say of themselves.
pub struct Learnt {
    meta: Metadata,
    /// Whether a private key is among them, so that a public one that was stated is another's.
    new_key: bool,
}

/// Where a credential is used: ` at https://…`, ` on HOST`, or nothing.
fn place(meta: &Metadata) -> String {
    let url = meta.get(Attr::Url).map(|url| format!(" at {url}"));
    let host = || meta.get(Attr::Host).map(|host| format!(" on {host}"));
    let service = || meta.get(Attr::Service).map(|service| format!(" at {service}"));
    url.or_else(host).or_else(service).unwrap_or_default()
}

/// The public field that is of no use with another value, and so follows the value.
pub const STATED: &str = "public_key";

/// What the user has just said, which the value does not overrule.
#[derive(Clone, Copy, Default)]
pub struct Said {
    /// When it expires.
    pub expiry: bool,
    /// The field [`STATED`].
    pub stated: bool,
}

/// Takes over what was learnt: fills what is empty. An expiry and a public key replace those that the
/// old value stated. A public key goes with its private key, even if the new one states none.
pub fn take_over(learnt: Learnt, said: Said, meta: &mut Metadata) {
    let Learnt { meta: fresh, new_key } = learnt;
    for attr in Attr::ALL {
        if meta.get(attr).is_none() {
            meta.set(attr, fresh.get(attr).map(str::to_owned));
        }
    }
    meta.port = meta.port.or(fresh.port);
    meta.expires_at = fresh.expires_at.filter(|_| !said.expiry).or(meta.expires_at);
    meta.fields.retain(|name, _| said.stated || !new_key || name.as_str() != STATED);
    for (name, value) in fresh.fields {
        match name.as_str() == STATED {
            true if said.stated => {}
            true => _ = meta.fields.insert(name, value),
            false => _ = meta.fields.entry(name).or_insert(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, find};
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn what_to_do_at_the_service_names_the_place() {
        let mut meta = Metadata::default();
        let say = |kind: &str, field: &str, meta: &_| find(kind).unwrap().at_service(field, meta);
        assert_eq!(say("password", "password", &meta), "log in and change the password there");
        meta.set(Attr::Host, Some("web1".into()));
        assert!(say("ssh", "private_key", &meta).contains("authorized_keys` on web1"));
        meta.set(Attr::Url, Some("https://x.example/{at}".into()));
        let expected = "log in at https://x.example/{at} and change the password there";
        assert_eq!(say("password", "password", &meta), expected);
        assert!(say("custom", "any", &meta).starts_with("change it where it is used at https"));
        for (kind, field) in
            ALL.iter().flat_map(|kind| kind.secret_fields().map(move |field| (kind, field)))
        {
            let said = kind.at_service(field.name, &Metadata::default());
            assert!(said.starts_with(|c: char| c.is_ascii_lowercase()), "{said}");
            assert!(!said.ends_with('.') && !said.contains(['{', '\n']), "{said}");
        }
    }

    #[test]
    fn what_the_user_has_said_stays_and_what_the_old_value_stated_goes() {
        let key = || "public_key".parse::<FieldName>().unwrap();
        let stated = |at: i64, public: &str| {
            let mut meta = Metadata::default();
            meta.expires_at = Some(Timestamp(at));
            meta.fields.insert(key(), public.to_owned());
            meta
        };
        let mut meta = stated(1, "old");
        let learnt = |meta, new_key| Learnt { meta, new_key };
        take_over(learnt(stated(2, "new"), true), Said::default(), &mut meta);
        assert_eq!(meta, stated(2, "new"));
        let all = Said { expiry: true, stated: true };
        take_over(learnt(stated(3, "newer"), true), all, &mut meta);
        assert_eq!(meta, stated(2, "new"));
        take_over(learnt(Metadata::default(), false), Said::default(), &mut meta);
        assert_eq!(meta, stated(2, "new"));
        // a key whose public half cannot be read
        take_over(learnt(Metadata::default(), true), all, &mut meta);
        assert_eq!(meta, stated(2, "new"));
        take_over(learnt(Metadata::default(), true), Said::default(), &mut meta);
        assert!(meta.fields.is_empty() && meta.expires_at == Some(Timestamp(2)), "{meta:?}");
    }
}
