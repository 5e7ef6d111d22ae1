//! Variables of another product of the same name are never read, and ours are never shown.

use super::support::{Answer, Sandbox};

#[test]
fn variables_of_another_vault_mean_nothing() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let foreign = [
        ("VAULT_ADDR", "https://127.0.0.1:1"),
        ("VAULT_TOKEN", "hvs.canary"),
        ("VAULT_NAMESPACE", "other/"),
        ("VAULT_FORMAT", "json"),
        ("VAULT_SKIP_VERIFY", "1"),
        ("VAULT_PASSPHRASE", "canary"),
    ];
    for args in [&["cred", "get", "x"][..], &["cred", "list"], &["cred", "show", "x"], &["--help"]]
    {
        let plain = sandbox.run(args);
        let with = Answer::of(sandbox.vault(args).envs(foreign));
        assert_eq!((with.code, with.text(), &with.err), (plain.code, plain.text(), &plain.err));
    }
}

#[test]
fn help_shows_no_value_of_a_variable() {
    let sandbox = Sandbox::bare();
    let pages = [&["--help"][..], &["cred", "add", "--help"], &["help", "environment"], &["-h"]];
    for args in pages {
        let mut command = sandbox.vault(args);
        for name in ["VAULT_KEY", "VAULT_KEY_FILE", "VAULT_FILE", "VAULT_PASSPHRASE_COMMAND"] {
            command.env(name, "Canary-value");
        }
        let answer = Answer::of(&mut command);
        assert_eq!(answer.code, 0, "{}", answer.err);
        assert!(!answer.all().contains("Canary"), "{}", answer.all());
    }
}

#[test]
fn an_empty_variable_is_none() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let mut command = sandbox.vault(&["cred", "get", "x"]);
    command.envs([("VAULT_KEY", ""), ("VAULT_FILE", ""), ("VAULT_PASSPHRASE_FD", "")]);
    assert_eq!(Answer::of(&mut command).out, b"hunter2");
}

#[test]
fn the_vault_can_be_anywhere() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.path("elsewhere.db");
    let elsewhere = elsewhere.to_str().unwrap();
    sandbox.ok(&["--vault", elsewhere, "init"], b"");
    sandbox.ok(&["--vault", elsewhere, "cred", "add", "there", "--stdin"], b"1");
    let mut command = sandbox.vault(&["cred", "list"]);
    let answer = Answer::of(command.env("VAULT_FILE", elsewhere));
    assert!(answer.text().starts_with("there\t"), "{}", answer.all());
    // an option is nearer than a variable
    let default = sandbox.database();
    let mut command = sandbox.vault(&["cred", "list", "--vault", default.to_str().unwrap()]);
    assert_eq!(Answer::of(command.env("VAULT_FILE", elsewhere)).text(), "");
    let mut command = sandbox.vault(&["cred", "list", "--vault", "elsewhere.db"]);
    assert!(Answer::of(&mut command).text().starts_with("there\t"));
}
