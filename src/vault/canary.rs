//! Canaries: credentials that look like any other and that nobody needs, so that whoever opens one is
//! somewhere he does not belong. Only the keys can tell which ones they are (FORMAT.md, "Canaries").
//! Knows when one was opened, and for whom to ring; not what is done about it.

use super::alerts::Sentry;
use super::audit::Receipt;
use super::check::check_tag;
use super::incident::{Happening, Opening, note_in, open_in};
use super::keys::Keys;
use super::store::list::{self, Listed};
use super::store::{CredentialRow, VaultRow};
use super::tx::{Tx, With};
use super::{Filter, NewCredential, State, Unlocked, Vault};
use crate::error::{Error, ErrorKind, Result};
use crate::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentTexts, IncidentType, Severity,
};
use crate::model::{Attr, Timestamp};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use uuid::Uuid;

/// A canary was opened: what happened, and who did it. The entry of it is in the log.
#[derive(Clone, Debug)]
pub struct Touched {
    /// The vault's id.
    pub vault: Uuid,
    /// The incident that was opened for it, or was open already.
    pub incident: IncidentNumber,
    /// The canary's id.
    pub credential: Uuid,
    /// Its name.
    pub name: String,
    /// What was done, in the word of the log.
    pub action: &'static str,
    /// The entry about it.
    pub entry: i64,
    /// When.
    pub at: Timestamp,
    /// The user's login name.
    pub user: String,
    /// The machine.
    pub host: String,
    /// The terminal.
    pub tty: Option<String>,
    /// The remote address of an SSH session.
    pub remote: Option<String>,
    /// The program that wanted it.
    pub program: Option<String>,
}

/// Rings when a canary was opened and the entry of it is committed: nothing that is undone rings.
#[derive(Clone, Default)]
pub(super) struct Bell(Rc<Inner>);

#[derive(Default)]
struct Inner {
    sentry: RefCell<Option<Rc<dyn Sentry>>>,
    pending: RefCell<Vec<Touched>>,
    committed: RefCell<Vec<Touched>>,
    /// Whether this run has looked for alerts.
    has_watched: Cell<bool>,
}

impl Bell {
    /// The transaction was committed.
    pub(super) fn confirm(&self) {
        self.0.committed.borrow_mut().append(&mut self.0.pending.borrow_mut());
    }

    /// It was not.
    pub(super) fn forget(&self) {
        self.0.pending.borrow_mut().clear();
    }

    /// Calls whoever is to know, once for each canary of a transaction.
    pub(super) fn ring(&self) {
        let touched = self.0.committed.take();
        if let Some(sentry) = self.sentry() {
            for touched in &touched {
                sentry.touched(touched);
            }
        }
    }

    fn sentry(&self) -> Option<Rc<dyn Sentry>> {
        self.0.sentry.borrow().clone()
    }

    /// Who is asked what deserves a look, once in a run.
    pub(super) fn sentry_once(&self) -> Option<Rc<dyn Sentry>> {
        self.sentry().filter(|_| !self.0.has_watched.replace(true))
    }

    pub(super) fn guard(&self, sentry: Rc<dyn Sentry>) {
        *self.0.sentry.borrow_mut() = Some(sentry);
    }

    fn is_pending(&self, credential: Uuid) -> bool {
        self.0.pending.borrow().iter().any(|touched| touched.credential == credential)
    }
}

/// Notes that a value of this canary is handed out, once in a transaction however many of its values
/// are: opens an incident in the same transaction, or adds to the one that is open for it.
pub(super) fn touched(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    receipt: &Receipt<'_>,
) -> Result<()> {
    let bell = &tx.core.bell;
    if bell.is_pending(row.id) {
        return Ok(());
    }
    let (actor, at) = (tx.core.actor(), tx.now());
    let detail = ("canary", receipt.action().to_owned());
    let what = format!("{} by {} on {}", receipt.action(), actor.user, actor.host);
    let event = Happening::new("canary").detail(what);
    let noted = note_in(tx, keys, SOURCE, row, detail.clone(), event)?;
    let incident = noted.map_or_else(|| open(tx, keys, row, detail), Ok)?;
    let touched = Touched {
        incident,
        vault: tx.vault().vault_id,
        credential: row.id,
        name: row.name.clone(),
        action: receipt.action(),
        entry: receipt.seq(),
        at,
        user: actor.user.clone(),
        host: actor.host.clone(),
        tty: actor.tty.clone(),
        remote: actor.remote.clone(),
        program: actor.program.clone(),
    };
    bell.0.pending.borrow_mut().push(touched);
    Ok(())
}

/// Opens the incident.
fn open(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    detail: (&'static str, String),
) -> Result<IncidentNumber> {
    let of = |attr| row.meta.get(attr).map(str::to_owned);
    let kind = IncidentType::UnauthorizedAccess;
    let meta = IncidentMeta {
        title: format!("the canary {} was opened", row.name),
        kind,
        severity: Severity::Critical,
        client: of(Attr::Client),
        service: of(Attr::Service),
        infra: of(Attr::Infra),
        owner: of(Attr::Owner),
        occurred_at: Some(tx.now()),
        detected_at: Some(tx.now()),
    };
    let texts = IncidentTexts { todos: kind.template(), ..IncidentTexts::default() };
    let links = vec![(row, Exposure::Exposed)];
    let detail = Some(detail);
    open_in(tx, keys, Opening { meta: &meta, texts: &texts, source: SOURCE, links, detail })
}

/// What the incident comes from.
pub(super) const SOURCE: &str = "canary";

impl<S: State> Vault<S> {
    /// The canaries among what a filter finds, in an open reading transaction whose rows were checked.
    pub(super) fn list_canaries(
        &self,
        filter: &Filter,
        row: &mut dyn FnMut(&Listed<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(With { keys, .. }) = self.state.with() else {
            let what = "which credentials are canaries is told only to whoever unlocks the vault";
            return Err(Error::new(ErrorKind::Locked, what).hint("unlock: `--key-file FILE`"));
        };
        let db = &self.core.db;
        let vault = VaultRow::load(db)?;
        let mut canaries = HashSet::new();
        CredentialRow::each(db, |mut row| {
            check_tag(&mut row, &vault, keys)?;
            canaries.extend(row.is_canary.then_some(row.id));
            Ok(())
        })?;
        let filter = Filter { brief: false, limit: None, offset: 0, ..filter.clone() };
        list::list(db, &filter, true, |listed| match canaries.contains(&listed.id()?) {
            true => row(listed),
            false => Ok(()),
        })
    }
}

impl Vault<Unlocked> {
    /// Stores a canary. In everything that can be seen it is like [`Vault::add`], its entry too.
    ///
    /// # Errors
    /// As [`Vault::add`].
    pub fn add_canary(&mut self, new: NewCredential) -> Result<()> {
        self.store_new(new, true)
    }
}
