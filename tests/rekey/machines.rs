//! Several machines with one vault, and crashes between the commit and the seal.

use super::*;
use std::path::PathBuf;

fn seal_path(s: &Sandbox, state: &str) -> PathBuf {
    let all = support::files(&s.path(state));
    all.into_iter().find(|path| path.ends_with("seal")).unwrap()
}

/// The same vault, seen from another machine.
fn elsewhere(s: &Sandbox, args: &[&str]) -> Answer {
    Answer::of(s.vault(args).env("XDG_STATE_HOME", s.path("state2")))
}

/// The machine that did not rekey refuses until its user says that it was him.
#[test]
fn another_machine_is_told_and_can_go_on() {
    let s = rich();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([s.path("state"), s.path("state2")])
        .status();
    assert!(copied.unwrap().success());
    assert_eq!(elsewhere(&s, &["cred", "get", "alpha"]).out, b"four");
    let fingerprint = rekey(&s)["fingerprint"].as_str().unwrap().to_owned();
    for args in [&["cred", "get", "alpha"][..], &["audit", "verify", "--unlock"]] {
        let refused = elsewhere(&s, args);
        assert_eq!(refused.code, 15, "{}", refused.err);
        assert!(refused.err.contains("rekeyed elsewhere: epoch 1 -> 2"), "{}", refused.err);
        assert!(refused.err.contains("vault trust-state"), "{}", refused.err);
    }
    let mut locked = s.vault(&["cred", "list"]);
    locked.env("XDG_STATE_HOME", s.path("state2")).env_remove("VAULT_KEY_FILE");
    let locked = Answer::of(&mut locked);
    assert_eq!(locked.code, 15, "{}", locked.err);
    assert!(locked.err.contains("rekeyed elsewhere"), "{}", locked.err);
    // it has other keys, so that its fingerprint must be known from elsewhere
    let unseen = elsewhere(&s, &["trust-state", "--yes"]);
    assert_eq!(unseen.code, 14, "{}", unseen.err);
    let trusted = elsewhere(&s, &["trust-state", "--yes", "--pin", &fingerprint]);
    assert_eq!(trusted.code, 0, "{}", trusted.err);
    assert_eq!(elsewhere(&s, &["cred", "get", "alpha"]).out, b"four");
    let told = json(&elsewhere(&s, &["audit", "verify", "--json"]).out);
    let gaps = told["gaps"].as_array().unwrap();
    assert_eq!((&told["authenticated"], gaps.len()), (&true.into(), 1), "{told}");
    assert!(gaps[0].as_str().unwrap().ends_with("the seal was restored"), "{told}");
    // and the first one goes on, too
    assert_eq!(s.ok(&["cred", "get", "alpha"], b""), b"four");
}

/// What stands in the seal after a crash right after the commit: everything but the next pin is old.
fn crashed() -> (Sandbox, Vec<u8>) {
    let s = rich();
    let before = fs::read(seal_path(&s, "state")).unwrap();
    assert_eq!(before.len(), 224);
    rekey(&s);
    let after = fs::read(seal_path(&s, "state")).unwrap();
    let mut seal = before;
    seal[160..192].copy_from_slice(&after[116..148]);
    let sum = forge::sha(&seal[..192]);
    seal[192..].copy_from_slice(&sum);
    (s, seal)
}

#[test]
fn a_crash_before_the_seal_is_written_keeps_nobody_out() {
    let (s, seal) = crashed();
    fs::write(seal_path(&s, "state"), &seal).unwrap();
    let mut locked = s.vault(&["cred", "list"]);
    let locked = Answer::of(locked.env_remove("VAULT_KEY_FILE"));
    assert_eq!(locked.code, 12, "only the keys can tell that it is the vault: {}", locked.err);
    for args in [&["audit", "verify", "--unlock"][..], &["doctor"]] {
        let copy = s.copy();
        copy.ok(args, b"");
    }
    assert_eq!(s.ok(&["cred", "get", "alpha"], b""), b"four");
    let told = json(&s.ok(&["audit", "verify", "--json"], b""));
    assert_eq!(told["gaps"], Json::Array(vec![]), "no segment more than the rekey made");
    sound(&s);
    let now = fs::read(seal_path(&s, "state")).unwrap();
    assert_eq!((&now[24..28], &now[160..192]), (&[0, 0, 0, 2][..], &[0; 32][..]));
    let mut locked = s.vault(&["cred", "list"]);
    assert_eq!(Answer::of(locked.env_remove("VAULT_KEY_FILE")).code, 0);
    assert_eq!(rekey(&s)["epoch"], 3);
    sound(&s);
}

/// What is done to a seal.
type Change = &'static dyn Fn(&mut Vec<u8>);

/// The negative controls: a seal that has announced nothing, or another epoch, admits nobody.
#[test]
fn only_what_was_announced_is_known() {
    let (s, seal) = crashed();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut seal = seal.clone();
        change(&mut seal);
        let sum = forge::sha(&seal[..192]);
        seal[192..].copy_from_slice(&sum);
        fs::write(seal_path(&s, "state"), seal).unwrap();
        s.run(&["cred", "get", "alpha"])
    };
    let refused: [Change; 4] = [
        &|seal| seal[160..192].fill(0),
        &|seal| seal[160] ^= 1,
        &|seal| seal[27] = 0,
        // the log key of the old segment: the entry of the rekey is not from here
        &|seal| seal[76] ^= 1,
    ];
    for (case, change) in refused.into_iter().enumerate() {
        let answer = with(change);
        assert_eq!((answer.code, answer.out.len()), (15, 0), "{case}: {}", answer.err);
    }
    assert_eq!(with(&|_| {}).code, 0);
}

/// A rekey that was announced and never came is forgotten with the next entry.
#[test]
fn what_was_announced_and_did_not_come_is_forgotten() {
    let s = rich();
    let path = seal_path(&s, "state");
    let mut seal = fs::read(&path).unwrap();
    seal[160..192].fill(7);
    let sum = forge::sha(&seal[..192]);
    seal[192..].copy_from_slice(&sum);
    fs::write(&path, &seal).unwrap();
    assert_eq!(s.ok(&["cred", "get", "alpha"], b""), b"four");
    assert_eq!(fs::read(&path).unwrap()[160..192], [0; 32]);
    sound(&s);
}

/// A program that has the vault open for long, as an agent does, has keys of an epoch that is over.
#[test]
fn whoever_has_it_open_is_told_to_begin_again() {
    let s = rich();
    let (mut idle, name) = (s.open().unwrap(), "alpha".parse().unwrap());
    assert_eq!(idle.reveal(&name, None).unwrap().expose(), b"four");
    rekey(&s);
    for time in ["first", "second"] {
        let refused = idle.reveal(&name, None).err().unwrap();
        assert_eq!(refused.kind(), vault::error::ErrorKind::Conflict, "{time}: {refused}");
        assert!(refused.message().contains("rekeyed meanwhile"), "{refused}");
    }
    // it is no tampering either for whoever looks at slots only, or is about to rekey, too
    let refused = idle.slots_to_remake().err().unwrap();
    assert_eq!(refused.kind(), vault::error::ErrorKind::Conflict, "{refused}");
    assert_eq!(s.open().unwrap().reveal(&name, None).unwrap().expose(), b"four");
    sound(&s);
}

/// On a machine without a seal there is nothing that a crash could keep out; the gap is the missing seal's.
#[test]
fn a_rekey_without_a_seal_begins_with_one() {
    let s = rich();
    fs::remove_file(seal_path(&s, "state")).unwrap();
    let answer = s.run(&["rekey", "--yes"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("no usable seal"), "{}", answer.err);
    let told = json(&s.ok(&["audit", "verify", "--json"], b""));
    assert_eq!((&told["authenticated"], told["gaps"].as_array().unwrap().len()), (&true.into(), 1));
    assert_eq!(s.ok(&["cred", "get", "alpha"], b""), b"four");
}
