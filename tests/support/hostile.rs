//! Text that has driven terminals or deceived their readers, and whether an answer shows any of it.

use super::pty::Pty;
use super::{Sandbox, json};
use std::collections::BTreeSet;

/// A word in each payload, by which its place on the screen is found.
pub const MARK: &str = "mark";

/// What has driven terminals or deceived their readers.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn payloads() -> Vec<String> {
    let mut all: BTreeSet<String> = BTreeSet::new();
    let mut add = |text: String| _ = all.insert(format!("{MARK}{text}{MARK}"));
    // every C0 control but NUL, which is no text; DEL; every C1 control
    for code in (1..0x20).chain(0x7f..0xa0) {
        add(char::from_u32(code).unwrap().to_string());
    }
    for sequence in [
        "[2J",
        "[3J",
        "[H",
        "[1;1H",
        "[31m",
        "[8m",
        "[?1049h",
        "[?25l",
        "[6n",
        "[c",
        "[5i",
        "[20t",
        "[21t",
        "[1A\u{1b}[2K",
        "c",
        "(0",
        "#8",
        "7",
        "8",
        "Z",
        "=",
        "[?2004h",
        "[!p",
        "[99999999C",
        "]0;title\u{7}",
        "]2;title\u{1b}\\",
        "]8;;http://evil.example\u{1b}\\click",
        "]52;c;aHVudGVyMg==\u{7}",
        "]4;0;?\u{7}",
        "]10;?\u{7}",
        "]1337;File=:aGk=\u{7}",
        "]7;file:///etc\u{7}",
        "P$q\"p\u{1b}\\",
        "P+q544e\u{1b}\\",
        "_apc\u{1b}\\",
        "^pm\u{1b}\\",
        "Xsos\u{1b}\\",
        "[201~rm -rf",
        "]9;notify\u{7}",
        "]777;notify;a;b\u{7}",
    ] {
        add(format!("\u{1b}{sequence}"));
    }
    for c1 in ["\u{9b}2J", "\u{9d}0;title\u{9c}", "\u{90}$q\u{9c}", "\u{9e}pm\u{9c}", "\u{8d}"] {
        add(c1.into());
    }
    for text in ["\rok verified", "\r\nname  root", "\u{8}\u{8}\u{8}xyz", "a\tb", "\n\n\n", "\u{c}"]
    {
        add(text.into());
    }
    for deceptive in "\u{ad}\u{34f}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\
                      \u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2064}\u{2066}\
                      \u{2067}\u{2068}\u{2069}\u{206f}\u{feff}\u{fff9}\u{fffb}\u{e0001}\u{e0041}\
                      \u{e007f}\u{e0100}\u{3164}\u{115f}"
        .chars()
    {
        add(format!("a{deceptive}b"));
    }
    add("\u{202e}txt.exe\u{202c}\u{2066}x\u{2069}".into());
    add("\u{1b}[2J".repeat(500));
    add("x".repeat(64 << 10));
    all.into_iter().collect()
}

/// Whether the terminal may see it: text, line ends, and the program's own colours.
pub fn forbidden(screen: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(screen);
    let mut text = text.replace("\r\n", "\n");
    for colour in ["\u{1b}[1m", "\u{1b}[0m", "\u{1b}[1;31m", "\u{1b}[1;33m", "\u{1b}[36m"] {
        text = text.replace(colour, "");
    }
    // the tab is what separates the cells of plain output
    let harmful = |c: char| vault::cli::escape::is_harmful(c) && c != '\n' && c != '\t';
    let at = text.find(harmful)?;
    let from = text[..at].char_indices().rev().nth(30).map_or(0, |(at, _)| at);
    Some(format!("{:?}", text[from..].chars().take(60).collect::<String>()))
}

/// Runs the command at a terminal, for people and for pipelines, and for programs in a pipe.
pub fn harmless(sandbox: &Sandbox, args: &[&str], codes: &[i32]) {
    for format in [&[][..], &["--format", "plain"]] {
        let (code, screen) = Pty::vault(sandbox, &[args, format].concat(), &[]).finish();
        assert!(codes.contains(&code), "{args:?}: {code} {}", String::from_utf8_lossy(&screen));
        if let Some(found) = forbidden(&screen) {
            panic!("{args:?} {format:?} shows {found}");
        }
    }
    let answer = sandbox.run(&[args, &["--json"]].concat());
    let document = if answer.out.is_empty() { answer.err.as_bytes() } else { &answer.out };
    json(document);
    let raw = |bytes: &[u8]| bytes.iter().any(|b| (*b < 0x20 && *b != b'\n') || *b == 0x7f);
    assert!(!raw(document), "{args:?} --json has raw controls");
    let text = std::str::from_utf8(document).unwrap();
    assert!(!text.chars().any(|c| c != '\n' && vault::cli::escape::is_harmful(c)), "{args:?}");
}
