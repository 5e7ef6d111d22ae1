//! The picker: for a person who wrote less than a name. Scripts get the candidates instead.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, require};
use super::{refused, says};

fn with_some() -> Option<Sandbox> {
    if !require("setsid") {
        return None;
    }
    let sandbox = Sandbox::new();
    for name in ["db/main", "db/replica", "web\u{202e}evil", "zebra"] {
        sandbox.add(name, format!("value of {name}").as_bytes());
    }
    Some(sandbox)
}

/// The program at a terminal, its answer in a file, so that the screen has the picker alone.
fn picking(sandbox: &Sandbox, line: &str) -> Pty {
    Pty::shell(sandbox, &format!("'{}' {line} >value; echo code $?", super::support::VAULT))
}

fn value(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path("value")).unwrap()
}

#[test]
fn a_person_picks_among_what_fits() {
    let Some(sandbox) = with_some() else { return };
    // two begin so; the second is one arrow down
    let mut terminal = picking(&sandbox, "cred get db");
    terminal.expect("> db/main");
    terminal.expect("db/replica");
    terminal.send("\u{1b}[B");
    terminal.expect("> db/replica");
    terminal.send("\r");
    terminal.expect("note: `db` is `db/replica`");
    terminal.expect("code 0");
    terminal.end();
    assert_eq!(value(&sandbox), "value of db/replica");
    // none begins so; one has it in the middle, in another case, or at least its letters
    for typed in ["REPLIC", "dbReplca"] {
        let mut terminal = picking(&sandbox, &format!("cred get {typed} </dev/null"));
        terminal.expect("> db/replica");
        terminal.send("\r");
        terminal.expect("code 0");
        terminal.end();
        assert_eq!(value(&sandbox), "value of db/replica");
        std::fs::remove_file(sandbox.path("value")).unwrap();
    }
}

#[test]
fn without_a_name_all_can_be_picked_and_what_is_typed_narrows() {
    let Some(sandbox) = with_some() else { return };
    let mut terminal = picking(&sandbox, "cred get");
    terminal.expect("> db/main");
    terminal.expect("zebra");
    terminal.send("zb");
    terminal.expect("> zebra");
    terminal.send("\r");
    terminal.expect("code 0");
    let (_, screen) = terminal.end();
    assert_eq!(value(&sandbox), "value of zebra");
    // names are harmless on the way
    assert!(screen.contains("web\\u{202e}evil") && !screen.contains('\u{202e}'), "{screen}");
    let picked = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&picked["action"], &picked["name"]), (&"decrypt".into(), &"zebra".into()));
}

#[test]
fn giving_up_is_code_3_and_leaves_the_terminal_as_it_was() {
    let Some(sandbox) = with_some() else { return };
    for key in ["\u{1b}", "\u{3}"] {
        for args in ["get db", "get", "show db", "show ebr"] {
            let line = format!(
                "stty -g >before; '{}' cred {args}; echo code $?; stty -g >after",
                super::support::VAULT
            );
            let mut terminal = Pty::shell(&sandbox, &line);
            terminal.expect("> ");
            terminal.send(key);
            terminal.expect("given up");
            terminal.expect("code 3");
            let (_, screen) = terminal.end();
            let shown = screen.rfind("\u{1b}[?25h") > screen.rfind("\u{1b}[?25l");
            assert!(shown, "the cursor is hidden: {screen:?}");
            let read = |name| std::fs::read_to_string(sandbox.path(name)).unwrap();
            assert_eq!(read("before"), read("after"));
        }
    }
    assert!(sandbox.log(&["--action", "decrypt"]).is_empty());
}

#[test]
fn scripts_are_told_the_candidates() {
    let Some(sandbox) = with_some() else { return };
    let answer = Answer::of(&mut sandbox.detached(&["cred", "get", "db"]));
    says(&answer, 13, "`db` fits several credentials", "write more of the name");
    assert!(answer.err.contains("  db/main\n  db/replica\n"), "{}", answer.err);
    let none = (2, "which credential?", "vault cred get NAME");
    refused(&sandbox, &["cred", "get", "--no-input"], b"", none, 0);
    says(&Answer::of(&mut sandbox.detached(&["cred", "get"])), 2, "which credential?", "");
    // at a terminal too, if asking is forbidden
    let mut terminal = picking(&sandbox, "cred get db --no-input");
    terminal.expect("write more of the name");
    terminal.expect("code 13");
    terminal.end();
    let mut terminal = picking(&sandbox, "cred get nowhere");
    terminal.expect("no credential named `nowhere`");
    terminal.expect("code 10");
    terminal.end();
}

#[test]
fn what_destroys_or_changes_is_named_in_full() {
    let Some(sandbox) = with_some() else { return };
    let content = sandbox.content();
    for args in ["rm db", "purge db", "rename db x", "set db --owner x"] {
        let mut terminal = picking(&sandbox, &format!("cred {args}"));
        terminal.expect("no credential named `db`");
        terminal.expect("code 10");
        terminal.end();
    }
    assert_eq!(sandbox.content(), content);
}
