//! Every shape in every format.

use super::*;
use crate::cli::report::{Cell, Sink};
use crate::model::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::borrow::Cow;

const COLUMNS: &[Column] =
    &[Column { name: "name" }, Column { name: "tags" }, Column { name: "expires_at" }];

fn row(name: &str) -> [Cell<'_>; 3] {
    [
        Cell::Text(Cow::Borrowed(name)),
        Cell::List(vec!["a".into(), "b".into()]),
        Cell::Time(Timestamp(1_800_000_000_000)),
    ]
}

fn list(names: Vec<String>) -> Report {
    let rows =
        Box::new(move |sink: &mut Sink<'_>| names.iter().try_for_each(|name| sink(&row(name))));
    Report::Table { columns: COLUMNS.into(), rows, empty: "no credentials" }
}

fn thing() -> Report {
    let fields = vec![
        ("client_id".into(), Cell::owned("abc\u{1b}")),
        ("secret".into(), Cell::Hidden),
        ("key".into(), Cell::Secret(Secret::from_bytes(b"one\ntwo\n"))),
        ("blob".into(), Cell::Secret(Secret::from_bytes(b"\xff\xfe"))),
    ];
    Report::Item(vec![
        ("name", Cell::owned("db/main")),
        ("port", Cell::Int(5432)),
        ("tags", Cell::List(Vec::new())),
        ("owner", Cell::None),
        ("requires_vpn", Cell::Flag(true)),
        ("fields", Cell::Map(fields)),
    ])
}

fn render_in(what: Report, format: Format, style: &Style) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    report(what, format, &mut out, &mut err, style).unwrap();
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn render(what: Report, format: Format) -> String {
    render_in(what, format, &Style::default()).0
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn tables() {
    let names = || vec!["db/main".to_owned(), "größe\u{202e}".to_owned()];
    assert_eq!(
        render(list(names()), Format::Table),
        "NAME           TAGS  EXPIRES AT\n\
         db/main        a, b  2027-01-15T08:00:00Z\n\
         größe\\u{202e}  a, b  2027-01-15T08:00:00Z\n"
    );
    assert_eq!(
        render(list(vec!["a\tb\nc\\d".into()]), Format::Plain),
        "a\\tb\\nc\\\\d\ta,b\t2027-01-15T08:00:00.000Z\n"
    );
    let document = render(list(names()), Format::Json);
    assert_eq!(document.lines().count(), 4);
    let expected = json!({"name": "größe\u{202e}", "tags": ["a", "b"],
        "expires_at": "2027-01-15T08:00:00.000Z"});
    assert_eq!(parse(&document)["items"][1], expected);
}

#[test]
fn narrow_terminals_wrap_cells_but_not_headings() {
    let name = "a name that is much longer than the terminal is wide".to_owned();
    for width in [1, 20, 50] {
        let style = Style { width: Some(width), color: true, ..Style::default() };
        let (out, _) = render_in(list(vec![name.clone()]), Format::Table, &style);
        let first = out.lines().next().unwrap();
        assert!(first.starts_with("\u{1b}[1mNAME "), "{out}");
        assert!(first.ends_with("EXPIRES AT\u{1b}[0m"), "{out}");
        assert!(out.lines().count() > 2, "{out}");
    }
}

#[test]
fn what_is_copied_stays_whole_where_others_wrap() {
    const COLUMNS: &[Column] =
        &[Column { name: "id" }, Column { name: "at" }, Column { name: "what" }];
    let shown = |width| {
        let rows = Box::new(|sink: &mut Sink<'_>| {
            let at = Cell::Time(Timestamp(1_800_000_000_000));
            sink(&[Cell::owned("failed_unlocks-1234"), at, Cell::owned("many words ".repeat(9))])
        });
        let table = Report::Table { columns: COLUMNS.into(), rows, empty: "" };
        let style = Style { width: Some(width), ..Style::default() };
        render_in(table, Format::Table, &style).0
    };
    let text = shown(60);
    assert!(text.contains("failed_unlocks-1234  2027-01-15T08:00:00Z  many"), "{text}");
    assert!(text.lines().count() > 4 && text.lines().all(|line| line.len() <= 60), "{text}");
    // without the room for it, the table still fits
    let text = shown(30);
    assert!(text.lines().all(|line| line.len() <= 30), "{text}");
}

#[test]
fn after_a_wide_cell_the_others_find_their_places_again() {
    const COLUMNS: &[Column] = &[Column { name: "a" }, Column { name: "b" }, Column { name: "c" }];
    let rows = Box::new(|sink: &mut Sink<'_>| {
        sink(&[Cell::owned("x"), Cell::owned("y"), Cell::owned("z")])?;
        sink(&[Cell::owned("wider than 4"), Cell::None, Cell::owned("z")])?;
        sink(&[Cell::owned("wider than 4"), Cell::owned("y"), Cell::owned("z")])
    });
    let stream = Report::Stream { columns: COLUMNS, widths: &[4, 9], rows };
    let text = render_in(stream, Format::Table, &Style::default()).0;
    let places: Vec<_> = text.lines().skip(1).map(|line| line.find('z')).collect();
    assert_eq!(places, [Some(17), Some(17), Some(17)], "{text}");
}

#[test]
fn long_tables_are_aligned_and_complete() {
    let mut names: Vec<String> = (0..1000).map(|i| format!("n{i}")).collect();
    names.push("日本語日本語".into());
    let out = render(list(names), Format::Table);
    assert_eq!(out.lines().count(), 1002);
    assert_eq!(out.lines().nth(1), Some("n0            a, b  2027-01-15T08:00:00Z"));
    assert_eq!(out.lines().last(), Some("日本語日本語  a, b  2027-01-15T08:00:00Z"));
}

#[test]
fn empty_tables() {
    for format in [Format::Table, Format::Plain] {
        let (out, err) = render_in(list(Vec::new()), format, &Style::default());
        assert_eq!((out.as_str(), err.as_str()), ("", "no credentials\n"));
        let quiet = Style { quiet: true, ..Style::default() };
        assert_eq!(render_in(list(Vec::new()), format, &quiet).1, "");
    }
    let (out, err) = render_in(list(Vec::new()), Format::Json, &Style::default());
    assert_eq!((out.as_str(), err.as_str()), ("{\"schema_version\":1,\"items\":[]}\n", ""));
}

#[test]
fn items() {
    assert_eq!(
        render(thing(), Format::Table),
        "name          db/main\n\
         port          5432\n\
         requires_vpn  yes\n\
         fields\n\
         \x20 client_id  abc\\u{1b}\n\
         \x20 secret     ••••••••\n\
         \x20 key        one\n\
         \x20            two\n\
         \x20 blob       ‹2 bytes, SHA-256 BLOB›\n"
            .replace("BLOB", "b3d510ef04275ca8e698e5b3cbb0ece3949ef9252f0cdc839e9ee347409a2209")
    );
    assert_eq!(
        render(thing(), Format::Plain),
        "name\tdb/main\nport\t5432\ntags\t\nowner\t\nrequires_vpn\ttrue\n\
         fields.client_id\tabc\\u{1b}\nfields.secret\t••••••••\n\
         fields.key\tone\\ntwo\\n\nfields.blob\tbase64://4=\n"
    );
    let fields = json!({"client_id": "abc\u{1b}", "secret": null, "key": "one\ntwo\n",
        "blob": {"base64": "//4="}});
    let expected = json!({"schema_version": 1, "name": "db/main", "port": 5432, "tags": [],
        "owner": null, "requires_vpn": true, "fields": fields});
    assert_eq!(parse(&render(thing(), Format::Json)), expected);
}

#[test]
fn values_are_the_bytes_and_nothing_else() {
    let value = |bytes: &[u8]| Report::Value(Secret::from_bytes(bytes));
    let terminal = Style { terminal: true, ..Style::default() };
    assert_eq!(render(value(b"x"), Format::Table), "x");
    assert_eq!(render(value(b"\x1b[2J"), Format::Plain), "\u{1b}[2J");
    assert_eq!(render_in(value(b"x"), Format::Table, &terminal).0, "x\n");
    assert_eq!(render_in(value(b"x\n"), Format::Table, &terminal).0, "x\n");
    let mut nowhere = (Vec::new(), Vec::new());
    let evil = value(b"\x1b]0;x\x07");
    let e = report(evil, Format::Table, &mut nowhere.0, &mut nowhere.1, &terminal).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Refused);
    assert!(nowhere.0.is_empty());
    let raw = Style { raw: true, ..terminal };
    assert_eq!(render_in(value(b"\x07"), Format::Table, &raw).0, "\u{7}\n");
    assert_eq!(parse(&render(value(b"x\n"), Format::Json))["value"], "x\n");
    assert_eq!(parse(&render(value(b"\xff"), Format::Json))["value_base64"], "/w==");
}

#[test]
fn answers_of_a_protocol_are_the_same_in_every_format() {
    let answer = |bytes: &[u8]| Report::Answer(Secret::from_bytes(bytes));
    for format in [Format::Table, Format::Plain, Format::Json] {
        assert_eq!(render(answer(b"a=b\n\x1b"), format), "a=b\n\u{1b}");
    }
    let terminal = Style { terminal: true, ..Style::default() };
    assert_eq!(render_in(answer(b"a=b\n"), Format::Table, &terminal).0, "a=b\n");
    let mut nowhere = (Vec::new(), Vec::new());
    let evil = answer(b"a=\x1b]0;x\x07\n");
    let e = report(evil, Format::Json, &mut nowhere.0, &mut nowhere.1, &terminal).unwrap_err();
    assert_eq!((e.kind(), nowhere.0.len()), (ErrorKind::Refused, 0));
}

#[test]
fn done_is_a_remark_for_people_and_an_object_for_programs() {
    let done =
        || Report::Done { message: "added `x`".into(), item: vec![("version", Cell::Int(1))] };
    let (out, err) = render_in(done(), Format::Table, &Style::default());
    assert_eq!((out.as_str(), err.as_str()), ("", "added `x`\n"));
    let expected = json!({"schema_version": 1, "message": "added `x`", "version": 1});
    assert_eq!(parse(&render(done(), Format::Json)), expected);
    assert_eq!(render(Report::Text("help".into()), Format::Table), "help\n");
    assert_eq!(parse(&render(Report::Text("help".into()), Format::Json))["text"], "help");
}

#[test]
fn errors() {
    let names = (0..12).map(|i| format!("n{i}")).collect();
    let e = Error::new(ErrorKind::Conflict, "`n\u{1b}` is ambiguous")
        .hint("write the whole name")
        .candidates(names);
    let mut err = Vec::new();
    error(&e, false, &mut err);
    let text = String::from_utf8(err).unwrap();
    assert!(text.starts_with("error: `n\\u{1b}` is ambiguous\n  n0\n"), "{text}");
    assert!(text.ends_with("  n9\n  and 2 more\nhint: write the whole name\n"), "{text}");
    let mut err = Vec::new();
    error(&e, true, &mut err);
    let document = parse(&String::from_utf8(err).unwrap());
    assert_eq!(document["error"]["code"], 13);
    assert_eq!(document["error"]["kind"], "conflict");
    assert_eq!(document["error"]["hints"][0], "write the whole name");
    assert_eq!(document["error"]["candidates"][11], "n11");
}

#[test]
fn rows_inside_a_thing_have_columns_and_are_an_array() {
    let row = |event: &'static str, text: &'static str| {
        vec![("event", Cell::text(Some(event))), ("text", Cell::text(Some(text)))]
    };
    let thing = || {
        Report::Item(vec![
            ("number", Cell::owned("INC-7")),
            ("none", Cell::Rows(Vec::new())),
            ("timeline", Cell::Rows(vec![row("open", ""), row("note it", "a\u{1b}[2J\ntwo\n")])),
            ("next", Cell::Int(1)),
        ])
    };
    let expected = "number  INC-7\n\
                    timeline\n  open\n  note it  a\\u{1b}[2J\n           two\n\
                    next    1\n";
    assert_eq!(render(thing(), Format::Table), expected);
    let document = parse(&render(thing(), Format::Json));
    assert_eq!(document["none"], json!([]));
    assert_eq!(document["timeline"][1], json!({"event": "note it", "text": "a\u{1b}[2J\ntwo\n"}));
    let plain = render(thing(), Format::Plain);
    assert!(plain.contains("timeline.2.event\tnote it\n"), "{plain}");
    assert_eq!(plain.lines().count(), 6, "{plain}");
}

#[test]
fn colour_is_for_words_only() {
    let mut err = Vec::new();
    colored_error(&Error::usage("no").hint("yes"), true, &mut err);
    warning("hm", &mut err, &Style { color: true, ..Style::default() });
    warning("unheard", &mut err, &Style { quiet: true, ..Style::default() });
    let expected = "\x1b[1;31merror:\x1b[0m no\n\x1b[36mhint:\x1b[0m yes\n\
                    \x1b[1;33mwarning:\x1b[0m hm\n";
    assert_eq!(String::from_utf8(err).unwrap(), expected);
}

#[test]
fn a_gone_reader_stops_the_rows() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for format in [Format::Table, Format::Json, Format::Plain] {
        let names = (0..20_000).map(|i| format!("n{i}")).collect();
        let mut err = Vec::new();
        report(list(names), format, &mut Gone, &mut err, &Style::default()).unwrap();
        assert!(err.is_empty());
    }
}

proptest! {
    #[test]
    fn plain_rows_are_one_line_of_three_cells(name in any::<String>(), terminal in any::<bool>()) {
        let style = Style { terminal, ..Style::default() };
        let (out, _) = render_in(list(vec![name]), Format::Plain, &style);
        prop_assert_eq!(out.matches('\n').count(), 1);
        prop_assert_eq!(out.matches('\t').count(), 2);
        let harmful = |c: char| match terminal {
            true => escape::is_harmful(c),
            false => c.is_control(),
        };
        prop_assert!(!out.trim_end_matches('\n').replace('\t', "").chars().any(harmful));
    }

    #[test]
    fn tables_hold_nothing_harmful(name in any::<String>()) {
        let out = render(list(vec![name]), Format::Table);
        prop_assert!(!out.replace('\n', "").chars().any(escape::is_harmful));
        prop_assert_eq!(out.lines().count(), 2);
    }

    #[test]
    fn json_is_always_valid(name in any::<String>(), bytes in any::<Vec<u8>>()) {
        let document = parse(&render(list(vec![name.clone()]), Format::Json));
        prop_assert_eq!(&document["items"][0]["name"], &Value::String(name));
        let document = parse(&render(Report::Value(Secret::from_bytes(&bytes)), Format::Json));
        prop_assert_eq!(document["value"].is_string(), std::str::from_utf8(&bytes).is_ok());
    }
}

#[test]
fn what_is_too_wide_breaks_where_a_person_would() {
    let names = vec!["a/rather/long/name".to_owned(); 2];
    let columns: &[Column] =
        &[Column { name: "name" }, Column { name: "owner" }, Column { name: "at" }];
    let rows = Box::new(move |sink: &mut Sink<'_>| {
        names.iter().try_for_each(|name| {
            sink(&[Cell::text(Some(name)), Cell::None, Cell::Time(Timestamp(1_800_000_000_000))])
        })
    });
    let table = Report::Table { columns: columns.into(), rows, empty: "" };
    let style = Style { width: Some(32), ..Style::default() };
    let text = render_in(table, Format::Table, &style).0;
    assert!(!text.contains("OWNER"), "{text}");
    assert!(
        text.contains("a/rather/long/name  2027-01-15\n                    08:00:00Z\n"),
        "{text}"
    );
}
