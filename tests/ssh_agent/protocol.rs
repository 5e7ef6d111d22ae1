//! What comes over the socket: from strangers, from the slow and the malicious, and from many at once;
//! and what becomes of the socket.

use crate::agent::{Agent, FAILURE, LIST, ask, receive, send, wish};
use crate::support::{Answer, contains, files, require};
use crate::{ED25519, RSA, with_key};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

#[test]
fn what_is_not_understood_is_answered_with_a_failure() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let agent = Agent::start(&sandbox, &[]);
    let public = fs::read_to_string(sandbox.path("deploy.pub")).unwrap();
    let mut stream = agent.connect();
    let whole = wish(&public, b"data", 0);
    // add, remove, lock, session-bind, and words nobody knows
    for kind in [0, 1, 17, 18, 19, 20, 22, 25, 27, 200] {
        assert_eq!(ask(&mut stream, &[kind]).as_deref(), Some(FAILURE), "{kind}");
    }
    for length in 1..whole.len() {
        assert_eq!(ask(&mut stream, &whole[..length]).as_deref(), Some(FAILURE), "{length}");
    }
    let lying = [&[13][..], &[0xff; 4], b"x"].concat();
    assert_eq!(ask(&mut stream, &lying).as_deref(), Some(FAILURE));
    // a key that is not served
    let foreign = public.replace("AAAAC3NzaC1lZDI1NTE5AAAAI", "AAAAC3NzaC1lZDI1NTE5AAAAJ");
    assert_eq!(ask(&mut stream, &wish(&foreign, b"data", 0)).as_deref(), Some(FAILURE));
    // and after all that it still answers
    assert_eq!(ask(&mut stream, LIST).unwrap()[..5], [12, 0, 0, 0, 1]);
    assert_eq!(ask(&mut stream, &whole).unwrap()[0], 14);
    assert_eq!(sandbox.log(&["--action", "decrypt"]).len(), 1);
    // the largest message that is allowed, and one that is not
    assert_eq!(ask(&mut stream, &vec![0; 256 << 10]).as_deref(), Some(FAILURE));
    stream.write_all(&((256 << 10) + 1_u32).to_be_bytes()).unwrap();
    assert_eq!(receive(&mut stream), None);
    let mut empty = agent.connect();
    empty.write_all(&[0; 4]).unwrap();
    assert_eq!(receive(&mut empty), None);
}

#[test]
fn rsa_signs_with_the_hash_that_is_asked_for_and_never_with_sha_1() {
    let Some(sandbox) = with_key("old", RSA) else { return };
    let agent = Agent::start(&sandbox, &[]);
    let public = fs::read_to_string(sandbox.path("old.pub")).unwrap();
    let mut stream = agent.connect();
    assert_eq!(ask(&mut stream, &wish(&public, b"data", 0)).as_deref(), Some(FAILURE));
    let entry = &sandbox.log(&["--action", "decrypt", "--limit", "1"])[0];
    assert_eq!((&entry["outcome"], &entry["name"]), (&"refused".into(), &"old".into()));
    for (flags, name) in [(2, "rsa-sha2-256"), (4, "rsa-sha2-512"), (6, "rsa-sha2-256")] {
        let answer = ask(&mut stream, &wish(&public, b"data", flags)).unwrap();
        assert_eq!(answer[0], 14);
        assert_eq!(&answer[9..21], name.as_bytes());
    }
}

#[test]
fn slow_clients_keep_nobody_waiting() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let agent = Agent::start(&sandbox, &[]);
    let mut slow: Vec<UnixStream> = (0..60).map(|_| agent.connect()).collect();
    for (number, stream) in slow.iter_mut().enumerate() {
        // silent, in the middle of a length, in the middle of a message
        stream.write_all(&[0, 0, 1, 0, 13, 0][..number % 7]).unwrap();
    }
    let mut unread = agent.connect();
    for _ in 0..500 {
        send(&mut unread, LIST); // and takes no answer
    }
    let public = fs::read_to_string(sandbox.path("deploy.pub")).unwrap();
    let begun = Instant::now();
    assert_eq!(ask(&mut agent.connect(), &wish(&public, b"data", 0)).unwrap()[0], 14);
    // a slow one is given up after ten seconds, which somebody else would have had to wait for
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn a_hundred_clients_at_once_are_all_served() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let agent = Agent::start(&sandbox, &[]);
    let public = fs::read_to_string(sandbox.path("deploy.pub")).unwrap();
    let all: Vec<_> = std::thread::scope(|scope| {
        let client = || {
            let mut stream = agent.connect();
            assert_eq!(ask(&mut stream, LIST).unwrap()[0], 12);
            ask(&mut stream, &wish(&public, b"data", 0)).unwrap()
        };
        let clients: Vec<_> = (0..100).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    // such signatures are the same each time
    assert!(all.iter().all(|answer| answer[0] == 14 && *answer == all[0]));
    assert_eq!(sandbox.log(&["--action", "decrypt", "--limit", "0"]).len(), 100);
    sandbox.ok(&["audit", "verify"], b"");
}

#[test]
fn another_user_gets_nothing_even_at_the_socket() {
    if !rustix::process::geteuid().is_root() || !require("setpriv") {
        return;
    }
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let agent = Agent::start(&sandbox, &[]);
    // as if nothing else kept others away
    for (path, mode) in [(sandbox.root(), "755"), (&*agent.path, "777")] {
        assert!(sandbox.command("chmod").arg(mode).arg(path).status().unwrap().success());
    }
    let list = |program: &[&str]| {
        let mut command = sandbox.command(program[0]);
        Answer::of(command.args(&program[1..]).env("SSH_AUTH_SOCK", &agent.path))
    };
    let own = list(&["ssh-add", "-l"]);
    assert!(own.text().contains("deploy"), "{}", own.err);
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ssh-add", "-l"];
    let other = list(&nobody);
    // hung up on, it may even end by SIGPIPE
    assert_ne!(other.code, 0, "{}", other.err);
    assert!(!other.all().contains("deploy"), "{}", other.all());
    assert!(
        !other.err.contains("Permission denied"),
        "it did not get to the socket: {}",
        other.err
    );
}

#[test]
fn the_socket_goes_with_the_agent_and_a_stale_one_is_replaced() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let mut agent = Agent::start(&sandbox, &[]);
    let path = agent.path.to_str().unwrap().to_owned();
    let second = sandbox.run(&["ssh-agent", "--bind", &path, "--", "true"]);
    assert_eq!(second.code, 125, "{}", second.err);
    assert!(agent.path.exists());
    // one that is killed cannot tidy up
    agent.signal(Signal::KILL);
    agent.child.wait().unwrap();
    assert!(agent.path.exists());
    let mut next = Agent::start(&sandbox, &[]);
    assert_eq!(ask(&mut next.connect(), LIST).unwrap()[0], 12);
    next.signal(Signal::TERM);
    assert!(next.child.wait().unwrap().success());
    assert!(!next.path.exists());
    // what is no socket is nobody's to replace
    let file = sandbox.file("precious", "precious");
    let refused = sandbox.run(&["ssh-agent", "--bind", &file]);
    assert_eq!(refused.code, 13, "{}", refused.err);
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    let nowhere = sandbox.run(&["ssh-agent", "--bind", "no/such/place"]);
    assert_eq!(nowhere.code, 10, "{}", nowhere.err);
}

#[test]
fn what_is_taken_away_meanwhile_signs_no_more() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let agent = Agent::start(&sandbox, &[]);
    let public = fs::read_to_string(sandbox.path("deploy.pub")).unwrap();
    let mut stream = agent.connect();
    assert_eq!(ask(&mut stream, &wish(&public, b"data", 0)).unwrap()[0], 14);
    sandbox.ok(&["cred", "rm", "deploy"], b"");
    assert_eq!(ask(&mut stream, &wish(&public, b"data", 0)).as_deref(), Some(FAILURE));
}

#[test]
fn a_key_that_was_replaced_meanwhile_signs_no_more_and_is_not_opened() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let mut agent = Agent::start(&sandbox, &[]);
    let old = fs::read_to_string(sandbox.path("deploy.pub")).unwrap();
    let new = crate::make_key(&sandbox, "new", ED25519);
    let public = fs::read_to_string(sandbox.path("new.pub")).unwrap();
    let public = format!("public_key={}", public.trim());
    sandbox.ok(&["cred", "set", "deploy", "private_key", "--field", &public, "--file", &new], b"");
    let mut stream = agent.connect();
    for line in [&old, &fs::read_to_string(sandbox.path("new.pub")).unwrap()] {
        assert_eq!(ask(&mut stream, &wish(line, b"data", 0)).as_deref(), Some(FAILURE));
    }
    assert_eq!(sandbox.log(&["--action", "decrypt", "--outcome", "ok"]).len(), 0);
    let said = agent.end();
    assert!(said.contains("another `public_key` since the keys were listed"), "{said}");
    assert!(said.contains("start this program again"), "{said}");
}

/// The entry of a signature must be in the log that everybody reads, not in a file that has no name.
#[test]
fn when_another_file_takes_the_place_of_the_vault_nothing_is_signed() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let mut agent = Agent::start(&sandbox, &[]);
    let public = fs::read_to_string(sandbox.path("deploy.pub")).unwrap();
    let mut stream = agent.connect();
    assert_eq!(ask(&mut stream, &wish(&public, b"data", 0)).unwrap()[0], 14);
    // as programs do that keep directories alike
    let (dir, aside) = (sandbox.path("data/vault"), sandbox.path("aside"));
    let copied = sandbox.command("cp").arg("-a").args([&dir, &aside]).status().unwrap();
    assert!(copied.success());
    fs::rename(&dir, sandbox.path("away")).unwrap();
    fs::rename(&aside, &dir).unwrap();
    assert_eq!(ask(&mut stream, &wish(&public, b"data", 0)).as_deref(), Some(FAILURE));
    let said = agent.end();
    assert!(said.contains("was replaced or moved meanwhile (start this program again)"), "{said}");
    assert_eq!(sandbox.log(&["--action", "decrypt"]).len(), 1);
    sandbox.ok(&["audit", "verify"], b"");
}

#[test]
fn the_key_is_never_on_the_disk() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let private = sandbox.ok(&["cred", "get", "deploy", "private_key"], b"");
    let text = String::from_utf8(private.clone()).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let bytes = data_encoding::BASE64.decode(body.as_bytes()).unwrap();
    // seed and public half stand behind their length
    let at = bytes.windows(4).rposition(|part| part == [0, 0, 0, 64]).unwrap() + 4;
    let seed = &bytes[at..at + 32];
    let found = || {
        let any = |hay: &[u8]| contains(hay, seed) || contains(hay, &private[..]);
        files(sandbox.root()).iter().any(|file| fs::read(file).is_ok_and(|hay| any(&hay)))
    };
    let agent = Agent::start(&sandbox, &[]);
    let line = fs::read_to_string(sandbox.path("deploy.pub")).unwrap();
    assert_eq!(ask(&mut agent.connect(), &wish(&line, b"data", 0)).unwrap()[0], 14);
    assert!(!found());
    drop(agent);
    assert!(!found());
    // it would have been found
    sandbox.file("leak", &bytes);
    assert!(found());
}
