//! Handing out values: to whoever calls, for a clipboard, or a one-time code in the place of its seed. Each
//! is one transaction with its log entry; the value is returned only after the commit.

use super::audit::Draft;
use super::creds::{note_state, warn_if_expired};
use super::lookup::find;
use super::store::{CredentialRow, Head};
use super::versions::{choose, older, open, open_version};
use super::view::{Credential, To};
use super::{Unlocked, Vault, incident};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::TOTP;
use crate::kind::totp::{Code, Totp};
use crate::model::{CredName, FieldName, Secret, Timestamp};

impl To {
    /// The word for it in the log and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Clipboard => "clipboard",
            Self::Terminal => "osc52",
        }
    }

    /// The largest value that gets there whole: what X servers take in one piece, and what terminals
    /// take in one sequence.
    const fn most(self) -> usize {
        match self {
            Self::Caller => Secret::MAX,
            Self::Clipboard => 1 << 20,
            Self::Terminal => 74_994,
        }
    }

    /// Refuses what would not arrive as it is.
    fn check(self, name: &str, value: &Secret) -> Result<()> {
        let text = std::str::from_utf8(value.expose()).is_ok();
        let why = match self {
            Self::Clipboard if !text => "is not text, and a clipboard holds text",
            _ if value.len() > self.most() => "is too large for a clipboard",
            Self::Caller | Self::Clipboard | Self::Terminal => return Ok(()),
        };
        Err(Error::new(ErrorKind::Unsupported, format!("the value of `{name}` {why}"))
            .hint("write it to a file: vault cred get NAME FIELD > FILE"))
    }

    /// The entry for handing out a field of `row`.
    fn draft(self, row: &CredentialRow, name: &CredName, head: &Head) -> Draft {
        let draft = |action| Draft::about(action, row.id, name).fields([&head.field]);
        match self {
            Self::Caller => draft("decrypt"),
            Self::Clipboard | Self::Terminal => draft("copy").detail("mode", self.word()),
        }
    }
}

impl Vault<Unlocked> {
    /// Hands out the current value of a field; `None` means the kind's primary one. Logged as
    /// `decrypt`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18). Without a committed entry there is no value.
    pub fn reveal(&mut self, name: &CredName, field: Option<&FieldName>) -> Result<Secret> {
        self.change("decrypt", name, |tx, keys| {
            let row = find(tx, Some(keys), name, false)?;
            let head = choose(&row, field)?.clone();
            let draft = Draft::about("decrypt", row.id, name).fields([&head.field]);
            let receipt = tx.append(note_state(draft, &row, tx.now()))?;
            warn_if_expired(tx, &row);
            open(tx, keys, &row, &head, &receipt)
        })
    }

    /// The credential and all its secret values, in one audited step. Logged as `decrypt`.
    ///
    /// # Errors
    /// As [`Vault::reveal`].
    pub fn reveal_all(
        &mut self,
        name: &CredName,
    ) -> Result<(Credential, Vec<(FieldName, Secret)>)> {
        self.change("decrypt", name, |tx, keys| {
            let row = find(tx, Some(keys), name, false)?;
            let draft =
                Draft::about("decrypt", row.id, name).fields(row.heads.iter().map(|h| &h.field));
            let receipt = tx.append(note_state(draft, &row, tx.now()))?;
            warn_if_expired(tx, &row);
            // before a canary can open one
            let incidents = incident::concerning(tx, Some(keys), row.id)?;
            let mut values = Vec::with_capacity(row.heads.len());
            for head in &row.heads {
                values.push((head.field.clone(), open(tx, keys, &row, head, &receipt)?));
            }
            Ok((Credential { incidents, ..row.view(true) }, values))
        })
    }

    /// Hands out the value of a field for a clipboard, and which field it is. `None` means the kind's
    /// primary one, and the current version. Logged as `copy`.
    ///
    /// # Errors
    /// Not found (10), also for a version that was purged; unsupported (4) when it would not arrive as it is, integrity (15), I/O (18).
    pub fn copy(
        &mut self,
        name: &CredName,
        field: Option<&FieldName>,
        version: Option<u32>,
        to: To,
    ) -> Result<(FieldName, Secret)> {
        self.change("copy", name, |tx, keys| {
            let row = find(tx, Some(keys), name, false)?;
            let head = choose(&row, field)?;
            let number = version.unwrap_or(head.version);
            let stored = older(tx, keys, &row, head, number)?;
            let mut draft = to.draft(&row, name, head);
            if version.is_some() {
                draft = draft.detail("version", number.to_string());
            }
            let receipt = tx.append(note_state(draft, &row, tx.now()))?;
            let value = open_version(tx, keys, &row, &stored, &receipt)?;
            to.check(&row.name, &value)?;
            warn_if_expired(tx, &row);
            Ok((head.field.clone(), value))
        })
    }

    /// Hands out the one-time code of a moment, or of now; `None` means the field `totp`. The seed
    /// stays in here. Logged as `decrypt`, or `copy`, with the detail that a code was made, and for
    /// which moment if it was not now.
    ///
    /// # Errors
    /// Not found (10), unsupported (4) when the field holds no seed, integrity (15), I/O (18).
    pub fn code(
        &mut self,
        name: &CredName,
        field: Option<&FieldName>,
        at: Option<Timestamp>,
        to: To,
    ) -> Result<Code> {
        let action = if to == To::Caller { "decrypt" } else { "copy" };
        self.change(action, name, |tx, keys| {
            let row = find(tx, Some(keys), name, false)?;
            let head = seed_of(&row, field)?;
            let mut draft = to.draft(&row, name, head).detail("made", "code");
            if let Some(at) = at {
                draft = draft.detail("at", at.to_string());
            }
            let receipt = tx.append(note_state(draft, &row, tx.now()))?;
            let seed = open(tx, keys, &row, head, &receipt)?;
            let totp = Totp::parse(seed.expose()).map_err(|wrong| no_seed(&row, head, wrong))?;
            warn_if_expired(tx, &row);
            Ok(totp.code(at.unwrap_or_else(|| tx.now())))
        })
    }
}

/// The head of the field that holds the seed.
fn seed_of<'r>(row: &'r CredentialRow, field: Option<&FieldName>) -> Result<&'r Head> {
    let totp: FieldName = TOTP.name.parse()?;
    let chosen = choose(row, field.or(Some(&totp)));
    chosen.map_err(|e| match field {
        None => e.hint(format!("keep its seed: vault cred set NAME {totp} --stdin < FILE")),
        Some(_) => e,
    })
}

pub(super) fn no_seed(row: &CredentialRow, head: &Head, wrong: &str) -> Error {
    let what = format!("`{}` of `{}` {wrong}", head.field, row.name);
    Error::new(ErrorKind::Unsupported, what)
        .hint(format!("correct it: vault cred set NAME {} --stdin < FILE", head.field))
}
