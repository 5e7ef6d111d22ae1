//! The seal file: what this machine remembers of a vault outside its database (FORMAT.md, "Seal
//! file"). It holds the pin, the highest state seen and the log key for the next entry.
//!
//! Invariant: a seal is never ahead of a database that was not rolled back, because it is written
//! after the commit. Behind is harmless: the key evolves forward.

use super::files;
use super::tlv::{Hash, sha256};
use crate::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"VLTSEAL1";
const BODY: usize = 192;
const SIZE: usize = BODY + 32;

/// What the seal file says.
pub(super) struct Seal {
    pub(super) vault_id: Uuid,
    pub(super) epoch: u32,
    /// The log segment of this seal file.
    pub(super) segment: i64,
    /// The last entry of the log when this was written.
    pub(super) seq: i64,
    /// The hash of that entry.
    pub(super) head: Hash,
    /// The MAC key for the next entry of the segment.
    pub(super) key: Zeroizing<[u8; 32]>,
    /// The highest state counter seen.
    pub(super) counter: i64,
    /// What only this vault's keys can compute; zero until first unlocked.
    pub(super) pin: Hash,
    /// The last entry that was looked at for alerts on this machine; 0 if none was.
    pub(super) watched: i64,
    /// The pin of the epoch that is about to be committed here; zero if none is.
    pub(super) next_pin: Hash,
}

impl Seal {
    /// Whether this machine knows the vault whose keys compute `pin` in `epoch`: as it is, or as it has
    /// itself begun to rekey it.
    pub(super) fn knows(&self, pin: &Hash, epoch: u32) -> bool {
        let is_next = self.next_pin != [0; 32] && self.is_followed_by(epoch);
        (self.epoch == epoch && self.pin == *pin) || (is_next && self.next_pin == *pin)
    }

    /// Whether a vault of `epoch` can be what this machine has begun to make of its own.
    pub(super) fn is_followed_by(&self, epoch: u32) -> bool {
        self.epoch.checked_add(1) == Some(epoch) && self.next_pin != [0; 32]
    }
}

/// What was found where the seal file should be.
pub(super) enum Found {
    Missing,
    Damaged,
    Present(Seal),
}

/// The seal file of one vault on this machine.
pub(super) struct SealFile {
    dir: PathBuf,
    path: PathBuf,
}

impl SealFile {
    /// The seal file of `vault_id` under the program's state directory.
    pub(super) fn new(state_dir: &Path, vault_id: Uuid) -> Self {
        let dir = state_dir.join(vault_id.simple().to_string());
        let path = dir.join("seal");
        Self { dir, path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it. The open file is kept by the caller to write the same file again.
    pub(super) fn read(&self) -> Result<(Found, Option<File>)> {
        let Some(mut file) = files::open(&self.path)? else {
            return Ok((Found::Missing, None));
        };
        files::check_dir(&self.dir)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(SIZE + 1));
        Read::by_ref(&mut file)
            .take(SIZE as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io("cannot read the seal file", &e))?;
        let found = decode(&bytes).map_or(Found::Damaged, Found::Present);
        Ok((found, Some(file)))
    }

    /// Makes sure that a seal can be written, before anything is committed that needs one.
    pub(super) fn prepare(&self) -> Result<File> {
        files::make_private_dir(&self.dir)
            .and_then(|()| files::check_dir(&self.dir))
            .and_then(|()| files::open_or_create(&self.path))
            .map_err(|e| match e.kind() {
                ErrorKind::Refused => e,
                _ => Error::new(
                    ErrorKind::Io,
                    format!("the seal file cannot be written: {}", e.message()),
                )
                .hint("make the state directory writable, or set XDG_STATE_HOME"),
            })
    }

    /// Makes a new seal file durable, its name included.
    pub(super) fn sync(&self, file: &File) -> Result<()> {
        file.sync_all().map_err(|e| Error::io("cannot sync the seal file", &e))?;
        files::sync_dir(&self.dir)
    }
}

/// Writes the record in one call. Not synced: an older seal only evolves forward again.
pub(super) fn write(file: &File, seal: &Seal) -> std::io::Result<()> {
    file.write_all_at(&encode(seal)[..], 0)
}

fn encode(seal: &Seal) -> Zeroizing<[u8; SIZE]> {
    let mut record = Zeroizing::new([0; SIZE]);
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        record[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(MAGIC);
    put(seal.vault_id.as_bytes());
    put(&seal.epoch.to_be_bytes());
    put(&seal.segment.to_be_bytes());
    put(&seal.seq.to_be_bytes());
    put(&seal.head);
    put(&seal.key[..]);
    put(&seal.counter.to_be_bytes());
    put(&seal.pin);
    put(&seal.watched.to_be_bytes());
    put(&[0; 4]);
    put(&seal.next_pin);
    let sum = sha256(&record[..BODY]);
    record[BODY..].copy_from_slice(&sum);
    record
}

fn decode(bytes: &[u8]) -> Option<Seal> {
    if bytes.len() != SIZE || sha256(&bytes[..BODY]) != bytes[BODY..] {
        return None;
    }
    let mut rest = bytes.strip_prefix(MAGIC)?;
    Some(Seal {
        vault_id: Uuid::from_bytes(take(&mut rest)?),
        epoch: u32::from_be_bytes(take(&mut rest)?),
        segment: i64::from_be_bytes(take(&mut rest)?),
        seq: i64::from_be_bytes(take(&mut rest)?),
        head: take(&mut rest)?,
        key: Zeroizing::new(take(&mut rest)?),
        counter: i64::from_be_bytes(take(&mut rest)?),
        pin: take(&mut rest)?,
        watched: i64::from_be_bytes(take(&mut rest)?),
        next_pin: take::<4>(&mut rest).and_then(|_zeros| take(&mut rest))?,
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

/// Remembers which vault stood at a path, so that another one put there is noticed even though
/// its own seal is missing (FORMAT.md, "Path record").
pub(super) struct PathRecord(PathBuf);

impl PathRecord {
    pub(super) fn new(state_dir: &Path, database: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let name = data_encoding::HEXLOWER.encode(&sha256(database.as_os_str().as_bytes())[..16]);
        Self(state_dir.join("paths").join(name))
    }

    /// The vault last seen there.
    ///
    /// # Errors
    /// Integrity (15) for a record that is not one: it is written whole or not at all.
    pub(super) fn read(&self) -> Result<Option<Uuid>> {
        let opened = files::open(&self.0).map_err(|e| match e.kind() {
            ErrorKind::Io => e.hint("make the state directory usable, or set XDG_STATE_HOME"),
            _ => e,
        });
        let Some(mut file) = opened? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(17);
        let read = Read::by_ref(&mut file).take(17).read_to_end(&mut bytes);
        read.map_err(|e| Error::io("cannot read the state directory", &e))?;
        Uuid::from_slice(&bytes).map(Some).map_err(|_| {
            Error::integrity("this machine's record of the vault is damaged")
                .hint("if the vault is the right one: vault trust-state")
        })
    }

    /// Records `vault_id`, whole or not at all.
    pub(super) fn write(&self, vault_id: Uuid) -> Result<()> {
        let dir = self.0.parent().unwrap_or(Path::new("/"));
        files::make_private_dir(dir)?;
        files::check_dir(dir)?;
        let draft = self.0.with_extension(Uuid::new_v4().simple().to_string());
        let failed = |e| Error::io("cannot write to the state directory", &e);
        let written = files::create_new(&draft).and_then(|file| {
            file.write_all_at(vault_id.as_bytes(), 0).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            std::fs::rename(&draft, &self.0).map_err(failed)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        written.and_then(|()| files::sync_dir(dir))
    }

    /// Forgets which vault was there.
    pub(super) fn forget(&self) -> Result<()> {
        match std::fs::remove_file(&self.0) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("cannot write to the state directory", &e))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Seal {
        Seal {
            vault_id: Uuid::from_bytes([7; 16]),
            epoch: 1,
            segment: 2,
            seq: 300,
            head: [4; 32],
            key: Zeroizing::new([5; 32]),
            counter: 6,
            pin: [8; 32],
            watched: 299,
            next_pin: [9; 32],
        }
    }

    #[test]
    fn round_trip() {
        let bytes = encode(&example());
        let seal = decode(&bytes[..]).unwrap();
        assert_eq!(encode(&seal), bytes);
        assert_eq!((seal.segment, seal.seq, seal.counter, seal.watched), (2, 300, 6, 299));
        assert_eq!(seal.next_pin, [9; 32]);
    }

    #[test]
    fn a_vault_is_known_by_its_pin_and_by_the_one_that_follows() {
        let (seal, other) = (example(), [1; 32]);
        assert!(seal.knows(&seal.pin, 1) && seal.knows(&seal.next_pin, 2));
        assert!(!seal.knows(&seal.pin, 2) && !seal.knows(&seal.next_pin, 1));
        assert!(!seal.knows(&seal.next_pin, 3) && !seal.knows(&other, 1) && !seal.knows(&other, 2));
        let alone = Seal { next_pin: [0; 32], ..example() };
        assert!(!alone.knows(&[0; 32], 2));
    }

    #[test]
    fn every_flipped_byte_and_every_other_length_is_refused() {
        let bytes = encode(&example());
        for i in 0..SIZE {
            let mut bad = *bytes;
            bad[i] ^= 1;
            assert!(decode(&bad).is_none(), "byte {i}");
            assert!(decode(&bytes[..i]).is_none(), "length {i}");
        }
    }
}
