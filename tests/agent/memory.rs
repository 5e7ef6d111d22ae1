//! What of the vault's secrets is in the memory of an agent, as the superuser sees it with a debugger, and
//! with bare hands (T11).

use crate::Desk;
use crate::support::waiting::soon;
use crate::support::{Answer, Sandbox, contains, json, require, unable};
use data_encoding::BASE64;
use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const PASSPHRASE: &str = "gravel ostrich penknife lullaby";

#[test]
fn a_dump_of_an_unlocked_agent_holds_no_secret() {
    if !rustix::process::geteuid().is_root() {
        unable("needs the superuser, to read the memory of others");
        return;
    }
    let desk = with_passphrase();
    let values: Vec<String> = (0..100).map(|n| format!("value-{n:03}-{:016x}", mixed(n))).collect();
    let lines: String = values
        .iter()
        .enumerate()
        .map(|(n, value)| {
            format!("{{\"name\":\"c{n}\",\"type\":\"password\",\"secrets\":{{\"password\":\"{value}\"}}}}\n")
        })
        .collect();
    let mut import = desk.vault(&["import", "--format", "jsonl"]);
    assert_eq!(Answer::fed(&mut import, lines.as_bytes()).code, 0);
    for (n, value) in values.iter().enumerate() {
        assert_eq!(desk.ok(&["cred", "get", &format!("c{n}")]), value.as_bytes());
    }
    if desk.standing()["memory"] != "memfd_secret" {
        unable("this system has no memory that the superuser cannot read");
        return;
    }
    let mut needles: Vec<Vec<u8>> = values.into_iter().map(String::into_bytes).collect();
    needles.extend(keys(&desk));
    needles.push(PASSPHRASE.into());
    let pid = desk.pid();
    let seen = memory_of(pid);
    let hits = needles.iter().filter(|needle| contains(&seen, needle)).count();
    assert_eq!(hits, 0, "of {} bytes", seen.len());
    // the search finds what is there, in the agent, too
    assert!(contains(&seen, b"vault-agent/1"));
    let kind = desk.standing()["memory"].as_str().unwrap().to_owned();
    eprintln!(
        "T11: {} needles, {hits} hits in {} bytes of an agent ({kind})",
        needles.len(),
        seen.len()
    );
    by_debugger(&desk, pid, &needles);
    control();
}

fn mixed(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn with_passphrase() -> Desk {
    let sandbox = Sandbox::bare();
    fs::create_dir(sandbox.path("run")).unwrap();
    fs::set_permissions(sandbox.path("run"), Permissions::from_mode(0o700)).unwrap();
    let file = sandbox.file("passphrase", PASSPHRASE);
    let desk = Desk { sandbox };
    for args in [&["init"][..], &["unlock"]] {
        let answer = Answer::of(desk.detached(args).env("VAULT_PASSPHRASE_FILE", &file));
        assert_eq!(answer.code, 0, "{}", answer.err);
    }
    desk
}

/// The identity and the root, as text and as bytes, as the slot has them.
fn keys(desk: &Desk) -> Vec<Vec<u8>> {
    let db = rusqlite::Connection::open(desk.sandbox.database()).unwrap();
    let sealed: Vec<u8> = db.query_row("SELECT sealed FROM slot", [], |row| row.get(0)).unwrap();
    let identity = age::scrypt::Identity::new(PASSPHRASE.to_owned().into());
    let text = String::from_utf8(age::decrypt(&identity, &sealed).unwrap()).unwrap();
    let root = text.lines().find_map(|line| line.strip_prefix("# auth-root: ")).unwrap();
    let identity = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let raw = bech32(identity);
    assert_eq!(raw.len(), 32);
    vec![root.into(), BASE64.decode(root.as_bytes()).unwrap(), identity.into(), raw]
}

/// The bytes of an age identity (BIP 173, without the checksum).
fn bech32(text: &str) -> Vec<u8> {
    const LETTERS: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let data = &text["AGE-SECRET-KEY-1".len()..text.len() - 6];
    let (mut out, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in data.chars() {
        held = held << 5 | u32::try_from(LETTERS.find(letter).unwrap()).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    out
}

/// All that can be read of a process.
fn memory_of(pid: i32) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| !line.contains("[vsyscall]")) {
        let range = line.split(' ').next().unwrap().split_once('-').unwrap();
        let number = |hex: &str| u64::from_str_radix(hex, 16).unwrap();
        let (from, to) = (number(range.0), number(range.1));
        let mut part = vec![0; usize::try_from(to - from).unwrap()];
        // what cannot be read is what this is about
        if memory.seek(SeekFrom::Start(from)).is_ok() && memory.read_exact(&mut part).is_ok() {
            all.extend_from_slice(&part);
        }
    }
    all
}

fn by_debugger(desk: &Desk, pid: i32, needles: &[Vec<u8>]) {
    if !require("gcore") {
        return;
    }
    let to = desk.sandbox.path("tmp/core");
    let dumped =
        Command::new("gcore").arg("-a").arg("-o").arg(&to).arg(pid.to_string()).output().unwrap();
    let core = desk.sandbox.path(&format!("tmp/core.{pid}"));
    let Ok(seen) = fs::read(&core) else {
        unable(&format!("gcore made no dump: {}", String::from_utf8_lossy(&dumped.stderr)));
        return;
    };
    fs::remove_file(&core).unwrap(); // nothing keeps a core
    assert_eq!(needles.iter().filter(|needle| contains(&seen, needle)).count(), 0);
    assert!(contains(&seen, b"vault-agent/1"));
    eprintln!("T11: 0 hits in {} bytes of a dump by gcore", seen.len());
}

/// The same search finds what is in ordinary memory.
fn control() {
    let mut python = Command::new("python3");
    python.args([
        "-c",
        "import sys; x = sys.stdin.readline(); print('r', flush=True); sys.stdin.read()",
    ]);
    let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"canary-in-the-heap\n").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let seen = memory_of(i32::try_from(child.id()).unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(contains(&seen, b"canary-in-the-heap"), "the search finds nothing at all");
}

/// Until it has hardened itself, whoever is the same user could take what it has open: it has no keys then.
#[test]
fn an_agent_is_given_the_keys_when_it_has_hardened_itself() {
    let desk = Desk::locked();
    let trace = desk.sandbox.path("tmp/trace");
    if !require("strace") {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        unable("needs the superuser, to see what a hardened process says to the system");
        return;
    }
    let mut unlock = desk.dress(desk.sandbox.command("strace"), &[]);
    unlock.args(["-f", "-o"]).arg(&trace).args(["-e", "trace=execve,prctl,recvmsg,accept4"]);
    unlock.arg(crate::support::VAULT).arg("unlock");
    unlock.arg("--key-file").arg(desk.sandbox.path("key"));
    // a tracer stays as long as what it traces
    let mut unlock = unlock.spawn().unwrap();
    soon("an agent that serves", || !desk.is_locked());
    desk.ok(&["lock"]);
    unlock.wait().unwrap();
    let seen = fs::read_to_string(&trace).unwrap();
    let begun = seen.lines().find(|line| line.contains("\"__agent\"")).unwrap();
    let pid = begun.split(' ').next().unwrap();
    let its: Vec<_> = seen.lines().filter(|line| line.split(' ').next() == Some(pid)).collect();
    let line = |text: &str| its.iter().position(|line| line.contains(text)).expect(text);
    let (hardened, given) = (line("PR_SET_DUMPABLE"), line("cmsg_type=SCM_RIGHTS"));
    assert!(hardened < given && given < line("accept4("), "{its:?}");
}

/// The memory is of the sort that the system can give, and `status` says which.
#[test]
fn status_names_the_memory() {
    let desk = Desk::unlocked();
    let standing = desk.standing();
    assert!(
        ["memfd_secret", "mlock"].contains(&standing["memory"].as_str().unwrap()),
        "{standing}"
    );
    let limits = fs::read_to_string(format!("/proc/{}/limits", desk.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!(json(&desk.ok(&["status", "--json"]))["agent"]["state"], "unlocked");
}
