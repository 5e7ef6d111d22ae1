//! Making a vault: complete under a name of no importance, then renamed.

use super::keys::Keys;
use super::lock::WriteLock;
use super::seal::PathRecord;
use super::slot::{SlotAbout, Wrap};
use super::store::{self, VaultRow};
use super::tx::{self, Core, Tx, With};
use super::{Key, Place, Purpose, Unlocked, Vault, absolute, files, incident, slot, state};
use crate::error::{Error, ErrorKind, Result};
use crate::world::World;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use uuid::Uuid;

/// Whose key is the first.
pub(super) struct Founder<'a> {
    pub(super) key: &'a Key,
    pub(super) wrap: &'a Wrap,
    pub(super) label: &'a str,
}

/// See [`Vault::init`].
pub(super) fn init(
    place: &Place,
    world: Rc<World>,
    founder: &Founder<'_>,
) -> Result<Vault<Unlocked>> {
    let place = Place { file: absolute_new(&place.file)?, state_dir: place.state_dir.clone() };
    let dir = place.file.parent().unwrap_or(Path::new("/")).to_owned();
    files::check_dir(&dir)?;
    files::make_private_dir(&place.state_dir)?;
    if place.file.symlink_metadata().is_ok() {
        return Err(exists(&place.file));
    }
    // held until the vault has its name: who waits for it may remove drafts
    let _lock = WriteLock::acquire(&place.file)?;
    refuse_leftovers(&place.file)?;
    remove_drafts(&place.file, &dir);
    let draft = files::beside(&place.file, &format!("{DRAFT}{}", Uuid::new_v4().simple()));
    let published =
        fill(&draft, &place, world, founder).and_then(|vault| publish(vault, &draft, &dir));
    remove_drafts(&place.file, &dir);
    published
}

/// What a vault is called until it is complete.
const DRAFT: &str = ".new-";

/// Looks again once the lock is held: another `init` may have been faster, and what an old vault left
/// beside its database would be taken for the new one's.
fn refuse_leftovers(file: &Path) -> Result<()> {
    if file.symlink_metadata().is_ok() {
        return Err(exists(file));
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        let left = files::beside(file, suffix);
        if left.symlink_metadata().is_ok() {
            let what = format!("`{}` is left from another vault", left.display());
            return Err(Error::new(ErrorKind::Conflict, what)
                .hint(format!("it belongs to a database that is gone: rm {}", left.display())));
        }
    }
    Ok(())
}

/// Removes what this or an interrupted `init` left, and nothing that only looks like it. The writer
/// lock is held, so no draft is in use.
fn remove_drafts(file: &Path, dir: &Path) {
    let Some(name) = file.file_name() else { return };
    let prefix = files::beside(Path::new(name), DRAFT).into_os_string();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        if rest.is_some_and(is_draft) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// 32 hexadecimal digits, and perhaps what SQLite puts behind.
fn is_draft(rest: &[u8]) -> bool {
    let Some((id, behind)) = rest.split_at_checked(32) else { return false };
    id.iter().all(u8::is_ascii_hexdigit) && matches!(behind, b"" | b"-wal" | b"-shm" | b"-journal")
}

/// Writes a complete vault under a name of no importance.
fn fill(
    file: &Path,
    place: &Place,
    world: Rc<World>,
    founder: &Founder<'_>,
) -> Result<Vault<Unlocked>> {
    let Founder { key, wrap, label } = *founder;
    let db = store::create(file)?;
    let now = world.now();
    let (vault_id, epoch) = (Uuid::new_v4(), 1);
    let keys = Keys::new(vault_id, epoch);
    let vault = VaultRow {
        vault_id,
        epoch,
        created_at: now,
        counter: 0,
        root: state::empty_root(),
        slots: [0; 32],
        incidents: incident::check::none(),
        log_seq: 0,
        mac: [0; 32],
    };
    vault.insert(&db)?;
    let content = slot::content(&keys, vault_id, epoch, now);
    let about = SlotAbout { id: world.new_id(), label, created_at: now };
    let slot = slot::make(about, wrap, &content, &vault, &keys)?;
    // a passphrase is its own recipient, and costs a second to try
    if !matches!(key, Key::Passphrase(_)) {
        slot::prove(key, &slot, &content)?;
    }
    slot.insert(&db)?;
    let mut core = Core::new(
        db,
        Place { file: file.to_owned(), state_dir: place.state_dir.clone() },
        world,
        Purpose::default(),
        vault,
    );
    Tx::found(&mut core, With { keys: &keys, slot: label })?;
    core.place = place.clone();
    Ok(Vault { core, state: Unlocked { keys, slot: label.to_owned() } })
}

/// Gives the finished database its name, without ever replacing another file.
fn publish(vault: Vault<Unlocked>, draft: &Path, dir: &Path) -> Result<Vault<Unlocked>> {
    let Vault { mut core, state } = vault;
    // Only the database gets the name, so nothing may stay in its write-ahead log.
    if !core.db.checkpoint()? {
        return Err(Error::new(ErrorKind::Io, "another program holds the new vault open")
            .hint("close programs that look into its directory, and try again"));
    }
    // Which vault was here before does not count any more; the new one is remembered below.
    PathRecord::new(&core.place.state_dir, &core.place.file).forget()?;
    // Closed before it is renamed: SQLite knows its files by name.
    drop(core.db);
    rustix::fs::renameat_with(
        rustix::fs::CWD,
        draft,
        rustix::fs::CWD,
        &core.place.file,
        rustix::fs::RenameFlags::NOREPLACE,
    )
    .map_err(|e| match e {
        rustix::io::Errno::EXIST => exists(&core.place.file),
        e => Error::io(format!("cannot create `{}`", core.place.file.display()), &e.into()),
    })?;
    core.db = files::sync_dir(dir)
        .and_then(|()| store::open(&core.place.file))
        .inspect_err(|_| withdraw(&core.place.file))?;
    tx::remember_path(&core).inspect_err(|_| withdraw(&core.place.file))?;
    Ok(Vault { core, state })
}

/// Takes back a vault that could not be finished, lest it stays without a key. The writer lock is
/// held, so nobody has put anything into it.
fn withdraw(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(files::beside(file, suffix));
    }
}

fn exists(file: &Path) -> Error {
    Error::new(ErrorKind::Conflict, format!("there is a vault already at `{}`", file.display()))
        .hint("use it, or name another file: vault init --vault FILE")
}

/// The same for a file to be made: its directory is made first.
fn absolute_new(file: &Path) -> Result<PathBuf> {
    if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty() && !dir.exists()) {
        files::make_private_dir(dir)?;
    }
    absolute(file)
}
