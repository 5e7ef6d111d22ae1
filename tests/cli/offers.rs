//! Texts that cannot be taken are offered back to whoever edits: nothing of them is lost, nor of what
//! others change meanwhile.

use super::edit::Desk;
use super::support::VAULT;

#[test]
fn a_wrong_text_is_offered_back_with_the_error_in_it() {
    let Some(desk) = Desk::new() else { return };
    let script = r#"
        if grep -q '^#! `port`' "$1"; then
            grep -c '^#!' "$1" >marks; sed -e 's/^port = .*/port = 22/' -i "$1"
        else sed -e 's/^# port = .*/port = "none"/' -e 's/"app"/"mine"/' -i "$1"; fi
    "#;
    let mut terminal = desk.at_a_terminal(&[], script);
    terminal.expect("edit again?");
    terminal.send("\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!((&desk.shown()["port"], &desk.shown()["username"]), (&22.into(), &"mine".into()));
    assert!(desk.left().is_empty());
    // given up, it is kept, if it is harmless
    for (line, kept) in [("port = 0", true), ("password = 'hunter3-canary'", false)] {
        desk.sandbox.file("text", line);
        let mut terminal = desk.at_a_terminal(&[], "cp text \"$1\"");
        terminal.expect("edit again?");
        terminal.send("n\r");
        let (code, screen) = terminal.end();
        assert_eq!(code, 3, "{screen}");
        assert_eq!(screen.contains("your text is kept in"), kept, "{screen}");
        assert_eq!(desk.left().len(), usize::from(kept), "{line}");
        desk.left().iter().for_each(|file| std::fs::remove_file(file).unwrap());
    }
}

/// The error goes into the first lines, and out of them again; nothing else of the text is touched.
#[test]
fn a_value_that_looks_like_the_error_survives_it() {
    let Some(desk) = Desk::new() else { return };
    let notes = b"#! /bin/sh\n#! 2\nend";
    desk.sandbox.ok(&["cred", "set", "db/main", "notes", "--stdin"], notes);
    let script = r#"
        if [ -e again ]; then
            grep -c '^#! `port`' "$1" >>marks; sed -e '/^port = /d' -e 's/hunter2/hunter3/' -i "$1"
        elif [ -e once ]; then touch again
        else touch once; sed -e 's/^# port = .*/port = "none"/' -i "$1"; fi
    "#;
    let mut terminal = desk.at_a_terminal(&["--secrets"], script);
    for _ in 0..2 {
        terminal.expect("edit again?");
        terminal.send("\r");
    }
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(desk.sandbox.ok(&["cred", "get", "db/main", "notes"], b""), notes);
    assert_eq!(desk.sandbox.ok(&["cred", "get", "db/main"], b""), b"hunter3-canary");
    assert_eq!(std::fs::read_to_string(desk.sandbox.path("marks")).unwrap(), "1\n");
}

/// Whoever corrects a slip knows nothing of what others did meanwhile, and must not undo it.
#[test]
fn a_change_by_others_during_a_correction_is_not_undone() {
    let Some(desk) = Desk::new() else { return };
    let key = desk.sandbox.path("key");
    let script = format!(
        r#"
        if [ -e once ]; then
            '{VAULT}' cred set db/main --owner ann --key-file '{}'; sed -e 's/^port = .*/port = 22/' -i "$1"
        else touch once; sed -e 's/^# port = .*/port = "none"/' -i "$1"; fi
    "#,
        key.display()
    );
    let mut terminal = desk.at_a_terminal(&[], &script);
    for (said, answer) in [("`port`", "\r"), ("was changed by somebody else", "n\r")] {
        terminal.expect(said);
        terminal.expect("edit again?");
        terminal.send(answer);
    }
    let (code, screen) = terminal.end();
    assert_eq!(code, 3, "{screen}");
    assert_eq!((&desk.shown()["owner"], &desk.shown()["port"]), (&"ann".into(), &().into()));
    assert!(std::fs::read_to_string(&desk.left()[0]).unwrap().contains("port = 22"));
}
