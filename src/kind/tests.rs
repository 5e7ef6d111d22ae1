//! What must hold of every kind.

use super::*;
use crate::error::ErrorKind;
use std::collections::BTreeSet;

fn everything() -> impl Iterator<Item = (&'static Kind, &'static Field)> {
    ALL.iter().flat_map(|kind| kind.fields.iter().map(move |field| (kind, field)))
}

#[test]
fn the_table_is_the_designs() {
    let names: Vec<_> = ALL.iter().map(|kind| kind.name).collect();
    assert_eq!(
        names.join(" "),
        "password http_basic api_key bearer_token oauth ssh shared_secret jwt \
         connection_string certificate custom"
    );
    let primary = |name| find(name).unwrap().primary().map(|field| field.name);
    assert_eq!(primary("password"), Some("password"));
    assert_eq!(primary("oauth"), Some("client_secret"));
    assert_eq!(primary("dsn"), Some("connection_string"));
    assert_eq!(primary("cert"), Some("private_key"));
    assert_eq!(primary("custom"), None);
}

#[test]
fn names_and_aliases_are_unique_and_findable() {
    let mut seen = BTreeSet::new();
    for kind in ALL {
        for name in std::iter::once(&kind.name).chain(kind.aliases) {
            assert!(seen.insert(*name), "{name} twice");
            for spelling in [name.to_uppercase(), name.replace('_', "-")] {
                assert_eq!(find(&spelling).unwrap().name, kind.name);
            }
        }
    }
    for name in "basic token bearer oauth2 ssh_key db_dsn dsn cert tls".split(' ') {
        assert!(seen.contains(name), "{name}");
    }
}

#[test]
fn fields_are_well_formed() {
    for (kind, field) in everything() {
        let at = format!("{}.{}", kind.name, field.name);
        assert!(field.name.parse::<FieldName>().is_ok(), "{at}");
        assert_ne!(field.name, NOTES.name, "{at}");
        assert!(field.secret || !field.required, "{at}");
        assert!(field.env.is_none_or(|env| env == env.to_uppercase()), "{at}");
    }
    for kind in ALL {
        assert!(kind.open || kind.primary().is_some(), "{}", kind.name);
        let names: BTreeSet<_> = kind.fields.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), kind.fields.len(), "{}: a field twice", kind.name);
        let envs: Vec<_> = kind.fields.iter().filter_map(|field| field.env).collect();
        let distinct: BTreeSet<_> = envs.iter().collect();
        assert_eq!(distinct.len(), envs.len(), "{}: a variable twice", kind.name);
    }
}

#[test]
fn abouts_are_capitalised_lines_without_a_full_stop() {
    let kinds = ALL.iter().map(|kind| kind.about);
    let fields = everything().map(|(_, field)| field.about);
    for about in kinds.chain(fields).chain([NOTES.about]) {
        assert!(about.starts_with(|c: char| c.is_ascii_uppercase()), "{about}");
        assert!(!about.ends_with('.') && !about.contains('\n'), "{about}");
    }
}

#[test]
fn examples_are_accepted() {
    for (kind, field) in everything().filter(|(_, field)| !field.example.is_empty()) {
        let at = format!("{}.{}", kind.name, field.name);
        if let Some(check) = field.check {
            assert_eq!(check(field.example.as_bytes()), Vec::<String>::new(), "{at}");
        }
        match field.name {
            "port" => assert!(public::parse_port(field.example).is_ok(), "{at}"),
            _ if field.secret => (),
            name => {
                let name = name.parse().unwrap();
                public::check_public(&name, field.example).unwrap_or_else(|e| panic!("{at}: {e}"));
            }
        }
    }
}

#[test]
fn every_secret_but_notes_has_an_example_and_a_check() {
    for (kind, field) in everything().filter(|(_, field)| field.secret) {
        assert!(!field.example.is_empty(), "{}.{}", kind.name, field.name);
        assert!(field.check.is_some(), "{}.{}", kind.name, field.name);
    }
}

#[test]
fn a_slip_is_recognised() {
    let error = find("pasword").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(error.message(), "unknown type `pasword`");
    assert_eq!(error.hints()[0], "did you mean `password`?");
    assert!(error.hints()[1].starts_with("types: password, http_basic, "));
    assert_eq!(find("quux").err().unwrap().hints().len(), 1);
    assert_eq!(find("").err().unwrap().hints().len(), 1);
}

#[test]
fn what_may_be_a_secret_is_not_repeated() {
    for typed in ["Hunter", "hunter2", "hunter two", "ghp_Zz", "abcdefghijklmnopqrstuvwxyz"] {
        let error = find(typed).err().unwrap();
        assert_eq!(error.message(), "unknown type");
        assert!(!format!("{error:?}").contains(typed), "{typed}");
    }
}

#[test]
fn notes_and_one_time_codes_belong_to_every_kind() {
    for kind in ALL {
        for name in ["notes", "totp"] {
            assert_eq!(kind.secret_field(name).unwrap().name, name);
            assert_ne!(kind.primary().map(|field| field.name), Some(name));
        }
        assert!(kind.secret_field("nonsense").is_none());
    }
}

#[test]
fn a_private_key_finds_its_field() {
    let ssh = find("ssh").unwrap();
    let field = |value: &[u8]| ssh.field_for(value).unwrap().name;
    for label in ["OPENSSH PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY"] {
        assert_eq!(field(format!("-----BEGIN {label}-----\nx\n").as_bytes()), "private_key");
    }
    for other in [&b"hunter2"[..], b"ssh-ed25519 AAAA me", b"-----BEGIN PUBLIC KEY-----", b"\xff"] {
        assert_eq!(field(other), "password");
    }
    let password = find("password").unwrap();
    assert_eq!(password.field_for(b"-----BEGIN PRIVATE KEY-----\n").unwrap().name, "password");
    assert!(find("custom").unwrap().field_for(b"x").is_none());
}

#[test]
fn learning_survives_anything() {
    for kind in ALL.iter().filter(|kind| kind.learn.is_some()) {
        let field: FieldName = kind.primary().unwrap().name.parse().unwrap();
        for hostile in
            [&b""[..], b"\0", b"\xff\xfe", b"...", b"://@:/?#", b"=", b"a='", b"-----BEGIN"]
        {
            let secrets = [(field.clone(), Secret::from_bytes(hostile))];
            let mut meta = Metadata::default();
            kind.learn.unwrap()(&secrets, &mut meta);
            assert_eq!(meta, Metadata::default(), "{}", kind.name);
        }
        let mut meta = Metadata::default();
        kind.learn.unwrap()(&[], &mut meta);
        assert_eq!(meta, Metadata::default());
    }
}
