//! The command line, end to end: the real program in a place of its own.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "helpers of tests may do what tests may, and clarity comes before speed"
)]

#[path = "../support/mod.rs"]
mod support;

mod anchors;
mod arguments;
mod attachments;
mod audit_report;
mod audit_show;
mod audit_stats;
mod bad_files;
mod bad_input;
mod check;
mod clones;
mod doctor;
mod documents;
mod edit;
mod editors;
mod environment;
mod exit_codes;
mod exports;
mod generate;
mod import;
mod incident_blast;
mod incident_edits;
mod incident_input;
mod incident_report;
mod incident_rotate;
mod incidents;
mod json;
mod kinds;
mod lists;
mod notes;
mod offers;
mod picker;
mod pipes;
mod prompts;
mod prune;
mod references;
mod rotate;
mod sinks;
mod status;
mod totp;
mod trust_state;
mod unlock;
mod versions;
mod whose;

use support::{Answer, Sandbox, json};

/// An error as people see it: one line that says what is wrong, and a hint that holds `hint`.
#[track_caller]
fn says(answer: &Answer, code: i32, message: &str, hint: &str) {
    let Answer { code: got, err, .. } = answer;
    assert_eq!(*got, code, "{err}");
    let errors: Vec<_> = err.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
    let [line] = errors[..] else { panic!("not one error line: {err}") };
    assert!(line.contains(message), "no `{message}` in: {err}");
    let name = line.starts_with("VAULT_");
    assert!(name || !line.starts_with(|c: char| c.is_ascii_uppercase()), "{err}");
    assert!(!line.ends_with('.'), "{err}");
    let mut hints = err.lines().filter_map(|line| line.strip_prefix("hint: "));
    assert!(hint.is_empty() || hints.any(|line| line.contains(hint)), "no hint `{hint}`: {err}");
}

/// The same error as programs see it.
#[track_caller]
fn tells(answer: &Answer, code: i32, kind: &str, message: &str) -> serde_json::Value {
    assert_eq!(answer.code, code, "{}", answer.err);
    let lines: Vec<_> = answer.err.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(lines.len(), 1, "not one document: {}", answer.err);
    let error = json(lines[0].as_bytes())["error"].clone();
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(error["kind"], kind, "{error}");
    assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    assert!(error["hints"].is_array() && error["candidates"].is_array(), "{error}");
    error
}

/// Runs what must fail, for people and for programs. It changes nothing; the log grows by `logged`
/// entries of the failure each time.
#[track_caller]
fn refused(
    sandbox: &Sandbox,
    args: &[&str],
    input: &[u8],
    (code, message, hint): (i32, &str, &str),
    logged: usize,
) -> Answer {
    let (content, entries) = (sandbox.content(), sandbox.entries());
    let answer = sandbox.run_in(args, input);
    says(&answer, code, message, hint);
    assert!(answer.out.is_empty(), "{}", answer.all());
    let mut for_programs = vec!["--json"];
    for_programs.extend(args);
    tells(&sandbox.run_in(&for_programs, input), code, word(code), message);
    assert_eq!(sandbox.content(), content, "vault {args:?} changed something");
    assert_eq!(sandbox.entries(), entries + 2 * logged, "entries after vault {args:?}");
    if logged > 0 {
        let last = &sandbox.log(&["--limit", "1"])[0];
        assert_ne!(last["outcome"], "ok", "{last}");
    }
    answer
}

fn word(code: i32) -> &'static str {
    let row = vault::error::EXIT_CODES.iter().find(|row| i32::from(row.0) == code);
    row.map_or("", |row| row.1)
}
