//! The answers, without a shell. `tests/completion.rs` asks the shells.

use super::*;
use clap::ValueHint;

fn tree() -> Command {
    let name = Arg::new("name").add(ArgValueCompleter::new(names));
    let gone = Arg::new("name").add(ArgValueCompleter::new(trashed_names));
    let file = Arg::new("file").long("file").value_hint(ValueHint::FilePath).help("Read a file");
    let to = Arg::new("to").long("to").add(ArgValueCompleter::new(names));
    let vault =
        Arg::new("vault").long("vault").global(true).value_parser(clap::value_parser!(PathBuf));
    let of = Arg::new("of").long("of").add(ArgValueCompleter::new(names_or_references));
    Command::new("vault").arg(vault).subcommand(
        Command::new("cred")
            .about("Credentials")
            .subcommand(
                Command::new("get").about("Write a secret\nto stdout").args([name, file, to, of]),
            )
            .subcommand(Command::new("restore").arg(gone)),
    )
}

fn stub(wanted: &Wanted) -> Vec<Candidate> {
    let all: &[&str] = match (&wanted.vault, wanted.what == What::Trashed) {
        (Some(_), _) => &["elsewhere"],
        (None, true) => &["gone"],
        (None, false) => &["db/main", "host:5432", "it's", "evil\u{1b}[2J", "evil\u{202e}"],
    };
    let fitting = all.iter().filter(|name| name.starts_with(&wanted.prefix));
    fitting.map(|name| ((*name).to_owned(), None)).collect()
}

fn ask(shell: &str, words: &[&str]) -> String {
    let words = words.iter().map(OsString::from).collect();
    let world = World::fake(&[], None);
    String::from_utf8(complete(tree(), shell, words, &world, &stub)).unwrap()
}

fn ask_bash(line: &str) -> String {
    let env = [
        ("VAULT_COMPLETE_LINE", OsStr::new(line)),
        ("VAULT_COMPLETE_BREAKS", OsStr::new(" \t\n\"'><=;|&(:")),
    ];
    let answer = complete(tree(), "bash", Vec::new(), &World::fake(&env, None), &stub);
    String::from_utf8(answer).unwrap()
}

#[test]
fn names_without_options_and_without_deceptions() {
    assert_eq!(ask("zsh", &["vault", "cred", "get", ""]), "words\ndb/main\nhost:5432\nit's\n");
    assert_eq!(ask("zsh", &["vault", "cred", "get", "evil"]), "words\n");
    assert_eq!(ask("zsh", &["vault", "cred", "restore", ""]), "words\ngone\n");
    assert_eq!(ask("zsh", &["vault", "cred", "get", "--to=h"]), "words\n--to=host:5432\n");
}

#[test]
fn slots_are_offered_wherever_one_is_named() {
    let lookup = |wanted: &Wanted| match wanted.what {
        What::Slots => vec![("paper".to_owned(), None)],
        _ => Vec::new(),
    };
    for words in ["key rm", "key test", "key passwd", "rekey --drop", "rekey --untested"] {
        let words = ["vault"].into_iter().chain(words.split(' ')).chain(["p"]);
        let words = words.map(OsString::from).collect();
        let world = World::fake(&[], None);
        let answer = complete(crate::cli::command(), "zsh", words, &world, &lookup);
        assert_eq!(String::from_utf8(answer).unwrap(), "words\npaper\n");
    }
}

#[test]
fn references_are_offered_to_whoever_began_one() {
    let of = |text: &str| ask("zsh", &["vault", "cred", "get", text]);
    assert_eq!(of("--of="), "words\n--of=db/main\n--of=host:5432\n--of=it's\n");
    assert_eq!(of("--of=vault://"), "words\n--of=vault://db/main\n--of=vault://host:5432\n");
    assert_eq!(of("--to=vault://"), "words\n");
}

#[test]
fn commands_and_options_come_with_a_line_of_help() {
    let answer = ask("fish", &["vault", "cred", "g"]);
    assert_eq!(answer, "words\nget\tWrite a secret\n");
    assert_eq!(ask("fish", &["vault", "cred", "get", "--f"]), "words\n--file\tRead a file\n");
}

#[test]
fn files_are_left_to_the_shell() {
    assert_eq!(ask("fish", &["vault", "cred", "get", "--file", "x"]), "files\n");
    assert_eq!(ask("zsh", &["vault", "cred", "get", "--file=x"]), "files\n");
    assert_eq!(ask("zsh", &["vault", "cred", "get", "--vault", ""]), "files\n");
    assert_eq!(ask_bash("vault --vault "), "files\n");
}

#[test]
fn the_vault_on_the_command_line_is_asked() {
    for line in ["vault --vault x cred get e", "vault cred get --vault=x e"] {
        assert_eq!(ask_bash(line), "words\nelsewhere\n");
    }
}

#[test]
fn bash_gets_what_follows_the_word_break() {
    assert_eq!(ask_bash("vault cred get host:"), "words\n5432\n");
    assert_eq!(ask_bash("vault cred get --to=h"), "words\nhost:5432\n");
    assert_eq!(ask_bash("vault cred get \"it"), "words\nit's\"\n");
    assert_eq!(ask_bash("vault cred get it"), "words\nit\\'s\n");
}

#[test]
fn only_questions_of_shells_are_answered() {
    let world = Rc::new(World::fake(&[], None));
    let ask = |args: &[&str]| {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        answer(&args, tree, &world)
    };
    assert_eq!(ask(&["vault", "cred", "get"]), None);
    assert_eq!(ask(&["vault"]), None);
    assert_eq!(ask(&["vault", VERB, "tcsh", "--", "vault", ""]), Some(Vec::new()));
    assert!(
        ask(&["vault", VERB, "fish", "--", "vault", "c"]).unwrap().starts_with(b"words\ncred\t")
    );
}

#[test]
fn every_shell_has_a_script() {
    for (shell, _) in SHELLS {
        assert!(script(shell, tree()).unwrap().contains("vault"), "{shell}");
    }
    assert!(script("tcsh", tree()).is_none());
}
