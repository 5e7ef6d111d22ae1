//! What is wrong is said, with the right code, and nothing is started.

use crate::sandbox;
use crate::support::{Answer, Sandbox};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Runs it with `touch started`: one line, a hint, the code, and no such file.
fn refused(sandbox: &Sandbox, args: &[&str], code: i32, said: &str) {
    let answer = sandbox.run(&[&["run"], args, &["--", "touch", "started"]].concat());
    check(sandbox, args, &answer, code, said);
}

fn check(sandbox: &Sandbox, args: &[&str], answer: &Answer, code: i32, said: &str) {
    assert_eq!(answer.code, code, "{args:?}: {}", answer.err);
    assert!(answer.err.contains(said), "{args:?}: {}", answer.err);
    assert!(answer.err.starts_with("error: ") && answer.err.contains("\nhint: "), "{}", answer.err);
    assert!(!answer.all().contains("hunter2") && answer.out.is_empty(), "{args:?}");
    assert!(!sandbox.path("started").exists(), "{args:?}");
}

#[test]
fn a_wrong_command_line_ends_with_125() {
    let sandbox = sandbox();
    let before = sandbox.entries();
    for (args, said) in [
        (&["-e", "A"][..], "a variable is written as VAR=REFERENCE"),
        (&["-e", "1A=vault://x"], "begins with no digit"),
        (&["-e", "A-B=vault://x"], "letters, digits and `_`"),
        (&["-e", "=vault://x"], "letters, digits and `_`"),
        (&["-e", "A=hunter2"], "a reference begins with `vault://`"),
        (&["-e", "A=vault://x?version=0"], "a version is a number"),
        (&["-e", "VAULT_KEY=vault://x"], "lead to the keys of vault"),
        (&["-e", "A=vault://x", "-e", "A=vault://db/main"], "`A` comes from -e and from -e"),
        (&["-e", "A=vault://x", "--file", "A=vault://x"], "`A` comes from --file and from -e"),
        (&["--fd", "2=vault://x"], "3 to 255"),
        (&["--fd", "256=vault://x"], "3 to 255"),
        (&["--fd", "x=vault://x"], "3 to 255"),
        (&["--fd", "3=vault://x", "--fd", "3=vault://db/main"], "descriptor 3 is given twice"),
        (&["--stdin", "x"], "a reference begins with `vault://`"),
        (&["--keep", "PATH"], "`--clean"),
        (&["--mask", "sometimes"], "not a value it takes"),
        (&["--names", "short"], "not a value it takes"),
        (&["--replace", "--file", "A=vault://x"], "`--replace` and `--file`"),
        (&["--replace", "--fifo", "A=vault://x"], "`--replace` and `--fifo`"),
        (&["--replace", "--mask", "always"], "`--replace` and `--mask always`"),
        (&["--env-file", "missing"], "no such file"),
        (&["--only", "A"], "nothing that is handed over is called `A`"),
        (&["--nonsense"], "has no `--nonsense`"),
        (&["--reason", ""], "a reason"),
    ] {
        refused(&sandbox, args, 125, said);
    }
    for args in [&["run"][..], &["run", "--"], &["run", "-e", "A=vault://x"], &["run", "--", ""]] {
        check(&sandbox, args, &sandbox.run(args), 125, "which program is to be started?");
    }
    check(&sandbox, &[], &sandbox.run(&["run", "touch", "started"]), 125, "stands behind `--`");
    assert_eq!(
        sandbox.entries(),
        before,
        "what is wrong with options is said before the vault is opened"
    );
}

#[test]
fn all_references_that_lead_nowhere_are_listed() {
    let sandbox = sandbox();
    let file = sandbox.file("env", "B=vault://b/c\nC=vault://x/token\nD=vault://x");
    let args =
        ["-e", "A=vault://a", "--env-file", &file, "--file", "E=vault://e", "--stdin", "vault://f"];
    for missing in ["vault://a", "vault://b/c", "vault://x/token", "vault://e", "vault://f"] {
        refused(&sandbox, &args, 125, missing);
    }
    let last = &sandbox.log(&["--action", "run", "--limit", "1"])[0];
    assert_eq!(last["outcome"], "failed", "{last}");
}

#[test]
fn files_of_variables_are_refused_by_line() {
    let sandbox = sandbox();
    for (text, said) in [
        ("A=1\nhunter2", ":2: there is no `=`"),
        ("\nA='hunter2", ":2: a quote is not closed"),
        ("A='x' hunter2", ":1: something stands behind the closing quote"),
        ("A=1\nB=2\nA=3", "comes from"),
        ("1A=1", ":1: the name of a variable"),
        ("A B=1", ":1: the name of a variable"),
        ("VAULT_KEY_FILE=x", ":1: variables that lead to the keys of vault"),
        ("A=x\0y", ":1: a variable cannot have a NUL byte"),
        ("A=vault://", ":1: a reference names a credential"),
        ("A=vault://x?hunter2", ":1: after `?`"),
    ] {
        let file = sandbox.file("env", text);
        refused(&sandbox, &["--env-file", &file], 125, said);
    }
    let huge = "x".repeat(2 << 20);
    let file = sandbox.file("env", format!("A={huge}"));
    refused(&sandbox, &["--env-file", &file], 125, "has more than 1 MiB");
    refused(&sandbox, &["--env-file", "."], 125, "neither a regular file nor a pipe");
}

#[test]
fn two_credentials_with_the_same_variables_are_refused() {
    let sandbox = Sandbox::new();
    for name in ["web/1", "web/2"] {
        let args = ["cred", "add", name, "--type", "ssh", "--secret-field", "password", "--stdin"];
        sandbox.ok(&[&args[..], &["--tag", "prod"]].concat(), b"hunter2");
    }
    let both = "`SSH_PASSWORD` comes from `web/1` and from `web/2`";
    refused(&sandbox, &["--tag", "prod"], 125, both);
    refused(
        &sandbox,
        &["--tag", "prod"],
        125,
        "hint: let each have a name of its own: --names full",
    );
    let env = ["-e", "SSH_PASSWORD=vault://web/1", "--cred", "web/2"];
    refused(&sandbox, &env, 125, "`SSH_PASSWORD` comes from -e and from `web/2`");
    refused(&sandbox, &["--cred", "web/1", "--only", "SSH_PASSWORD,X,Y"], 125, "`X`, `Y`");
    refused(&sandbox, &["--tag", "none"], 125, "no credential has that tag or client");
    refused(&sandbox, &["--cred", "none"], 125, "none");
}

#[test]
fn a_program_that_cannot_be_started_costs_no_secret() {
    let sandbox = sandbox();
    fs::write(sandbox.path("text"), "hello").unwrap();
    sandbox.file("script", "#!/nonexistent/interpreter\n");
    fs::set_permissions(sandbox.path("script"), fs::Permissions::from_mode(0o755)).unwrap();
    let before = sandbox.log(&["--action", "run"]).len();
    for (program, code, said) in [
        ("nonesuch", 127, "there is no program `nonesuch`"),
        ("./nonesuch", 127, "there is no program `./nonesuch`"),
        ("echo $A", 127, "sh -c 'LINE'"),
        ("text", 127, "the one that lies here is `./text`"),
        ("./text", 126, "permission denied"),
        ("/", 126, "it is a directory"),
    ] {
        let answer = sandbox.run(&["run", "-e", "A=vault://x", "--", program]);
        check(&sandbox, &[program], &answer, code, said);
    }
    assert_eq!(sandbox.log(&["--action", "run"]).len(), before);
    // that is only seen when it is tried
    let answer = sandbox.run(&["run", "-e", "A=vault://x", "--", "./script"]);
    check(&sandbox, &["./script"], &answer, 126, "what runs it is missing");
}

#[test]
fn errors_are_json_when_asked_for() {
    let sandbox = sandbox();
    for args in
        [&["--json", "run", "-e", "A=vault://no", "--", "true"][..], &["--json", "run", "x"]]
    {
        let answer = sandbox.run(args);
        assert_eq!(answer.code, 125);
        let said: serde_json::Value = serde_json::from_str(&answer.err).unwrap();
        assert!(said["error"].is_object(), "{said}");
    }
}

#[test]
fn a_locked_vault_starts_nothing_and_never_hangs() {
    let sandbox = sandbox();
    let mut command = sandbox.detached(&["run", "-e", "A=vault://x", "--", "touch", "started"]);
    let answer = Answer::of(command.env_remove("VAULT_KEY_FILE"));
    assert_eq!(answer.code, 125, "{}", answer.err);
    assert!(!sandbox.path("started").exists());
}
