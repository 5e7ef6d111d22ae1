//! Unlocking once more: an agent shows that it has the keys, and so does whoever wants other times of it. The
//! keys go to nobody who was there before.

use crate::Desk;
use crate::hostile::{framed, list, request_with, sent};
use crate::support::{Answer, VAULT, json, require, unable};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::fs::DirBuilder;
use std::io::{IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What somebody who listens in the place of an agent answers to everything.
struct Impostor {
    answer: Vec<u8>,
    /// How many descriptors came, and how many connections.
    files: AtomicUsize,
    calls: AtomicUsize,
    is_over: AtomicBool,
}

impl Impostor {
    fn serve(&self, listener: &UnixListener) {
        listener.set_nonblocking(true).unwrap();
        while !self.is_over.load(Ordering::SeqCst) {
            match listener.accept() {
                Ok((client, _)) => self.hear(&client),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn hear(&self, mut client: &UnixStream) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        client.set_nonblocking(false).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut heard = vec![0; 1 << 16];
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(250))];
            let mut with = RecvAncillaryBuffer::new(&mut space);
            let flags = RecvFlags::CMSG_CLOEXEC;
            let got = recvmsg(client, &mut [IoSliceMut::new(&mut heard)], &mut with, flags);
            for message in with.drain() {
                if let RecvAncillaryMessage::ScmRights(files) = message {
                    self.files.fetch_add(files.count(), Ordering::SeqCst);
                }
            }
            if !got.is_ok_and(|got| got.bytes > 0) {
                break;
            }
        }
        let _ = client.write_all(&self.answer);
    }
}

/// The socket for the vault of `desk`, where nobody listens yet.
fn socket(desk: &Desk) -> PathBuf {
    desk.unlock(&[]);
    let socket = desk.socket();
    desk.ok(&["lock"]);
    socket
}

#[test]
fn who_was_there_before_gets_no_keys() {
    let proof = list(&[&[7; 32], &[7; 32]]);
    let locked = list(&[b"locked", b""]);
    for answer in [Vec::new(), framed(b'N', &locked), framed(b'P', &proof), framed(b'E', &[0, 0])] {
        let desk = Desk::locked();
        let listener = UnixListener::bind(socket(&desk)).unwrap();
        let (files, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let impostor = Impostor { answer, files, calls, is_over: AtomicBool::new(false) };
        let key = desk.sandbox.path("key");
        let answer = std::thread::scope(|scope| {
            scope.spawn(|| impostor.serve(&listener));
            let answer = desk.run(&["--key-file", key.to_str().unwrap(), "unlock"]);
            impostor.is_over.store(true, Ordering::SeqCst);
            answer
        });
        let calls = impostor.calls.load(Ordering::SeqCst);
        assert_eq!((answer.code, calls > 1), (13, true), "{}", answer.all());
        let hangs_up_at_least = impostor.answer.starts_with(b"E");
        let said = if hangs_up_at_least { "come and go" } else { "does not lock" };
        assert!(answer.err.contains(said), "{}", answer.err);
        assert_eq!(impostor.files.load(Ordering::SeqCst), 0, "something was handed over");
        let is_refused = answer.err.contains("is not this program: it gets none");
        assert_eq!(is_refused, impostor.answer[..].starts_with(b"N"), "{}", answer.err);
    }
}

/// Without the keys nobody holds them for longer.
#[test]
fn who_has_no_keys_changes_no_times() {
    let desk = Desk::locked();
    desk.unlock(&["--max", "1h"]);
    let before = desk.standing();
    let (vault, state) = (desk.sandbox.database(), desk.sandbox.path("state"));
    let file = vault.as_os_str().as_bytes();
    let version = env!("CARGO_PKG_VERSION");
    let asked = list(&[&[b'0'; 64]]);
    let request = request_with(&desk, version, "renew", file, (file, &state), &asked);
    let terms: &[u8] = br#"{"slot":"key file","since":0,"idle":9,"max":900000}"#;
    let mut stream = sent(&desk, &request);
    let proof = heard(&mut stream);
    assert_eq!(proof.first(), Some(&b'P'), "{proof:?}");
    // with its own mark, with none, and with another
    for mark in [&proof[proof.len() - 32..], &[], &[7; 32]] {
        let mut stream = sent(&desk, &request);
        assert_eq!(heard(&mut stream)[0], b'P');
        stream.write_all(&framed(b'R', &list(&[terms, mark]))).unwrap();
        let said = heard(&mut stream);
        assert_eq!(said, framed(b'N', &list(&[b"keys", b""])));
    }
    let after = desk.standing();
    assert_eq!((&before["max"], &before["since"]), (&after["max"], &after["since"]));
    assert!(after["max_left"].as_i64() <= Some(3600));
    // nor does somebody exchange them
    let others = request_with(&desk, version, "fill", file, (file, &state), &[]);
    assert_eq!(heard(&mut sent(&desk, &others)), framed(b'N', &list(&[b"keys", b""])));
    assert!(!desk.is_locked());
}

/// The next frame.
fn heard(stream: &mut UnixStream) -> Vec<u8> {
    let mut frame = vec![0; 5];
    stream.read_exact(&mut frame).unwrap();
    let length = u32::from_be_bytes(frame[1..5].try_into().unwrap()) as usize;
    frame.resize(5 + length, 0);
    stream.read_exact(&mut frame[5..]).unwrap();
    frame
}

/// One that has other keys makes way: they were changed elsewhere, and it has not noticed.
#[test]
fn an_agent_with_other_keys_makes_way() {
    let desk = Desk::unlocked();
    let (pid, key) = (desk.pid(), desk.sandbox.path("key"));
    // done where its socket is not seen
    let elsewhere = desk.sandbox.path("elsewhere");
    DirBuilder::new().mode(0o700).create(&elsewhere).unwrap();
    let mut rekey = desk.vault(&["--key-file", key.to_str().unwrap(), "rekey", "--yes"]);
    let answer = Answer::of(rekey.env("XDG_RUNTIME_DIR", &elsewhere));
    assert_eq!(answer.code, 0, "{}", answer.all());
    desk.unlock(&[]);
    assert_ne!(desk.pid(), pid);
    assert_eq!(desk.ok(&["cred", "get", "db/main"]), b"the-value");
}

/// Nobody is told that it goes on who could not use it.
#[test]
fn an_agent_with_other_seals_makes_way() {
    let desk = Desk::unlocked();
    let (pid, key) = (desk.pid(), desk.sandbox.path("key"));
    let other = desk.sandbox.path("other");
    let there = |args: &[&str]| {
        let mut command = desk.vault(args);
        command.env("XDG_STATE_HOME", &other).env("VAULT_KEY_FILE", &key);
        Answer::of(&mut command)
    };
    let answer = there(&["unlock"]);
    assert_eq!((answer.code, answer.err.contains("again")), (0, false), "{}", answer.all());
    let standing = json(&there(&["status", "--json"]).out)["agent"].clone();
    assert_ne!(standing["pid"], pid);
    let mut get = desk.vault(&["--no-input", "cred", "get", "db/main"]);
    let answer = Answer::of(get.env("XDG_STATE_HOME", &other));
    assert_eq!((answer.code, &answer.out[..]), (0, &b"the-value"[..]), "{}", answer.all());
}

/// As above: here the agent sees other mounts.
#[test]
fn an_agent_that_sees_other_files_makes_way() {
    if !require("unshare") {
        return;
    }
    let desk = Desk::unlocked();
    let key = desk.sandbox.path("key");
    let line = format!(
        "{VAULT} --key-file '{}' unlock && {VAULT} --no-input cred get db/main",
        key.display()
    );
    let elsewhere = |args: &[&str]| {
        let command = desk.sandbox.command("unshare");
        Answer::of(&mut desk.dress(command, &[&["-m"], args].concat()))
    };
    if elsewhere(&["true"]).code != 0 {
        unable("nobody has mounts of his own here");
        return;
    }
    let answer = elsewhere(&["sh", "-c", &line]);
    assert_eq!((answer.code, &answer.out[..]), (0, &b"the-value"[..]), "{}", answer.all());
    assert!(!answer.err.contains("again"), "{}", answer.err);
}
