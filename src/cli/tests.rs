//! What holds for every command.

use super::*;

fn walk(command: &clap::Command, look: &mut dyn FnMut(&clap::Command)) {
    look(command);
    command.get_subcommands().for_each(|sub| walk(sub, look));
}

#[test]
fn a_fault_of_our_own_is_code_1() {
    assert_eq!(caught(|| panic!("canary")), ExitCode::from(1));
    assert_eq!(caught(|| ExitCode::from(10)), ExitCode::from(10));
}

/// Whatever stands on a command line, the small tree takes it as the whole one does.
#[test]
fn a_command_line_means_the_same_without_the_other_commands() {
    for line in [
        "vault cred get list --reason import",
        "vault --vault cred status",
        "vault cred copy-from add set --generate",
        "vault import --format jsonl",
        "vault --json audit show --actor get",
        "vault help cred",
        "vault cred rm -- purge",
    ] {
        let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let names = |matches: &clap::ArgMatches| {
            let mut names = Vec::new();
            let mut here = matches.subcommand();
            while let Some((name, inner)) = here {
                names.push(name.to_owned());
                here = inner.subcommand();
            }
            names
        };
        let whole = names(&Cli::command().try_get_matches_from(&args).unwrap());
        let small = tree::pruned(&args, || Cli::command().try_get_matches_from(&args).unwrap());
        assert_eq!(names(&small), whole, "{line}");
    }
    let args = ["vault", "cred", "get", "x"].map(OsString::from);
    let roots = tree::pruned(&args, || Cli::command().get_subcommands().count());
    assert_eq!(roots, 1);
}

#[test]
fn the_tree_is_sound() {
    command().debug_assert();
}

/// The parser could show values of variables in the help; its feature for variables is off, and
/// the environment is read in `World` only. This holds even if somebody turns it on.
#[test]
fn no_help_shows_the_value_of_a_variable() {
    walk(&command(), &mut |command| {
        let help = command.clone().render_long_help().to_string();
        assert!(!help.contains("[env:"), "{}", command.get_name());
    });
}

#[test]
fn every_command_has_a_sentence_and_examples() {
    walk(&command(), &mut |command| {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(examples.starts_with("Examples:\n"), "{}", command.get_name());
    });
}
