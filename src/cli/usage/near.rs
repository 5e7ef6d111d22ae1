//! Which command somebody means who types a word that is none.

/// The commands of the group at `path` that somebody may mean who types a word of other programs.
pub(super) fn within(word: &str, path: &str, tree: &clap::Command) -> Vec<String> {
    let group = path.strip_prefix("vault ").and_then(|group| tree.find_subcommand(group));
    let Some(group) = group else { return Vec::new() };
    let plain = PLAIN.iter().filter(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours);
    let there = plain.filter(|ours| group.find_subcommand(ours).is_some());
    there.map(|ours| format!("{path} {ours}")).collect()
}

/// The commands that somebody may mean who types `word` in the wrong place, or a word of other
/// programs. Only our own words are in the answer.
pub(super) fn elsewhere(word: &str, tree: &clap::Command) -> Vec<String> {
    let foreign = FOREIGN.iter().filter(|(theirs, _)| *theirs == word);
    let foreign = foreign.flat_map(|(_, ours)| *ours).map(|ours| format!("vault {ours}"));
    let groups = tree.get_subcommands().filter(|group| group.find_subcommand(word).is_some());
    let own = groups.map(|group| format!("vault {} {word}", group.get_name()));
    foreign.chain(own).collect()
}

/// What other programs call what several groups have.
const PLAIN: &[(&str, &str)] = &[
    ("change", "passwd"),
    ("create", "add"),
    ("create", "open"),
    ("delete", "rm"),
    ("ls", "list"),
    ("new", "add"),
    ("new", "open"),
    ("passphrase", "passwd"),
    ("password", "passwd"),
    ("remove", "rm"),
    ("show", "list"),
];

/// What other programs call it.
const FOREIGN: &[(&str, &[&str])] = &[
    ("create", &["init", "cred add"]),
    ("delete", &["cred rm"]),
    ("destroy", &["cred purge"]),
    ("keys", &["key"]),
    ("log", &["audit show"]),
    ("login", &["unlock"]),
    ("logout", &["lock"]),
    ("ls", &["cred list"]),
    ("new", &["init", "cred add"]),
    ("passwd", &["key passwd"]),
    ("remove", &["cred rm"]),
    ("slots", &["key list"]),
    ("undo", &["cred rollback"]),
    ("versions", &["cred history"]),
];
