//! Whatever a secret is, however it is written and in whatever pieces it comes, it does not get through;
//! and everything else does.

use super::*;
use crate::model::Secret;
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use proptest::collection::vec;
use proptest::prelude::*;

fn hidden(secrets: &[&[u8]]) -> Arc<Hidden> {
    let secrets: Vec<Secret> = secrets.iter().map(|value| Secret::from_bytes(value)).collect();
    Arc::new(Hidden::of(&secrets))
}

/// What becomes of a text that comes in these pieces.
fn masked(secrets: &[&[u8]], pieces: &[&[u8]]) -> Vec<u8> {
    let mut masker = Masker::new(hidden(secrets));
    let mut out = Vec::new();
    for piece in pieces {
        masker.feed(piece, &mut out).unwrap();
    }
    masker.finish(&mut out).unwrap();
    out
}

fn whole(secrets: &[&str], text: &str) -> String {
    let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.as_bytes()).collect();
    String::from_utf8(masked(&secrets, &[text.as_bytes()])).unwrap()
}

/// What the encoders of the world make of a value.
fn written(value: &[u8]) -> Vec<Vec<u8>> {
    let percent = |keep: &[u8], upper: bool| -> Vec<u8> {
        let one = |byte: &u8| match byte {
            byte if byte.is_ascii_alphanumeric() || keep.contains(byte) => vec![*byte],
            byte if upper => format!("%{byte:02X}").into_bytes(),
            byte => format!("%{byte:02x}").into_bytes(),
        };
        value.iter().flat_map(one).collect()
    };
    let mut all = vec![
        value.to_vec(),
        HEXLOWER.encode(value).into_bytes(),
        HEXUPPER.encode(value).into_bytes(),
        percent(b"-_.~", true),
        percent(b"-_.~", false),
        percent(b"-_.!~*'()", true),
        percent(b"/-_.", true),
        value.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect(),
    ];
    let form = String::from_utf8(percent(b"*-._", true)).unwrap();
    all.push(form.replace("%20", "+").into_bytes());
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::to_string(text).unwrap();
        let inner = &json[1..json.len() - 1];
        let ascii = inner.chars().flat_map(|c| match c.is_ascii() {
            true => vec![c],
            false => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .flat_map(|u| format!("\\u{u:04x}").chars().collect::<Vec<_>>())
                .collect(),
        });
        all.push(ascii.collect::<String>().into_bytes());
        all.push(inner.replace('/', "\\/").into_bytes());
        all.push(inner.replace('<', "\\u003c").replace('&', "\\u0026").into_bytes());
        all.push(inner.as_bytes().to_vec());
        let escaped = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
        all.push(escaped.collect::<String>().into_bytes());
    }
    all
}

/// Base64 of `value` with `before` and `after` around it, and what the value alone decides of it.
fn within_base64(value: &[u8], before: usize, after: usize, url: bool) -> (String, String) {
    let around = [vec![b'<'; before], value.to_vec(), vec![b'>'; after]].concat();
    let encoding = if url { BASE64URL } else { BASE64 };
    let text = encoding.encode(&around);
    let (first, last) = ((before * 8).div_ceil(6), (before + value.len()) * 8 / 6);
    let own = text[first..last].to_owned();
    (text, own)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// Cuts `text` into pieces at `cuts`.
fn pieces<'a>(text: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

fn a_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 8..200),
        "[ -~]{8,40}".prop_map(String::into_bytes),
        "[a-b]{8,90}".prop_map(String::into_bytes),
        "\\PC{8,20}".prop_map(String::into_bytes),
        "[a-z/%\\\\\"+\n ]{8,60}".prop_map(String::into_bytes),
        "([A-Za-z0-9+/]{64}\r?\n){1,4}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn nothing_of_it_gets_through_however_it_is_written_and_cut(
        value in a_value(),
        before in ".{0,20}", after in ".{0,20}",
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        form in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!contains(MASK, &value) && value.trim_ascii() == value);
        let form = form.get(&written(&value)).clone();
        let text = [before.as_bytes(), &form, after.as_bytes()].concat();
        let out = masked(&[&value], &pieces(&text, &cuts));
        prop_assert!(!contains(&out, &form), "{}", String::from_utf8_lossy(&out));
        prop_assert!(contains(&out, MASK));
        // what stands before it does, but for a backslash that may belong to it
        let before = before.trim_end_matches('\\').as_bytes();
        prop_assert!(out.starts_with(before) || contains(before, &form[..1]));
    }

    #[test]
    fn it_is_found_inside_of_base64(
        value in a_value(), before in 0usize..7, after in 0usize..4, url in any::<bool>(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        width in prop_oneof![Just(64usize), Just(76), Just(60)],
    ) {
        prop_assume!(value.trim_ascii() == value);
        let (text, own) = within_base64(&value, before, after, url);
        let out = masked(&[&value], &pieces(text.as_bytes(), &cuts));
        prop_assert!(!contains(&out, own.as_bytes()), "{}", String::from_utf8_lossy(&out));
        let broken: Vec<String> = text.as_bytes().chunks(width).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
        let out = masked(&[&value], &pieces(broken.join("\n").as_bytes(), &cuts));
        let joined = String::from_utf8(out).unwrap().replace('\n', "");
        prop_assert!(!joined.contains(&own), "{joined}");
    }

    #[test]
    fn other_text_passes_byte_for_byte(
        text in proptest::collection::vec(any::<u8>(), 0..2000),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let out = masked(&[b"correct horse battery staple", b"\xffhunter2!"], &pieces(&text, &cuts));
        prop_assert_eq!(out, text);
    }

    #[test]
    fn the_pieces_make_no_difference(
        value in "[ab]{8,12}", other in "[ab]{8,60}", text in "[ab]{0,300}",
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let secrets = [value.as_bytes(), other.as_bytes()];
        let at_once = masked(&secrets, &[text.as_bytes()]);
        let covered = |out: &[u8]| out.iter().filter(|byte| **byte != b'*').copied().collect::<Vec<_>>();
        let cut = masked(&secrets, &pieces(text.as_bytes(), &cuts));
        prop_assert_eq!(covered(&cut), covered(&at_once));
    }
}

#[test]
fn it_is_replaced_by_asterisks_of_one_length() {
    assert_eq!(whole(&["hunter2hunter2"], "a hunter2hunter2 b"), "a ******** b");
    assert_eq!(whole(&["hunter2hunter2"], "hunter2hunter"), "hunter2hunter");
    assert_eq!(whole(&["12345678"], "12345678"), "********");
    assert_eq!(whole(&["1234567"], "1234567"), "1234567");
    assert_eq!(whole(&[], "anything"), "anything");
}

#[test]
fn of_secrets_that_overlap_nothing_is_left() {
    let inner_and_outer = ["hunter2hunter2", "my hunter2hunter2 is long"];
    assert_eq!(whole(&inner_and_outer, "<my hunter2hunter2 is long>"), "<********>");
    assert_eq!(whole(&inner_and_outer, "<my hunter2hunter2 is short>"), "<my ******** is short>");
    let longer = ["hunter2hunter2", "hunter2hunter2 and more"];
    assert_eq!(whole(&longer, "hunter2hunter2 and more."), "********.");
    assert_eq!(whole(&longer, "hunter2hunter2 and less."), "******** and less.");
    let chained = ["abcdefgh1234", "1234ijklmnop"];
    assert_eq!(whole(&chained, "-abcdefgh1234ijklmnop-"), "-********-");
}

#[test]
fn lines_are_hidden_by_themselves_and_as_a_terminal_ends_them() {
    let value = "first line of it\r\nsecond line\nshort\nlast line of it\n";
    assert_eq!(whole(&[value], "> second line\n> short\n"), "> ********\n> short\n");
    assert_eq!(whole(&[value], &value.replace("\r\n", "\n")), "********\n");
    assert_eq!(whole(&[value], &value.replace('\n', "\r\n")), "********\r\n");
    let encoded = BASE64.encode(b"last line of it");
    assert_eq!(whole(&[value], &format!("<{encoded}>")), "<********>");
}

#[test]
fn only_what_may_be_a_secret_is_held_back() {
    let mut masker = Masker::new(hidden(&[b"hunter2hunter2"]));
    let mut out = Vec::new();
    masker.feed(b"Password: ", &mut out).unwrap();
    assert_eq!(out, b"Password: ");
    masker.feed(b"hunt", &mut out).unwrap();
    assert!(out == b"Password: " && !masker.is_hesitating());
    masker.feed(b"ing", &mut out).unwrap();
    assert_eq!(out, b"Password: hunting");
}

#[test]
fn a_few_bytes_are_let_go_and_the_rest_is_still_hidden() {
    let mut masker = Masker::new(hidden(&[b"? hunter2"]));
    let mut out = Vec::new();
    masker.feed(b"Really?", &mut out).unwrap();
    assert!(out == b"Really" && masker.is_hesitating());
    masker.relax(&mut out).unwrap();
    assert!(out == b"Really?" && !masker.is_hesitating());
    masker.feed(b" hunter2!", &mut out).unwrap();
    assert_eq!(out, b"Really?********!");
}

#[test]
fn a_long_secret_is_hidden_as_it_comes_and_little_is_held_back() {
    let words: Vec<String> =
        (0..300_000u32).map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9))).collect();
    let value = words.concat();
    let mut masker = Masker::new(hidden(&[value.as_bytes()]));
    let mut out = Vec::new();
    for piece in format!("<{value}>").as_bytes().chunks(5000) {
        masker.feed(piece, &mut out).unwrap();
        assert!(masker.buffer.len() < 1000);
    }
    assert_eq!(out, b"<********>");
}

#[test]
fn a_long_binary_secret_is_hidden_to_its_end() {
    let words: Vec<[u8; 4]> =
        (0..500_000u32).map(|n| n.wrapping_mul(0x9E37_79B9).to_le_bytes()).collect();
    let value = words.concat();
    let text = [b"<".as_slice(), &value, b">"].concat();
    let pieces: Vec<&[u8]> = text.chunks(5000).collect();
    assert_eq!(masked(&[&value], &pieces).last(), Some(&b'>'));
}

#[test]
fn a_secret_of_one_letter_does_not_take_for_ever() {
    let value = vec![b'a'; 1 << 20];
    let out = masked(&[&value], &[&vec![b'a'; 3 << 20]]);
    assert!(!contains(&out, &value));
    assert!(out.len() < 4 * MASK.len());
}

/// Values that share their beginning, one the beginning of another among them.
fn family() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let tail = prop_oneof![
        "[a-c%+ \"\\\\é\u{e8}]{0,5}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..4)
    ];
    ("[a-b é%]{4,12}", vec(tail, 2..9)).prop_map(|(head, tails)| {
        let one = |tail: Vec<u8>| [b"x1234567", head.as_bytes(), &tail, b"z"].concat();
        tails.into_iter().map(one).collect()
    })
}

proptest! {
    #[test]
    fn none_of_those_that_begin_alike_gets_through(values in family(), cut in 0..40_usize, lead in "[x1-3]{0,4}") {
        let secrets: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let hidden = hidden(&secrets);
        for value in &values {
            for text in written(value) {
                let line = [lead.as_bytes(), &text, b"|"].concat();
                let at = cut.min(line.len());
                let mut masker = Masker::new(Arc::clone(&hidden));
                let mut out = Vec::new();
                masker.feed(&line[..at], &mut out).unwrap();
                masker.feed(&line[at..], &mut out).unwrap();
                masker.finish(&mut out).unwrap();
                let shown = String::from_utf8_lossy(&text).into_owned();
                let out = String::from_utf8_lossy(&out).into_owned();
                prop_assert!(!out.contains(&shown), "{out:?} has {shown:?}");
                prop_assert!(out.contains("********"), "{out:?} of {shown:?}");
            }
        }
    }
}

/// Ten thousand lines of one sort cost no more than one: what is alike is followed once.
#[test]
fn many_lines_that_begin_alike_are_one_trail() {
    let line = |n: usize| format!("export SERVICE_SETTING_WITH_A_LONG_NAME_{n:05}=value-{n}");
    let lines: Vec<String> = (0..3000).map(line).collect();
    let value = lines.join("\n");
    let mut masker = Masker::new(hidden(&[value.as_bytes()]));
    let mut out = Vec::new();
    let mut most = 0;
    for text in
        [lines[17].as_bytes(), b"\n", &lines[2999].as_bytes()[..46], b"\nexport SERVICE_SETTING_"]
    {
        masker.feed(text, &mut out).unwrap();
        most = most.max(masker.trails.len());
    }
    masker.finish(&mut out).unwrap();
    assert!(most > 0 && most < 40, "{most} trails");
    let out = String::from_utf8(out).unwrap();
    assert!(out.starts_with("********\n") && !out.contains("value-17"), "{out}");
}
