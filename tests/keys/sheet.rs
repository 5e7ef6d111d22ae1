//! The recovery sheet: what is on it opens the vault, however it gets back from paper; and no slot without one.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, require};
use super::*;
use std::fs::File;
use std::process::Stdio;
use std::rc::Rc;
use vault::vault::{Key, Place, Purpose, Vault};
use vault::world::World;

const ADD: [&str; 4] = ["key", "add", "paper", "--recovery"];

/// The line that begins with the key.
fn key_line(sheet: &str) -> String {
    let mut lines =
        sheet.lines().map(str::trim).filter(|line| line.starts_with("AGE-SECRET-KEY-1"));
    lines.find(|line| line.len() == 74).unwrap().to_owned()
}

/// The groups that people type from.
fn groups(sheet: &str) -> String {
    let after = sheet.split_once("The same in groups:\n\n").unwrap().1;
    after.split_once("\n\n").unwrap().0.to_owned()
}

/// What a camera reads in the code: two pixels a character, ten by ten dots each.
fn scanned(sheet: &str) -> String {
    let is_code = |line: &&str| line.contains(['█', '▀', '▄']);
    let lines: Vec<Vec<char>> =
        sheet.lines().filter(is_code).map(|line| line.chars().skip(2).collect()).collect();
    let width = lines.iter().map(Vec::len).max().unwrap();
    let dark = |x: usize, y: usize| {
        let c = lines.get(y / 2).and_then(|line| line.get(x)).copied().unwrap_or(' ');
        c == '█' || c == if y.is_multiple_of(2) { '▀' } else { '▄' }
    };
    // with some paper around it
    let (scale, edge) = (10, 60);
    let size = |modules: usize| modules * scale + 2 * edge;
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(size(width), size(2 * lines.len()), |x, y| {
            let (x, y) = (x.wrapping_sub(edge), y.wrapping_sub(edge));
            let inside = x < width * scale && y < 2 * lines.len() * scale;
            if inside && dark(x / scale, y / scale) { 0 } else { 255 }
        });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "{sheet}");
    grids[0].decode().unwrap().1
}

fn opens(sandbox: &Sandbox, key: &str) {
    sandbox.file("typed", key);
    let got = sandbox.run(&["--key-file", "typed", "cred", "get", "x"]);
    assert_eq!(got.out, b"hunter2", "{}", got.err);
}

#[test]
fn the_key_comes_back_from_paper_by_hand_and_by_camera() {
    if !require("age") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let sheet = String::from_utf8(sandbox.ok(&ADD, b"")).unwrap();
    assert!(sheet.lines().all(|line| line.chars().count() <= 80) && sheet.lines().count() <= 66);
    let key = key_line(&sheet);
    assert_eq!(scanned(&sheet), key);
    opens(&sandbox, &key);
    opens(&sandbox, &groups(&sheet));
    opens(&sandbox, &groups(&sheet).to_lowercase().replace('\n', "\r\n"));
    // one letter mistyped is noticed
    let last = if key.ends_with('Q') { 'P' } else { 'Q' };
    sandbox.file("typed", format!("{}{last}", &key[..73]));
    let wrong = sandbox.run(&["--key-file", "typed", "cred", "get", "x"]);
    assert!(wrong.code == 11 && !wrong.err.contains(&key[20..40]), "{}", wrong.err);
    sandbox.file("line", format!("{key}\n"));
    let opened = age(&sandbox, &sealed(&sandbox, "paper"), &sandbox.path("line"));
    assert!(is_content(&opened.out), "{}", opened.err);
    assert!(types(&sandbox).contains(&("paper".into(), "recovery".into())));
    // the key is on the sheet and nowhere else
    for file in support::files(&sandbox.path("data")) {
        assert!(!support::contains(&std::fs::read(&file).unwrap(), key.as_bytes()));
    }
    assert!(sheet.contains(&fingerprint(&sandbox)));
}

/// The commands on it, each in one line and without what is said about it.
fn steps(sheet: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in sheet.split_once("To open the vault").unwrap().1.lines() {
        let command = line.split("    (").next().unwrap();
        match (line.strip_prefix("                "), all.last_mut()) {
            (Some(rest), Some(last)) => *last += &format!(" {rest}"),
            _ if line.starts_with("  ") => all.push(command.trim().to_owned()),
            _ => {}
        }
    }
    all
}

/// Where the vault has never been.
#[test]
fn its_steps_work() {
    if !require("age") || !require("sqlite3") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"two\nlines\n");
    let sheet = String::from_utf8(sandbox.ok(&ADD, b"")).unwrap();
    let fingerprint = fingerprint(&sandbox);
    std::fs::create_dir(sandbox.path("paper")).unwrap();
    sandbox.file("paper/key", key_line(&sheet));
    sandbox.file("paper/pass", PASSPHRASE);
    let run = |step: &str, pin: &str| {
        let step = step.replace(" FILE ", " ../data/vault/vault.db ").replace("FINGERPRINT", pin);
        let step = step.replace(" ID.", " *.").replace("LEN", "10");
        let step = step.replace("LABEL", "new --new-passphrase-file pass");
        let step =
            step.strip_prefix("vault ").map_or(step.clone(), |rest| format!("\"$V\" {rest}"));
        let mut shell = sandbox.command("sh");
        shell.args(["-c", &format!("cd paper && {step}")]).env("V", support::VAULT);
        shell.env_remove("VAULT_KEY_FILE").env("XDG_STATE_HOME", sandbox.path("paper/state"));
        Answer::of(&mut shell)
    };
    let steps = steps(&sheet);
    assert_eq!(steps.len(), 8, "{steps:?}");
    says(&run(&steps[0], &fingerprint.replace(&fingerprint[..4], "aaaa")), 15, "fingerprint", "");
    let said: Vec<_> = steps.iter().map(|step| run(step, &fingerprint)).collect();
    for (step, said) in steps.iter().zip(&said) {
        assert_eq!(said.code, 0, "{step}: {}", said.err);
    }
    assert!(String::from_utf8_lossy(&said[4].out).ends_with("|x\n"), "{:?}", said[4].out);
    assert!(String::from_utf8_lossy(&said[6].out).ends_with(",\"len\":10}\n"), "{:?}", said[6].out);
    assert_eq!(said[7].out, b"two\nlines\n");
}

fn fingerprint(sandbox: &Sandbox) -> String {
    let key = std::fs::read(sandbox.path("key")).unwrap();
    let place = Place { file: sandbox.database(), state_dir: sandbox.path("state/vault") };
    let vault = Vault::open(&place, Rc::new(World::real()), Purpose::default()).unwrap();
    vault.unlock(&Key::Identity(vault::model::Secret::from_bytes(&key))).unwrap().fingerprint()
}

#[test]
fn without_its_sheet_there_is_no_slot() {
    let sandbox = Sandbox::new();
    let content = sandbox.content();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let nowhere = Answer::of(sandbox.detached(&ADD).stdout(Stdio::null()));
    says(&nowhere, 2, "the sheet would go nowhere", "--recovery | lp");
    let mut closed = sandbox.command("sh");
    closed.args(["-c", "\"$V\" key add paper --recovery >&-"]).env("V", support::VAULT);
    says(&Answer::of(&mut closed), 2, "the sheet would go nowhere", "");
    assert_eq!(sandbox.content(), content);
    for (out, args) in [
        (Stdio::from(full), &ADD[..]),
        (Stdio::from(writer.try_clone().unwrap()), &ADD[..]),
        (Stdio::from(writer), &["--json", "key", "add", "paper", "--recovery"]),
    ] {
        let mut command = sandbox.detached(args);
        let child = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap();
        let answer = Answer::from(child.wait_with_output().unwrap());
        assert_eq!(answer.code, 18, "{}", answer.err);
        assert!(answer.err.contains("there is no slot"), "{}", answer.err);
        assert_eq!(sandbox.content(), content);
    }
    let out = sandbox.ok(&[&["--json"], &ADD[..]].concat(), b"");
    let sheet = json(&out);
    sandbox.add("x", b"hunter2");
    opens(&sandbox, sheet["recovery_key"].as_str().unwrap());
}

#[test]
fn on_a_terminal_it_is_asked_whether_it_is_on_paper() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let content = sandbox.content();
    for (answer, code) in [("n\r", 3), ("\u{4}", 3), ("\u{3}", 3), ("y\r", 0)] {
        let mut add = Pty::vault(&sandbox, &ADD, &[]);
        add.expect("Do you have it on paper?");
        assert_eq!(sandbox.content(), content, "stored before it was on paper");
        add.send(answer);
        let (got, screen) = add.end();
        assert_eq!(got, code, "{screen}");
        assert_eq!(screen.contains("what was shown opens nothing"), code == 3, "{screen}");
        let key = key_line(&screen);
        sandbox.file("shown", &key);
        let opens = sandbox.run(&["--key-file", "shown", "cred", "get", "x"]);
        assert_eq!(opens.code == 0, code == 0, "{}", opens.err);
    }
}

/// On a dark terminal it would be a negative: there it has its own black and white, where that is wanted.
#[test]
fn on_a_terminal_the_code_is_black_on_white() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let shown = |env: &[(&str, &str)]| {
        let mut add = Pty::vault(&sandbox, &ADD, env);
        add.expect("Do you have it on paper?");
        add.send("n\r");
        add.end().1
    };
    let (on, off) = ("\u{1b}[30;107m", "\u{1b}[0m");
    let screen = shown(&[("TERM", "xterm")]);
    let code: Vec<_> = screen.lines().filter(|line| line.contains(on)).collect();
    assert!(code.iter().all(|line| line.trim_end().ends_with(off)), "{screen}");
    let plain = screen.replace(on, "").replace(off, "");
    assert!(!plain.contains('\u{1b}'), "{screen}");
    assert_eq!(scanned(&plain), key_line(&screen));
    // the empty edge belongs to it, on all sides
    let inside =
        |line: &&str| line.split_once(on).is_some_and(|(_, line)| line.starts_with("    "));
    assert!(code.len() > 20 && code.iter().all(inside), "{screen}");
    assert!(!code[0].contains(['█', '▀', '▄']) && !code[code.len() - 1].contains(['█', '▀', '▄']));
    for env in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let screen = shown(&[env]);
        assert!(!screen.contains('\u{1b}'), "{env:?}: {screen}");
        assert_eq!(scanned(&screen), key_line(&screen));
    }
}

/// Somebody else takes the label while the sheet is printed: whoever has it in hand is told what it is worth.
#[test]
fn a_sheet_that_is_worth_nothing_is_said_to_be() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut add = Pty::vault(&sandbox, &ADD, &[]);
    add.expect("Do you have it on paper?");
    sandbox.ok(&["key", "add", "paper", "--new-key-file", "other"], b"");
    add.send("y\r");
    let (code, screen) = add.end();
    assert_eq!(code, 13, "{screen}");
    assert!(screen.contains("the sheet has been handed over: it opens nothing"), "{screen}");
}
