//! Files as secrets: byte for byte, with their media type, and with a digest only for who unlocks.

use super::support::{Answer, Sandbox, contains, files, json};
use super::{refused, says};

/// A PKCS #12 store as far as anybody can tell, with a NUL, and with one line feed: the last byte.
const P12: &[u8] = b"\x30\x82\x01\x02\x02\x01\x03\x30\0\xff store\n";
/// Its SHA-256, by another program.
const P12_SHA256: &str = "b759dde9738a54cb705fafb980c4ece69b51cfc6f6c1cc04680261b189c696e1";

fn with_store() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("cert.p12", P12);
    sandbox.ok(
        &[
            "cred",
            "add",
            "web/tls",
            "--type",
            "custom",
            "--secret-field",
            "store",
            "--file",
            "cert.p12",
        ],
        b"",
    );
    sandbox
}

#[test]
fn a_file_comes_out_as_it_went_in() {
    let sandbox = with_store();
    assert_eq!(sandbox.ok(&["cred", "get", "web/tls"], b""), P12);
    sandbox.file("key.pem", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n");
    sandbox.ok(&["cred", "set", "web/tls", "key", "--file", "key.pem"], b"");
    let told = json(&sandbox.ok(&["cred", "show", "web/tls", "--json"], b""));
    assert_eq!(told["media"]["store"], "application/x-pkcs12");
    assert_eq!(told["media"]["key"], "application/x-pem-file");
    let mut locked = sandbox.vault(&["cred", "show", "web/tls"]);
    let locked = Answer::of(locked.env_remove("VAULT_KEY_FILE"));
    assert!(locked.text().contains("media.store\tapplication/x-pkcs12\n"), "{}", locked.text());
    // one plain line is no file, wherever it comes from; a new value takes the old type away
    sandbox.file("line", b"hunter2\n");
    sandbox.ok(&["cred", "set", "web/tls", "store", "--file", "line"], b"");
    assert_eq!(sandbox.ok(&["cred", "get", "web/tls", "store"], b""), b"hunter2");
    let told = json(&sandbox.ok(&["cred", "show", "web/tls", "--json"], b""));
    assert_eq!(told["media"].as_object().unwrap().len(), 1, "{told}");
}

#[test]
fn a_file_is_never_replaced_by_what_was_made_up_unless_that_was_asked_for() {
    let sandbox = with_store();
    sandbox.add("x", b"hunter2");
    let wrong = (4, "`store` of `web/tls` is a file", "`--file PATH`");
    refused(&sandbox, &["cred", "rotate", "web/tls"], b"", wrong, 0);
    let several = sandbox.run(&["cred", "rotate", "web/tls", "x"]);
    assert_eq!(several.code, 17, "{}", several.err);
    assert_eq!(sandbox.ok(&["cred", "get", "web/tls"], b""), P12);
    assert_ne!(sandbox.ok(&["cred", "get", "x"], b""), b"hunter2");
    sandbox.file("new.p12", [P12, b"x"].concat());
    sandbox.ok(&["cred", "rotate", "web/tls", "--file", "new.p12"], b"");
    assert_eq!(sandbox.ok(&["cred", "get", "web/tls"], b""), [P12, b"x"].concat());
    sandbox.ok(&["cred", "rotate", "web/tls", "--generate"], b"");
    sandbox.ok(&["cred", "rotate", "web/tls"], b"");
    // a private key comes as a file, too, and a key pair takes its place
    sandbox.ok(&["cred", "add", "web1", "--type", "ssh", "--generate"], b"");
    let key = sandbox.ok(&["cred", "get", "web1"], b"");
    sandbox.file("id", key);
    sandbox.ok(&["cred", "set", "web1", "private_key", "--file", "id"], b"");
    let told = json(&sandbox.ok(&["cred", "show", "web1", "--json"], b""));
    assert_eq!(told["media"]["private_key"], "application/x-pem-file");
    sandbox.ok(&["cred", "rotate", "web1"], b"");
}

#[test]
fn sixteen_mebibytes_and_one_byte_more() {
    let sandbox = Sandbox::new();
    let mut value: Vec<u8> = (0..4_u32 << 20).flat_map(u32::to_le_bytes).collect();
    sandbox.file("large", &value);
    sandbox.ok(&["cred", "add", "large", "--file", "large"], b"");
    assert!(sandbox.ok(&["cred", "get", "large"], b"") == value, "another value came out");
    value.push(b'\n');
    sandbox.file("larger", &value);
    let wrong = (2, "`larger` has more than 16 MiB", "");
    refused(&sandbox, &["cred", "set", "large", "--file", "larger"], b"", wrong, 0);
    refused(&sandbox, &["cred", "add", "larger", "--file", "larger"], b"", wrong, 0);
    // what is far too large is not even read
    let sparse = std::fs::File::create(sandbox.path("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let begun = std::time::Instant::now();
    says(&sandbox.run(&["cred", "add", "x", "--file", "sparse"]), 2, "more than 16 MiB", "");
    assert!(begun.elapsed().as_secs() < 60);
}

#[test]
fn the_digest_is_for_who_unlocks_and_is_stored_nowhere() {
    let sandbox = with_store();
    let told = json(&sandbox.ok(&["cred", "show", "web/tls", "--digest", "--json"], b""));
    assert_eq!(told["secrets"]["store"]["sha256"], P12_SHA256);
    assert_eq!(told["secrets"]["store"]["bytes"], P12.len());
    let last = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&last["action"], &last["fields"][0]), (&"decrypt".into(), &"store".into()));
    let shown = sandbox.run(&["cred", "show", "web/tls", "--digest", "--format", "table"]);
    assert!(
        shown.text().contains(P12_SHA256) && !shown.text().contains("store\\n"),
        "{}",
        shown.text()
    );
    let mut locked = sandbox.detached(&["cred", "show", "web/tls", "--digest"]);
    says(&Answer::of(locked.env_remove("VAULT_KEY_FILE")), 12, "", "");
    let raw = data_encoding::HEXLOWER.decode(P12_SHA256.as_bytes()).unwrap();
    let mut kept = files(&sandbox.path("data"));
    kept.extend(files(&sandbox.path("state")));
    let kept: Vec<u8> = kept.iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    assert!(!contains(&kept, P12_SHA256.as_bytes()) && !contains(&kept, &raw));
    assert!(contains(&kept, b"x-pkcs12")); // the control: what is stored in clear is found so
    says(
        &sandbox.run(&["cred", "show", "web/tls", "--digest", "--reveal"]),
        2,
        "cannot be together",
        "",
    );
}

#[test]
fn people_see_a_line_instead_of_bytes() {
    let sandbox = with_store();
    let shown = sandbox.run(&["cred", "show", "web/tls", "--reveal", "--format", "table"]);
    let line = format!("‹{} bytes, application/x-pkcs12, SHA-256 {P12_SHA256}›", P12.len());
    assert!(shown.text().contains(&line), "{}", shown.text());
    // programs get all of it
    let told = json(&sandbox.ok(&["cred", "show", "web/tls", "--reveal", "--json"], b""));
    let base64 = told["secrets"]["store"]["base64"].as_str().unwrap();
    assert_eq!(data_encoding::BASE64.decode(base64.as_bytes()).unwrap(), P12);
}

#[test]
fn a_media_type_that_was_changed_from_outside_is_noticed() {
    let sandbox = with_store();
    let change = |to: &str| {
        let db = rusqlite::Connection::open(sandbox.database()).unwrap();
        db.execute("UPDATE secret SET media = ?1", [to]).unwrap();
    };
    change("text/html");
    for args in [&["cred", "show", "web/tls"][..], &["cred", "get", "web/tls"]] {
        says(&sandbox.run(args), 15, "field `store` of `web/tls` was changed", "");
    }
    change("application/x-pkcs12"); // the control: put back, all is well
    assert_eq!(sandbox.ok(&["cred", "get", "web/tls"], b""), P12);
}
