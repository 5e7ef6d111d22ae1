//! `vault helper git`: by hand, and by git itself against a server that asks for a password.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, require};
use super::{command, told};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

const SECRET: &str = "s3cret-of-alice=/+";

fn keep(sandbox: &Sandbox, name: &str, url: &str, user: Option<&str>, value: &str) {
    let mut args = vec!["cred", "add", name, "--stdin", "--url", url];
    args.extend(user.iter().flat_map(|user| ["--username", user]));
    sandbox.ok(&args, value.as_bytes());
}

fn ask(sandbox: &Sandbox, operation: &str, request: &str) -> Answer {
    sandbox.run_in(&["helper", "git", operation], request.as_bytes())
}

#[test]
fn the_right_place_gets_it_and_the_log_says_so() {
    let sandbox = Sandbox::new();
    keep(&sandbox, "work/git", "https://git.example.com", Some("alice"), SECRET);
    let answer = ask(&sandbox, "get", "protocol=https\nhost=git.example.com\n\n");
    assert_eq!(answer.text(), format!("username=alice\npassword={SECRET}\n"), "{}", answer.err);
    let one = ("ok".to_owned(), "work/git".to_owned(), "helper".to_owned(), "git".to_owned());
    assert_eq!(told(&sandbox, "decrypt"), [one]);
    // whatever format is asked for
    let args = ["helper", "git", "get", "--json"];
    let answer =
        sandbox.run_in(&args, b"protocol=https\nhost=git.example.com:443\nusername=alice\n");
    assert_eq!(answer.text(), format!("username=alice\npassword={SECRET}\n"), "{}", answer.err);
}

#[test]
fn no_other_place_gets_it() {
    let sandbox = Sandbox::new();
    keep(&sandbox, "work/git", "https://git.example.com/acme", Some("alice"), SECRET);
    let entries = sandbox.entries();
    for (request, code) in [
        ("protocol=http\nhost=git.example.com\n", 0),
        ("protocol=https\nhost=example.com\n", 0),
        ("protocol=https\nhost=x.git.example.com\n", 0),
        ("protocol=https\nhost=git.example.com.evil.net\n", 0),
        ("protocol=https\nhost=git.example.com:8443\n", 0),
        ("protocol=https\nhost=git.example.com.\n", 0),
        ("protocol=https\nhost=git.example.com\nusername=bob\n", 0),
        ("protocol=https\nhost=git.example.com\nusername=Alice\n", 0),
        ("protocol=https\nhost=git.example.com\npath=evil/x.git\n", 0),
        ("protocol=https\nhost=git.example.com\npath=acme/../evil\n", 0),
        ("protocol=https\nhost=git.example.com\npath=acmeevil\n", 0),
        ("protocol=https\nhost=git.example.com@evil.net\n", 2),
        ("protocol=https\nhost=evil.net#git.example.com\n", 2),
        ("protocol=https\nhost=git.example.com/x@evil.net\n", 2),
        ("protocol=https\nhost=evil.net\nhost=git.example.com\n", 2),
        ("protocol=https\nhost=evil.net\rhost=git.example.com\n", 2),
        ("protocol=https\r\nhost=git.example.com\r\n", 2),
        ("protocol=https\nhost=git.example.com\0\n", 2),
        ("protocol=cert\nhost=\npath=/home/a/key.pem\n", 0),
        ("host=git.example.com\n", 0),
        ("", 0),
    ] {
        let answer = ask(&sandbox, "get", request);
        assert_eq!((answer.code, answer.text().as_str()), (code, ""), "{request:?} {}", answer.err);
        assert_eq!(answer.err.lines().count(), if code == 0 { 0 } else { 2 }, "{}", answer.err);
    }
    assert_eq!(sandbox.entries(), entries, "nothing was handed out, so nothing is entered");
    // the control: it is there
    let fine = ask(&sandbox, "get", "protocol=https\nhost=GIT.example.com\npath=acme/x.git\n");
    assert!(fine.text().contains(SECRET), "{}", fine.err);
}

/// Each line of an answer says something: a user name with a line feed in it could name another host.
#[test]
fn a_user_name_says_nothing_else() {
    let sandbox = Sandbox::new();
    let odd = Some("alice\nhost=evil.net");
    keep(&sandbox, "odd", "https://git.example.com", odd, SECRET);
    let entries = sandbox.entries();
    let answer = ask(&sandbox, "get", "protocol=https\nhost=git.example.com\n");
    assert_eq!((answer.code, answer.text().as_str()), (4, ""), "{}", answer.err);
    assert!(answer.err.contains("is not one line") && answer.err.contains("hint: "));
    assert_eq!(sandbox.entries(), entries, "nothing was handed out, so nothing is entered");
}

/// Newer versions of git hand back at `store` what we say at `get`: then nothing need be compared.
#[test]
fn what_came_from_here_is_known_again() {
    let sandbox = Sandbox::new();
    keep(&sandbox, "work/git", "https://git.example.com", Some("alice"), SECRET);
    let place = "protocol=https\nhost=git.example.com\n";
    let answer =
        ask(&sandbox, "get", &format!("capability[]=authtype\ncapability[]=state\n{place}"));
    let state = "capability[]=state\nstate[]=vault.given=vault://work%2Fgit/password\n";
    assert_eq!(answer.text(), format!("{state}username=alice\npassword={SECRET}\n"));
    let entries = sandbox.entries();
    let stored = format!("{state}{place}username=alice\npassword={SECRET}\n");
    assert_eq!(ask(&sandbox, "store", &stored).all(), "");
    assert_eq!(sandbox.entries(), entries);
    // the control: without it, it is compared
    let stored = format!("{place}username=alice\npassword={SECRET}\n");
    assert_eq!(ask(&sandbox, "store", &stored).all(), "");
    assert_eq!(told(&sandbox, "check")[0].3, "git");
}

/// Whoever can write the file points a credential at a place of their own.
#[test]
fn a_swapped_address_is_noticed_before_anything_leaves() {
    let sandbox = Sandbox::new();
    keep(&sandbox, "work/git", "https://git.example.com", Some("alice"), SECRET);
    let swap = |url: &str| {
        let db = rusqlite::Connection::open(sandbox.database()).unwrap();
        assert_eq!(db.execute("UPDATE credential SET url = ?1", [url]).unwrap(), 1);
    };
    swap("https://evil.net");
    let answer = ask(&sandbox, "get", "protocol=https\nhost=evil.net\n");
    assert_eq!((answer.code, answer.text().as_str()), (15, ""), "{}", answer.err);
    swap("https://git.example.com");
    let answer = ask(&sandbox, "get", "protocol=https\nhost=git.example.com\n");
    assert!(answer.text().contains(SECRET), "the control: {}", answer.err);
}

/// Standard input is the protocol: who is asked for the passphrase types it at the terminal.
#[test]
fn the_passphrase_is_asked_for_at_the_terminal() {
    let sandbox = Sandbox::bare();
    let passphrase = sandbox.file("passphrase", "correct horse battery staple nine");
    let by_file = |args: &[&str], input: &[u8]| {
        let mut command = sandbox.vault(args);
        let answer = Answer::fed(command.env("VAULT_PASSPHRASE_FILE", &passphrase), input);
        assert_eq!(answer.code, 0, "{}", answer.err);
    };
    by_file(&["init"], b"");
    let args = ["cred", "add", "x", "--stdin", "--url", "https://h.example", "--username", "a"];
    by_file(&args, SECRET.as_bytes());
    let request = sandbox.file("request", "protocol=https\nhost=h.example\n\n");
    let line = format!("'{}' helper git get < {request} > answer", super::support::VAULT);
    let mut terminal = Pty::shell(&sandbox, &line);
    terminal.expect("Passphrase for");
    terminal.send("correct horse battery staple nine\r");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&said));
    let answer = std::fs::read_to_string(sandbox.path("answer")).unwrap();
    assert_eq!(answer, format!("username=a\npassword={SECRET}\n"));
    // unless git was told not to ask at the terminal
    let terminal = Pty::shell(&sandbox, &format!("GIT_TERMINAL_PROMPT=false {line}"));
    let (code, said) = terminal.finish();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(code == 12 && !said.contains("Passphrase for"), "{code} {said}");
}

#[test]
fn the_user_in_an_address_is_decoded() {
    let sandbox = Sandbox::new();
    keep(&sandbox, "x", "https://al%40corp@h.example", None, SECRET);
    for user in ["", "username=al@corp\n"] {
        let answer = ask(&sandbox, "get", &format!("protocol=https\nhost=h.example\n{user}"));
        let expected = format!("username=al@corp\npassword={SECRET}\n");
        assert_eq!(answer.text(), expected, "{}", answer.err);
    }
    let other = ask(&sandbox, "get", "protocol=https\nhost=h.example\nusername=al%40corp\n");
    assert_eq!((other.code, other.text().as_str()), (0, ""), "{}", other.err);
}

#[test]
fn what_could_not_be_kept_is_not_said_to_be() {
    let sandbox = Sandbox::new();
    keep(&sandbox, "git/h.example/al", "https://other.example", Some("al"), SECRET);
    let request = "protocol=https\nhost=h.example\nusername=al\npassword=new-one\n";
    let answer = ask(&sandbox, "store", request);
    assert!(answer.code == 13 && !answer.err.contains("kept as"), "{}", answer.err);
}

#[test]
fn a_place_that_nothing_is_kept_for_needs_no_key() {
    let mut sandbox = Sandbox::new();
    keep(&sandbox, "work/git", "https://git.example.com", Some("alice"), SECRET);
    std::fs::rename(sandbox.path("key"), sandbox.path("elsewhere")).unwrap();
    let answer = ask(&sandbox, "get", "protocol=https\nhost=github.com\n");
    assert_eq!((answer.code, answer.all().as_str()), (0, ""));
    let answer = ask(&sandbox, "get", "protocol=https\nhost=git.example.com\n");
    assert_eq!((answer.code, answer.text().as_str()), (10, ""));
    sandbox = Sandbox::bare();
    let answer = ask(&sandbox, "get", "protocol=https\nhost=github.com\n");
    assert_eq!(answer.code, 10, "there is no vault, and that is said");
}

#[test]
fn several_accounts_are_told_apart() {
    let sandbox = Sandbox::new();
    keep(&sandbox, "alice", "https://h.example", Some("alice"), "of-alice");
    keep(&sandbox, "bob", "https://h.example", Some("bob"), "of-bob");
    keep(&sandbox, "acme", "https://h.example/acme", Some("carol"), "of-carol");
    let get = |more: &str| ask(&sandbox, "get", &format!("protocol=https\nhost=h.example\n{more}"));
    assert_eq!(get("username=bob\n").text(), "username=bob\npassword=of-bob\n");
    assert_eq!(get("path=acme/x.git\n").text(), "username=carol\npassword=of-carol\n");
    assert_eq!(
        get("username=alice\npath=acme/x.git\n").text(),
        "username=alice\npassword=of-alice\n"
    );
    let answer = get("");
    assert_eq!((answer.code, answer.text().as_str()), (0, ""));
    assert!(answer.err.contains("credential.https://h.example.username"), "{}", answer.err);
}

#[test]
fn a_token_goes_with_any_user_name() {
    let sandbox = Sandbox::new();
    let args =
        ["cred", "add", "gh", "--type", "bearer_token", "--stdin", "--url", "https://github.com"];
    sandbox.ok(&args, b"the-token");
    let get =
        |more: &str| ask(&sandbox, "get", &format!("protocol=https\nhost=github.com\n{more}"));
    assert_eq!(get("").text(), "username=x-access-token\npassword=the-token\n");
    assert_eq!(get("username=me\n").text(), "username=me\npassword=the-token\n");
}

#[test]
fn a_value_of_several_lines_cannot_say_more_than_a_password() {
    let sandbox = Sandbox::new();
    keep(&sandbox, "odd", "https://h.example", Some("a"), "one\nhost=evil.net\nquit=1\n");
    let answer = ask(&sandbox, "get", "protocol=https\nhost=h.example\n");
    assert_eq!((answer.code, answer.text().as_str()), (4, ""));
    assert!(answer.err.contains("not one line") && !answer.err.contains("evil"), "{}", answer.err);
}

#[test]
fn what_works_is_kept_and_the_same_is_not_kept_twice() {
    let sandbox = Sandbox::new();
    let say = |operation: &str, password: &str| {
        let text =
            format!("protocol=https\nhost=h.example:8443\nusername=alice\npassword={password}\n");
        let answer = ask(&sandbox, operation, &text);
        assert_eq!((answer.code, answer.text().as_str()), (0, ""), "{}", answer.err);
        assert!(!answer.err.contains(password), "{}", answer.err);
        answer.err
    };
    assert!(say("store", "first").contains("git/h.example:8443/alice"));
    let get = || sandbox.ok(&["cred", "get", "git/h.example:8443/alice"], b"");
    assert_eq!(get(), b"first");
    assert_eq!(say("store", "first"), "");
    assert!(say("store", "second").contains("new version"));
    assert_eq!(get(), b"second");
    let history = sandbox.ok(&["cred", "history", "git/h.example:8443/alice", "--json"], b"");
    let history = super::support::json(&history);
    assert_eq!(history["items"].as_array().unwrap().len(), 2, "{history}");
    // nothing is ever erased
    assert_eq!(say("erase", "first"), "");
    assert!(say("erase", "second").contains("stays as it is"));
    assert_eq!(get(), b"second");
    assert!(say("frobnicate", "second").is_empty());
}

#[test]
fn what_is_not_worth_keeping_is_not_kept() {
    let sandbox = Sandbox::new();
    let before = sandbox.content();
    for request in [
        "protocol=http\nhost=h.example\nusername=a\npassword=pppp\n",
        "protocol=https\nhost=h.example\nusername=a\npassword=pppp\npassword_expiry_utc=99\n",
        "protocol=https\nhost=h.example\nusername=a\npassword=pppp\nephemeral=1\n",
        "protocol=https\nhost=h.example\nusername=a\n",
        "protocol=https\nhost=h.example\npassword=pppp\n",
        "protocol=https\nhost=h.example\nusername=a\npassword=pppp\nstate[]=vault.given=x\n",
    ] {
        let answer = ask(&sandbox, "store", request);
        assert_eq!((answer.code, answer.text().as_str()), (0, ""), "{request:?} {}", answer.err);
    }
    assert_eq!(sandbox.content(), before);
}

/// A server that serves a repository to whoever has the password, and its address.
struct Server(Child, String);

impl Server {
    fn start(sandbox: &Sandbox, repository: &str) -> Self {
        let script = sandbox.file("server.py", SERVER);
        let mut command = sandbox.command("python3");
        command.args([&script, repository, "alice", SECRET]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, format!("127.0.0.1:{}", line.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SERVER: &str = r#"
import base64, functools, http.server, sys
root, user, password = sys.argv[1:]
good = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") == good:
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="a=b"')
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=root))
print(server.server_port, flush=True)
server.serve_forever()
"#;

fn git(sandbox: &Sandbox, args: &[&str]) -> Answer {
    let mut command = command(sandbox, "git", &["git-credential-vault"]);
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(args);
    Answer::of(&mut command)
}

#[test]
fn git_itself_fetches_with_it() {
    if !require("git") || !require("python3") {
        return;
    }
    let sandbox = Sandbox::new();
    let done = |args: &[&str]| {
        let answer = git(&sandbox, args);
        assert_eq!(answer.code, 0, "git {args:?}: {}", answer.err);
        answer
    };
    done(&["init", "-q", "origin"]);
    done(&["-C", "origin", "commit", "-q", "--allow-empty", "-m", "one"]);
    done(&["-C", "origin", "update-server-info"]);
    let repository = sandbox.path("origin/.git");
    let server = Server::start(&sandbox, repository.to_str().unwrap());
    let url = format!("http://{}/", server.1);
    // the control: without the helper there is no way in
    assert_ne!(git(&sandbox, &["clone", "-q", &url, "no"]).code, 0);
    keep(&sandbox, "local", &url, Some("alice"), "wrong");
    done(&["config", "--global", "credential.helper", "vault"]);
    let answer = git(&sandbox, &["clone", "-q", &url, "wrong"]);
    assert_ne!(answer.code, 0);
    assert!(answer.err.contains("refused `local`, which stays as it is"), "{}", answer.err);
    sandbox.ok(&["cred", "set", "local", "password", "--stdin"], SECRET.as_bytes());
    let answer = done(&["clone", "-q", &url, "copy"]);
    assert!(!answer.all().contains(SECRET), "{}", answer.err);
    assert!(sandbox.path("copy/.git/HEAD").exists());
    let newest = told(&sandbox, "decrypt").remove(0);
    assert_eq!(
        (newest.1.as_str(), newest.2.as_str(), newest.3.as_str()),
        ("local", "helper", "git")
    );
    let versions = sandbox.ok(&["cred", "history", "local", "--json"], b"");
    let versions = super::support::json(&versions)["items"].as_array().unwrap().len();
    assert_eq!(versions, 2, "what git got here is not kept again");
}
