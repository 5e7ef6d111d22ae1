//! SQLite: the only file that names `rusqlite`. Opening, the profile, statements, values, errors.

use super::schema;
use crate::error::{Error, ErrorKind, Result};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, limits::Limit};
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// "vlt1" in ASCII: says whose file this is (SQLite file format, offset 68).
pub(super) const APPLICATION_ID: i32 = 0x766c_7431;

/// How long `SQLite` waits for other programs that have the database open; ours queue before. A
/// statement may wait twice, and no command is to hang for ten seconds.
const BUSY: Duration = Duration::from_secs(3);

/// A value bound to a statement; borrowed, because everything outlives its statement.
#[derive(Clone, Copy)]
pub(in crate::vault) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        value.map_or(Self::Null, Self::Blob)
    }
}

/// A row of an answer, borrowed from the statement. A value of the wrong type is damage.
pub(in crate::vault) struct Row<'r>(&'r rusqlite::Row<'r>);

impl<'r> Row<'r> {
    pub(in crate::vault) fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(wrong_type)
    }

    pub(in crate::vault) fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self.value(column)? {
            ValueRef::Integer(value) => Ok(Some(value)),
            ValueRef::Null => Ok(None),
            _ => Err(wrong_type()),
        }
    }

    pub(in crate::vault) fn text(&self, column: usize) -> Result<&'r str> {
        self.opt_text(column)?.ok_or_else(wrong_type)
    }

    pub(in crate::vault) fn opt_text(&self, column: usize) -> Result<Option<&'r str>> {
        match self.value(column)? {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| wrong_type()),
            ValueRef::Null => Ok(None),
            _ => Err(wrong_type()),
        }
    }

    pub(in crate::vault) fn blob(&self, column: usize) -> Result<&'r [u8]> {
        self.opt_blob(column)?.ok_or_else(wrong_type)
    }

    pub(in crate::vault) fn opt_blob(&self, column: usize) -> Result<Option<&'r [u8]>> {
        match self.value(column)? {
            ValueRef::Blob(bytes) => Ok(Some(bytes)),
            ValueRef::Null => Ok(None),
            _ => Err(wrong_type()),
        }
    }

    /// A blob of exactly `N` bytes.
    pub(in crate::vault) fn array<const N: usize>(&self, column: usize) -> Result<[u8; N]> {
        self.blob(column)?.try_into().map_err(|_| wrong_type())
    }

    pub(in crate::vault) fn uuid(&self, column: usize) -> Result<Uuid> {
        self.array(column).map(Uuid::from_bytes)
    }

    pub(in crate::vault) fn flag(&self, column: usize) -> Result<bool> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(wrong_type()),
        }
    }

    /// A whole number that fits 32 bits.
    pub(in crate::vault) fn u32(&self, column: usize) -> Result<u32> {
        u32::try_from(self.int(column)?).map_err(|_| wrong_type())
    }

    fn value(&self, column: usize) -> Result<ValueRef<'r>> {
        self.0.get_ref(column).map_err(fault)
    }
}

fn wrong_type() -> Error {
    Error::integrity("a row of the database holds a value of the wrong type").hint("vault doctor")
}

/// An open database.
pub(in crate::vault) struct Db(Connection);

impl Db {
    /// Opens an existing vault's database; the caller has checked the file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let db = Self::connect(path)?;
        let id = db.int("PRAGMA application_id")?;
        if id != i64::from(APPLICATION_ID) {
            return Err(not_a_vault(path));
        }
        schema::check(&db)?;
        Ok(db)
    }

    /// Fills a new, empty file with the schema.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let db = Self::connect(path)?;
        db.script(&format!(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;
             PRAGMA application_id = {APPLICATION_ID};"
        ))?;
        schema::create(&db)?;
        Ok(db)
    }

    /// Connects with the profile of FORMAT.md, "SQLite profile".
    fn connect(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|e| opening_fault(path, &e))?;
        for (setting, on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
            (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        ] {
            connection.set_db_config(setting, on).map_err(fault)?;
        }
        for (limit, value) in [
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
            (Limit::SQLITE_LIMIT_LENGTH, 32 << 20),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
        ] {
            connection.set_limit(limit, value).map_err(fault)?;
        }
        let db = Self(connection);
        db.wait_for(BUSY)?;
        // Memory mapping stays off, as it is by default. A small cache: a scan that passes through
        // touches every page of it once, and touching costs more than reading again.
        let profile = "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA cache_size = -256;
             PRAGMA wal_autocheckpoint = 0;";
        db.script(profile).map_err(|e| match e.kind() {
            ErrorKind::Unsupported => not_a_vault(path),
            _ => e,
        })?;
        Ok(db)
    }

    /// Runs statements without arguments.
    pub(in crate::vault) fn script(&self, sql: &str) -> Result<()> {
        self.0.execute_batch(sql).map_err(fault)
    }

    /// Runs one statement; how many rows it changed.
    pub(in crate::vault) fn run(&self, sql: &str, args: &[Value<'_>]) -> Result<usize> {
        let mut statement = self.0.prepare_cached(sql).map_err(fault)?;
        statement.execute(rusqlite::params_from_iter(args)).map_err(fault)
    }

    /// Calls `each` for every row of an answer.
    pub(in crate::vault) fn each(
        &self,
        sql: &str,
        args: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.0.prepare_cached(sql).map_err(fault)?;
        let mut rows = statement.query(rusqlite::params_from_iter(args)).map_err(fault)?;
        while let Some(row) = rows.next().map_err(fault)? {
            each(&Row(row))?;
        }
        Ok(())
    }

    /// The first row of an answer, read by `read`.
    pub(in crate::vault) fn first<T>(
        &self,
        sql: &str,
        args: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.0.prepare_cached(sql).map_err(fault)?;
        let mut rows = statement.query(rusqlite::params_from_iter(args)).map_err(fault)?;
        match rows.next().map_err(fault)? {
            Some(row) => read(&Row(row)).map(Some),
            None => Ok(None),
        }
    }

    /// The one number a statement answers.
    pub(in crate::vault) fn int(&self, sql: &str) -> Result<i64> {
        self.first(sql, &[], |row| row.int(0))?.ok_or_else(wrong_type)
    }

    /// Starts a write transaction.
    pub(in crate::vault) fn begin(&self) -> Result<()> {
        self.script("BEGIN IMMEDIATE")
    }

    /// Starts a transaction that sees one state of the database throughout.
    pub(in crate::vault) fn begin_read(&self) -> Result<()> {
        self.script("BEGIN")
    }

    /// Commits, or leaves nothing behind.
    ///
    /// When the sync at the end of a commit fails, its frames are in the write-ahead log all the
    /// same: the next process to open the vault would take them for committed. Emptying the log up
    /// to the commit before takes them back.
    pub(in crate::vault) fn commit(&self) -> Result<()> {
        let Err(e) = self.0.execute_batch("COMMIT") else {
            return Ok(());
        };
        self.roll_back();
        match is_unwritten(&e) || matches!(self.checkpoint(), Ok(true)) {
            true => Err(fault(e)),
            false => Err(Error::new(
                ErrorKind::Io,
                "syncing the vault failed; whether the change was kept is not known",
            )
            .hint("see whether it was: vault audit show")),
        }
    }

    /// Undoes an open transaction; without one it does nothing. Errors cannot matter any more: what
    /// was not committed is not there.
    pub(in crate::vault) fn roll_back(&self) {
        if !self.0.is_autocommit() {
            let _ = self.script("ROLLBACK");
        }
    }

    /// Moves the write-ahead log into the database and empties it, so that nothing superseded stays
    /// on disk. Does not wait for readers in other processes; `false` when one was in the way.
    ///
    /// `SQLite`'s own checkpoint would not do: it leaves the log's frames where they are, and since
    /// each process reads the log anew when it opens the vault, they would be read and copied again
    /// and again.
    pub(in crate::vault) fn checkpoint(&self) -> Result<bool> {
        self.wait_for(Duration::ZERO)?;
        let done = self.checkpoint_patiently();
        self.wait_for(BUSY)?;
        done
    }

    /// The same, but waits for readers: for what must not stay on disk.
    pub(in crate::vault) fn checkpoint_patiently(&self) -> Result<bool> {
        let busy = self.first("PRAGMA wal_checkpoint(TRUNCATE)", &[], |row| row.int(0))?;
        Ok(busy == Some(0))
    }

    fn wait_for(&self, busy: Duration) -> Result<()> {
        self.0.busy_timeout(busy).map_err(fault)
    }

    /// More memory for a bulk load.
    pub(in crate::vault) fn for_bulk(&self) -> Result<()> {
        self.script("PRAGMA cache_size = -65536")
    }

    /// What SQLite itself finds wrong with the file; empty when nothing.
    pub(in crate::vault) fn integrity_check(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        self.each("PRAGMA integrity_check(20)", &[], |row| {
            found.push(row.text(0)?.to_owned());
            Ok(())
        })?;
        found.retain(|line| line != "ok");
        Ok(found)
    }
}

/// Whether a failed commit certainly did not write its last frame, without which it is none.
fn is_unwritten(e: &rusqlite::Error) -> bool {
    e.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || e.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_WRITE)
}

fn not_a_vault(path: &Path) -> Error {
    Error::new(ErrorKind::Unsupported, format!("`{}` is not a vault", path.display()))
        .hint("name the vault's file with `--vault FILE`, or make one: vault init")
}

fn opening_fault(path: &Path, e: &rusqlite::Error) -> Error {
    match e.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            Error::new(ErrorKind::Io, format!("cannot open `{}` for writing", path.display()))
                .hint("the file and its directory must be writable: every use is logged in it")
        }
        Some(ErrorCode::NotADatabase) => not_a_vault(path),
        _ => clone_fault(e),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn fault(e: rusqlite::Error) -> Error {
    clone_fault(&e)
}

/// SQLite's errors in our words. Its messages can quote statements, never values, but they are not
/// for users.
fn clone_fault(e: &rusqlite::Error) -> Error {
    let io = |message: &str| Error::new(ErrorKind::Io, message);
    match e.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) => io("the vault is busy: another program holds the database")
            .hint("close programs that have the vault's file open"),
        Some(ErrorCode::DiskFull) => {
            io("the disk is full; nothing was changed").hint("make room on it: df -h")
        }
        Some(ErrorCode::SystemIoFailure) => {
            io("reading or writing the vault failed; nothing was changed")
                .hint("is the disk full or the file size limited? df -h; ulimit -f")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            io("the vault cannot be written, and no use of it goes unrecorded")
                .hint("the vault's file and its directory must be writable")
        }
        Some(ErrorCode::NotADatabase) => {
            Error::new(ErrorKind::Unsupported, "the file is not a vault")
        }
        Some(
            ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch,
        ) => Error::integrity("the database is damaged").hint("vault doctor"),
        Some(ErrorCode::OutOfMemory) => io("out of memory"),
        Some(ErrorCode::TooBig) => Error::usage("the value is too large"),
        _ => match e {
            rusqlite::Error::SqliteFailure(f, _) if f.extended_code == 1 => {
                // A missing table or column: the schema was changed behind our back.
                Error::integrity("the database does not have this program's schema")
            }
            _ => Error::internal("the database answered unexpectedly"),
        },
    }
}
