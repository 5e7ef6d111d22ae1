//! Signatures with the SSH keys of the vault. The key is opened for one, and stays in here.

use super::audit::Draft;
use super::creds::{note_state, warn_if_expired};
use super::keys::Keys;
use super::lookup::find;
use super::store::{CredentialRow, Head};
use super::tx::Tx;
use super::versions::open;
use super::{Errand, Mode, Unlocked, Vault};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::signature::{PublicKey, Wish};
use crate::kind::variables;
use crate::model::CredName;
use std::iter::once;

impl Vault<Unlocked> {
    /// Signs with the field `private_key`, which the field `passphrase` opens if it is encrypted.
    /// Logged as the errand says, with the detail that a signature was made.
    ///
    /// # Errors
    /// Not found (10), conflict (13) when it is another key now, refused (14) when the key cannot do it, integrity (15), I/O (18). Without a
    /// committed entry there is no signature.
    pub fn sign(&mut self, name: &CredName, wish: &Wish, errand: &Errand) -> Result<Vec<u8>> {
        let done = self.begin_with_keys().and_then(|(tx, keys)| {
            let signature = signed(&tx, keys, name, wish, errand)?;
            tx.commit()?;
            Ok(signature)
        });
        done.inspect_err(|e| {
            let mut draft = errand.enter(Draft::new(errand.action), once(Mode::Agent));
            draft.name = Some(name.as_str().to_owned()); // one that there was, at least at the start
            self.note_failure(draft.detail("made", "signature"), e);
        })
    }
}

fn signed(
    tx: &Tx<'_>,
    keys: &Keys,
    name: &CredName,
    wish: &Wish,
    errand: &Errand,
) -> Result<Vec<u8>> {
    let row = find(tx, Some(keys), name, false)?;
    let key = head(&row, "private_key").ok_or_else(|| no_key(&row))?;
    let public = variables::public_value("public_key", &row.meta);
    if public.is_none_or(|line| PublicKey::parse(&line).as_ref() != Ok(&wish.key)) {
        let what = format!("`{}` has another `public_key` since the keys were listed", row.name);
        return Err(Error::new(ErrorKind::Conflict, what).hint("start this program again"));
    }
    let refused = |why| {
        let what = format!("`{}` of `{}` {why}", key.field, row.name);
        Error::new(ErrorKind::Refused, what)
    };
    wish.check().map_err(refused)?;
    let words = head(&row, "passphrase");
    let fields = once(key).chain(words).map(|head| &head.field);
    let draft = Draft::about(errand.action, row.id, name).fields(fields);
    let draft = errand.enter(draft, once(Mode::Agent)).detail("made", "signature");
    let receipt = tx.append(note_state(draft, &row, tx.now()))?;
    warn_if_expired(tx, &row);
    let private = open(tx, keys, &row, key, &receipt)?;
    let words = words.map(|head| open(tx, keys, &row, head, &receipt)).transpose()?;
    wish.sign(&private, words.as_ref()).map_err(refused)
}

fn head<'r>(row: &'r CredentialRow, field: &str) -> Option<&'r Head> {
    row.heads.iter().find(|head| head.field.as_str() == field)
}

fn no_key(row: &CredentialRow) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{}` has no field `private_key`", row.name))
        .hint("see what it has: vault cred show NAME")
}
