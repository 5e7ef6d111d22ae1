//! The states a seal file can be in, and what each leads to.

use super::*;

/// What each state of the seal file leads to: unlocking, revealing, verifying the log, `doctor`.
struct SealCase {
    name: &'static str,
    apply: fn(&Site),
    unlock: Result<(), ErrorKind>,
    reveal: Result<(), ErrorKind>,
    /// The gaps that verification names before the first use, if it verifies.
    log: Result<&'static [&'static str], ErrorKind>,
    /// `ok`, `warning` or `problem`.
    doctor: &'static str,
}

const INTEGRITY: Result<(), ErrorKind> = Err(ErrorKind::Integrity);

/// T32. A missing or damaged seal is a loss that must not lock the owner out: it is visible and work
/// goes on in a new segment. A seal that contradicts the database is an alarm.
const SEALS: &[SealCase] = &[
    SealCase {
        name: "as it was",
        apply: |_| {},
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&[]),
        doctor: "ok",
    },
    SealCase {
        name: "missing",
        apply: |s| std::fs::remove_file(s.seal()).unwrap(),
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&["there is no seal file on this machine"]),
        doctor: "warning",
    },
    SealCase {
        name: "stale",
        apply: |s| write_private(&s.seal(), &seal_of(&s.before)),
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&[]),
        doctor: "ok",
    },
    SealCase {
        name: "torn short",
        apply: |s| write_private(&s.seal(), &seal_of(&s.after)[..100]),
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&["the seal file on this machine is damaged"]),
        doctor: "warning",
    },
    SealCase {
        name: "torn between old and new",
        apply: |s| {
            let mut seal = seal_of(&s.after);
            seal[..64].copy_from_slice(&seal_of(&s.before)[..64]);
            write_private(&s.seal(), &seal);
        },
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&["the seal file on this machine is damaged"]),
        doctor: "warning",
    },
    SealCase {
        name: "empty",
        apply: |s| write_private(&s.seal(), b""),
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&["the seal file on this machine is damaged"]),
        doctor: "warning",
    },
    SealCase {
        name: "another vault's",
        apply: |s| {
            let dir = std::fs::read_dir(&s.other.state_dir).unwrap();
            let mut dirs = dir.map(|e| e.unwrap().path().join("seal"));
            let theirs = dirs.find(|path| path.exists()).unwrap();
            write_private(&s.seal(), &std::fs::read(theirs).unwrap());
        },
        unlock: INTEGRITY,
        reveal: INTEGRITY,
        log: Err(ErrorKind::Integrity),
        doctor: "problem",
    },
    SealCase {
        name: "ahead of a rolled-back database",
        apply: |s| restore_database(&s.before),
        unlock: Ok(()),
        reveal: INTEGRITY,
        log: Err(ErrorKind::Integrity),
        doctor: "problem",
    },
    SealCase {
        name: "forged: right sum, position and pin, wrong key",
        apply: |s| {
            let seal = seal_of(&s.before);
            write_private(&s.seal(), &with_sum(&seal, 76, &[0; 32]));
        },
        unlock: Ok(()),
        reveal: INTEGRITY,
        log: Ok(&[]),
        doctor: "ok",
    },
    SealCase {
        name: "forged: another pin",
        apply: |s| write_private(&s.seal(), &with_sum(&seal_of(&s.after), 116, &[0; 32])),
        unlock: INTEGRITY,
        reveal: INTEGRITY,
        log: Err(ErrorKind::Integrity),
        doctor: "problem",
    },
    SealCase {
        name: "a directory",
        apply: |s| {
            let seal = s.seal();
            std::fs::remove_file(&seal).unwrap();
            std::fs::create_dir(seal).unwrap();
        },
        unlock: Err(ErrorKind::Refused),
        reveal: Err(ErrorKind::Refused),
        log: Err(ErrorKind::Refused),
        doctor: "problem",
    },
    SealCase {
        name: "a link",
        apply: |s| {
            let seal = s.seal();
            std::fs::rename(&seal, s.dir().join("real")).unwrap();
            std::os::unix::fs::symlink(s.dir().join("real"), seal).unwrap();
        },
        unlock: Err(ErrorKind::Refused),
        reveal: Err(ErrorKind::Refused),
        log: Err(ErrorKind::Refused),
        doctor: "problem",
    },
];

/// The seal file of a copy.
fn seal_of(files: &Files) -> Vec<u8> {
    let seal = files.iter().find(|(path, _)| path.ends_with("seal"));
    seal.unwrap().1.clone()
}

/// A seal with some bytes replaced and the checksum made right.
fn with_sum(seal: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut body = seal[..seal.len() - 32].to_vec();
    body[at..at + bytes.len()].copy_from_slice(bytes);
    let sum = forge::sha(&body);
    [body, sum.to_vec()].concat()
}

#[test]
fn seal_situations() {
    let site = Site::new();
    for case in SEALS {
        site.put(&site.after);
        (case.apply)(&site);
        let unlocked = site.unlock();
        assert_eq!(unlocked.as_ref().map(drop).map_err(|e| e.kind()), case.unlock, "{}", case.name);
        let mut v = match unlocked {
            Ok(v) => v,
            Err(_) => continue,
        };
        let verdict = v.verify_log(&mut |_, _| {});
        let gaps = verdict.map(|v| v.gaps).map_err(|e| e.kind());
        let expected = case.log.map(|gaps| gaps.iter().map(|g| (*g).to_owned()).collect());
        assert_eq!(gaps, expected, "{}", case.name);
        let levels: Vec<&str> = v.doctor().unwrap().iter().map(|f| f.level).collect();
        let worst = ["problem", "warning", "ok"].into_iter().find(|l| levels.contains(l));
        assert_eq!(worst, Some(case.doctor), "{}", case.name);
        let value = v.reveal(&name("alpha"), None);
        assert_eq!(value.as_ref().map(drop).map_err(|e| e.kind()), case.reveal, "{}", case.name);
        if let Ok(value) = value {
            assert_eq!(value.expose(), b"alpha-password-2", "{}", case.name);
            let verdict = v.verify_log(&mut |_, _| {}).unwrap();
            assert_eq!(verdict.complete_to, Some(verdict.last), "{}", case.name);
        }
    }
}
