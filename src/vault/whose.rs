//! Whose secret a text is that got away: which value, in which version, and who has read it. Nothing
//! is handed out.

use super::creds::describe;
use super::filter::Filter;
use super::keys::Keys;
use super::leak::{Encoding, Fit, Leak};
use super::lookup::find;
use super::store::anchor::PrunedRow;
use super::store::overview::{self, Read};
use super::store::{CredentialRow, Db, SecretRow, credential, watch};
use super::survey::{Job, Survey};
use super::tx::Tx;
use super::{Unlocked, Vault};
use crate::error::Result;
use crate::model::{CredName, FieldName, Secret, Timestamp};

/// What is known of a text.
#[derive(Debug)]
pub struct Trace {
    /// How many values were looked at.
    pub values: u64,
    /// How many were purged, so that nobody knows.
    pub purged: u64,
    /// When the log begins, if what was before that was pruned: older readers are not known.
    pub read_since: Option<Timestamp>,
    /// Those that fit, the best first.
    pub hits: Vec<Hit>,
}

/// A value that fits.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The credential.
    pub name: String,
    /// When that went into the trash; none for a live one.
    pub deleted_at: Option<Timestamp>,
    /// The secret field.
    pub field: FieldName,
    /// Its version.
    pub version: u32,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When the next version came; none for the current one.
    pub replaced_at: Option<Timestamp>,
    /// How it fits.
    pub fit: Fit,
    /// In which form.
    pub encoding: Encoding,
    /// Who has read this version, the last one first, by the log's word.
    pub readers: Vec<Reader>,
}

/// Somebody to whom a value was handed out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reader {
    /// The user's login name.
    pub user: String,
    /// The machine.
    pub host: String,
    /// The calling program.
    pub program: Option<String>,
    /// The program that the value went to, if it was another one.
    pub command: Option<String>,
    /// How often.
    pub reads: u64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
}

impl Vault<Unlocked> {
    /// Looks for `text` in all versions of the credentials that fit, live or in the trash. `progress`
    /// hears how many of how many values are done. Logged as one `check`, before anything is opened.
    ///
    /// # Errors
    /// Not found (10) for a name in the filter that nothing has; integrity (15), I/O (18). That nothing
    /// fits is no error.
    pub fn whose(
        &mut self,
        text: &Secret,
        filter: &Filter,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Trace> {
        let filter = Filter { brief: false, last_read: false, ..filter.clone() };
        let leak = Leak::new(text);
        let list = match filter.is_empty() {
            true => "whose".to_owned(),
            false => format!("whose,{}", describe(&filter)),
        };
        let count = |tx: &Tx<'_>, keys: &Keys| {
            ensure_known(tx, keys, &filter.names)?;
            count(tx.db(), &filter)
        };
        self.survey(&list, count, |survey, values| {
            let progress = &mut |done| progress(done, values);
            let (found, purged) = look(survey, &filter, &leak, progress)?;
            let mut hits = Vec::with_capacity(found.len());
            for found in found {
                hits.push(found.hit(survey.db)?);
            }
            hits.sort_by_key(|hit| (hit.fit, hit.name.clone(), hit.field.clone()));
            let pruned = PrunedRow::load(survey.db)?;
            let read_since = pruned.map_or(Ok(None), |_| watch::begin(survey.db))?;
            Ok(Trace { values, purged, read_since, hits })
        })
    }
}

/// Calls `each` for the credentials that fit, those in the trash after the others.
fn each(db: &Db, filter: &Filter, mut each: impl FnMut(CredentialRow) -> Result<()>) -> Result<()> {
    for deleted in [false, true] {
        CredentialRow::fitting(db, &Filter { deleted, ..filter.clone() }, &mut each)?;
    }
    Ok(())
}

fn count(db: &Db, filter: &Filter) -> Result<u64> {
    let mut count = 0;
    each(db, filter, |row| {
        count += SecretRow::count_of(db, row.id)?;
        Ok(())
    })?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// A name that is written wrong is not a credential that has nothing to do with it.
fn ensure_known(tx: &Tx<'_>, keys: &Keys, names: &[CredName]) -> Result<()> {
    for name in names {
        if !credential::exists(tx.db(), name.as_str(), true)? {
            find(tx, Some(keys), name, false)?;
        }
    }
    Ok(())
}

/// A value that fits, before the log was asked.
struct Found {
    job: Job,
    fit: Fit,
    encoding: Encoding,
}

/// What fits, and how many values were purged.
fn look(
    survey: &Survey<'_>,
    filter: &Filter,
    leak: &Leak,
    progress: &mut dyn FnMut(u64),
) -> Result<(Vec<Found>, u64)> {
    let mut purged = 0;
    let found = survey.look(
        |feeder| {
            each(survey.db, filter, |row| {
                for head in &row.heads {
                    purged += feeder.versions(&row, head)?;
                }
                Ok(())
            })
        },
        |job, value| {
            let (fit, encoding) = leak.fit(value)?;
            Some(Found { job: job.clone(), fit, encoding })
        },
        progress,
    )?;
    Ok((found, purged))
}

impl Found {
    fn hit(self, db: &Db) -> Result<Hit> {
        let Self { job, fit, encoding } = self;
        Ok(Hit {
            readers: readers(db, &job)?,
            name: job.name,
            deleted_at: job.deleted_at,
            field: job.field,
            version: job.version,
            stored_at: job.created_at,
            replaced_at: job.replaced_at,
            fit,
            encoding,
        })
    }
}

/// Who has read a version, the last one first.
fn readers(db: &Db, job: &Job) -> Result<Vec<Reader>> {
    let mut readers: Vec<Reader> = Vec::new();
    overview::reads_of(db, job.credential, |read| {
        let details = details(&read);
        if !is_of(&read, &details, job) {
            return Ok(());
        }
        let command = details["command"].as_str().map(str::to_owned);
        let known = readers.iter_mut().find(|reader| {
            (&reader.user, &reader.host, &reader.program, &reader.command)
                == (&read.user, &read.host, &read.program, &command)
        });
        if let Some(reader) = known {
            reader.reads += 1;
            (reader.first, reader.last) = (reader.first.min(read.at), reader.last.max(read.at));
            return Ok(());
        }
        let Read { at, user, host, program, .. } = read;
        readers.push(Reader { user, host, program, command, reads: 1, first: at, last: at });
        Ok(())
    })?;
    readers.sort_by_key(|reader| std::cmp::Reverse(reader.last));
    Ok(readers)
}

fn details(read: &Read) -> serde_json::Value {
    let text = read.details.as_deref();
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Whether a read handed out this version: the one it names, or else the one that was current then. An
/// entry without fields is about all of them. A one-time code is not its seed, a signature not its key.
fn is_of(read: &Read, details: &serde_json::Value, job: &Job) -> bool {
    let of_field = read
        .fields
        .as_deref()
        .is_none_or(|fields| fields.split(',').any(|field| field == job.field.as_str()));
    if !of_field || !details["made"].is_null() {
        return false;
    }
    match details["version"].as_str() {
        Some(version) => version == job.version.to_string(),
        None => read.at >= job.created_at && job.replaced_at.is_none_or(|end| read.at <= end),
    }
}
