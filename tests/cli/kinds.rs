//! Every kind of credential, by all its names, from storing to reading.

use super::support::{Sandbox, json};
use super::{refused, says};
use vault::kind::{self, Kind};

/// A value of the right form for the primary field of `kind`.
fn example(kind: &Kind) -> &'static str {
    kind.primary().map_or("some value", |field| field.example)
}

fn field(kind: &Kind) -> &'static str {
    kind.primary().map_or("pin", |field| field.name)
}

#[test]
fn every_kind_by_every_name() {
    let sandbox = Sandbox::new();
    let mut count = 0;
    for kind in kind::ALL {
        for alias in std::iter::once(&kind.name).chain(kind.aliases) {
            let name = format!("{}/{alias}", kind.name);
            let mut args = vec!["cred", "add", &name, "--type", alias, "--stdin", "--exact"];
            // kinds with an open set of fields, or none they insist on, are told which
            args.extend(["--secret-field", field(kind)]);
            sandbox.ok(&args, example(kind).as_bytes());
            let shown = json(&sandbox.ok(&["cred", "show", &name, "--json"], b""));
            assert_eq!(shown["type"], kind.name, "{shown}");
            assert_eq!(shown["secrets"][field(kind)], serde_json::Value::Null);
            assert_eq!(shown["versions"][field(kind)], 1);
            assert_eq!(sandbox.ok(&["cred", "get", &name], b""), example(kind).as_bytes());
            let one = sandbox.ok(&["cred", "get", &name, field(kind)], b"");
            assert_eq!(one, example(kind).as_bytes());
            count += 1;
        }
        for alias in std::iter::once(&kind.name).chain(kind.aliases) {
            let out = sandbox.ok(&["cred", "list", "--type", alias, "--json"], b"");
            let listed = json(&out)["items"].as_array().unwrap().len();
            assert_eq!(listed, 1 + kind.aliases.len(), "--type {alias}");
        }
    }
    let out = sandbox.ok(&["cred", "list"], b"");
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), count);
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

#[test]
fn every_secret_field_of_every_kind() {
    let sandbox = Sandbox::new();
    for kind in kind::ALL {
        let add = ["cred", "add", kind.name, "--type", kind.name, "--stdin", "--secret-field"];
        sandbox.ok(&[&add[..], &[field(kind)]].concat(), b"first");
        for field in kind.secret_fields().map(|field| field.name).chain(["notes"]) {
            sandbox.ok(&["cred", "set", kind.name, field, "--stdin"], field.as_bytes());
            let got = sandbox.ok(&["cred", "get", kind.name, field], b"");
            assert_eq!(got, field.as_bytes(), "{}", kind.name);
        }
        let shown = sandbox.ok(&["cred", "show", kind.name, "--reveal", "--json"], b"");
        let shown = json(&shown);
        for field in kind.secret_fields() {
            assert_eq!(shown["secrets"][field.name], field.name, "{shown}");
        }
    }
}

#[test]
fn public_fields_of_every_kind() {
    let sandbox = Sandbox::new();
    for kind in kind::ALL {
        let add = ["cred", "add", kind.name, "--type", kind.name, "--stdin"];
        let mut args = [&add[..], &["--secret-field", field(kind)]].concat();
        let pairs: Vec<_> = kind
            .public_fields()
            .filter(|field| !field.example.is_empty())
            .map(|field| format!("{}={}", field.name, field.example))
            .collect();
        args.extend(pairs.iter().flat_map(|pair| ["--field", pair.as_str()]));
        sandbox.ok(&args, example(kind).as_bytes());
        let shown = json(&sandbox.ok(&["cred", "show", kind.name, "--json"], b""));
        for field in kind.public_fields().filter(|field| !field.example.is_empty()) {
            let kept = match &shown[field.name] {
                serde_json::Value::Null => shown["fields"][field.name].clone(),
                kept => kept.clone(),
            };
            let kept = kept.as_str().map_or_else(|| kept.to_string(), str::to_owned);
            assert_eq!(kept, field.example, "{} in {shown}", field.name);
        }
    }
}

#[test]
fn custom_takes_any_field() {
    let sandbox = Sandbox::new();
    let add = ["cred", "add", "radius", "--type", "custom", "--stdin", "--secret-field", "shared"];
    let args = [&add[..], &["--field", "realm=example.com", "--field", "nas=10.0.0.1"]].concat();
    sandbox.ok(&args, b"hunter2");
    sandbox.ok(&["cred", "set", "radius", "pin", "--stdin"], b"1234");
    assert_eq!(sandbox.ok(&["cred", "get", "radius", "pin"], b""), b"1234");
    assert_eq!(sandbox.ok(&["cred", "get", "radius", "shared"], b""), b"hunter2");
    let shown = json(&sandbox.ok(&["cred", "show", "radius", "--json"], b""));
    assert_eq!(shown["fields"]["realm"], "example.com");
    sandbox.ok(&["cred", "set", "radius", "--remove-field", "nas"], b"");
    let wrong = (2, "needs a secret field", "--secret-field KEY");
    let plain = ["cred", "add", "other", "--type", "custom", "--stdin"];
    refused(&sandbox, &plain, b"x", wrong, 0);
    let wrong = (2, "`password` has no secret field `pin`", "--type custom");
    let other = ["cred", "add", "other", "--stdin", "--secret-field", "pin"];
    refused(&sandbox, &other, b"x", wrong, 0);
}

#[test]
fn a_private_key_goes_where_it_belongs() {
    let sandbox = Sandbox::new();
    let ssh = kind::find("ssh").unwrap();
    let key = ssh.secret_field("private_key").unwrap().example;
    let file = sandbox.file("id_ed25519", key);
    let field = |name: &str| {
        let shown = json(&sandbox.ok(&["cred", "show", name, "--json"], b""));
        shown["versions"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    sandbox.ok(&["cred", "add", "file", "--type", "ssh", "--file", &file], b"");
    sandbox.ok(&["cred", "add", "pipe", "--type", "ssh_key", "--stdin"], key.as_bytes());
    for name in ["file", "pipe"] {
        assert_eq!(field(name), ["private_key"]);
        assert_eq!(sandbox.ok(&["cred", "get", name], b""), key.as_bytes());
    }
    let add = ["cred", "add", "public", "--type", "ssh", "--stdin"];
    let public = sandbox.run_in(&add, b"ssh-ed25519 AAAA me@here\n");
    assert!(public.err.contains("warning: "), "{}", public.err);
    assert_eq!((public.code, field("public")), (0, vec!["password".to_owned()]));
    let named = ["cred", "add", "named", "--type", "ssh", "--stdin", "--secret-field", "password"];
    assert!(sandbox.run_in(&named, key.as_bytes()).err.contains("`private_key`"));
    assert_eq!(field("named"), ["password"]);
    // what comes later without a field goes where the key is
    sandbox.ok(&["cred", "set", "file", "--stdin"], key.as_bytes());
    assert_eq!(field("file"), ["private_key"]);
}

#[test]
fn an_unknown_type_gets_the_list_and_the_nearest() {
    let sandbox = Sandbox::new();
    let args = ["cred", "add", "x", "--type", "pasword", "--stdin"];
    let answer = refused(&sandbox, &args, b"x", (2, "unknown type `pasword`", "`password`"), 0);
    says(&answer, 2, "unknown type", "types: password, http_basic, api_key");
    let list = ["cred", "list", "--type", "certt"];
    refused(&sandbox, &list, b"", (2, "unknown type `certt`", "did you mean `cert`?"), 0);
}

#[test]
fn values_can_be_made() {
    let sandbox = Sandbox::new();
    for kind in ["password", "api_key", "shared_secret"] {
        sandbox.ok(&["cred", "add", kind, "--type", kind, "--generate"], b"");
        sandbox.ok(&["cred", "add", &format!("{kind}/32"), "--type", kind, "--generate=32"], b"");
        let (one, other) = (
            sandbox.ok(&["cred", "get", &format!("{kind}/32")], b""),
            sandbox.ok(&["cred", "show", kind, "--reveal", "--format", "plain"], b""),
        );
        assert!(one.len() >= 32 && !other.is_empty());
    }
    let weak = (2, "`--generate", "");
    refused(&sandbox, &["cred", "add", "x", "--generate=0"], b"", weak, 0);
    refused(&sandbox, &["cred", "add", "x", "--generate=5000"], b"", weak, 0);
}

/// Ends on 2028-11-20.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFzCBvQIUWjxj3ocgVl5n/ZRGTKEvBqDgeHUwCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCQ0EwHhcNMjYxMTIxMjMyNDIzWhcNMjgxMTIwMjMyNDIzWjAPMQ0wCwYD
VQQDDARsZWFmMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErgk75h1TPjwMcQaS
guPe1IVmcZXGXdMIjdIr7LjQJ1sXcmZgmYfYZ+ExbTXO9INWv2ZhcBiN/lIHsOIW
yGFRnTAKBggqhkjOPQQDAgNJADBGAiEA7i1Y86rUq7zkukHDnQNJu0NhLT9Ca+ve
S74Om7noaL8CIQCoKkMjrs8Nj3Mhgf4e5PWyX1oYARpXpC6MKQwNkAtjiw==
-----END CERTIFICATE-----
";

#[test]
fn an_expiry_that_was_set_stays_until_the_certificate_is_another() {
    let sandbox = Sandbox::new();
    let expires = || json(&sandbox.ok(&["cred", "show", "tls", "--json"], b""))["expires"].clone();
    let chain = format!("chain={CERTIFICATE}");
    let add = ["cred", "add", "tls", "--type", "cert", "--stdin", "--field", &chain];
    sandbox.ok(&add, kind::find("cert").unwrap().primary().unwrap().example.as_bytes());
    assert_eq!(expires(), "2028-11-20T23:24:23.000Z");
    sandbox.ok(&["cred", "set", "tls", "--expires", "2028-10-01"], b"");
    sandbox.ok(&["cred", "set", "tls", "--client", "acme"], b"");
    assert_eq!(expires(), "2028-10-01T00:00:00.000Z");
    // the same with another end of line is another one
    let chain = chain.replace('\n', "\r\n");
    sandbox.ok(&["cred", "set", "tls", "--field", &chain], b"");
    assert_eq!(expires(), "2028-11-20T23:24:23.000Z");
}
