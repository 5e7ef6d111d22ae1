//! Editing: what an editor does is taken over, refused or given up, and it leaves nothing behind.

use super::says;
use super::support::pty::Pty;
use super::support::{Answer, Sandbox, contains, files, json, require, unable};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const CANARY: &str = "hunter2-canary";

/// A vault with one credential, and a place in memory that nobody else uses.
pub(super) struct Desk {
    pub(super) sandbox: Sandbox,
    pub(super) memory: tempfile::TempDir,
}

impl Desk {
    pub(super) fn new() -> Option<Self> {
        if !require("setsid") {
            return None;
        }
        let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
            unable("there is no /dev/shm");
            return None;
        };
        let desk = Self { sandbox: Sandbox::new(), memory };
        let add = ["cred", "add", "db/main", "--stdin", "--username", "app", "--tag", "old"];
        let more = ["--expires", "2027-01-31", "--field", "region=eu", "--requires-vpn"];
        desk.sandbox.ok(&[&add[..], &more].concat(), CANARY.as_bytes());
        Some(desk)
    }

    /// The program with an editor that is a shell script; its text is `$1`.
    fn command(&self, args: &[&str], script: &str) -> Command {
        let editor = self.sandbox.file("editor", script);
        let mut command = self.sandbox.detached(&[&["cred", "edit", "db/main"], args].concat());
        command.env("EDITOR", format!("sh {editor}")).env("XDG_RUNTIME_DIR", self.memory.path());
        command
    }

    fn edit(&self, args: &[&str], script: &str) -> Answer {
        Answer::of(&mut self.command(args, script))
    }

    pub(super) fn at_a_terminal(&self, args: &[&str], script: &str) -> Pty {
        let editor = format!("sh {}", self.sandbox.file("editor", script));
        let memory = self.memory.path().to_str().unwrap();
        let env = [("EDITOR", editor.as_str()), ("XDG_RUNTIME_DIR", memory)];
        Pty::vault(&self.sandbox, &[&["cred", "edit", "db/main"], args].concat(), &env)
    }

    pub(super) fn shown(&self) -> serde_json::Value {
        json(&self.sandbox.ok(&["cred", "show", "db/main", "--json"], b""))
    }

    pub(super) fn left(&self) -> Vec<PathBuf> {
        files(self.memory.path())
    }

    fn actions(&self) -> Vec<String> {
        let word = |entry: &serde_json::Value| entry["action"].as_str().unwrap().to_owned();
        self.sandbox.log(&["--limit", "0"]).iter().map(word).rev().collect()
    }
}

#[test]
fn every_key_of_the_metadata() {
    let Some(desk) = Desk::new() else { return };
    let script = r#"
        sed -e 's/^username = .*/username = "root"/' -e 's/^# url = .*/url = "https:\/\/x.example"/' \
            -e 's/^# port = .*/port = 5432/' -e 's/^tags = .*/tags = ["new", "two"]/' \
            -e 's/^requires_vpn = .*/requires_vpn = false/' -e 's/^# rotate_every/rotate_every/' \
            -e 's/^expires = .*/expires = 2028-02-29/' -e 's/^# keep = .*/keep = 5/' \
            -e 's/^region = .*/zone = 5/' -e 's/^# description = .*/description = "é \\"x\\""/' \
            -i "$1"
    "#;
    let answer = desk.edit(&[], script);
    assert_eq!((answer.code, answer.err.as_str()), (0, "changed `db/main`\n"));
    let now = desk.shown();
    for (key, value) in
        [("username", "root"), ("url", "https://x.example"), ("rotate_every", "90d")]
    {
        assert_eq!(now[key], value, "{now}");
    }
    assert_eq!((&now["port"], &now["description"]), (&5432.into(), &"é \"x\"".into()));
    assert_eq!(now["tags"], serde_json::json!(["new", "two"]));
    assert_eq!(now["fields"], serde_json::json!({"zone": "5"}));
    assert_eq!(now["expires"], "2028-02-29T00:00:00.000Z");
    assert!(now["requires_vpn"].is_null(), "{now}");
    assert_eq!(now["versions"]["password"], 1);
    assert_eq!(desk.actions()[2..], ["view", "update", "view"]);
    let update = &desk.sandbox.log(&["--action", "update"])[0];
    let changed = update["details"]["changed"].as_str().unwrap();
    assert_eq!(
        changed,
        "username,url,description,port,tags,requires_vpn,expires_at,rotate_every,keep,fields"
    );
    // a line that is taken out or made a remark has no value
    let answer = desk.edit(&[], r#"sed -e '/^url/d' -e 's/^port/# port/' -i "$1""#);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(desk.shown()["url"].is_null() && desk.shown()["port"].is_null());
    assert_eq!(desk.left(), Vec::<PathBuf>::new());
}

#[test]
fn without_a_change_there_is_no_change() {
    let Some(desk) = Desk::new() else { return };
    let content = desk.sandbox.content();
    for script in ["true", "echo '# a remark' >>\"$1\"", "cp \"$1\" x; mv x \"$1\""] {
        let answer = desk.edit(&[], script);
        assert_eq!((answer.code, answer.err.as_str()), (0, "nothing changed in `db/main`\n"));
    }
    let told = json(&desk.edit(&["--json"], "true").out);
    assert_eq!(told["changed"], false);
    assert_eq!(desk.sandbox.content(), content);
    assert!(!desk.actions().contains(&"update".to_owned()));
    assert_eq!(desk.left(), Vec::<PathBuf>::new());
}

/// What cannot be taken: code and message, and whether the text may be kept.
const WRONG: &[(&str, i32, &str, bool)] = &[
    ("usernam = 'x'", 2, "`usernam`: there is no such key", true),
    ("colour", 2, "line 1: ", true),
    ("name = 'db/other'", 2, "`name`: this is not changed by editing", true),
    ("type = 'ssh'", 2, "`type`: this is not changed by editing", true),
    ("url = 'x y'", 2, "", true),
    ("port = 70000", 2, "", true),
    ("port = 1.5", 2, "`port`: needs text, in quotes", true),
    ("expires = 'soon'", 2, "`expires`: not a date or duration", true),
    ("rotate_every = '0d'", 2, "`rotate_every`: not a duration", true),
    ("keep = 0", 2, "`keep`: needs a number from 1 to 1000", true),
    ("tags = 'a'", 2, "`tags`: needs a list", true),
    ("tags = ['a b']", 2, "`tags`: a tag has no white space", true),
    ("requires_vpn = 'yes'", 2, "`requires_vpn`: needs true or false", true),
    ("owner = 5", 2, "`owner`: needs text, in quotes", true),
    ("owner = 'a'\nowner = 'b'", 2, "line 2: duplicate key", true),
    ("[fields]\nurl = 'https://x'", 2, "`url`: is a key of its own", true),
    ("[fields]\nBad = 'x'", 2, "a key: a field name is", true),
    ("password = 'hunter3-canary'", 14, "`password` sounds like a secret", false),
    ("[fields]\napi_key = 'hunter3-canary'", 14, "`api_key` sounds like a secret", false),
    ("[secrets]\npassword = 'hunter3-canary'", 14, "secrets are edited with `--secrets`", false),
    ("url = 'https://a:hunter3-canary@x'", 14, "", false),
    ("owner = '''\n-----BEGIN PRIVATE KEY-----\nhunter3-canary'''", 14, "private key", false),
    ("api_key = 'hunter3-canary", 2, "line 1: ", false),
    ("hunter3-canary = ''", 2, "a key: there is no such key", true),
];

#[test]
fn what_cannot_be_taken_is_said_and_changes_nothing() {
    let Some(desk) = Desk::new() else { return };
    let content = desk.sandbox.content();
    for (text, code, message, kept) in WRONG {
        desk.sandbox.file("text", text);
        let answer = desk.edit(&[], "cp text \"$1\"");
        let slip = text.starts_with("usernam");
        assert_eq!(answer.err.contains("did you mean `username`?"), slip, "{}", answer.err);
        says(&answer, *code, message, if *kept { "your text is kept in" } else { "kept nowhere" });
        assert!(!answer.all().contains("canary"), "{text}: {}", answer.all());
        let left = desk.left();
        assert_eq!(left.len(), usize::from(*kept), "{text}");
        if let [file] = &left[..] {
            assert!(answer.err.contains(file.to_str().unwrap()), "{}", answer.err);
            assert_eq!(std::fs::read_to_string(file).unwrap(), *text);
            std::fs::remove_file(file).unwrap();
        }
    }
    assert_eq!(desk.sandbox.content(), content);
    assert!(!desk.actions().contains(&"update".to_owned()));
}

#[test]
fn an_editor_that_fails_changes_nothing_and_leaves_nothing() {
    let Some(desk) = Desk::new() else { return };
    let content = desk.sandbox.content();
    let spoil = "echo 'owner = \"x\"' >\"$1\"; cp \"$1\" \"$1~\"; ";
    for (script, code, message) in [
        ("exit 7", 3, "`sh` ended with code 7"),
        ("kill -9 $$", 3, "`sh` was ended by signal 9"),
        ("exit 127", 4, "there is no editor `sh`"),
        ("rm \"$1\"", 3, "the text is gone"),
        ("echo >\"$1\"", 3, "the text is gone"),
        ("rm \"$1\"; ln -s /etc/passwd \"$1\"", 2, "is no file any more"),
        ("head -c 5000000 /dev/zero >\"$1\"", 2, "more than 4 MiB"),
    ] {
        for args in [&[][..], &["--secrets"]] {
            says(&desk.edit(args, &format!("{spoil}{script}")), code, message, "");
            assert_eq!(desk.left(), Vec::<PathBuf>::new(), "{script}");
        }
    }
    let mut command = desk.command(&[], "");
    says(&Answer::of(command.env("EDITOR", "no-such-editor -x")), 4, "`no-such-editor`", "EDITOR=");
    says(&desk.edit(&["--no-input"], "true"), 2, "`--no-input` forbids", "vault cred set");
    assert_eq!(desk.sandbox.content(), content);
    assert!(!desk.actions().contains(&"update".to_owned()));
}

#[test]
fn secrets_are_edited_in_private_and_wiped() {
    let Some(desk) = Desk::new() else { return };
    desk.sandbox.file("blob", b"\0\x01\x02\xff");
    for (field, value) in
        [("notes", &b"one\ntwo \\ \"three\"\n"[..]), ("totp", b"JBSWY3DPEHPK3PXP")]
    {
        desk.sandbox.ok(&["cred", "set", "db/main", field, "--stdin", "--exact"], value);
    }
    let script = r#"
        cp "$1" seen; env >environment; tr '\0' '\n' <"/proc/$PPID/cmdline" >line
        stat -c %a "$1" "$(dirname "$1")" >modes; ln "$1" "$XDG_RUNTIME_DIR/link"
        sed -e 's/hunter2/hunter3/' -e 's/^two.*/2/' "$1" >"$1.bak"; cat "$1.bak" >"$1"
    "#;
    let answer = desk.edit(&["--secrets", "--json"], script);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(json(&answer.out)["secrets"], serde_json::json!(["notes", "password"]));
    assert!(!answer.all().contains("canary"), "{}", answer.all());
    assert!(answer.err.contains("this editor is not known"), "{}", answer.err);
    let read = |name| std::fs::read_to_string(desk.sandbox.path(name)).unwrap();
    // the control: the editor had the value, and others do not
    assert!(read("seen").contains(CANARY) && read("modes") == "600\n700\n", "{}", read("modes"));
    assert!(!read("environment").contains("VAULT_KEY") && !read("line").contains(CANARY));
    let get = |field| desk.sandbox.ok(&["cred", "get", "db/main", field], b"");
    assert_eq!(get("password"), b"hunter3-canary");
    assert_eq!(get("notes"), b"one\n2\n");
    assert_eq!(get("totp"), b"JBSWY3DPEHPK3PXP");
    let versions = &desk.shown()["versions"];
    assert_eq!(*versions, serde_json::json!({"notes": 2, "password": 2, "totp": 1}));
    // before the text was written there was an entry, and the bytes were overwritten
    let actions = desk.actions();
    assert_eq!(actions[4..6], ["decrypt", "update"], "{actions:?}");
    assert_eq!(desk.left(), [desk.memory.path().join("link")]);
    assert!(!contains(&std::fs::read(desk.memory.path().join("link")).unwrap(), b"canary"));
}

#[test]
fn what_is_no_text_stays_out_and_bad_secrets_are_refused() {
    let Some(desk) = Desk::new() else { return };
    desk.sandbox.file("blob", b"\0\x01\x02\xff");
    desk.sandbox.ok(&["cred", "set", "db/main", "password", "--file", "blob"], b"");
    desk.sandbox.ok(&["cred", "set", "db/main", "notes", "--stdin"], &vec![b'x'; 70_000]);
    let answer = desk.edit(&["--secrets"], "cp \"$1\" seen");
    assert_eq!(answer.code, 0, "{}", answer.err);
    let seen = std::fs::read_to_string(desk.sandbox.path("seen")).unwrap();
    assert!(seen.contains("# `password` is left out: 4 bytes"), "{seen}");
    assert!(seen.contains("# `notes` is left out: 70000 bytes"), "{seen}");
    let content = desk.sandbox.content();
    for (text, message) in [
        ("password = ''", "`password`: the value is empty"),
        ("password = 5", "`password`: needs text, in quotes"),
        ("other = 'hunter3-canary'", "`other`: no secret field of this type"),
        ("password = 'hunter3-canary", "line 2: "),
    ] {
        desk.sandbox.file("text", format!("[secrets]\n{text}"));
        let answer = desk.edit(&["--secrets"], "cp text \"$1\"");
        says(&answer, 2, message, "kept nowhere");
        assert!(!answer.all().contains("canary"), "{}", answer.all());
    }
    assert_eq!(desk.sandbox.content(), content);
    assert_eq!(desk.left(), Vec::<PathBuf>::new());
}

#[test]
fn somebody_elses_change_is_not_lost() {
    let Some(desk) = Desk::new() else { return };
    let key = desk.sandbox.path("key");
    let other = format!(
        "'{}' cred set db/main --owner ann --key-file '{}'; ",
        super::support::VAULT,
        key.display()
    );
    let script = other + "sed -e 's/^username.*/username = \"root\"/' -i \"$1\"";
    says(&desk.edit(&[], &script), 13, "was changed by somebody else", "your text is kept");
    assert_eq!((&desk.shown()["owner"], &desk.shown()["username"]), (&"ann".into(), &"app".into()));
    assert!(std::fs::read_to_string(&desk.left()[0]).unwrap().contains("root"));
}

#[test]
fn a_signal_ends_the_editor_and_wipes_the_text() {
    let Some(desk) = Desk::new() else { return };
    for signal in ["TERM", "HUP"] {
        let mut command = desk.command(&["--secrets"], "echo $PPID >parent; exec sleep 600");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let parent = waited(&desk.sandbox.path("parent"));
        assert!(contains(&std::fs::read(&desk.left()[0]).unwrap(), CANARY.as_bytes()));
        let kill = |signal| Command::new("kill").args(["-s", signal, &parent]).status().unwrap();
        // an interrupt is for the editor
        assert!(kill("INT").success());
        std::thread::sleep(Duration::from_millis(200));
        assert!(child.try_wait().unwrap().is_none() && desk.left().len() == 1);
        assert!(kill(signal).success());
        let output = Answer::from(child.wait_with_output().unwrap());
        says(&output, 3, "told to end", "");
        assert_eq!(desk.left(), Vec::<PathBuf>::new(), "{signal}");
        std::fs::remove_file(desk.sandbox.path("parent")).unwrap();
    }
}

#[test]
fn what_a_killed_edit_leaves_the_next_one_wipes() {
    let Some(desk) = Desk::new() else { return };
    let script = "echo $$ $PPID >pids; exec sleep 600";
    let mut child = desk.command(&["--secrets"], script).spawn().unwrap();
    let pids = waited(&desk.sandbox.path("pids"));
    let (editor, parent) = pids.split_once(' ').unwrap();
    let kill = |pid| Command::new("kill").args(["-s", "KILL", pid]).status().unwrap();
    // while it runs, nobody else touches its text
    assert_eq!(desk.edit(&[], "true").code, 0);
    assert!(kill(parent).success());
    child.wait().unwrap();
    assert!(contains(&std::fs::read(&desk.left()[0]).unwrap(), CANARY.as_bytes()));
    assert_eq!(desk.edit(&[], "true").code, 0);
    assert!(desk.left().is_empty());
    assert!(kill(editor).success());
}

/// The content of a file that somebody is about to write.
fn waited(path: &Path) -> String {
    super::support::waiting::come(&path.display().to_string(), || {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.ends_with('\n').then(|| text.trim().to_owned())
    })
}
