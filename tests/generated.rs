//! What is made from the definition of the command line and kept in the repository: completion
//! scripts and manual pages. `BLESS=1 cargo test --test generated` writes them anew.

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

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use vault::cli::{self, complete, man};

/// Compares the directory with `wanted`, or writes it.
fn keep(directory: &str, wanted: &BTreeMap<String, Vec<u8>>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    if std::env::var_os("BLESS").is_some() {
        bless(&directory, wanted);
    }
    let found = read(&directory);
    let advice = "BLESS=1 cargo test --test generated";
    for (name, text) in wanted {
        let kept = found.get(name);
        let path = directory.join(name);
        assert!(kept == Some(text), "{} is not what the program makes: {advice}", path.display());
    }
    for name in found.keys() {
        assert!(
            wanted.contains_key(name),
            "{} has a stray file `{name}`: {advice}",
            directory.display()
        );
    }
}

fn bless(directory: &Path, wanted: &BTreeMap<String, Vec<u8>>) {
    fs::create_dir_all(directory).unwrap();
    for name in read(directory).into_keys().filter(|name| !wanted.contains_key(name)) {
        fs::remove_file(directory.join(name)).unwrap();
    }
    for (name, text) in wanted {
        fs::write(directory.join(name), text).unwrap();
    }
}

fn read(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.into_iter().map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

#[test]
fn completions() {
    let made = complete::SHELLS.iter().map(|(shell, file)| {
        let script = complete::script(shell, cli::command()).unwrap();
        ((*file).to_owned(), script.into_bytes())
    });
    keep("completions", &made.collect());
}

#[test]
fn manual_pages() {
    keep("man", &man::pages(&cli::command()).into_iter().collect());
}
