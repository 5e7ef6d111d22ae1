//! Real logins: to a server of our own, with its own host key, on a free port of this machine.

use crate::support::waiting::soon;
use crate::support::{Answer, Sandbox, require, unable};
use crate::{ED25519, RSA, add_key};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SSHD: &str = "/usr/sbin/sshd";

/// A server that lets in whoever has a key of `keys.txt`.
struct Server {
    child: Child,
    port: u16,
    user: String,
    sandbox: Sandbox,
}

impl Server {
    fn new() -> Option<Self> {
        let there = Path::new(SSHD).exists() || crate::support::missing("sshd is not installed");
        if !there || !require("ssh") || !require("ssh-keygen") {
            return None;
        }
        if is_locked() {
            unable("the account is locked: sshd without PAM lets nobody into such a one");
            return None;
        }
        let sandbox = Sandbox::new();
        crate::make_key(&sandbox, "host", ED25519);
        sandbox.file("keys.txt", "");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let root = sandbox.root().display();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {root}/host\nPidFile none\nUsePAM no\n\
             StrictModes no\nAuthorizedKeysFile {root}/keys.txt\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxAuthTries 20\n\
             Subsystem sftp internal-sftp\n"
        );
        let config = sandbox.file("sshd_config", config);
        // where packages of systemd systems expect it; a container may not have it
        let _ = fs::create_dir_all("/run/sshd");
        let mut command = sandbox.command(SSHD);
        command.args(["-D", "-e", "-f", &config]);
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let host = fs::read_to_string(sandbox.path("host.pub")).unwrap();
        sandbox.file("known_hosts", format!("[127.0.0.1]:{port} {host}"));
        let user =
            String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let server = Self { child, port, user: user.trim().to_owned(), sandbox };
        server.wait();
        Some(server)
    }

    fn wait(&self) {
        soon("sshd", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Makes a key, stores it, and lets it in.
    fn admit(&self, name: &str, args: &[&str]) {
        add_key(&self.sandbox, name, args);
        let public = fs::read_to_string(self.sandbox.path(&format!("{name}.pub"))).unwrap();
        self.sandbox.file("keys.txt", public);
    }

    /// The options that let OpenSSH use nothing of this machine's user.
    fn options(&self) -> Vec<String> {
        let known = self.sandbox.path("known_hosts");
        let known = format!("UserKnownHostsFile={}", known.display());
        let options = ["StrictHostKeyChecking=yes", &known, "GlobalKnownHostsFile=/dev/null"];
        let more = ["BatchMode=yes", "IdentityFile=none", "PreferredAuthentications=publickey"];
        let mut all = vec!["-F".to_owned(), "none".to_owned()];
        all.extend(options.iter().chain(&more).flat_map(|o| ["-o".to_owned(), (*o).to_owned()]));
        all
    }

    /// `ssh` with a command for the other side, through the agent or without.
    fn login(&self, agent: &[&str], command: &str) -> Answer {
        let options = self.options();
        let (port, place) = (self.port.to_string(), format!("{}@127.0.0.1", self.user));
        let options = options.iter().map(String::as_str);
        let ssh = ["ssh"].into_iter().chain(options).chain(["-p", &port, &place, command]);
        match agent {
            [] => {
                let words: Vec<&str> = ssh.skip(1).collect();
                Answer::of(self.sandbox.command("ssh").args(words))
            }
            agent => self.sandbox.run(&agent.iter().copied().chain(ssh).collect::<Vec<_>>()),
        }
    }
}

/// Whether the superuser's account is, if we are the superuser.
fn is_locked() -> bool {
    let all = fs::read_to_string("/etc/shadow").unwrap_or_default();
    rustix::process::geteuid().is_root() && all.lines().any(|line| line.starts_with("root:!"))
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn keys_of_the_vault_log_in() {
    let Some(server) = Server::new() else { return };
    let sealed = ["-t", "rsa", "-b", "2048", "-N", "words of the key"];
    for (name, args) in [("small", ED25519), ("large", RSA), ("sealed", &sealed)] {
        server.admit(name, args);
        if name == "sealed" {
            server.sandbox.ok(&["cred", "set", name, "passphrase", "--stdin"], b"words of the key");
        }
        let done = server.login(&["ssh-agent", name, "--"], "echo in; exit 5");
        assert_eq!((done.code, done.text().as_str()), (5, "in\n"), "{name}: {}", done.err);
        let entry = &server.sandbox.log(&["--action", "decrypt", "--limit", "1"])[0];
        assert_eq!((&entry["name"], &entry["details"]["command"]), (&name.into(), &"ssh".into()));
    }
    // without the agent, or with a key that is not let in, there is no way
    let outside = server.login(&[], "echo in");
    assert_eq!((outside.code, outside.text().as_str()), (255, ""), "{}", outside.err);
    let other = server.login(&["ssh-agent", "small", "--"], "echo in");
    assert_eq!((other.code, other.text().as_str()), (255, ""), "{}", other.err);
    assert!(other.err.contains("Permission denied"), "{}", other.err);
}

#[test]
fn git_and_scp_work_through_it() {
    let Some(server) = Server::new() else { return };
    if !require("git") || !require("scp") {
        return;
    }
    server.admit("deploy", ED25519);
    let sandbox = &server.sandbox;
    let git = |args: &[&str]| {
        let done = Answer::of(sandbox.command("git").args(args));
        assert_eq!(done.code, 0, "{args:?}: {}", done.err);
    };
    git(&["init", "-q", "--bare", "there.git"]);
    git(&["init", "-q", "here"]);
    let who = ["-c", "user.name=me", "-c", "user.email=me@example.com"];
    let commit = ["-C", "here", "commit", "-q", "--allow-empty", "-m", "first"];
    git(&[&who[..], &commit].concat());
    let place = format!("{}@127.0.0.1", server.user);
    let remote = format!("ssh://{place}:{}{}/there.git", server.port, sandbox.root().display());
    let push =
        ["ssh-agent", "--", "git", "-C", "here", "push", "-q", &remote, "HEAD:refs/heads/main"];
    let ssh = format!("ssh {}", server.options().join(" "));
    let pushed = Answer::of(sandbox.vault(&push).env("GIT_SSH_COMMAND", ssh));
    assert_eq!(pushed.code, 0, "{}", pushed.err);
    git(&["--git-dir", "there.git", "rev-parse", "--verify", "-q", "refs/heads/main"]);

    let port = server.port.to_string();
    let options = server.options();
    let from = sandbox.file("from", "what is copied");
    let to = format!("{place}:{}", sandbox.path("to").display());
    let scp = ["ssh-agent", "--", "scp", "-q", "-P", &port];
    let scp = scp.into_iter().chain(options.iter().map(String::as_str)).chain([&*from, &*to]);
    let copied = sandbox.run(&scp.collect::<Vec<_>>());
    assert_eq!(copied.code, 0, "{}", copied.err);
    assert_eq!(fs::read(sandbox.path("to")).unwrap(), b"what is copied");
}
