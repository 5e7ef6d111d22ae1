//! Where entries go besides the database: sinks, whose own part is a trait. Entries are handed over in
//! order, outside every transaction, at least once, and what was not is caught up at the next use.
//! Knows neither files of configuration nor protocols.

use super::files;
use super::store::anchor::PrunedRow;
use super::store::log::EntryRow;
use super::store::{Db, log, record};
use super::tlv::Hash;
use super::tx::Core;
use super::view::{Record, SinkState};
use super::{State, Vault};
use crate::error::{Error, ErrorKind, Result};
use data_encoding::HEXLOWER;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Why a sink begins in the middle: it was not there before.
const NEW: &str = "is new here";

/// Takes entries somewhere.
pub trait Outlet {
    /// Hands over records, in order; after a failure all of them come again.
    ///
    /// # Errors
    /// Whatever stood in the way until `deadline`.
    fn deliver(&mut self, records: &[Record<'_>], deadline: Instant) -> Result<()>;

    /// Whether records could be handed over now.
    ///
    /// # Errors
    /// Whatever stands in the way.
    fn reach(&mut self, deadline: Instant) -> Result<()>;
}

/// A place entries go to, as it was configured.
pub struct Sink {
    /// What the user calls it.
    pub name: String,
    /// What it is.
    pub kind: &'static str,
    /// Whether nothing is done that it does not hear of; else its failure is a warning.
    pub must: bool,
    /// How long it may take at each use.
    pub timeout: Duration,
    /// What takes entries there.
    pub outlet: Box<dyn Outlet>,
}

/// The sinks of a vault in this process.
#[derive(Default)]
pub(super) struct Outlets {
    sinks: Vec<Sink>,
    /// Why nobody knows which there are.
    broken: Option<Error>,
    /// Those that failed, with the time.
    failed: Vec<(String, Instant)>,
}

/// When entries are handed over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Moment {
    /// Before something is begun: what is left from earlier.
    Before,
    /// After it was committed.
    After,
    /// To see whether it works: the last entry once more, if there is no other.
    Trial,
}

/// How long a sink that failed is left alone by a process that goes on without it.
const PAUSE: Duration = Duration::from_secs(30);

impl<S: State> Vault<S> {
    /// Lets entries go to `sinks`, too. If nobody knows which there are, nothing can be done that has
    /// an entry.
    pub fn attach(&mut self, sinks: Result<Vec<Sink>>) {
        match sinks {
            Ok(sinks) => self.core.outlets.sinks = sinks,
            Err(e) => self.core.outlets.broken = Some(e),
        }
    }

    /// How far each sink is, having tried it.
    ///
    /// # Errors
    /// Whatever kept the configuration from being read; integrity (15), I/O (18).
    pub fn sinks(&mut self) -> Result<Vec<SinkState>> {
        self.core.outlets.whole()?;
        let mut sinks = std::mem::take(&mut self.core.outlets.sinks);
        let states = sinks.iter_mut().map(|sink| state(&self.core, sink)).collect();
        self.core.outlets.sinks = sinks;
        states
    }
}

impl Outlets {
    /// Fails as the configuration did.
    fn whole(&self) -> Result<()> {
        let Some(e) = &self.broken else { return Ok(()) };
        let again = Error::new(e.kind(), e.message());
        Err(e.hints().iter().fold(again, |error, hint| error.hint(hint.as_str())))
    }

    fn is_paused(&self, sink: &Sink) -> bool {
        let recent = |at: &Instant| at.elapsed() < PAUSE;
        self.failed.iter().any(|(name, at)| *name == sink.name && recent(at))
    }
}

/// Hands over what there is, sink by sink. What a sink that may fail fails at is a warning.
///
/// # Errors
/// I/O (18) for one that must not; those of a configuration that could not be read.
pub(super) fn forward(core: &mut Core, moment: Moment) -> Result<()> {
    core.outlets.whole()?;
    let mut sinks = std::mem::take(&mut core.outlets.sinks);
    let done = sinks.iter_mut().try_for_each(|sink| one(core, sink, moment));
    core.outlets.sinks = sinks;
    done
}

fn one(core: &mut Core, sink: &mut Sink, moment: Moment) -> Result<()> {
    if !sink.must && core.outlets.is_paused(sink) {
        return Ok(());
    }
    let Err(e) = hand_over(core, sink, moment) else { return Ok(()) };
    let (name, why) = (&sink.name, e.message());
    if !sink.must {
        core.warnings.push(format!("sink `{name}` is behind: {why}"));
        core.outlets.failed.push((name.clone(), Instant::now()));
        return Ok(());
    }
    let what = match moment {
        Moment::After => {
            format!("it is done and entered, but sink `{name}` did not hear of it: {why}")
        }
        Moment::Before | Moment::Trial => {
            format!("nothing is done that sink `{name}` does not hear of: {why}")
        }
    };
    Err(Error::new(ErrorKind::Io, what).hint("vault audit sinks"))
}

/// How far a sink is after a trial.
fn state(core: &Core, sink: &mut Sink) -> Result<SinkState> {
    let problem = hand_over(core, sink, Moment::Trial).err();
    let end = log::end(&core.db, core.vault.vault_id)?;
    let at = Position::path_in(core, &sink.name).and_then(|path| Position::look(&path)).ok();
    let at = at.flatten().map(|(seq, _)| seq);
    Ok(SinkState {
        name: sink.name.clone(),
        kind: sink.kind,
        must: sink.must,
        delivered_to: at,
        behind: at.map_or(0, |at| (end.seq - at).max(0)),
        problem: problem.map(|e| e.message().to_owned()),
    })
}

fn hand_over(core: &Core, sink: &mut Sink, moment: Moment) -> Result<()> {
    let deadline = Instant::now() + sink.timeout;
    let position = Position::lock(core, &sink.name, deadline)?;
    let begin = position.begin(core, &sink.name)?;
    let (mut at, vault) = (begin, core.vault.vault_id);
    // what others enter meanwhile is theirs to hand over
    let end = log::end(&core.db, vault)?.seq;
    while at < end {
        let rows = record::batch(&core.db, at + 1)?;
        let Some(last) = rows.last() else { break };
        if Instant::now() >= deadline {
            return Err(Error::new(ErrorKind::Io, "there was no time for all that it has missed"));
        }
        sink.outlet.deliver(&records(&rows, vault), deadline)?;
        position.write(last.entry.seq, &last.entry.hash)?;
        at = last.entry.seq;
    }
    match moment {
        Moment::Before if sink.must && at == begin => sink.outlet.reach(deadline),
        Moment::Trial if at == begin => {
            let last = record::batch(&core.db, at)?;
            sink.outlet.deliver(&records(&last, vault), deadline)
        }
        Moment::Before | Moment::After | Moment::Trial => Ok(()),
    }
}

fn records(rows: &[EntryRow], vault: Uuid) -> Vec<Record<'_>> {
    let all = rows.iter();
    all.map(|row| Record { vault, entry: &row.entry, counter: row.counter, mac: row.mac }).collect()
}

/// How far a sink is: a small file beside the seal. It is locked as long as entries are handed over,
/// so that they keep their order.
struct Position(File);

/// Sequence number, a space, the hash in hex, a line feed.
const SIZE: usize = 19 + 1 + 64 + 1;

impl Position {
    fn path_in(core: &Core, name: &str) -> Result<std::path::PathBuf> {
        let dir = core.place.state_dir.join(core.vault.vault_id.simple().to_string());
        files::make_private_dir(&dir).and_then(|()| files::check_dir(&dir))?;
        Ok(dir.join(format!("sink-{name}")))
    }

    fn lock(core: &Core, name: &str, deadline: Instant) -> Result<Self> {
        let file = files::open_or_create(&Self::path_in(core, name)?)?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(file)),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Error::io("cannot lock its position", &e.into())),
            }
            if Instant::now() >= deadline {
                return Err(Error::new(ErrorKind::Io, "another process is busy with it"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The last entry that was handed over. A sink that is new here, or that knows another log, begins
    /// with what comes now.
    fn begin(&self, core: &Core, name: &str) -> Result<i64> {
        let end = log::end(&core.db, core.vault.vault_id)?;
        let (seq, why) = match self.read()? {
            None => (end.seq, Some(NEW.to_owned())),
            Some((seq, hash)) => match place(&core.db, seq, &hash)? {
                Place::Known => (seq, None),
                Place::Pruned(to) => {
                    (to, Some(format!("misses entries {} to {to}, which were pruned", seq + 1)))
                }
                Place::Unknown => (end.seq, Some("has heard of another state of the log".into())),
            },
        };
        if let Some(why) = why {
            let next = seq + 1;
            let before = match why == NEW && seq > 0 {
                true => "; `vault audit export --jsonl` has those before",
                false => "",
            };
            core.warnings
                .push(format!("sink `{name}` {why}: it goes on with entry {next}{before}"));
            if seq == end.seq {
                self.write(seq, &end.hash)?;
            }
        }
        Ok(seq)
    }

    fn look(path: &Path) -> Result<Option<(i64, Hash)>> {
        files::open(path)?.map_or(Ok(None), |file| Self(file).read())
    }

    fn read(&self) -> Result<Option<(i64, Hash)>> {
        let mut text = [0; SIZE];
        match self.0.read_exact_at(&mut text, 0) {
            Ok(()) => Ok(parse(&text)),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(Error::io("cannot read its position", &e)),
        }
    }

    /// In place, in one call. Not synced: what is handed over twice does no harm.
    fn write(&self, seq: i64, hash: &Hash) -> Result<()> {
        let text = format!("{seq:019} {}\n", HEXLOWER.encode(hash));
        let written = self.0.write_all_at(text.as_bytes(), 0);
        written.map_err(|e| Error::io("cannot write its position", &e))
    }
}

fn parse(text: &[u8; SIZE]) -> Option<(i64, Hash)> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
    let (seq, hash) = text.split_once(' ')?;
    let hash = HEXLOWER.decode(hash.as_bytes()).ok()?.try_into().ok()?;
    Some((seq.parse().ok().filter(|seq| *seq > 0)?, hash))
}

/// What a position is in this log.
enum Place {
    Known,
    /// It is before the end of what was pruned, which is at this entry.
    Pruned(i64),
    Unknown,
}

fn place(db: &Db, seq: i64, hash: &Hash) -> Result<Place> {
    if let Some(there) = log::hash_at(db, seq)? {
        return Ok(if there == *hash { Place::Known } else { Place::Unknown });
    }
    Ok(match PrunedRow::load(db)? {
        Some(pruned) if pruned.seq == seq && pruned.hash == *hash => Place::Known,
        Some(pruned) if pruned.seq > seq => Place::Pruned(pruned.seq),
        Some(_) | None => Place::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written_and_nothing_else_is() {
        let position = Position(tempfile::tempfile().unwrap());
        assert_eq!(position.read().unwrap(), None);
        for seq in [1, 42, i64::MAX] {
            position.write(seq, &[7; 32]).unwrap();
            assert_eq!(position.read().unwrap(), Some((seq, [7; 32])));
        }
        position.0.write_all_at(b"x", 30).unwrap();
        assert_eq!(position.read().unwrap(), None);
        position.write(0, &[7; 32]).unwrap();
        assert_eq!(position.read().unwrap(), None);
    }
}
