//! `vault helper ssh-askpass`, as ssh-keygen, ssh-add and sudo start it.

use super::support::{Answer, Sandbox, require};
use super::{command, linked, told};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const SECRET: &str = "passphrase-of-the-key";

fn ask(sandbox: &Sandbox, question: &str, variables: &[(&str, &str)]) -> Answer {
    let program = linked(sandbox, &["vault-askpass"]).join("vault-askpass");
    let mut command = sandbox.command(program);
    command.arg(question).envs(variables.iter().copied());
    Answer::of(&mut command)
}

/// A key with a passphrase, and its path.
fn key(sandbox: &Sandbox) -> String {
    let path = sandbox.path("id").to_str().unwrap().to_owned();
    let args = ["-q", "-t", "ed25519", "-N", SECRET, "-C", "a", "-f", &path];
    assert!(sandbox.command("ssh-keygen").args(args).status().unwrap().success());
    path
}

/// A program that asks with ours.
fn asking(sandbox: &Sandbox, program: &str) -> Command {
    let mut command = command(sandbox, program, &["vault-askpass"]);
    let askpass = sandbox.path("bin/vault-askpass");
    command.env("SSH_ASKPASS", &askpass).env("SUDO_ASKPASS", askpass);
    command.env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":99");
    command
}

#[test]
fn ssh_gets_the_passphrase_of_its_key() {
    if !require("ssh-keygen") || !require("ssh-add") || !require("ssh-agent") {
        return;
    }
    let sandbox = Sandbox::new();
    let path = key(&sandbox);
    let private = std::fs::read(&path).unwrap();
    let add = || {
        let mut agent = asking(&sandbox, "ssh-agent");
        Answer::of(agent.args(["sh", "-c", "ssh-add \"$1\" && ssh-add -l", "sh", &path]))
    };
    let answer = add();
    assert_ne!(answer.code, 0, "the control: nothing is kept yet");
    // the public half of a key is learnt, and names it
    sandbox.ok(
        &["cred", "add", "web1", "--type", "ssh", "--secret-field", "private_key", "--stdin"],
        &private,
    );
    sandbox.ok(&["cred", "set", "web1", "passphrase", "--stdin"], SECRET.as_bytes());
    let answer = add();
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.text().contains("ED25519") && !answer.all().contains(SECRET), "{answer:?}");
    let newest = told(&sandbox, "decrypt").remove(0);
    assert_eq!(
        (newest.1.as_str(), newest.2.as_str(), newest.3.as_str()),
        ("web1", "helper", "ssh")
    );
}

#[test]
fn a_key_can_be_named_by_its_file() {
    let sandbox = Sandbox::new();
    let args = ["cred", "add", "laptop", "--stdin", "--field", "key_file=/home/a/.ssh/id_rsa"];
    sandbox.ok(&args, SECRET.as_bytes());
    let answer = ask(&sandbox, "Enter passphrase for key '/home/a/.ssh/id_rsa': ", &[]);
    assert_eq!(answer.text(), format!("{SECRET}\n"), "{}", answer.err);
    let answer = ask(&sandbox, "Enter passphrase for key '/home/a/.ssh/id_dsa': ", &[]);
    assert_eq!((answer.code, answer.text().as_str()), (1, ""));
}

#[test]
fn a_login_is_answered_by_user_and_host() {
    let sandbox = Sandbox::new();
    let add = |name: &str, user: &str, host: &str, value: &str| {
        let args = ["cred", "add", name, "--type", "ssh", "--secret-field", "password", "--stdin"];
        sandbox.ok(&[&args[..], &["--username", user, "--host", host]].concat(), value.as_bytes());
    };
    add("web1", "alice", "web1", "of-web1");
    add("web2", "alice", "web2", "of-web2");
    assert_eq!(ask(&sandbox, "alice@web1's password: ", &[]).text(), "of-web1\n");
    assert_eq!(ask(&sandbox, "(alice@WEB2) Password: ", &[]).text(), "of-web2\n");
    let before = sandbox.entries();
    for question in [
        "bob@web1's password: ",
        "alice@web3's password: ",
        "(alice@evil) alice@web1's password: ",
        "(alice@web1) Verification code: ",
        "alice@evil\n alice@web1's password: ",
        "The authenticity of host 'web1' can't be established.\nAre you sure you want to continue connecting (yes/no/[fingerprint])? ",
        "Password: ",
        "",
    ] {
        let answer = ask(&sandbox, question, &[]);
        assert_eq!((answer.code, answer.text().as_str()), (1, ""), "{question}");
    }
    let confirm = [("SSH_ASKPASS_PROMPT", "confirm")];
    assert_eq!(ask(&sandbox, "alice@web1's password: ", &confirm).text(), "");
    assert_eq!(sandbox.entries(), before, "nothing was handed out");
    // somebody has named one: it must not be for another host
    let named = [("VAULT_ASKPASS_CRED", "web1")];
    assert_eq!(ask(&sandbox, "Password: ", &named).text(), "of-web1\n");
    assert_eq!(ask(&sandbox, "alice@web2's password: ", &named).code, 1);
    assert_eq!(ask(&sandbox, "Are you sure (yes/no)? ", &named).text(), "");
    let by_reference = [("VAULT_ASKPASS_CRED", "vault://web1/password")];
    assert_eq!(ask(&sandbox, "alice@web1's password: ", &by_reference).text(), "of-web1\n");
    assert_eq!(ask(&sandbox, "alice@web2's password: ", &by_reference).text(), "");
    add("again", "alice", "web1", "another");
    let answer = ask(&sandbox, "alice@web1's password: ", &[]);
    assert!(answer.code == 1 && answer.err.contains("VAULT_ASKPASS_CRED"), "{}", answer.err);
}

#[test]
fn a_question_of_sudo_is_answered_for_this_machine() {
    let sandbox = Sandbox::new();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let args = ["cred", "add", "me", "--stdin", "--username", "alice", "--host", &host];
    sandbox.ok(&args, b"of-alice");
    let args = ["cred", "add", "other", "--stdin", "--username", "bob", "--host", "elsewhere"];
    sandbox.ok(&args, b"of-bob");
    assert_eq!(ask(&sandbox, "[sudo] password for alice: ", &[]).text(), "of-alice\n");
    assert_eq!(ask(&sandbox, "[sudo] password for bob: ", &[]).text(), "");
    assert_eq!(told(&sandbox, "decrypt")[0].3, "sudo");
}

/// Users and rules of its own, in a view of the files that only this process has.
const AS_USER: &str = r#"
cd "$1"
mount --bind passwd /etc/passwd && mount --bind shadow /etc/shadow && mount --bind sudoers /etc/sudoers || exit 99
exec setpriv --reuid=65111 --regid=65111 --clear-groups sudo -k -A id -u
"#;

#[test]
fn sudo_itself_lets_its_user_in() {
    if !["sudo", "unshare", "setpriv", "openssl"].into_iter().all(require) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        super::support::unable("only the superuser can give sudo a user of its own");
        return;
    }
    let sandbox = Sandbox::new();
    let args = ["cred", "add", "me", "--stdin", "--username", "vaulttest", "--host", "localhost"];
    sandbox.ok(&args, b"a wrong one");
    users(&sandbox);
    sandbox.file("sudoers", "vaulttest ALL=(ALL) ALL\n");
    let askpass = sandbox.program().with_file_name("vault-askpass");
    std::os::unix::fs::symlink(sandbox.program(), &askpass).unwrap();
    let sudo = || {
        // what sudo itself reads stays the superuser's
        for owner in [&["-R", "65111", "."][..], &["0", "passwd", "shadow", "sudoers"]] {
            assert!(sandbox.command("chown").args(owner).status().unwrap().success());
        }
        let mut command = sandbox.command("unshare");
        command.args(["--mount", "sh", "-c", AS_USER, "sh"]).arg(sandbox.root());
        Answer::of(command.env("SUDO_ASKPASS", &askpass))
    };
    let answer = sudo();
    if !could_mount(&answer) {
        return;
    }
    assert!(answer.code != 0 && answer.text().is_empty(), "{answer:?}");
    let own = ["-R", "0", "."];
    assert!(sandbox.command("chown").args(own).status().unwrap().success());
    sandbox.ok(&["cred", "set", "me", "password", "--stdin"], SECRET.as_bytes());
    let answer = sudo();
    assert_eq!((answer.code, answer.text().as_str()), (0, "0\n"), "{}", answer.err);
}

/// The files of users and their passwords, with one more, whose password is the secret.
fn users(sandbox: &Sandbox) {
    let mut openssl = sandbox.command("openssl");
    let crypted = Answer::fed(openssl.args(["passwd", "-6", "-stdin"]), SECRET.as_bytes());
    let with = |file: &str, line: &str| std::fs::read_to_string(file).unwrap() + line;
    let user = "vaulttest:x:65111:65111::/tmp:/bin/sh\n";
    let passwd = sandbox.file("passwd", with("/etc/passwd", user));
    let line = format!("vaulttest:{}:19000:0:99999:7:::\n", crypted.text().trim());
    sandbox.file("shadow", with("/etc/shadow", &line));
    std::fs::set_permissions(passwd, PermissionsExt::from_mode(0o644)).unwrap();
}

/// Whether files could be put over others for one process; if not, the test is skipped.
fn could_mount(answer: &Answer) -> bool {
    let failed = answer.code == 99 || answer.err.contains("unshare");
    !failed || super::support::unable("nothing can be mounted here")
}

const LOG_IN: &str = r#"
cd "$1"
mount --bind passwd /etc/passwd && mount --bind shadow /etc/shadow &&
    mount -t tmpfs none /run && mkdir -m 755 /run/sshd || exit 99
"$(command -v sshd)" -D -f sshd_config -E sshd.log &
server=$!
for _ in $(seq 300); do
    ssh-keyscan -p "$2" 127.0.0.1 > known 2> /dev/null
    [ -s known ] && break
    sleep 0.2
done
ssh -F none -o UserKnownHostsFile=known -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 \
    -p "$2" vaulttest@127.0.0.1 id -un
code=$?
kill "$server"
exit "$code"
"#;

#[test]
fn ssh_itself_logs_in_with_the_password_of_user_and_host() {
    if !["sshd", "ssh", "unshare", "openssl"].into_iter().all(require) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        super::support::unable("only the superuser can start a server with users of its own");
        return;
    }
    let sandbox = Sandbox::new();
    users(&sandbox);
    let key = key(&sandbox);
    let open = sandbox
        .command("ssh-keygen")
        .args(["-q", "-p", "-P", SECRET, "-N", "", "-f", &key])
        .output();
    assert!(open.unwrap().status.success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nUsePAM no\nPidFile none\n\
         PasswordAuthentication yes\nKbdInteractiveAuthentication no\nStrictModes no\n"
    );
    sandbox.file("sshd_config", config);
    let log_in = || {
        let mut command = asking(&sandbox, "unshare");
        command.args(["--mount", "sh", "-c", LOG_IN, "sh"]).arg(sandbox.root());
        Answer::of(command.arg(port.to_string()))
    };
    let args =
        ["cred", "add", "server", "--stdin", "--username", "vaulttest", "--host", "elsewhere"];
    sandbox.ok(&args, SECRET.as_bytes());
    let answer = log_in();
    if !could_mount(&answer) {
        return;
    }
    assert!(answer.code != 0 && answer.text().is_empty(), "the control: {answer:?}");
    sandbox.ok(&["cred", "set", "server", "--host", "127.0.0.1"], b"");
    let answer = log_in();
    assert_eq!((answer.code, answer.text().as_str()), (0, "vaulttest\n"), "{}", answer.err);
}
