//! T20. What a slot may cost: somebody who writes to the file can name any work factor, and nothing is
//! derived before it was looked at.

use super::support::Sandbox;
use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;
use vault::error::{Error, ErrorKind};
use vault::model::Secret;
use vault::vault::{Key, Place, Purpose, Vault, new_key_file};
use vault::world::World;

const PASSPHRASE: &[u8] = b"gravel ostrich penknife lullaby";

/// A vault with one slot, for a passphrase.
struct Target {
    sandbox: Sandbox,
    sealed: Vec<u8>,
}

impl Target {
    fn new() -> Self {
        let sandbox = Sandbox::bare();
        std::fs::create_dir(sandbox.path("data/vault")).unwrap();
        sandbox.file("passphrase", PASSPHRASE);
        let mut target = Self { sandbox, sealed: Vec::new() };
        let key = Key::Passphrase(Secret::from_bytes(PASSPHRASE));
        drop(Vault::init(&target.place(), Rc::new(World::real()), &key, "slot").unwrap());
        let sql = "SELECT sealed FROM slot";
        target.sealed = target.db().query_row(sql, [], |row| row.get(0)).unwrap();
        target
    }

    fn place(&self) -> Place {
        let state_dir = self.sandbox.path("state/vault");
        Place { file: self.sandbox.database(), state_dir }
    }

    fn db(&self) -> Connection {
        Connection::open(self.sandbox.database()).unwrap()
    }

    fn put(&self, kind: &str, sealed: &[u8]) {
        let sql = "UPDATE slot SET kind = ?1, sealed = ?2";
        self.db().execute(sql, (kind, sealed)).unwrap();
    }

    /// How an unlocking ends, and how much work it was at least, of some that were tried: time of this
    /// thread, which does not count what others do on a busy machine.
    fn unlock(&self, key: &Key, tries: u32) -> (Result<(), Error>, Duration) {
        let mut least = Duration::MAX;
        let mut last = Ok(());
        for _ in 0..tries {
            let world = Rc::new(World::real());
            let locked = Vault::open(&self.place(), world, Purpose::default()).unwrap();
            let since = worked();
            last = locked.unlock(key).map(drop);
            least = least.min(worked() - since);
        }
        (last, least)
    }

    /// The slot with another stanza.
    fn with_stanza(&self, stanza: &str) -> Vec<u8> {
        let mut lines = self.sealed.splitn(3, |byte| *byte == b'\n');
        let (version, _, rest) =
            (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap());
        [version, b"\n", stanza.as_bytes(), b"\n", rest].concat()
    }

    fn salt(&self) -> String {
        let text = String::from_utf8_lossy(&self.sealed[..200]).into_owned();
        text.lines().nth(1).unwrap().split(' ').nth(2).unwrap().to_owned()
    }

    /// Stanzas that must be refused for what they say.
    fn bad(&self) -> Vec<(String, Vec<u8>)> {
        let salt = self.salt();
        let mut bad: Vec<String> = (0..=14)
            .chain(21..=64)
            .chain([255, 256, 4_294_967_295_u64])
            .map(|factor| format!("-> scrypt {salt} {factor}"))
            .collect();
        bad.extend(
            [
                "-> scrypt",
                "-> scrypt x",
                "",
                "->",
                "-> X25519 x",
                "-> scrypt x -1",
                "-> scrypt x 0x12",
            ]
            .map(str::to_owned),
        );
        bad.push(format!("-> scrypt {salt} 1.8"));
        bad.push(format!("-> scrypt {} 18", "A".repeat(100_000)));
        let mut cases: Vec<_> = bad
            .iter()
            .map(|line| (line.chars().take(60).collect(), self.with_stanza(line)))
            .collect();
        // a second stanza, behind one that is right
        let two = format!("-> scrypt {salt} 18\nAAAA\n-> scrypt {salt} 30");
        cases.push(("a second one".into(), self.with_stanza(&two)));
        for salt in ["", "AA", "!!!!", &"A".repeat(43)] {
            cases.push((
                format!("salt `{salt}`"),
                self.with_stanza(&format!("-> scrypt {salt} 18")),
            ));
        }
        let garbage: Vec<u8> = (0..400_u32).map(|i| (i * 7 % 251) as u8).collect();
        cases.extend([("garbage".into(), garbage), ("nothing".into(), Vec::new())]);
        cases
    }
}

fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

fn kind(outcome: &Result<(), Error>) -> Option<ErrorKind> {
    outcome.as_ref().err().map(Error::kind)
}

/// What is refused for its cost costs nothing.
#[test]
fn a_work_factor_out_of_bounds_is_refused_before_anything_is_derived() {
    let target = Target::new();
    let key = Key::Passphrase(Secret::from_bytes(PASSPHRASE));
    let (opened, derivation) = target.unlock(&key, 1);
    assert!(opened.is_ok(), "{opened:?}");
    eprintln!("one derivation with N = 2^18: {derivation:?}");
    let most = Duration::from_millis(50).min(derivation / 4);
    for (name, sealed) in target.bad() {
        target.put("passphrase", &sealed);
        let (outcome, took) = target.unlock(&key, 3);
        assert_eq!(kind(&outcome), Some(ErrorKind::Integrity), "{name}: {outcome:?}");
        assert!(took < most, "{name} took {took:?}, a derivation {derivation:?}");
    }
    // within the bounds it is derived, and found to be wrong
    for factor in [15, 17] {
        let stanza = format!("-> scrypt {} {factor}", target.salt());
        target.put("passphrase", &target.with_stanza(&stanza));
        let (outcome, took) = target.unlock(&key, 1);
        assert_eq!(kind(&outcome), Some(ErrorKind::WrongKey), "{outcome:?}");
        assert!(took > derivation / 32, "2^{factor} took {took:?}");
    }
    target.put("passphrase", &target.sealed);
    assert!(target.unlock(&key, 1).0.is_ok());
}

/// The passphrase of a two-factor slot is wrapped in what anybody can make who knows the public key.
#[test]
fn nor_is_the_inner_one_of_two_factors() {
    let target = Target::new();
    let file = new_key_file(vault::model::Timestamp(0));
    let public = vault::vault::parse_identity(&file).unwrap().to_public();
    let both = |passphrase: &[u8]| {
        let identity = Key::Identity(Secret::from_bytes(file.expose()));
        Key::Both(Box::new(identity), Secret::from_bytes(passphrase))
    };
    let wrapped = |inner: &[u8]| age::encrypt(&public, inner).unwrap();
    let (_, derivation) = target.unlock(&Key::Passphrase(Secret::from_bytes(PASSPHRASE)), 1);
    let most = Duration::from_millis(50).min(derivation / 4);
    for (name, inner) in target.bad() {
        target.put("two_factor", &wrapped(&inner));
        let (outcome, took) = target.unlock(&both(PASSPHRASE), 3);
        assert_eq!(kind(&outcome), Some(ErrorKind::Integrity), "{name}: {outcome:?}");
        assert!(took < most, "{name} took {took:?}, a derivation {derivation:?}");
    }
    // control: a right one is derived. It is not the vault's own, and its tag says so.
    target.put("two_factor", &wrapped(&target.sealed));
    let (outcome, took) = target.unlock(&both(PASSPHRASE), 1);
    assert_eq!(kind(&outcome), Some(ErrorKind::Integrity), "{outcome:?}");
    assert!(took > derivation / 4, "it took {took:?}, a derivation {derivation:?}");
    let (outcome, _) = target.unlock(&both(b"another"), 1);
    assert_eq!(kind(&outcome), Some(ErrorKind::WrongKey), "{outcome:?}");
}

/// Refusing fits into 32 MiB, in which no derivation would.
#[test]
fn refusing_takes_no_memory() {
    let target = Target::new();
    let get = |kibibytes: u32| {
        let line = format!("ulimit -d {kibibytes} && exec \"$VAULT\" cred list --verify");
        let mut command: Command = target.sandbox.command("sh");
        command.args(["-c", &line]).env("VAULT", super::support::VAULT);
        super::support::Answer::of(command.env("VAULT_PASSPHRASE_FILE", "passphrase"))
    };
    for factor in [1, 14, 21, 30, 63] {
        let stanza = format!("-> scrypt {} {factor}", target.salt());
        target.put("passphrase", &target.with_stanza(&stanza));
        let got = get(32 << 10);
        assert_eq!(got.code, 15, "2^{factor}: {}", got.err);
        assert!(got.err.contains("work factor"), "{}", got.err);
    }
    // control: the limit holds, and without it the slot opens
    target.put("passphrase", &target.sealed);
    assert_ne!(get(32 << 10).code, 0);
    assert_eq!(get(1 << 20).code, 0);
}
