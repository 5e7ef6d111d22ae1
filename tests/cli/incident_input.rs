//! What cannot be said of incidents: each is refused with its reason, and changes nothing.

use super::incidents::with_one;
use super::refused;

/// Commands that cannot be taken: arguments, input, code, message, hint, entries of the failure.
type Wrong<'w> = (&'w [&'w str], &'w [u8], i32, &'w str, &'w str, usize);

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let sandbox = with_one();
    let long = "x".repeat(201);
    let open = |title| ["incident", "open", title];
    let wrong: &[Wrong<'_>] = &[
        (&open(""), b"", 2, "a title cannot be empty", "", 0),
        (&open(" x"), b"", 2, "does not begin or end with white space", "", 0),
        (&open("a\u{1b}[2Jb"), b"", 2, "has no control characters", "", 0),
        (&open("a\nb"), b"", 2, "has no control characters", "", 0),
        (&open(&long), b"", 2, "has at most 200 bytes", "", 0),
        (&["incident", "open", "x", "--type", "bad"], b"", 2, "`--type", "lost_device", 0),
        (&["incident", "open", "x", "--severity", "bad"], b"", 2, "`--severity", "critical", 0),
        (&["incident", "open", "x", "--exposure", "bad"], b"", 2, "`--exposure", "not_exposed", 0),
        (
            &["incident", "open", "x", "--occurred", "2199-01-01"],
            b"",
            2,
            "not happened yet",
            "2h",
            0,
        ),
        (
            &["incident", "open", "x", "--detected", "soon"],
            b"",
            2,
            "`--detected`: not a date",
            "90d",
            0,
        ),
        (
            &["incident", "open", "x", "--occurred", "1d", "--detected", "2d"],
            b"",
            2,
            "nothing is detected before it occurs",
            "",
            0,
        ),
        (&["incident", "open", "x", "--client", "a\u{7}b"], b"", 2, "no control characters", "", 0),
        (
            &["incident", "open", "x", "--cred", "nobody"],
            b"",
            10,
            "no credential named `nobody`",
            "",
            1,
        ),
        (&["incident", "open", "x", "--stdin"], b"", 2, "the text is empty", "", 0),
        (&["incident", "open", "x", "--stdin"], b"\xff", 2, "not valid UTF-8", "", 0),
        (
            &["incident", "open", "x", "--stdin", "--description", "y"],
            b"z",
            2,
            "given twice",
            "",
            0,
        ),
        (
            &["incident", "open", "x", "--stdin=title"],
            b"y",
            2,
            "there is no such text",
            "findings",
            0,
        ),
        (&["incident", "show", "INC-7"], b"", 10, "no incident INC-7", "vault incident list", 1),
        (&["incident", "show", "laptop"], b"", 2, "named by its number", "vault incident list", 0),
        (&["incident", "show", "INC-0"], b"", 2, "named by its number", "", 0),
        (&["incident", "note", "7", "x"], b"", 10, "no incident INC-7", "", 1),
        (&["incident", "note", "1", "  \n"], b"", 2, "the text is empty", "", 0),
        (&["incident", "note", "1", "x", "--at", "2199-01-01"], b"", 2, "not happened yet", "", 0),
        (&["incident", "note", "1", "x", "--stdin"], b"y", 2, "", "", 0),
        (&["incident", "edit", "7", "--owner", "x"], b"", 10, "no incident INC-7", "", 1),
        (&["incident", "edit", "1", "--title", ""], b"", 2, "a title cannot be empty", "", 0),
        (&["incident", "edit", "1", "--step", " "], b"", 2, "`--step", "", 0),
        (&["incident", "edit", "1", "--no-input"], b"", 2, "`--no-input` forbids", "by options", 0),
        (&["incident", "link", "1"], b"", 2, "no credential is named", "--client", 0),
        (&["incident", "link", "7", "mail"], b"", 10, "no incident INC-7", "", 1),
        (&["incident", "link", "1", "nobody"], b"", 10, "no credential named", "", 1),
        (&["incident", "link", "1", "mail", "--waive", " "], b"", 2, "`--waive", "", 0),
        (
            &["incident", "link", "1", "vpn/alice", "--exposure", "contained"],
            b"",
            14,
            "`vpn/alice` is not contained",
            "vault incident rotate INC-1",
            1,
        ),
        (&["incident", "unlink", "1"], b"", 2, "", "", 0),
        (&["incident", "unlink", "1", "mail"], b"", 10, "`mail` is not linked to INC-1", "", 1),
        (
            &["incident", "monitor", "1"],
            b"",
            14,
            "INC-1 is investigating",
            "vault incident contain INC-1",
            1,
        ),
        (
            &["incident", "resolve", "1"],
            b"",
            14,
            "INC-1 is investigating",
            "vault incident contain INC-1",
            1,
        ),
        (&["incident", "reopen", "1"], b"", 14, "INC-1 is investigating", "", 1),
        (
            &["incident", "resolve", "1", "--outcome", "bad"],
            b"",
            2,
            "`--outcome",
            "false_positive",
            0,
        ),
        (&["incident", "contain", "1", "--note", ""], b"", 2, "`--note", "", 0),
        (&["incident", "contain", "1", "--at", "2199-01-01"], b"", 2, "not happened yet", "", 0),
        (&["incident", "rm", "7"], b"", 10, "no incident INC-7", "", 1),
        (&["incident", "restore", "1"], b"", 10, "no incident INC-1 in the trash", "--deleted", 1),
        (&["incident", "list", "--open", "--closed"], b"", 2, "", "", 0),
        (&["incident", "list", "--status", "bad"], b"", 2, "`--status", "monitoring", 0),
    ];
    for (args, input, code, message, hint, logged) in wrong {
        refused(&sandbox, args, input, (*code, message, hint), *logged);
    }
    // it occurred two days ago: what was done three days ago was not done about it
    sandbox.ok(&["incident", "edit", "1", "--occurred", "2d"], b"");
    let early = (2, "before the incident occurred", "vault incident show INC-1");
    refused(&sandbox, &["incident", "contain", "1", "--at", "3d"], b"", early, 0);
    // the control: with what is right in its place, each of these works
    sandbox.ok(&["incident", "contain", "1", "--at", "1d"], b"");
}
