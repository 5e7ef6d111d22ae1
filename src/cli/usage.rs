//! Wrong command lines, in our words. The parser's own words quote what was typed, and what was typed
//! may be a secret: here only names of options are ever repeated.

mod near;

use super::read::quote;
use crate::child;
use crate::error::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind as Clap};
use std::error::Error as _;
use std::ffi::OsString;

/// Why there is no command to run.
pub enum Stop {
    /// Help or version, as asked for.
    Answer(String),
    /// Help, because nothing was said.
    Help(String),
    /// A wrong command line, and the exit code for it.
    Wrong(Error, u8),
}

/// Commands that end as the program does which they start: their own failures have a code of their own.
const STARTERS: &[&str] = &["vault run", "vault ssh-agent"];

/// What is wrong with the command line `args`, without quoting any value in it. The whole `tree` is
/// only made when something is wrong: that takes as long as the rest of a start.
pub fn explain(
    wrong: &clap::Error,
    args: &[OsString],
    tree: impl FnOnce() -> clap::Command,
) -> Stop {
    match wrong.kind() {
        Clap::DisplayHelp | Clap::DisplayVersion => Stop::Answer(wrong.render().to_string()),
        Clap::DisplayHelpOnMissingArgumentOrSubcommand => Stop::Help(wrong.render().to_string()),
        _ => mistake(wrong, args, &tree()),
    }
}

fn mistake(wrong: &clap::Error, args: &[OsString], tree: &clap::Command) -> Stop {
    let path = path(args, tree);
    let flag = named_flag(wrong);
    let error = match wrong.kind() {
        Clap::UnknownArgument => unknown(wrong, args, &path),
        Clap::InvalidSubcommand => {
            let error = no_such_command(wrong, &path, tree);
            let code = error.kind().code();
            return Stop::Wrong(error, code);
        }
        Clap::MissingSubcommand => Error::usage(format!("`{path}` needs a command")),
        Clap::MissingRequiredArgument => missing(wrong),
        Clap::InvalidUtf8 => Error::usage("an argument is not valid UTF-8"),
        Clap::ArgumentConflict => conflict(wrong),
        Clap::InvalidValue | Clap::ValueValidation => bad_value(wrong, flag),
        Clap::NoEquals => Error::usage(about(flag, "takes its value after `=`")),
        Clap::TooManyValues => Error::usage(about(flag, "takes no value here, or fewer")),
        Clap::TooFewValues | Clap::WrongNumberOfValues => {
            Error::usage(about(flag, "needs another number of values"))
        }
        _ => Error::usage("the command line is wrong"),
    };
    let code = match STARTERS.contains(&path.as_str()) {
        true => child::OWN_FAILURE,
        false => error.kind().code(),
    };
    Stop::Wrong(error.hint(format!("try `{path} --help`")), code)
}

/// Whether `args` ask for JSON; for errors found before the arguments are understood.
#[must_use]
pub fn wants_json(args: &[OsString]) -> bool {
    let before = args.iter().take_while(|arg| *arg != "--").collect::<Vec<_>>();
    before.iter().any(|arg| *arg == "--json" || *arg == "--format=json")
        || before.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
}

/// The error for a secret given as an argument.
#[must_use]
pub fn secret_in_arguments(command: &str) -> Error {
    Error::usage("a secret is never given as an argument: others can see it there")
        .hint(format!("`{command} --stdin < FILE`, or leave it out to be asked"))
}

fn text_in_arguments() -> Error {
    Error::usage("a secret is never given as an argument: others can see it there")
        .hint("`vault whose < FILE`, or `vault whose` alone to be asked")
}

/// The command that `args` are for, as far as it can be told: `vault cred add`.
fn path(args: &[OsString], tree: &clap::Command) -> String {
    let mut here = tree;
    let mut path = String::from("vault");
    for arg in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        if arg == "--" || !here.has_subcommands() {
            break;
        }
        if let Some(next) = here.find_subcommand(arg) {
            path = format!("{path} {}", next.get_name());
            here = next;
        }
    }
    path
}

fn unknown(wrong: &clap::Error, args: &[OsString], path: &str) -> Error {
    let typed = text(wrong, ContextKind::InvalidArg).unwrap_or_default();
    if let Some(option) = negated(&typed, args) {
        return Error::usage(format!("`{option}` takes nothing that begins with a minus"));
    }
    let Some(flag) = flag_in(&typed) else {
        return match path {
            "vault cred add" => secret_in_arguments("vault cred add NAME"),
            "vault cred set" => secret_in_arguments("vault cred set NAME FIELD"),
            "vault whose" => text_in_arguments(),
            "vault run" => Error::usage("the program to be started stands behind `--`")
                .hint("vault run --cred NAME -- COMMAND"),
            _ => Error::usage("one argument too many"),
        };
    };
    if ["password", "passphrase", "secret", "token", "value", "key", "api-key"]
        .contains(&&flag[2..])
    {
        let error = match path {
            "vault cred add" => secret_in_arguments("vault cred add NAME"),
            "vault cred set" => secret_in_arguments("vault cred set NAME"),
            "vault cred rotate" => secret_in_arguments("vault cred rotate NAME"),
            "vault whose" => text_in_arguments(),
            // elsewhere it can only be meant to unlock
            _ => Error::usage("a secret is never given as an argument: others can see it there")
                .hint("set VAULT_PASSPHRASE_FILE, give `--key-file FILE`, or be asked"),
        };
        return error.hint(format!("there is no `{flag}`"));
    }
    let error = Error::usage(format!("`{path}` has no `{flag}`"));
    match text(wrong, ContextKind::SuggestedArg) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// The option that `typed` stands behind, if it begins like a negative number: not a secret, most
/// likely, but a number or a span that was thought to be one.
fn negated(typed: &str, args: &[OsString]) -> Option<String> {
    let is_number = |text: &str| {
        text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let words: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let mut pairs = words.windows(2).filter(|pair| is_number(typed) && pair[1].starts_with(typed));
    pairs.find_map(|pair| flag_in(pair[0]).filter(|_| !pair[0].contains('=')))
}

fn no_such_command(wrong: &clap::Error, path: &str, tree: &clap::Command) -> Error {
    let error = Error::usage(format!("`{path}` has no such command"));
    let typed = text(wrong, ContextKind::InvalidSubcommand).unwrap_or_default();
    let near = list(wrong, ContextKind::SuggestedSubcommand);
    let mut meant = near::within(&typed, path, tree);
    if meant.is_empty() {
        meant = near::elsewhere(&typed, tree);
    }
    if meant.is_empty() {
        meant.extend(near.first().map(|near| format!("{path} {near}")));
    }
    let Some(first) = meant.first() else {
        return error.hint(format!("try `{path} --help`"));
    };
    let quoted = meant.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>();
    error
        .hint(format!("did you mean {}?", quoted.join(" or ")))
        .hint(format!("try `{first} --help`"))
}

fn missing(wrong: &clap::Error) -> Error {
    let names = list(wrong, ContextKind::InvalidArg);
    let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
    Error::usage(format!(
        "{} missing",
        match names.len() {
            1 => format!("{} is", names[0]),
            _ => format!("{} are", names.join(" and ")),
        }
    ))
}

fn conflict(wrong: &clap::Error) -> Error {
    let one = text(wrong, ContextKind::InvalidArg).unwrap_or_default();
    match list(wrong, ContextKind::PriorArg).first() {
        Some(other) if *other == one => Error::usage(format!("`{one}` is given twice")),
        Some(other) => Error::usage(format!("`{one}` and `{other}` cannot be together")),
        None => Error::usage(format!("`{one}` cannot be with the other options")),
    }
}

fn bad_value(wrong: &clap::Error, flag: Option<String>) -> Error {
    if let Some(ours) = wrong.source().and_then(|cause| cause.downcast_ref::<Error>()) {
        let error = Error::usage(about(flag, ours.message()));
        return ours.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()));
    }
    let allowed = list(wrong, ContextKind::ValidValue);
    let empty = text(wrong, ContextKind::InvalidValue).is_none_or(|value| value.is_empty());
    let error =
        Error::usage(about(flag, if empty { "needs a value" } else { "not a value it takes" }));
    match allowed.is_empty() {
        true => error,
        false => error.hint(format!("one of: {}", allowed.join(", "))),
    }
}

fn about(flag: Option<String>, what: &str) -> String {
    flag.map_or_else(|| format!("an argument {what}"), |flag| format!("`{flag}`: {what}"))
}

/// The option or argument that is wrong, as the help writes it. The parser fills this in from our
/// definitions for every kind of error but the unknown argument.
fn named_flag(wrong: &clap::Error) -> Option<String> {
    match wrong.kind() {
        Clap::UnknownArgument => None,
        _ => text(wrong, ContextKind::InvalidArg).filter(|name| name != "..."),
    }
}

/// The option in what was typed, if it looks like one and not like a secret: `--lower-case`.
fn flag_in(typed: &str) -> Option<String> {
    let name = typed.strip_prefix("--")?.split('=').next().unwrap_or_default();
    let fine =
        (2..=24).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    fine.then(|| format!("--{name}"))
}

fn text(wrong: &clap::Error, kind: ContextKind) -> Option<String> {
    match wrong.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

fn list(wrong: &clap::Error, kind: ContextKind) -> Vec<String> {
    match wrong.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// A command line to paste, from words that may need quotes.
#[must_use]
pub fn paste(words: &[&str]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use std::os::unix::ffi::OsStringExt;

    const CANARY: &str = "hunter2Canary";

    fn wrong(line: &str) -> Error {
        let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let tree = cli::command();
        let error = tree.clone().try_get_matches_from(&args).expect_err(line);
        match explain(&error, &args, || tree.clone()) {
            Stop::Wrong(error, _) => error,
            Stop::Answer(_) | Stop::Help(_) => panic!("{line}"),
        }
    }

    #[test]
    fn no_error_quotes_what_was_typed() {
        for line in [
            "vault cred add x hunter2Canary",
            "vault cred add x --keep -2hunter2Canary",
            "vault cred add x --password hunter2Canary",
            "vault cred add x --password=hunter2Canary",
            "vault cred add x --token=hunter2Canary",
            "vault cred add x --hunter2Canary",
            "vault cred add x --secret-field password=hunter2Canary",
            "vault cred set x password hunter2Canary",
            "vault cred set x password --stdin=hunter2Canary",
            "vault cred set x --generate=hunter2Canary",
            "vault cred get x password hunter2Canary",
            "vault cred add x --format=hunter2Canary",
            "vault cred add x --fd hunter2Canary",
            "vault cred add x --tag=,hunter2Canary",
            "vault cred list --limit hunter2Canary",
            "vault cred get -- x hunter2Canary --hunter2Canary",
            "vault cred hunter2Canary",
            "vault hunter2Canary",
            "vault get hunter2Canary",
            "vault add x hunter2Canary",
            "vault cred set x HUNTER2canary",
            "vault init hunter2Canary",
            "vault init --allow-weak=hunter2Canary",
            "vault completions hunter2Canary",
            "vault key add desk hunter2Canary",
            "vault key add desk --passphrase=hunter2Canary",
            "vault key add desk --new-passphrase-fd hunter2Canary",
            "vault key passwd desk hunter2Canary",
            "vault whose hunter2Canary",
            "vault whose --text hunter2Canary",
            "vault whose --secret=hunter2Canary",
            "vault run hunter2Canary",
            "vault run -e hunter2Canary -- x",
            "vault run -e X=hunter2Canary -- x",
            "vault run -e -hunter2Canary=vault://x -- x",
            "vault run --fd hunter2Canary=vault://x -- x",
            "vault run --stdin hunter2Canary -- x",
        ] {
            let shown = format!("{:?}", wrong(line));
            assert!(!shown.to_lowercase().contains(&CANARY.to_lowercase()), "{line}: {shown}");
        }
    }

    #[test]
    fn the_hints_lead_on() {
        let hint = |line| wrong(line).hints().join("; ");
        assert!(hint("vault cred add x y").contains("vault cred add NAME --stdin < FILE"));
        assert!(hint("vault cred set x y z").contains("vault cred set NAME FIELD --stdin < FILE"));
        assert!(hint("vault whose x").contains("`vault whose < FILE`"));
        assert!(hint("vault whose --secret x").contains("`vault whose < FILE`"));
        assert!(hint("vault cred lst").contains("did you mean `vault cred list`?"));
        assert!(hint("vault list").contains(
            "did you mean `vault cred list` or `vault incident list` or `vault key list`?"
        ));
        assert!(hint("vault list").contains("try `vault cred list --help`"));
        assert!(hint("vault get x hunter2Canary").starts_with("did you mean `vault cred get`?"));
        assert!(hint("vault show x").contains("`vault cred show` or `vault audit show` or "));
        assert!(hint("vault verify").contains("did you mean `vault audit verify`?"));
        assert!(hint("vault --json log").contains("did you mean `vault audit show`?"));
        assert!(hint("vault new x").contains("did you mean `vault init` or `vault cred add`?"));
        assert!(hint("vault cred ls").contains("did you mean `vault cred list`?"));
        assert!(hint("vault key ls").contains("did you mean `vault key list`?"));
        assert!(hint("vault key remove x").contains("did you mean `vault key rm`?"));
        assert!(hint("vault login").contains("did you mean `vault unlock`?"));
        assert_eq!(hint("vault hunter2Canary"), "try `vault --help`");
        assert!(hint("vault cred add x --usernam y").contains("--username"));
        assert!(hint("vault cred show").contains("try `vault cred show --help`"));
        assert_eq!(wrong("vault cred show").message(), "`<NAME>` is missing");
        let minus = |option| format!("`{option}` takes nothing that begins with a minus");
        assert_eq!(wrong("vault cred set x --keep -1").message(), minus("--keep"));
        assert_eq!(wrong("vault cred list --limit 5 --offset -10").message(), minus("--offset"));
        assert_eq!(wrong("vault cred rotate x --expires -5d").message(), minus("--expires"));
        assert!(hint("vault cred add x -1y").contains("vault cred add NAME --stdin < FILE"));
    }

    #[test]
    fn who_starts_programs_fails_with_a_code_of_his_own() {
        let code = |line: &str| {
            let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let error = cli::command().try_get_matches_from(&args).expect_err(line);
            match explain(&error, &args, cli::command) {
                Stop::Wrong(_, code) => code,
                Stop::Answer(_) | Stop::Help(_) => panic!("{line}"),
            }
        };
        assert_eq!(code("vault run psql"), 125);
        assert_eq!(code("vault --quiet run --nonsense -- psql"), 125);
        assert_eq!(code("vault run --keep X -- psql"), 125);
        assert_eq!(code("vault cred get run -- x y"), 2);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let args = ["vault", "cred", "get"].map(OsString::from);
        let args = [&args[..], &[OsString::from_vec(b"\xff".to_vec())]].concat();
        let error = cli::command().try_get_matches_from(&args).unwrap_err();
        assert!(matches!(explain(&error, &args, cli::command), Stop::Wrong(e, 2)
            if e.message() == "an argument is not valid UTF-8"));
    }

    #[test]
    fn json_is_heard_early() {
        let heard =
            |line: &str| wants_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(
            heard("vault --json x") && heard("vault x --format json") && heard("v --format=json")
        );
        assert!(!heard("vault get -- --json") && !heard("vault x --format plain json"));
    }
}
