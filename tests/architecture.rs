//! The house rules that no compiler checks: who may name whom, where `unsafe` and SQL live, and how
//! long a file may be.

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

use std::fs;
use std::path::{Path, PathBuf};

/// Each part of the program, and the parts it must not name. What it may name besides is checked by
/// reading the rest of the table.
const FENCES: &[(&str, &[&str])] = &[
    ("src/error.rs", &["cli", "kind", "model", "sys", "vault", "world"]),
    ("src/sys.rs", &["cli", "kind", "model", "error", "vault", "world"]),
    ("src/sys", &["cli", "kind", "model", "error", "vault", "world"]),
    ("src/world.rs", &["cli", "kind", "sys", "vault"]),
    ("src/model", &["cli", "kind", "sys", "vault", "world"]),
    ("src/kind", &["cli", "sys", "vault", "world"]),
    ("src/vault", &["cli", "sys"]),
    ("src/cli/helper/place.rs", &["vault", "kind", "sys", "world", "error", "model"]),
    ("src/formats", &["cli", "child", "kind", "sys", "vault", "world"]),
    ("src/template.rs", &["cli", "child", "kind", "sys", "vault", "world"]),
    ("src/child", &["cli", "kind", "vault"]),
    ("src/plugin", &["cli", "child", "kind", "vault"]),
    ("src/cli/html", &["vault", "kind", "sys", "world"]),
    ("src/cli/render", &["vault", "kind", "sys", "world"]),
    ("src/cli/escape.rs", &["vault", "kind", "sys", "world", "error", "model"]),
    ("src/cli/report.rs", &["vault", "kind", "sys", "world"]),
];

/// Files that may be longer than [`LONGEST`], and why.
const LONG: &[(&str, &str)] = &[
    ("src/kind/dsn.rs", "one grammar with the cases that prove it"),
    ("tests/format/reader.rs", "a reader of the format that shares nothing with the program"),
];

const LONGEST: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files at or below `path`, by their paths in the repository.
fn sources(path: &str) -> Vec<PathBuf> {
    let full = root().join(path);
    if full.is_file() {
        return vec![path.into()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(full).unwrap() {
        let name = entry.unwrap().file_name();
        let inner = format!("{path}/{}", name.to_str().unwrap());
        match root().join(&inner).is_dir() {
            true => found.extend(sources(&inner)),
            false if name.to_string_lossy().rsplit('.').next() == Some("rs") => {
                found.push(inner.into());
            }
            false => {}
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The lines that are code and not remarks, without the tests at the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether `text` names the part `part` of this program: `crate::part`, or in a group.
fn names(text: &str, part: &str) -> bool {
    let after = |prefix: &str| {
        text.match_indices(prefix).any(|(at, _)| {
            let rest = &text[at + prefix.len()..];
            !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    };
    let groups = text.split("crate::{").skip(1).filter_map(|rest| rest.split(';').next());
    let grouped = groups.flat_map(|group| group.split(['{', '}', ',', ':']));
    after(&format!("crate::{part}")) || grouped.map(str::trim).any(|word| word == part)
}

#[test]
fn nobody_names_a_layer_above() {
    for (path, forbidden) in FENCES {
        for file in sources(path) {
            let text = code(&read(&file));
            for part in *forbidden {
                assert!(!names(&text, part), "{} names crate::{part}", file.display());
            }
        }
    }
    // the fence sees what it should
    assert!(names("use crate::vault::Vault;", "vault") && !names("use crate::vaults::V;", "vault"));
    assert!(names("use crate::{error::Result, vault::Vault};", "vault"));
}

#[test]
fn the_private_parts_of_the_vault_are_named_nowhere_else() {
    let strong = ["store", "crypto", "tx", "keys", "slot", "seal"];
    for file in sources("src").into_iter().filter(|file| !file.starts_with("src/vault")) {
        let text = code(&read(&file));
        for part in strong {
            assert!(!text.contains(&format!("vault::{part}::")), "{}: {part}", file.display());
        }
    }
    let face = read(Path::new("src/vault/mod.rs"));
    for part in strong {
        assert!(face.contains(&format!("\nmod {part};")), "{part} is not private");
    }
}

/// What hands out the keys of a vault, and takes them, is named by the agent alone.
#[test]
fn one_directory_lends_keys() {
    for file in sources("src").into_iter().filter(|file| !file.starts_with("src/vault")) {
        let text = code(&read(&file));
        let lends =
            [".lend(", ".unlock_lent(", "SecretMemory::"].iter().any(|word| text.contains(word));
        let may = file.starts_with("src/cli/agent") || file.starts_with("src/sys");
        assert!(may || !lends, "{}", file.display());
    }
    assert!(read(Path::new("src/cli/agent/unlock.rs")).contains(".lend("));
}

#[test]
fn one_file_knows_sqlite() {
    // `demo` plays the attacker, who has tools of his own
    let allowed = ["src/vault/store/sqlite.rs", "src/cli/demo.rs"];
    for file in sources("src") {
        let known = allowed.iter().any(|path| file == Path::new(path));
        assert!(known || !code(&read(&file)).contains("rusqlite"), "{}", file.display());
    }
}

#[test]
fn one_module_is_unsafe() {
    let is_sys = |file: &PathBuf| file == Path::new("src/sys.rs") || file.starts_with("src/sys");
    for file in sources("src").into_iter().filter(|file| !is_sys(file)) {
        let text = code(&read(&file));
        for form in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait"] {
            assert!(!text.contains(form), "{}", file.display());
        }
        assert!(!text.contains("allow(unsafe_code)"), "{}", file.display());
    }
}

#[test]
fn one_directory_prints() {
    for file in sources("src") {
        let text = code(&read(&file));
        for word in ["println!", "print!(", "eprintln!", "eprint!(", "dbg!("] {
            assert!(!text.contains(word), "{} has {word}", file.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for directory in ["src", "tests"] {
        for file in sources(directory) {
            let (text, shown) = (read(&file), file.display());
            assert!(text.starts_with("//! "), "{shown} does not say what it is");
            let long = LONG.iter().any(|(path, _)| file == Path::new(path));
            let lines = text.lines().count();
            if long != (lines > LONGEST) {
                wrong.push(format!("{shown} has {lines} lines"));
            }
        }
    }
    // a file that is listed and short again must be struck off
    assert_eq!(wrong, Vec::<String>::new());
}

/// It is read by people who have never seen the code, so it stays what they can take in at once.
#[test]
fn the_architecture_is_on_one_screen() {
    let text = read(&root().join("ARCHITECTURE.md"));
    assert!(text.lines().count() <= 60);
}

#[test]
fn nothing_is_left_for_later() {
    // written apart, so that this file passes
    let words = ["TO-DO", "FIX-ME", "XX-X", "HA-CK"].map(|word| word.replace('-', ""));
    for file in sources("src").into_iter().chain(sources("tests")) {
        let text = read(&file);
        for word in &words {
            let mut all = text.split(|c: char| !c.is_alphanumeric());
            assert!(!all.any(|found| found == word), "{} has {word}", file.display());
        }
    }
}

#[test]
fn every_path_in_the_documents_exists() {
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for named in paths(&text) {
            let there = root().join(named.trim_end_matches('/')).exists();
            assert!(there, "{} names `{named}`, which is not there", path.display());
        }
    }
    let found = paths("see `src/vault/mod.rs` and [x](tests/cli.rs), not `src/NAME/x` or `a/b`");
    assert_eq!(found, ["src/vault/mod.rs", "tests/cli.rs"]);
}

/// The paths of this repository that a document names in code or links. A word in capitals is a
/// placeholder.
fn paths(text: &str) -> Vec<&str> {
    let tops = ["src/", "tests/", "benches/", "fuzz/", "completions/", "man/", ".ci/"];
    let words = text.split(|c: char| c.is_whitespace() || "`()[]\"',;".contains(c));
    words
        .map(|word| word.trim_end_matches([':', '.']))
        .filter(|word| tops.iter().any(|top| word.starts_with(top)))
        .filter(|word| !word.contains(['*', '<', '{', '…', '$', '#']))
        .filter(|word| !word.split(['/', '.']).any(is_placeholder))
        .collect()
}

/// A whole word in capitals.
fn is_placeholder(part: &str) -> bool {
    part.len() > 1 && part.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// What leads to keys never reaches another program: whoever starts one names its environment.
#[test]
fn no_program_inherits_the_environment() {
    let mut starters = 0;
    for file in sources("src") {
        let code = code(&read(&file));
        let is_program = |line: &&str| {
            line.starts_with("use std::process") && line.contains("Command")
                || line.contains("process::Command::new(")
        };
        if code.lines().any(|line| is_program(&line)) {
            let started = code.matches("Command::new(").count();
            starters += started;
            // the process that starts the hook for canaries was started so itself
            let heirs = usize::from(file.ends_with("src/cli/guard.rs"));
            let named = code.matches("env_clear()").count() + heirs;
            assert!(named >= started, "{} starts a program with our environment", file.display());
        }
    }
    assert!(starters >= 8, "only {starters} were found");
}
