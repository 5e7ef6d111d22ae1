//! `vault incident report`: the same content in three forms, and nothing in it but text.

use super::incident_blast::{incident, opened};
use super::support::{Sandbox, contains, json};
use super::{Answer, says};
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::json as value;
use std::os::unix::fs::PermissionsExt;
use vault::vault::Note;

/// What would be markup, a link or a picture if it were not written as text.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "![x](http://evil.example/x.png)",
    "[click](http://evil.example)",
    "<http://evil.example>",
    "http://evil.example www.evil.example a@evil.example",
    "\"><img src=x onerror=alert(1)>",
    "| a | b |",
    "` `` ``` <b>",
    "a\\|b@c",
    "&lt;b&gt; &#x3c;i>",
    "[ref]: http://evil.example",
    "***bold*** __x__ ~~y~~ $z$",
    "\u{1b}[2J\u{202e}txt",
];

/// One credential that was read, and an incident that says nothing but what is hostile.
fn house() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("[x](http://evil.example)", b"the-secret-value");
    sandbox.add("<b>bold</b>", b"the-secret-value");
    _ = sandbox.ok(&["cred", "get", "<b>bold</b>", "--reason", HOSTILE[1]], b"");
    let names = ["[x](http://evil.example)", "<b>bold</b>"];
    let number = incident(&sandbox, HOSTILE[0], None, &names);
    let mut vault = opened(&sandbox);
    for text in HOSTILE {
        let note = Note { text: Some((*text).into()), happened_at: None };
        vault.note_incident(number, &note).unwrap();
    }
    let seen = vault.incident(number).unwrap();
    let mut texts = seen.texts.clone().unwrap();
    texts.description = Some(format!("the-sealed-description\n# {}", HOSTILE.join("\n\n")));
    texts.references = HOSTILE.iter().map(|text| (*text).into()).collect();
    vault.edit_incident(&seen, seen.listing.meta.clone(), &texts).unwrap();
    sandbox
}

fn report(sandbox: &Sandbox, form: &str) -> String {
    let args = ["incident", "report", "INC-1", "--since", "1d", "--format", form];
    let answer = sandbox.run(&args);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("holds what is sealed"), "{}", answer.err);
    assert!(!contains(&answer.out, b"the-secret-value"));
    answer.text()
}

#[test]
fn a_page_stands_alone_and_all_text_in_it_is_text() {
    let sandbox = house();
    let page = report(&sandbox, "html");
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(&page, options).unwrap();
    let tags: Vec<&str> = document.descendants().map(|node| node.tag_name().name()).collect();
    for tag in ["script", "img", "a", "b", "i", "link", "iframe", "object", "form"] {
        assert!(!tags.contains(&tag), "<{tag}>");
    }
    for node in document.descendants() {
        for attribute in node.attributes() {
            let (name, text) = (attribute.name(), attribute.value());
            assert!(!["src", "href", "srcset", "action"].contains(&name), "{name}={text}");
            assert!(!name.starts_with("on") && !text.contains("evil"), "{name}={text}");
        }
    }
    let text: String = document.descendants().filter_map(|node| node.text()).collect();
    for hostile in HOSTILE.iter().take(12) {
        assert!(text.contains(hostile), "{hostile} is gone");
    }
    assert!(text.contains("\\u{1b}[2J") && !page.contains('\u{1b}'));
    assert!(text.contains("the-sealed-description") && text.contains("the-sealed-findings"));
    let style = document.descendants().find(|node| node.has_tag_name("style")).unwrap();
    let style = style.text().unwrap();
    assert!(style.contains("@media print") && style.contains("@page") && !style.contains("url("));
    assert!(document.descendants().filter(|node| node.has_tag_name("thead")).count() >= 4);
}

#[test]
fn markdown_has_no_markup_but_its_own() {
    let sandbox = house();
    let text = report(&sandbox, "md");
    let mut tables = 0;
    let mut said = String::new();
    // typographic quotes are no markup
    let options = Options::all() - Options::ENABLE_SMART_PUNCTUATION;
    for event in Parser::new_ext(&text, options) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("{html}"),
            Event::InlineMath(math) | Event::DisplayMath(math) => panic!("{math}"),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                panic!("a link to {dest_url}")
            }
            Event::Start(Tag::Emphasis | Tag::Strikethrough | Tag::CodeBlock(_)) => {
                panic!("{event:?}")
            }
            Event::Start(Tag::Table(_)) => tables += 1,
            Event::Text(text) | Event::Code(text) => said.push_str(&text),
            _ => {}
        }
    }
    assert_eq!(tables, 3, "{text}");
    for hostile in HOSTILE.iter().take(6) {
        assert!(said.contains(hostile), "{hostile} is gone");
    }
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    assert!(text.contains("## Findings\n\n> the-sealed-findings\n"), "{text}");
    // the control: as people wrote it, it would be markup
    let raw = Parser::new(HOSTILE[2]).any(|event| matches!(event, Event::Start(Tag::Link { .. })));
    assert!(raw);
}

#[test]
fn a_document_has_all_of_it_and_the_proof_fits_the_log() {
    let sandbox = house();
    let document = json(report(&sandbox, "json").as_bytes());
    assert_eq!(document["title"], HOSTILE[0]);
    assert_eq!(document["findings"], "the-sealed-findings");
    assert_eq!(document["references"], value!(HOSTILE));
    assert_eq!(document["credentials"][0]["state"], "open");
    assert_eq!(document["steps"].as_array().unwrap().len(), 6);
    assert_eq!(document["log"]["intact"], true);
    assert_eq!(document["log"]["authenticated"], true);
    let entries = document["entries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["action"] == "decrypt"));
    let log = sandbox.log(&["--limit", "0"]);
    let of_log = |seq: &serde_json::Value| log.iter().find(|entry| entry["seq"] == *seq).unwrap();
    for entry in entries {
        assert_eq!(entry["hash"], of_log(&entry["seq"])["hash"]);
    }
    assert_eq!(document["log"]["head"], of_log(&document["log"]["last"])["hash"]);
    let timeline = document["timeline"].as_array().unwrap();
    let at: Vec<&str> = timeline.iter().map(|row| row["at"].as_str().unwrap()).collect();
    assert!(at.is_sorted());
    assert!(timeline.iter().any(|row| row["what"] == "decrypt" && row["entry"].is_i64()));
    assert!(timeline.iter().any(|row| row["text"] == HOSTILE[4] && row["what"] == "note"));
    // that it was made is in the timeline, and ticks its step off
    let again = json(report(&sandbox, "json").as_bytes());
    let events = again["timeline"].as_array().unwrap();
    assert!(events.iter().any(|row| row["what"] == "report: json"), "{events:?}");
    let gather = again["steps"].as_array().unwrap().iter();
    assert!(gather.clone().any(|step| step["by"] == "the vault"), "{gather:?}");
}

/// The note in a report is the one that was kept, and whoever gets the report can compare the log with it.
#[test]
fn a_signed_checkpoint_is_part_of_the_proof() {
    let sandbox = house();
    assert!(json(report(&sandbox, "json").as_bytes())["checkpoint"].is_null());
    sandbox.ok(&["audit", "checkpoint", "-o", "head.note"], b"");
    let kept = std::fs::read_to_string(sandbox.path("head.note")).unwrap();
    let signed = json(report(&sandbox, "json").as_bytes())["checkpoint"].clone();
    assert_eq!(signed["note"], kept);
    let (text, page) = (report(&sandbox, "md"), report(&sandbox, "html"));
    let key = signed["public_key"].as_str().unwrap();
    assert!(text.contains(key) && page.contains(key));
    assert!(page.contains(&format!("<pre>{kept}</pre>")), "{page}");
    let (_, rest) = text.split_once("\n```\n").unwrap();
    let (note, _) = rest.split_once("```\n").unwrap();
    std::fs::write(sandbox.path("copied.note"), note).unwrap();
    sandbox.ok(&["audit", "verify", "--anchor", "copied.note", "--public-key", key], b"");
    std::fs::write(sandbox.path("copied.note"), note.replacen("counter ", "counter 1", 1)).unwrap();
    let forged = sandbox.run(&["audit", "verify", "--anchor", "copied.note", "--public-key", key]);
    assert_eq!(forged.code, 15, "{}", forged.err);
    assert!(text.contains("## Log from 20") && page.contains("Log from 20"));
}

#[test]
fn a_file_is_private_and_not_written_over_another() {
    let sandbox = house();
    let write = |more: &[&'static str]| {
        let args = ["incident", "report", "1", "--format", "html", "-o", "r.html"];
        sandbox.run(&[&args, more].concat())
    };
    let answer = write(&["--json"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(json(&answer.out)["form"], "html");
    let path = sandbox.path("r.html");
    let first = std::fs::read(&path).unwrap();
    assert!(first.starts_with(b"<!DOCTYPE html>"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let entries = sandbox.entries();
    says(&write(&[]), 13, "there is a file already", "--force");
    assert_eq!((std::fs::read(&path).unwrap(), sandbox.entries()), (first.clone(), entries));
    assert_eq!(write(&["--force"]).code, 0);
    assert_ne!(std::fs::read(&path).unwrap(), first, "it is a newer one");
    std::os::unix::fs::symlink("r.html", sandbox.path("link")).unwrap();
    let through = sandbox.run(&["incident", "report", "1", "-o", "link", "--force"]);
    says(&through, 2, "not a regular file", "");
    assert_eq!(
        sandbox.run(&["incident", "report", "1", "-o", "r.json", "--format", "json"]).code,
        0
    );
    json(&std::fs::read(sandbox.path("r.json")).unwrap());
    for args in [&["9"][..], &["1", "--since", "2099-01-01"], &["1", "--format", "table"]] {
        let answer = sandbox.run(&[&["incident", "report", "-o", "none"], args].concat());
        assert!([2, 10].contains(&answer.code), "{}", answer.err);
        assert!(!sandbox.path("none").exists());
    }
}

/// What stands in a log that was changed is told, and said not to be relied on.
#[test]
fn a_report_on_a_log_that_was_changed_says_so() {
    let sandbox = house();
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    let forge = "UPDATE entry SET user_name = 'mallory' WHERE action = 'decrypt'";
    assert_eq!(db.execute(forge, []).unwrap(), 1);
    for (form, sign) in [
        ("md", "The log is NOT intact"),
        ("html", "The log is NOT intact"),
        ("json", "\"intact\":false"),
    ] {
        let answer = sandbox.run(&["incident", "report", "1", "--since", "1d", "--format", form]);
        assert_eq!(answer.code, 15, "{}", answer.err);
        assert!(answer.text().contains(sign), "{form}");
        assert!(answer.err.contains("tampered"), "{}", answer.err);
    }
}

/// While locked there is nothing to report.
#[test]
fn without_a_key_there_is_no_report() {
    let sandbox = house();
    let mut command = sandbox.vault(&["incident", "report", "1", "--no-input", "-o", "r.md"]);
    let answer = Answer::of(command.env_remove("VAULT_KEY_FILE"));
    says(&answer, 12, "", "");
    assert!(!sandbox.path("r.md").exists());
}
