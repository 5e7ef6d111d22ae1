//! Attacks on one row's metadata.

use super::*;

/// Attacks on one row's metadata.
pub(crate) const ON_METADATA: &[Attack] = &[
    attack("swap URLs", |s| s.swap("url"), BOTH),
    attack("swap user names", |s| s.swap("username"), BOTH),
    attack("swap expiries", |s| s.swap("expires_at"), BOTH),
    attack("swap tags", |s| s.swap("tags"), BOTH),
    attack("swap public fields", |s| s.swap("fields"), BOTH),
    attack("swap flags", |s| s.swap("requires_vpn, requires_2fa"), BOTH),
    attack("swap ports", |s| s.swap("port"), BOTH),
    attack("swap clients", |s| s.swap("client"), BOTH),
    attack("swap descriptions", |s| s.swap("description"), BOTH),
    attack("swap rotation policies", |s| s.swap("rotate_every"), BOTH),
    attack("swap numbers of kept versions", |s| s.swap("keep"), BOTH),
    attack("swap heads", |s| s.swap("heads"), BOTH),
    attack("swap heads with tags", |s| s.swap("heads, row_tag"), BOTH),
    attack("swap ids", |s| s.swap("id"), BOTH),
    attack("swap ids and leaves", |s| s.swap("id, bucket"), BOTH),
    attack(
        "swap names",
        |s| {
            s.sql(
                "UPDATE credential SET name = 'tmp' WHERE name = 'alpha';
                   UPDATE credential SET name = 'alpha' WHERE name = 'bravo';
                   UPDATE credential SET name = 'bravo' WHERE name = 'tmp'",
            )
        },
        BOTH,
    ),
    attack("another kind", |s| alpha(s, "kind = 'custom'"), ALPHA),
    attack("a verdict", |s| alpha(s, "verdict = 'valid', last_verified_at = 1"), ALPHA),
    attack("a revision", |s| alpha(s, "revision = revision + 1"), ALPHA),
    attack("times", |s| alpha(s, "created_at = 1, updated_at = 1"), ALPHA),
    attack("a type", |s| alpha(s, "url = 'https://evil.example', port = 70000"), ALPHA),
    attack("a zero tag", |s| alpha(s, "row_tag = zeroblob(32)"), ALPHA),
    attack(
        "metadata and tree",
        |s| {
            s.sql_and_tree(
                "UPDATE credential SET url = 'https://evil.example' WHERE name = 'alpha'",
            )
        },
        ALPHA,
    ),
    attack("moved to another leaf", |s| alpha(s, "bucket = bucket + 1"), ALPHA),
    attack("moved out of the tree", |s| alpha(s, "bucket = -1"), ALPHA),
    attack("moved beyond the tree", |s| alpha(s, "bucket = 262144"), ALPHA),
    attack(
        "public fields with a second, hidden text",
        |s| alpha(s, r#"fields = '{"region":"decoy","region":"region of alpha"}'"#),
        &["list region"],
    ),
    attack(
        "public fields hidden from the search",
        |s| alpha(s, r#"fields = '{"region":"\u0072egion \u006ff alpha"}'"#),
        &["list region"],
    ),
    attack("tags in another order", |s| alpha(s, "tags = 'tag-alpha,prod'"), SET),
    attack("empty in place of nothing", |s| alpha(s, "owner = ''"), SET),
];
