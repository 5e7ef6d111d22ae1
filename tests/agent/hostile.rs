//! Strangers, other versions, what was left behind, and nonsense on the wire.

use crate::support::waiting::{PATIENCE, runs, soon};
use crate::support::{Answer, missing, require, unable};
use crate::{Desk, signal};
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

const GET: &[&str] = &["--no-input", "cred", "get", "db/main"];

/// A list as it is on the wire.
pub(crate) fn list(items: &[&[u8]]) -> Vec<u8> {
    let one = |item: &&[u8]| [&u32::try_from(item.len()).unwrap().to_be_bytes(), *item].concat();
    items.iter().flat_map(one).collect()
}

pub(crate) fn framed(sort: u8, body: &[u8]) -> Vec<u8> {
    [&[sort], &u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

/// A request that is right, without descriptors: its answer goes where the agent's output goes.
fn request(desk: &Desk, version: &str, verb: &str, file: &[u8]) -> Vec<u8> {
    request_for(desk, version, verb, file, (file, &desk.sandbox.path("state")))
}

/// One whose environment leads to a vault and to seals of its own.
fn request_for(
    desk: &Desk,
    version: &str,
    verb: &str,
    file: &[u8],
    (named, state): (&[u8], &Path),
) -> Vec<u8> {
    request_with(desk, version, verb, file, (named, state), &[])
}

/// The same, with a list of texts.
pub(crate) fn request_with(
    desk: &Desk,
    version: &str,
    verb: &str,
    file: &[u8],
    (named, state): (&[u8], &Path),
    texts: &[u8],
) -> Vec<u8> {
    let about = fs::metadata(desk.sandbox.database()).unwrap();
    let root = fs::metadata("/").unwrap();
    let mounts = fs::metadata("/proc/self/ns/mnt").unwrap();
    let seen = [about.dev(), about.ino(), root.dev(), root.ino(), mounts.ino()];
    let seen: Vec<u8> = seen.into_iter().flat_map(u64::to_be_bytes).collect();
    let args = list(&[b"vault", b"cred", b"get", b"db/main"]);
    let env: &[&[u8]] = &[b"XDG_STATE_HOME", state.as_os_str().as_bytes(), b"VAULT_FILE", named];
    let (magic, umask) = (b"vault-agent/1", [0, 0, 0, 0o22]);
    let parts: &[&[u8]] = &[
        magic,
        version.as_bytes(),
        verb.as_bytes(),
        file,
        &seen,
        &umask,
        &args,
        &list(env),
        texts,
        &[],
    ];
    framed(b'Q', &list(parts))
}

fn ours(desk: &Desk) -> Vec<u8> {
    let file = desk.sandbox.database();
    request(desk, env!("CARGO_PKG_VERSION"), "run", file.as_os_str().as_bytes())
}

/// What the agent says to these bytes, which are all that is said, until it hangs up.
fn say(desk: &Desk, bytes: &[u8]) -> Vec<u8> {
    let stream = sent(desk, bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    heard(stream)
}

/// What it says to somebody who waits.
fn ask(desk: &Desk, bytes: &[u8]) -> Vec<u8> {
    heard(sent(desk, bytes))
}

pub(crate) fn sent(desk: &Desk, bytes: &[u8]) -> UnixStream {
    let mut stream = UnixStream::connect(desk.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // it may hang up before it has heard all
    let _ = stream.write_all(bytes);
    stream
}

fn heard(mut stream: UnixStream) -> Vec<u8> {
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    said
}

#[test]
fn nonsense_gets_nothing_and_harms_nothing() {
    let desk = Desk::unlocked();
    let (pid, right) = (desk.pid(), ours(&desk));
    let heard = say(&desk, &right);
    assert_eq!(heard.first(), Some(&b'A'), "the request is not right: {heard:?}");
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    let (frames, mut answered) = (10_000, 0);
    for round in 0..frames {
        let mut frame = right.clone();
        match round % 4 {
            0 => frame = (0..next(300)).map(|_| u8::try_from(next(256)).unwrap()).collect(),
            1 => frame.truncate(next(right.len())),
            _ => {
                for _ in 0..=next(4) {
                    let at = next(frame.len());
                    frame[at] = u8::try_from(next(256)).unwrap();
                }
            }
        }
        let said = say(&desk, &frame);
        answered += usize::from(!said.is_empty());
        assert!(!crate::support::contains(&said, b"the-value"), "round {round}");
    }
    assert_eq!(desk.pid(), pid);
    assert_eq!(desk.run(GET).out, b"the-value");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 64 << 10, "{peak} KiB");
    println!("{frames} frames, {answered} answered, 0 values, the same agent, {peak} KiB at most");
}

#[test]
fn another_version_is_not_used_but_can_be_locked() {
    let desk = Desk::unlocked();
    let file = desk.sandbox.database();
    let file = file.as_os_str().as_bytes();
    for verb in ["run", "values", "status", "fill"] {
        let said = say(&desk, &request(&desk, "0.0.0", verb, file));
        let version = list(&[b"version", env!("CARGO_PKG_VERSION").as_bytes()]);
        assert_eq!(said, framed(b'N', &version), "{verb}");
    }
    assert_eq!(say(&desk, &request(&desk, "0.0.0", "lock", file)), framed(b'E', &[0, 0]));
    assert!(desk.is_locked());

    // and the other way round: an agent of another version
    let socket = desk.sandbox.path("run/vault").join(name(&desk));
    let listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
    let path = socket.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 5];
            let _ = (&stream).read_exact(&mut head);
            let mut body = vec![0; u32::from_be_bytes(head[1..].try_into().unwrap()) as usize];
            let _ = (&stream).read_exact(&mut body);
            if body.windows(8).any(|part| part == [&4_u32.to_be_bytes()[..], b"lock"].concat()) {
                fs::remove_file(&path).unwrap();
                return;
            }
            let _ = (&stream).write_all(&framed(b'N', &list(&[b"version", b"9.9.9"])));
        }
    });
    let key = desk.sandbox.path("key");
    let mut get = desk.detached(&["cred", "get", "db/main"]);
    let answer = Answer::of(get.env("VAULT_KEY_FILE", &key));
    assert_eq!((answer.code, &answer.out[..]), (0, &b"the-value"[..]));
    assert!(answer.err.contains("is of version 9.9.9"), "{}", answer.err);
    assert_eq!(desk.standing()["state"], "of another version");
    desk.unlock(&[]);
    assert_eq!(desk.run(GET).out, b"the-value");
}

/// The name of the socket: made as FORMAT.md says.
fn name(desk: &Desk) -> String {
    use sha2::Digest;
    let file = desk.sandbox.database().canonicalize().unwrap();
    let hash = sha2::Sha256::digest(file.as_os_str().as_bytes());
    format!("agent-{}", data_encoding::HEXLOWER.encode(&hash[..8]))
}

#[test]
fn an_agent_for_another_vault_is_of_no_use() {
    let desk = Desk::unlocked();
    let other = desk.sandbox.path("other.db");
    let said =
        say(&desk, &request(&desk, env!("CARGO_PKG_VERSION"), "run", other.as_os_str().as_bytes()));
    assert_eq!(said, framed(b'N', &list(&[b"vault", b""])));
    // its socket at the place of that of another vault
    let other = Desk::locked();
    fs::DirBuilder::new().create(other.sandbox.path("run/vault")).unwrap();
    fs::set_permissions(other.sandbox.path("run/vault"), Permissions::from_mode(0o700)).unwrap();
    let socket = other.sandbox.path("run/vault").join(name(&other));
    fs::rename(desk.socket(), &socket).unwrap();
    assert_eq!(other.run(GET).code, 12);
    other.unlock(&[]);
    assert_eq!(other.run(GET).out, b"the-value");
}

/// The keys fit a copy of the vault as well, and what is done to that is in no log that anybody reads.
#[test]
fn a_copy_of_the_vault_is_not_opened() {
    let desk = Desk::unlocked();
    let (file, version) = (desk.sandbox.database(), env!("CARGO_PKG_VERSION"));
    let (copies, state) = (desk.sandbox.path("copies"), desk.sandbox.path("state"));
    fs::create_dir(&copies).unwrap();
    fs::set_permissions(&copies, Permissions::from_mode(0o700)).unwrap();
    let copy = copies.join("vault.db");
    for end in ["", "-wal"] {
        let name = |file: &Path| format!("{}{end}", file.display());
        fs::copy(name(&file), name(&copy)).unwrap();
    }
    let original = file.as_os_str().as_bytes();
    let named = |named: &Path, state: &Path| {
        let about = (named.as_os_str().as_bytes(), state);
        ask(&desk, &request_for(&desk, version, "run", original, about))
    };
    let refused = framed(b'N', &list(&[b"elsewhere", b""]));
    assert_eq!(named(&copy, &state), refused);
    assert_eq!(named(&copy, &copies), refused);
    // and a seal of somebody's own
    assert_eq!(named(&file, &copies), refused);
    assert_eq!(desk.count("decrypt"), 0);
    let done = [framed(b'A', b""), framed(b'E', &[0, 0])].concat();
    assert_eq!(named(&file, &state), done);
    assert_eq!(desk.count("decrypt"), 1);
}

#[test]
fn a_socket_that_nobody_listens_at_is_replaced() {
    let desk = Desk::unlocked();
    let pid = desk.pid();
    signal(pid, Signal::KILL);
    soon("its end", || !runs(pid));
    assert!(desk.socket().exists());
    let answer = desk.run(GET);
    assert_eq!(answer.code, 12, "{}", answer.err);
    desk.unlock(&[]);
    assert_eq!(desk.run(GET).out, b"the-value");
}

#[test]
fn what_others_can_get_at_is_refused() {
    let desk = Desk::unlocked();
    let (dir, socket) = (desk.sandbox.path("run/vault"), desk.socket());
    let key = desk.sandbox.path("key");
    let unlock = ["--key-file", key.to_str().unwrap(), "unlock"];
    fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
    let answer = desk.run(GET);
    assert_eq!(answer.code, 12);
    assert!(answer.err.contains("warning: others can get at the directory"), "{}", answer.err);
    let answer = desk.run(&unlock);
    assert_eq!(answer.code, 14, "{}", answer.err);
    assert!(answer.err.contains("chmod 700"), "{}", answer.err);
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    let answer = desk.run(GET);
    assert_eq!(answer.out, b"the-value", "{}", answer.err);

    if !rustix::process::geteuid().is_root() {
        unable("needs the superuser, to give a socket away");
        return;
    }
    std::os::unix::fs::chown(&socket, Some(65534), None).unwrap();
    let answer = desk.run(GET);
    assert_eq!(answer.code, 12);
    assert!(answer.err.contains("is no socket of yours"), "{}", answer.err);
    assert_eq!(desk.run(&unlock).code, 14);
    std::os::unix::fs::chown(&socket, Some(0), None).unwrap();
    assert_eq!(desk.run(GET).out, b"the-value");
}

/// Even if the permissions were wrong, the kernel says who it is.
#[test]
fn somebody_else_gets_nothing() {
    if !rustix::process::geteuid().is_root() {
        unable("needs the superuser, to be somebody else");
        return;
    }
    if !require("setpriv") {
        return;
    }
    if !Path::new("/usr/bin/python3").exists() {
        missing("python3 is not installed for everybody");
        return;
    }
    let desk = Desk::unlocked();
    let socket = desk.socket();
    for open in
        [desk.sandbox.root(), &desk.sandbox.path("run"), &desk.sandbox.path("run/vault"), &socket]
    {
        fs::set_permissions(open, Permissions::from_mode(0o777)).unwrap();
    }
    let frame = desk.sandbox.path("tmp/frame");
    fs::write(&frame, ours(&desk)).unwrap();
    fs::set_permissions(&frame, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(desk.sandbox.path("tmp"), Permissions::from_mode(0o755)).unwrap();
    let line = "import socket,sys\ns=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1])\ntry: s.sendall(open(sys.argv[2],'rb').read());sys.stdout.buffer.write(s.recv(100)[:1])\nexcept ConnectionError: pass";
    let said = |words: &[&str]| {
        let mut command = desk.sandbox.command(words[0]);
        command.args(&words[1..]).args(["/usr/bin/python3", "-c", line]).arg(&socket).arg(&frame);
        let answer = Answer::of(&mut command);
        assert_eq!(answer.code, 0, "{}", answer.err);
        answer.out
    };
    let stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    assert_eq!(said(&stranger), b"");
    assert_eq!(said(&["env"]), b"A", "the control does not work");
    fs::set_permissions(desk.sandbox.path("run/vault"), Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(desk.sandbox.path("run"), Permissions::from_mode(0o700)).unwrap();
}
