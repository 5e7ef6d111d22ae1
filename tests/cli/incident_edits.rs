//! Incidents in the editor: what it does is taken over or offered back, and it leaves nothing behind.

use super::incidents::{shown, step, with_one};
use super::says;
use super::support::pty::Pty;
use super::support::{Answer, Sandbox, VAULT, contains, files, require, unable};
use serde_json::json as value;
use std::path::PathBuf;

/// A vault with an incident, and a place in memory that nobody else uses.
struct Desk {
    sandbox: Sandbox,
    memory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Option<Self> {
        if !require("setsid") {
            return None;
        }
        let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
            unable("there is no /dev/shm");
            return None;
        };
        Some(Self { sandbox: with_one(), memory })
    }

    /// Runs it with an editor that is a shell script; its text is `$1`.
    fn edit(&self, args: &[&str], script: &str) -> Answer {
        let editor = self.sandbox.file("editor", script);
        let mut command = self.sandbox.detached(&[&["incident"], args].concat());
        command.env("EDITOR", format!("sh {editor}")).env("XDG_RUNTIME_DIR", self.memory.path());
        Answer::of(&mut command)
    }

    fn at_a_terminal(&self, args: &[&str], script: &str) -> Pty {
        let editor = format!("sh {}", self.sandbox.file("editor", script));
        let memory = self.memory.path().to_str().unwrap();
        let env = [("EDITOR", editor.as_str()), ("XDG_RUNTIME_DIR", memory)];
        Pty::vault(&self.sandbox, &[&["incident"], args].concat(), &env)
    }

    fn left(&self) -> Vec<PathBuf> {
        files(self.memory.path())
    }
}

#[test]
fn everything_is_changed_in_the_editor() {
    let Some(desk) = Desk::new() else { return };
    desk.sandbox.ok(&["incident", "edit", "1", "--done", "slots", "--reference", "t1"], b"");
    let script = r#"
        cp "$1" seen; stat -c %a "$1" "$(dirname "$1")" >modes
        sed -e 's/^severity = .*/severity = "critical"/' -e 's/^client = .*/client = ""/' \
            -e 's/^owner = .*/owner = "ann"/' -e 's/^occurred = .*/occurred = 2026-01-02/' \
            -e 's/^in the train/on the bus\nline two/' -e 's/^references = .*/references = ["t1", "t2"]/' \
            -e '/^key = "wipe"/,/^done/s/^done.*/done = true/' \
            -e '/^key = "slots"/,/^done/s/^done.*/done = false/' -i "$1"
        printf '\n[[steps]]\ntext = "my own"\n' >>"$1"
    "#;
    let answer = desk.edit(&["edit", "INC-1"], script);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let fields =
        "changed INC-1: severity, client, owner, occurred_at, description, references, steps";
    assert!(answer.err.contains(fields), "{}", answer.err);
    let read = |name| std::fs::read_to_string(desk.sandbox.path(name)).unwrap();
    assert_eq!(read("modes"), "600\n700\n");
    assert!(read("seen").contains("in the train") && read("seen").contains("INC-1, investigating"));
    let now = shown(&desk.sandbox, "1");
    assert_eq!((&now["severity"], &now["owner"]), (&"critical".into(), &"ann".into()));
    assert!(now["client"].is_null());
    assert_eq!(now["occurred"], "2026-01-02T00:00:00.000Z");
    assert_eq!(now["description"], "on the bus\nline two");
    assert_eq!(now["references"], value!(["t1", "t2"]));
    assert_eq!(
        (&step(&now, "wipe")["how"], &step(&now, "slots")["done"]),
        (&"by_hand".into(), &false.into())
    );
    assert_eq!(step(&now, "")["text"], "my own");
    let unchanged = desk.edit(&["edit", "1"], "true");
    assert!(unchanged.err.ends_with("nothing changed in INC-1\n"), "{}", unchanged.err);
    // opening with an editor
    let opened =
        desk.edit(&["open", "New", "--edit"], "sed -e 's/^title.*/title = \"Newer\"/' -i \"$1\"");
    assert_eq!(opened.code, 0, "{}", opened.err);
    assert_eq!(shown(&desk.sandbox, "2")["title"], "Newer");
    assert_eq!(desk.left(), Vec::<PathBuf>::new());
}

#[test]
fn what_the_editor_leaves_wrong_is_said_and_not_kept() {
    let Some(desk) = Desk::new() else { return };
    let content = desk.sandbox.content();
    for (text, code, message) in [
        ("title = ''", 2, "a title cannot be empty"),
        ("type = 'bad'", 2, "`type`: unknown type of incident"),
        ("severity = 5", 2, "`severity`: needs text, in quotes"),
        ("occurred = '2199-01-01'", 2, "`occurred`: this has not happened yet"),
        ("occurred = 5", 2, "`occurred`: needs a date, in quotes"),
        ("detected = 'soon'", 2, "`detected`: not a date"),
        ("references = 'x'", 2, "`references`: needs a list"),
        ("steps = 'x'", 2, "`steps`: needs tables: [[steps]]"),
        ("[[steps]]\nkey = 'wipe'", 2, "`steps`: a step needs a text"),
        ("[[steps]]\nkey = 'canary'\ntext = 'x'", 2, "`steps`: there is no step with this key"),
        ("[[steps]]\ntext = 'x'\ncanary = 1", 2, "`steps`: a step has `key`, `text` and `done`"),
        ("canary = 'x'", 2, "a key: there is no such key"),
        ("canary", 2, "line 1: "),
    ] {
        desk.sandbox.file("text", text);
        let answer = desk.edit(&["edit", "1"], "cp text \"$1\"");
        says(&answer, code, message, "kept nowhere");
        assert!(!answer.all().contains("canary"), "{text}: {}", answer.all());
        assert_eq!(desk.left(), Vec::<PathBuf>::new(), "{text}");
    }
    says(&desk.edit(&["edit", "1"], "exit 7"), 3, "ended with code 7", "");
    says(&desk.edit(&["edit", "1"], "echo >\"$1\""), 3, "the text is gone", "");
    assert_eq!(desk.sandbox.content(), content);
    let key = desk.sandbox.path("key");
    let note = format!("'{VAULT}' incident note 1 meanwhile --key-file '{}'; ", key.display());
    let late = desk.edit(&["edit", "1"], &(note + "sed -e 's/^owner.*/owner = \"x\"/' -i \"$1\""));
    says(&late, 13, "INC-1 was changed by somebody else", "kept nowhere");
    assert!(shown(&desk.sandbox, "1")["owner"].is_null());
}

#[test]
fn a_person_mends_a_wrong_text_and_writes_a_note_at_a_terminal() {
    let Some(desk) = Desk::new() else { return };
    // wrong the first time, right the second
    let script = r#"
        if grep -q '^#! ' "$1"
        then grep '^#! ' "$1" >said; sed -e 's/^severity.*/severity = "low"/' -i "$1"
        else sed -e 's/^severity.*/severity = "awful"/' -i "$1"
        fi
    "#;
    let mut terminal = desk.at_a_terminal(&["edit", "INC-1"], script);
    terminal.expect("unknown severity");
    terminal.expect("edit again?");
    terminal.send("\r");
    terminal.expect("changed INC-1: severity");
    assert_eq!(terminal.end().0, 0);
    let said = std::fs::read_to_string(desk.sandbox.path("said")).unwrap();
    assert!(said.contains("one of: low, medium, high, critical"), "{said}");
    let mut terminal = desk.at_a_terminal(&["edit", "INC-1"], "echo 'owner = 5' >\"$1\"");
    terminal.expect("edit again?");
    terminal.send("n\r");
    let (code, screen) = terminal.end();
    assert!(code == 3 && screen.contains("kept nowhere"), "{screen}");
    let script = "basename \"$1\" >name; printf 'typed\\nat the desk\\n\\n' >\"$1\"";
    let mut terminal = desk.at_a_terminal(&["note", "INC-1"], script);
    terminal.expect("noted in INC-1");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(std::fs::read_to_string(desk.sandbox.path("name")).unwrap(), "note.txt\n");
    let now = shown(&desk.sandbox, "1");
    let last = now["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["event"], &last["text"]), (&"note".into(), &"typed\nat the desk".into()));
    let (code, screen) = desk.at_a_terminal(&["note", "INC-1"], "true").end();
    assert!(code == 3 && screen.contains("nothing was changed"), "{screen}");
    let unknown = desk.at_a_terminal(&["note", "INC-7"], "touch opened").end();
    assert!(unknown.0 == 10 && !desk.sandbox.path("opened").exists(), "{}", unknown.1);
    let nobody = desk.edit(&["note", "INC-1"], "true");
    says(&nobody, 2, "no text for the note", "vault incident note INC-1 --stdin");
    assert_eq!(desk.left(), Vec::<PathBuf>::new());
    let database = std::fs::read(desk.sandbox.database()).unwrap();
    assert!(!contains(&database, b"at the desk") && contains(&database, b"SQLite format"));
}
