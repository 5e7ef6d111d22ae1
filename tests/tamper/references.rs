//! What a reference means is decided by which rows there are, so that a missing one must be noticed.

use super::*;
use readers::delivered;
use site::field;

/// `web` has a field `db`, `app` has none, and `app/db` and `db/main` are credentials.
fn house() -> Site {
    let site = Site::new();
    let mut v = site.unlock().unwrap();
    for text in ["web", "app", "app/db", "db/main"] {
        v.add(credential(text, "password")).unwrap();
    }
    let secrets = vec![(field("db"), Secret::from_bytes(b"the field"))];
    v.set(&name("web"), Change { edit: None, secrets }).unwrap();
    drop(v);
    site
}

#[test]
fn a_reference_does_not_come_to_mean_something_else() {
    let site = house();
    let truth = site.files();
    let said = |change: &str, reference: &str| {
        site.put(&truth);
        site.sql(change);
        delivered(&mut site.unlock().unwrap(), reference)
    };
    for reference in ["vault://web/db", "vault://app/db", "vault://db/main"] {
        assert!(said("", reference).is_ok(), "control: {reference}");
    }
    assert_eq!(said("", "vault://app/none"), Err(ErrorKind::NotFound), "control");
    for change in [
        "DELETE FROM credential WHERE name = 'app/db'",
        "UPDATE credential SET deleted_at = 1 WHERE name = 'app/db'",
        "UPDATE credential SET name = 'x' WHERE name = 'app/db'",
    ] {
        assert_eq!(said(change, "vault://app/db"), Err(ErrorKind::Integrity), "{change}");
    }
    // the one that stands before the field, which could have had it
    let gone = "DELETE FROM credential WHERE name = 'app'";
    assert_eq!(said(gone, "vault://app/db"), Err(ErrorKind::Integrity));
    for name in ["web", "db/main"] {
        let gone = format!("DELETE FROM credential WHERE name = '{name}'");
        let reference = if name == "web" { "vault://web/db" } else { "vault://db/main" };
        assert_eq!(said(&gone, reference), Err(ErrorKind::Integrity), "{name}");
    }
}
