//! Lists: what is in them, in which order, with which columns; and what is due.

use super::support::waiting::conclusive;
use super::support::{Answer, Sandbox, json};
use super::{refused, says};
use std::time::{Duration, Instant};

/// The names that a list has, in its order.
fn names(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let answer = sandbox.run(&[&["cred", "list", "--json"], args].concat());
    assert_eq!(answer.code, 0, "{args:?}: {}", answer.err);
    let items = json(&answer.out)["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

fn add(sandbox: &Sandbox, name: &str, options: &[&str]) {
    sandbox.ok(&[&["cred", "add", name, "--stdin"], options].concat(), b"hunter2");
}

fn pause() {
    std::thread::sleep(Duration::from_millis(1200));
}

/// Three credentials that differ in everything.
fn three() -> Sandbox {
    let sandbox = Sandbox::new();
    let all =
        "--client acme --owner ann --port 22 --tag a --tag b --requires-vpn --field region=eu";
    add(&sandbox, "x/all", &all.split(' ').collect::<Vec<_>>());
    let some =
        "--client Acme --port 2222 --tag b --requires-2fa --field region=eu2 --field zone=a,b";
    add(&sandbox, "x/some", &some.split(' ').collect::<Vec<_>>());
    add(&sandbox, "none", &[]);
    sandbox
}

#[test]
fn filters_find_what_fits_and_nothing_else() {
    let sandbox = three();
    for (args, expected) in [
        (&["--port", "22"][..], &["x/all"][..]),
        (&["--requires-vpn"], &["x/all"]),
        (&["--requires-2fa"], &["x/some"]),
        (&["--tag", "b"], &["x/all", "x/some"]),
        (&["--tag", "b", "--tag", "a"], &["x/all"]),
        (&["--client", "acme"], &["x/all"]),
        (&["--client", "acme", "--tag", "b", "--port", "22"], &["x/all"]),
        (&["--field", "region=eu"], &["x/all"]),
        (&["--field", "region=eu2", "--field", "zone=a,b"], &["x/some"]),
        (&["--search", "EU2"], &["x/some"]),
        (&["--never-rotated"], &["none", "x/all", "x/some"]),
    ] {
        assert_eq!(names(&sandbox, args), expected, "{args:?}");
        // in whichever way it is shown, and checked
        let verified = [args, &["--verify", "--columns", "name"]].concat();
        assert_eq!(names(&sandbox, &verified), expected, "{args:?}");
    }
}

#[test]
fn what_fits_nothing_is_empty_and_says_so() {
    let sandbox = three();
    for args in [
        &["--port", "23"][..],
        &["--tag", "a", "--tag", "c"],
        &["--client", "acm"],
        &["--field", "region=e"],
        &["--field", "region=eu\",\"zone"],
        &["--field", "eu=region"],
        &["--search", "nowhere"],
        &["--expired"],
        &["--due"],
        &["--stale"],
        &["--stale", "90d"],
        &["--type", "ssh", "--unused"],
    ] {
        let answer = sandbox.run(&[&["cred", "list"], args].concat());
        assert_eq!((answer.code, answer.out.len()), (0, 0), "{args:?}: {}", answer.all());
        assert_eq!(answer.err, "no credentials, or none that fit\n", "{args:?}");
        assert_eq!(names(&sandbox, args), Vec::<String>::new(), "{args:?}");
        assert_eq!(sandbox.run(&[&["cred", "list", "--quiet"], args].concat()).err, "");
    }
}

#[test]
fn a_field_is_found_at_its_key_only() {
    let sandbox = Sandbox::new();
    add(&sandbox, "real", &["--field", "region=a\"b\\"]);
    add(&sandbox, "fake", &["--field", "zone=x\",\"region\":\"a\"b\\"]);
    assert_eq!(names(&sandbox, &["--field", "region=a\"b\\"]), ["real"]);
    assert_eq!(names(&sandbox, &["--field", "zone=x\",\"region\":\"a\"b\\"]), ["fake"]);
    assert!(names(&sandbox, &["--field", "region=a\"b"]).is_empty());
    // a search is in what was written, not in the form it is stored in
    assert_eq!(names(&sandbox, &["--search", "a\"b\\"]), ["fake", "real"]);
    assert_eq!(names(&sandbox, &["--search", "x\",\"REGION\":"]), ["fake"]);
    assert!(names(&sandbox, &["--search", "\\\\"]).is_empty());
    assert!(names(&sandbox, &["--search", "\":\"x"]).is_empty());
}

#[test]
fn a_text_too_long_to_search_for_is_said_so() {
    let sandbox = three();
    let (most, more) = ("\\".repeat(4096), "x".repeat(4097));
    assert!(names(&sandbox, &["--search", &most]).is_empty());
    let list = ["cred", "list", "--search", &more];
    refused(&sandbox, &list, b"", (2, "`--search` takes at most 4096 bytes", "a part of it"), 0);
}

#[test]
fn unused_means_that_nobody_read_a_value() {
    let sandbox = three();
    sandbox.ok(&["cred", "get", "x/all"], b"");
    sandbox.ok(&["cred", "show", "x/some"], b"");
    assert_eq!(sandbox.run(&["cred", "get", "none", "totp"]).code, 10);
    assert_eq!(names(&sandbox, &["--unused"]), ["none", "x/some"]);
    sandbox.ok(&["cred", "show", "x/some", "--reveal"], b"");
    assert_eq!(names(&sandbox, &["--unused", "90d"]), ["none"]);
    pause();
    assert_eq!(names(&sandbox, &["--unused", "1s"]), ["none", "x/all", "x/some"]);
    assert_eq!(names(&sandbox, &["--unused", "1s", "--offset", "1", "--limit", "1"]), ["x/all"]);
    let brief = sandbox.ok(&["cred", "list", "--unused", "1s", "--limit", "1"], b"");
    assert_eq!(brief, b"none\tpassword\t\t\t\t\n");
    let read =
        sandbox.ok(&["cred", "list", "--columns", "last_read,name", "--sort=-last_read"], b"");
    let read = String::from_utf8(read).unwrap();
    let lines: Vec<_> = read.lines().map(|line| line.split_once('\t').unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line.1).collect::<Vec<_>>(), ["x/some", "x/all", "none"]);
    assert!(lines[0].0 > lines[1].0 && lines[1].0.starts_with("20") && lines[2].0.is_empty());
}

#[test]
fn stale_means_that_the_secret_is_old_whatever_else_changed() {
    let sandbox = three();
    pause();
    sandbox.ok(&["cred", "set", "x/all", "--owner", "bob"], b"");
    let stale = conclusive("what is younger than a second", || {
        let since = Instant::now();
        sandbox.ok(&["cred", "set", "x/some", "--stdin"], b"hunter3");
        let stale = names(&sandbox, &["--stale", "1s"]);
        (since.elapsed() < Duration::from_secs(1)).then_some(stale)
    });
    assert_eq!(stale, ["none", "x/all"]);
}

#[test]
fn sorted_by_any_column_and_then_by_name() {
    let sandbox = three();
    sandbox.ok(&["cred", "set", "x/some", "--expires", "2040-01-01"], b"");
    sandbox.ok(&["cred", "set", "none", "--expires", "2030-01-01"], b"");
    sandbox.ok(&["cred", "set", "x/all", "--expires", "2035-01-01"], b"");
    sandbox.ok(&["cred", "set", "x/all", "--rotate-every", "1d"], b"");
    for (sort, expected) in [
        ("name", ["none", "x/all", "x/some"]),
        ("-name", ["x/some", "x/all", "none"]),
        ("client", ["x/some", "x/all", "none"]), // capitals first, what is empty last
        ("-client", ["x/all", "x/some", "none"]),
        ("port", ["x/all", "x/some", "none"]),
        ("-port,name", ["x/some", "x/all", "none"]),
        ("expires", ["none", "x/all", "x/some"]),
        ("-expires", ["x/some", "x/all", "none"]),
        ("due", ["x/all", "none", "x/some"]),
        ("-due", ["x/some", "none", "x/all"]),
        ("created", ["x/all", "x/some", "none"]),
        ("-updated", ["x/all", "none", "x/some"]),
        ("type,-name", ["x/some", "x/all", "none"]),
        ("last_read,last_rotated,deleted", ["none", "x/all", "x/some"]),
    ] {
        assert_eq!(names(&sandbox, &["--sort", sort]), expected, "{sort}");
    }
    assert_eq!(names(&sandbox, &["--sort=-name", "--limit", "1", "--offset", "1"]), ["x/all"]);
}

#[test]
fn columns_are_those_that_were_asked_for() {
    let sandbox = three();
    let list = ["cred", "list", "--columns", "owner,name,tags,fields", "--search", "x/all"];
    assert_eq!(sandbox.ok(&list, b""), b"ann\tx/all\ta,b\tregion=eu\n");
    let table = sandbox.ok(&[&list[..], &["--format", "table"]].concat(), b"");
    let table = String::from_utf8(table).unwrap();
    assert!(table.starts_with("OWNER  NAME   TAGS  FIELDS\n"), "{table}");
    let listed = json(&sandbox.ok(&[&list[..], &["--json"]].concat(), b""));
    let expected = serde_json::json!({"owner": "ann", "name": "x/all", "tags": ["a", "b"],
        "fields": {"region": "eu"}});
    assert_eq!(listed["items"], serde_json::json!([expected]));
    // every column can be had, and JSON has every one but that from the log
    let all = json(&sandbox.ok(&["cred", "list", "--json"], b""))["items"][0].clone();
    let mut columns: Vec<_> = all.as_object().unwrap().keys().cloned().collect();
    assert!(columns.iter().any(|name| name == "due"));
    columns.push("last_read".into());
    let some = ["cred", "list", "--json", "--columns", &columns.join(",")];
    let items = json(&sandbox.ok(&some, b""))["items"].clone();
    assert_eq!(items[0].as_object().unwrap().len(), columns.len());
    assert_eq!(items[0]["id"], all["id"]);
}

#[test]
fn options_of_lists_that_are_wrong() {
    let sandbox = three();
    for (args, message, hint) in [
        (&["--sort", "size"][..], "`--sort`", "descending order: name, type, port"),
        (&["--sort", ""], "`--sort`", "name"),
        (&["--sort", "--name"], "`--sort`", "name"),
        (&["--columns", "name,size"], "`--columns", "last_read"),
        (&["--columns", ""], "`--columns", "last_read"),
        (&["--columns", "name,name"], "twice", "once"),
        (&["--unused", "soon"], "`--unused`", "45s, 30m, 12h, 90d, 4w or 1y"),
        (&["--stale", "90"], "`--stale`", "90d"),
        (&["--stale=0d"], "`--stale`", "90d"),
        (&["--stale=999y"], "`--stale`", "100 years"),
        (&["--port", "ssh"], "port", ""),
        (&["--field", "region"], "KEY=VALUE", ""),
        (&["--tag", "two words"], "a tag has no white space", ""),
    ] {
        let args = [&["cred", "list"], args].concat();
        refused(&sandbox, &args, b"", (2, message, hint), 0);
    }
    let due = ["cred", "due", "--within", "soon"];
    refused(&sandbox, &due, b"", (2, "`--within`", "90d"), 0);
    for (option, forms) in [("--expires", "(2027-01-31)"), ("--rotate-every", "90d")] {
        let add = ["cred", "add", "y", "--stdin", option, "sometime"];
        refused(&sandbox, &add, b"x", (2, option, forms), 0);
    }
}

#[test]
fn due_lists_what_is_overdue_first_and_ends_with_16() {
    let sandbox = Sandbox::new();
    add(&sandbox, "fine", &[]);
    add(&sandbox, "later", &["--expires", "90d", "--client", "acme"]);
    let due = |args: &[&str]| {
        let mut command = sandbox.vault(&[&["cred", "due"], args].concat());
        // works without any key
        let answer = Answer::of(command.env_remove("VAULT_KEY_FILE"));
        (answer.code, answer.text(), answer.err)
    };
    let nothing = "nothing is due, or nothing that fits\n";
    assert_eq!(due(&[]), (0, String::new(), nothing.into()));
    assert_eq!(due(&["--quiet"]), (0, String::new(), String::new()));
    add(&sandbox, "soon", &["--expires", "10d"]);
    add(&sandbox, "rotate/soon", &["--rotate-every", "20d"]);
    let (code, out, _) = due(&["--json"]);
    let items = json(out.as_bytes())["items"].clone();
    let line = |item: &serde_json::Value| format!("{} {}", item["name"], item["what"]);
    let lines = |items: &serde_json::Value| {
        items.as_array().unwrap().iter().map(line).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        (code, lines(&items)),
        (0, r#""soon" "expires", "rotate/soon" "rotation due""#.into())
    );
    assert_eq!((&items[0]["days"], &items[1]["days"]), (&10.into(), &20.into()));
    add(&sandbox, "over", &["--expires", "2020-02-29", "--rotate-every", "1s"]);
    pause();
    let (code, out, _) = due(&["--json", "--quiet"]);
    let items = json(out.as_bytes())["items"].clone();
    let expected = r#""over" "expired", "over" "rotation overdue", "soon" "expires", "rotate/soon" "rotation due""#;
    assert_eq!((code, lines(&items)), (16, expected.into()));
    assert!(items[0]["days"].as_i64().unwrap() < -2000 && items[1]["days"] == 0, "{items}");
    assert_eq!(items[0]["at"], "2020-02-29T00:00:00.000Z");
    // what does not fit is not there, and is no reason to end with 16
    assert_eq!(due(&["--client", "acme"]).0, 0);
    let (code, out, _) = due(&["--client", "acme", "--within", "1y"]);
    assert_eq!((code, out.lines().count()), (0, 1));
    let (code, out, _) = due(&["--due"]);
    assert_eq!((code, out.lines().count()), (16, 2), "{out}");
    sandbox.ok(&["cred", "rm", "over"], b"");
    assert_eq!(due(&[]).0, 0);
    assert_eq!(names(&sandbox, &["--due"]), Vec::<String>::new());
}

#[test]
fn every_read_of_what_is_overdue_says_so_once() {
    let sandbox = Sandbox::new();
    add(&sandbox, "x", &["--expires", "2020-02-29", "--rotate-every", "1s"]);
    add(&sandbox, "y", &["--rotate-every", "1s"]);
    add(&sandbox, "z", &["--expires", "1d", "--rotate-every", "1d"]);
    pause();
    for args in [&["cred", "get"][..], &["cred", "show"], &["cred", "show", "--reveal"]] {
        let said = |name: &str, more: &[&str]| sandbox.run(&[args, &[name], more].concat()).err;
        let both = "warning: `x` expired on 2020-02-29 and should have been rotated by 20";
        assert!(said("x", &[]).starts_with(both), "{}", said("x", &[]));
        assert_eq!(said("x", &[]).lines().count(), 1);
        assert!(said("y", &[]).starts_with("warning: `y` should have been rotated by 20"));
        assert_eq!(said("z", &[]), "");
        assert_eq!(said("x", &["--quiet"]), "");
    }
}

#[test]
fn expiry_is_read_from_the_value_when_it_is_added_and_when_it_is_set() {
    let sandbox = Sandbox::new();
    let token = |exp: u32| {
        let claims = data_encoding::BASE64URL_NOPAD.encode(format!("{{\"exp\":{exp}}}").as_bytes());
        format!("eyJhbGciOiJIUzI1NiJ9.{claims}.c2lnbmF0dXJl")
    };
    let expires = |name: &str| {
        let shown = json(&sandbox.ok(&["cred", "show", name, "--json"], b""));
        shown["expires"].as_str().unwrap_or_default().to_owned()
    };
    let add = ["cred", "add", "j", "--type", "jwt", "--stdin"];
    sandbox.ok(&add, token(1_000_000_000).as_bytes());
    assert_eq!(expires("j"), "2001-09-09T01:46:40.000Z");
    assert_eq!(names(&sandbox, &["--expired"]), ["j"]);
    let answer = sandbox.run(&["cred", "get", "j"]);
    assert!(answer.err.starts_with("warning: `j` expired on 2001-09-09"), "{}", answer.err);
    sandbox.ok(&["cred", "set", "j", "--stdin"], token(4_000_000_000).as_bytes());
    assert_eq!(expires("j"), "2096-10-02T07:06:40.000Z");
    assert_eq!(names(&sandbox, &["--expired"]), Vec::<String>::new());
    let own = ["cred", "set", "j", "--stdin", "--expires", "2030-01-01"];
    sandbox.ok(&own, token(1_000_000_000).as_bytes());
    assert_eq!(expires("j"), "2030-01-01T00:00:00.000Z");
    says(&sandbox.run(&["cred", "set", "j", "--expires", "never"]), 2, "`--expires`", "(90d)");
}

#[test]
fn expiry_is_read_from_a_certificate_too() {
    let sandbox = Sandbox::new();
    let expires = || {
        let listed = json(&sandbox.ok(&["cred", "list", "--json", "--columns", "expires"], b""));
        listed["items"][0]["expires"].as_str().unwrap().to_owned()
    };
    let add = ["cred", "add", "c", "--type", "cert", "--stdin"];
    sandbox.ok(&add, format!("{KEY}{LEAF}").as_bytes());
    assert_eq!(expires(), "2028-11-20T23:24:23.000Z");
    sandbox.ok(&["cred", "set", "c", "--stdin"], format!("{KEY}{AUTHORITY}").as_bytes());
    assert_eq!(expires(), "2051-07-13T23:24:23.000Z");
}

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBcDCCARegAwIBAgIUA4b3cTr6CxZnC5UyN+21xfg+IBwwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCQ0EwIBcNMjYxMTIxMjMyNDIzWhgPMjA1MTA3MTMyMzI0MjNa
MA0xCzAJBgNVBAMMAkNBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETf9nI76C
G9DpXXz7VMi5wjomUUPKZMI7922koUFsCmpesR3rRt4JicNvP8OSQpyRgWcxkNL8
4ip23P/HamwMFKNTMFEwHQYDVR0OBBYEFC/oM2btFORy4yxqiVjRNBotYEmpMB8G
A1UdIwQYMBaAFC/oM2btFORy4yxqiVjRNBotYEmpMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgf3OCKeNhs8k/n6gf263fDrF3g1EPasLzT73wVqR4
7vYCICMrkMqmej1WIcwWK51r5sJ5y5qS/GNbj476Lvb5a5dk
-----END CERTIFICATE-----
";
const LEAF: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFzCBvQIUWjxj3ocgVl5n/ZRGTKEvBqDgeHUwCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCQ0EwHhcNMjYxMTIxMjMyNDIzWhcNMjgxMTIwMjMyNDIzWjAPMQ0wCwYD
VQQDDARsZWFmMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErgk75h1TPjwMcQaS
guPe1IVmcZXGXdMIjdIr7LjQJ1sXcmZgmYfYZ+ExbTXO9INWv2ZhcBiN/lIHsOIW
yGFRnTAKBggqhkjOPQQDAgNJADBGAiEA7i1Y86rUq7zkukHDnQNJu0NhLT9Ca+ve
S74Om7noaL8CIQCoKkMjrs8Nj3Mhgf4e5PWyX1oYARpXpC6MKQwNkAtjiw==
-----END CERTIFICATE-----
";
