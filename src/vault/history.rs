//! The verbs on versions: what there was, handing out and bringing back what was, destroying one.

use super::audit::Draft;
use super::creds::{note_state, replace_without, warn_if_expired};
use super::lookup::{current, find};
use super::stubs::{self, Doomed};
use super::versions::{
    Chain, Incoming, Origin, add_version, choose, older, open_version, put_head,
};
use super::view::{Subject, Version};
use super::{State, Unlocked, Vault};
use crate::error::{Error, ErrorKind, Result};
use crate::kind;
use crate::model::{CredName, FieldName, Secret};

impl<S: State> Vault<S> {
    /// The versions of a field, or of all fields, newest first within a field; checked if unlocked.
    /// Logged as `view`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn history(
        &mut self,
        name: &CredName,
        field: Option<&FieldName>,
        deleted: bool,
    ) -> Result<Vec<Version>> {
        self.verb("view", name, |tx, keys| {
            let row = find(tx, keys, name, deleted)?;
            let heads = match field {
                Some(_) => std::slice::from_ref(choose(&row, field)?),
                None => &row.heads[..],
            };
            let draft = Draft::about("view", row.id, name).detail("what", "history");
            let _ = tx.append(draft.fields(heads.iter().map(|head| &head.field)))?;
            let mut versions = Vec::new();
            for head in heads {
                Chain::of(tx, keys, &row, head).walk(1, |version| {
                    let is_current = version.version == head.version;
                    versions.push(Version::of(version, is_current, keys.is_some()));
                    Ok(())
                })?;
            }
            Ok(versions)
        })
    }
}

impl Vault<Unlocked> {
    /// Hands out one version of a field; `None` means the kind's primary one. Logged as `decrypt`.
    ///
    /// # Errors
    /// Not found (10), also for a version that was purged; integrity (15), I/O (18).
    pub fn reveal_version(
        &mut self,
        name: &CredName,
        field: Option<&FieldName>,
        number: u32,
    ) -> Result<Secret> {
        self.change("decrypt", name, |tx, keys| {
            let row = find(tx, Some(keys), name, false)?;
            let head = choose(&row, field)?;
            let version = older(tx, keys, &row, head, number)?;
            let draft = Draft::about("decrypt", row.id, name).fields([&head.field]);
            let draft = draft.detail("version", number.to_string());
            let receipt = tx.append(note_state(draft, &row, tx.now()))?;
            warn_if_expired(tx, &row);
            open_version(tx, keys, &row, &version, &receipt)
        })
    }

    /// Makes the value of an older version the current one again, as a new version. What the value
    /// says of itself is heeded as when it was new. Logged as `rollback`. Returns the field and its new version.
    ///
    /// # Errors
    /// Not found (10), also for a version that was purged; conflict (13) when it is the current one or
    /// the version has moved; integrity (15), I/O (18).
    pub fn rollback<'n>(
        &mut self,
        which: impl Into<Subject<'n>>,
        field: Option<&FieldName>,
        to: u32,
    ) -> Result<(FieldName, u32)> {
        let subject = which.into();
        let (field, version, purged) = self.change("rollback", subject.name, |tx, keys| {
            let old = current(tx, keys, subject, false)?;
            let head = choose(&old, field)?;
            let version = older(tx, keys, &old, head, to)?;
            if to == head.version {
                return Err(is_current(&old.name, &head.field, to));
            }
            let mut new = old.clone();
            let surplus = stubs::surplus(tx, &old, &old.meta, &[&head.field], Origin::Rollback)?;
            let draft = Draft::about("rollback", old.id, subject.name)
                .fields([&head.field])
                .detail("from", head.version.to_string())
                .detail("to", to.to_string());
            let receipt = tx.append_change(stubs::note(draft, &surplus))?;
            let value = open_version(tx, keys, &old, &version, &receipt)?;
            let field = &head.field;
            let incoming = Incoming { field, value: &value, origin: Origin::Rollback };
            let grown = add_version(tx, keys, &old, incoming, &receipt)?;
            let version = grown.version;
            put_head(&mut new.heads, grown);
            let secrets = [(field.clone(), value)];
            let learnt =
                kind::find(&old.meta.kind).ok().and_then(|k| k.learnt(&secrets, &old.meta));
            if let Some(fresh) = learnt {
                kind::take_over(fresh, kind::Said::default(), &mut new.meta);
            }
            replace_without(tx, keys, &old, new, &surplus)
                .map(|_| (field.clone(), version, !surplus.is_empty()))
        })?;
        self.settle(purged);
        Ok((field, version))
    }

    /// Destroys one version of a field; its row stays, without the value. Logged as `purge`.
    ///
    /// # Errors
    /// Not found (10), also for a version that was purged; refused (14) for the current one; conflict
    /// (13) when the version has moved; integrity (15), I/O (18).
    pub fn purge_version<'n>(
        &mut self,
        which: impl Into<Subject<'n>>,
        field: Option<&FieldName>,
        number: u32,
        deleted: bool,
    ) -> Result<()> {
        let subject = which.into();
        self.change("purge", subject.name, |tx, keys| {
            let old = current(tx, keys, subject, deleted)?;
            let head = choose(&old, field)?;
            older(tx, keys, &old, head, number)?;
            if number == head.version {
                return Err(in_use(&old.name, &head.field, number));
            }
            let doomed = [Doomed { field: head.field.clone(), versions: number..=number }];
            let draft = Draft::about("purge", old.id, subject.name).fields([&head.field]);
            let _ = tx.append_change(draft.detail("version", number.to_string()))?;
            replace_without(tx, keys, &old, old.clone(), &doomed).map(drop)
        })?;
        self.settle(true);
        Ok(())
    }
}

fn is_current(name: &str, field: &FieldName, version: u32) -> Error {
    let what = format!("version {version} of `{field}` of `{name}` is the current one already");
    Error::new(ErrorKind::Conflict, what).hint("`vault cred history` shows which there are")
}

fn in_use(name: &str, field: &FieldName, version: u32) -> Error {
    let what = format!("version {version} of `{field}` of `{name}` is the current one");
    Error::new(ErrorKind::Refused, what)
        .hint("first store another: `vault cred set` or `vault cred rotate`")
        .hint("or destroy the credential: `vault cred purge` without `--version`")
}
