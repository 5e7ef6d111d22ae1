//! The report on the log: a page that stands alone, whatever others have stored.

use super::audit_show::{Forged, PLAIN, forge};
use super::support::{Answer, Sandbox};
use super::{refused, says};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A page, read as XML, which it is as well.
fn parsed(page: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(page, options).unwrap_or_else(|e| panic!("{e}: {page}"))
}

/// All text of a page that people see.
fn shown(page: &str) -> String {
    let document = parsed(page);
    let styled =
        |node: &roxmltree::Node<'_, '_>| node.parent_element().unwrap().has_tag_name("style");
    let texts = document.descendants().filter(|node| node.is_text() && !styled(node));
    texts.map(|node| node.text().unwrap()).collect::<Vec<_>>().join("\n")
}

fn report(sandbox: &Sandbox, args: &[&str]) -> Answer {
    sandbox.run(&[&["audit", "report", "--html"], args].concat())
}

/// Nothing in it runs, is fetched, or leads away.
#[track_caller]
fn stands_alone(page: &str) {
    let document = parsed(page);
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let tag = node.tag_name().name();
        assert!(TAGS.contains(&tag), "<{tag}> in {page}");
        for attribute in node.attributes() {
            assert!(ATTRIBUTES.contains(&attribute.name()), "{attribute:?}");
        }
    }
    let style = document.descendants().find(|node| node.has_tag_name("style")).unwrap();
    let style = style.text().unwrap();
    assert!(!style.contains("url(") && !style.contains("@import"));
    let policy = document.descendants().find_map(|node| {
        node.attribute("http-equiv").filter(|name| *name == "Content-Security-Policy")?;
        node.attribute("content")
    });
    let policy = policy.unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn what_does_not_stand_alone_is_seen() {
    let sandbox = Sandbox::new();
    let page = report(&sandbox, &[]).text();
    stands_alone(&page);
    for (place, bad) in [
        ("<main>", "<main><script>1</script>"),
        ("<main>", "<main><p onclick=\"x\"></p>"),
        ("<main>", "<main><img/>"),
        ("margin: 0;", "background: url(x);"),
        ("default-src", "x-src"),
    ] {
        assert!(page.contains(place));
        let worse = page.replacen(place, bad, 1);
        assert!(std::panic::catch_unwind(|| stands_alone(&worse)).is_err(), "{bad}");
    }
}

const TAGS: [&str; 34] = [
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "h1",
    "h2",
    "p",
    "dl",
    "div",
    "dt",
    "dd",
    "section",
    "figure",
    "figcaption",
    "svg",
    "g",
    "rect",
    "line",
    "text",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "br",
    "hr",
    "ul",
    "li",
    "span",
    "code",
];

const ATTRIBUTES: [&str; 22] = [
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "viewBox",
    "role",
    "aria-label",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "width",
    "height",
    "fill-opacity",
    "text-anchor",
    "preserveAspectRatio",
    "colspan",
    "scope",
];

#[test]
fn it_tells_who_read_what_and_what_was_refused() {
    let sandbox = Sandbox::new();
    sandbox.add("db/main", b"hunter2");
    for _ in 0..3 {
        sandbox.ok(&["cred", "get", "db/main"], b"");
    }
    let refusal = ["cred", "rm", "db/main", "--if-version", "99", "--reason", "ticket 4711"];
    assert_eq!(sandbox.run(&refusal).code, 13);
    let answer = report(&sandbox, &[]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let page = answer.text();
    stands_alone(&page);
    let text = shown(&page);
    for part in
        ["handed out\n3\n", "credentials read\n1\n", "failed\n1\n", "db/main", "ticket 4711"]
    {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(text.contains("The log is intact: every entry was written by this program"), "{text}");
    let head = String::from_utf8(sandbox.ok(&["audit", "verify"], b"")).unwrap();
    let head = head.lines().find_map(|line| line.strip_prefix("head\t")).unwrap().to_owned();
    assert_eq!(head.len(), 64);
    assert!(text.contains(&head), "{head}: {text}");
    assert!(!page.contains("hunter2"));
}

#[test]
fn without_the_keys_it_claims_no_more_than_it_knows() {
    let sandbox = Sandbox::new();
    let mut locked = sandbox.vault(&["audit", "report", "--html"]);
    let text = shown(&Answer::of(locked.env_remove("VAULT_KEY_FILE")).text());
    assert!(text.contains("The keyed marks were not checked"), "{text}");
    assert!(!text.contains("every entry was written by this program"), "{text}");
}

#[test]
fn stored_markup_is_text() {
    let sandbox = Sandbox::new();
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'--><svg/onload=alert(1)>",
        "</style></title><b>&amp;&#60;",
        "http://evil.example/\u{202e}gpj.exe",
    ];
    for name in hostile {
        sandbox.add(name, b"hunter2");
        sandbox.ok(&["cred", "get", name, "--reason", name], b"");
        sandbox.run(&["cred", "rm", name, "--if-version", "99", "--reason", name]);
    }
    let page = report(&sandbox, &["--cred", hostile[0]]).text();
    stands_alone(&page);
    let page = report(&sandbox, &[]).text();
    stands_alone(&page);
    let text = shown(&page);
    for name in &hostile[..4] {
        assert!(text.matches(name).count() >= 3, "{name}: {text}");
    }
    assert!(text.contains("http://evil.example/\\u{202e}gpj.exe"), "{text}");
    // what only an attacker could have put there
    forge(
        &sandbox,
        &[Forged {
            user: "\u{1b}[2J<i>\u{0}\u{ffff}",
            host: "\"onclick=\"x",
            program: Some("<!--"),
            action: "]]>",
            outcome: "<refused>",
            ..PLAIN
        }],
    );
    let answer = report(&sandbox, &[]);
    assert_eq!(answer.code, 15, "{}", answer.err);
    stands_alone(&answer.text());
    let text = shown(&answer.text());
    assert!(text.contains("\\u{1b}[2J<i>"), "{text}");
    assert!(!text.chars().any(|c| c != '\n' && vault::cli::escape::is_harmful(c)));
}

#[test]
fn a_log_that_was_tampered_with_is_reported_as_such() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"1");
    sandbox.add("b", b"2");
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    db.execute("UPDATE entry SET user_name = 'mallory' WHERE seq = 2", []).unwrap();
    drop(db);
    for key in [true, false] {
        let mut command = sandbox.vault(&["audit", "report", "--html", "-o", "r.html", "--force"]);
        if !key {
            command.env_remove("VAULT_KEY_FILE");
        }
        let answer = Answer::of(&mut command);
        assert_eq!(answer.code, 15, "{}", answer.err);
        assert!(answer.err.contains("entry 2 was changed"), "{}", answer.err);
        let text = shown(&fs::read_to_string(sandbox.path("r.html")).unwrap());
        assert!(text.contains("NOT intact") && text.contains("entry 2 was changed"), "{text}");
        assert!(!text.contains("is intact"), "{text}");
    }
}

#[test]
fn it_is_about_what_was_asked_for() {
    let sandbox = Sandbox::new();
    for (name, client) in [("a/one", "acme"), ("b/two", "initech")] {
        sandbox.ok(&["cred", "add", name, "--client", client, "--stdin"], b"hunter2");
        sandbox.ok(&["cred", "get", name], b"");
    }
    let text = shown(&report(&sandbox, &["--client", "acme"]).text());
    assert!(text.contains("a/one") && !text.contains("b/two"), "{text}");
    assert!(text.contains("Client\nacme"), "{text}");
    let none = report(&sandbox, &["--until", "2020-01-01"]);
    stands_alone(&none.text());
    assert!(shown(&none.text()).contains("No entries fit."));
    let wrong = ["audit", "report", "--html", "--since", "2999-01-01"];
    refused(&sandbox, &wrong, b"", (2, "in the future", ""), 0);
    refused(&sandbox, &["audit", "report"], b"", (2, "`--html` is missing", ""), 0);
}

#[test]
fn it_goes_to_a_new_private_file() {
    let sandbox = Sandbox::new();
    let answer = report(&sandbox, &["-o", "r.html"]);
    assert_eq!((answer.code, answer.out.len()), (0, 0), "{}", answer.err);
    assert!(answer.err.contains("wrote the report to r.html"), "{}", answer.err);
    let path = sandbox.path("r.html");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let first = fs::read(&path).unwrap();
    stands_alone(std::str::from_utf8(&first).unwrap());
    let again = ["audit", "report", "--html", "-o", "r.html"];
    refused(&sandbox, &again, b"", (13, "there is a file already: `r.html`", "--force"), 0);
    assert_eq!(fs::read(&path).unwrap(), first);
    sandbox.add("new/one", b"1");
    sandbox.ok(&["cred", "get", "new/one"], b"");
    sandbox.ok(&[&again[..], &["--force"]].concat(), b"");
    assert!(fs::read_to_string(&path).unwrap().contains("new/one"));
    let there = fs::read_dir(sandbox.root()).unwrap();
    let drafts = there
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".new-"));
    assert_eq!(drafts.count(), 0);
    let lost = ["audit", "report", "--html", "-o", "no/r.html"];
    refused(&sandbox, &lost, b"", (18, "cannot write `no/r.html`", ""), 0);
    says(&report(&sandbox, &["-o", "data"]), 2, "`data` is not a regular file", "");
    assert_eq!(report(&sandbox, &["-o", "-"]).out[..15], *b"<!DOCTYPE html>");
}
