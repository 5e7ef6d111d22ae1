//! The recipes of the README, run as they stand there but for the names of places.

use super::support::{Answer, Sandbox, VAULT, missing, unable};
use std::fs;
use std::path::Path;
use std::process::Command;

const PASSPHRASE: &str = "gravel ostrich penknife lullaby";

/// A job of a CI: the key is a variable that is masked there.
const CI: &str = "vault run -e PGPASSWORD=vault://db/main -- ./deploy.sh";
/// A line of a crontab, and what stands above it.
const CRON: &str = "VAULT_KEY_FILE=/home/backup/.config/vault/key
15 3 * * *  vault run -e PGPASSWORD=vault://db/main -- ./deploy.sh";
const CONTAINER: &str =
    "VAULT_KEY_FILE=/run/secrets/vault.key vault run -e PGPASSWORD=vault://db/main -- ./deploy.sh";
const FILE: &str = "VAULT_PASSPHRASE_FILE=/run/secrets/vault.passphrase vault cred get db/main";
const DESCRIPTOR: &str = "VAULT_PASSPHRASE_FD=3 vault cred get db/main 3< vault.passphrase";
const COMMAND: &str = "VAULT_PASSPHRASE_COMMAND='pass show vault' vault cred get db/main";
/// The unit of a service.
pub const UNIT: &str = "[Service]
User=backup
LoadCredential=vault.key:/etc/vault/backup.key
Environment=VAULT_KEY_FILE=%d/vault.key
ExecStart=vault run -e PGPASSWORD=vault://db/main -- ./deploy.sh";
/// What keeps its key sealed to the machine.
const SEALED: &str =
    "systemd-creds encrypt --name=vault.key backup.key /etc/credstore.encrypted/vault.key";

const ALL: &[&str] = &[CI, CRON, CONTAINER, FILE, DESCRIPTOR, COMMAND, UNIT, SEALED];

/// A machine on which somebody set up a job with the key `key`, and the program `deploy.sh` that tells what
/// it got, and whether it got more.
fn machine() -> Sandbox {
    let made = Sandbox::new();
    made.add("db/main", b"hunter2");
    with_job(made)
}

fn with_job(sandbox: Sandbox) -> Sandbox {
    let job =
        "#!/bin/sh\nenv | grep -E '^VAULT_(KEY|PASSPHRASE)' && exit 1\necho \"<$PGPASSWORD>\"\n";
    for (name, text) in
        [("deploy.sh", job), ("pass", "#!/bin/sh\ncat \"$HOME/../vault.passphrase\"\n")]
    {
        sandbox.script(name, text);
    }
    sandbox.program();
    sandbox
}

/// A machine with a vault that a passphrase opens.
fn with_passphrase() -> Sandbox {
    let sandbox = Sandbox::bare();
    let file = sandbox.file("vault.passphrase", format!("{PASSPHRASE}\n"));
    let env = ("VAULT_PASSPHRASE_FILE", file);
    let mut init = sandbox.vault(&["init"]);
    assert_eq!(Answer::of(init.env(env.0, &env.1)).code, 0);
    let mut add = sandbox.vault(&["cred", "add", "db/main", "--stdin"]);
    assert_eq!(Answer::fed(add.env(env.0, &env.1), b"hunter2").code, 0);
    with_job(sandbox)
}

/// A shell without a terminal for one of the recipes. Each of `places` stands for another here.
fn shell(sandbox: &Sandbox, line: &str, places: &[(&str, &Path)]) -> Command {
    let line = places.iter().fold(line.to_owned(), |line, (there, here)| {
        assert!(line.contains(there), "no {there} in {line}");
        line.replace(there, here.to_str().unwrap())
    });
    let mut command = sandbox.command("setsid");
    let path = format!("{}:/usr/bin:/bin", sandbox.root().display());
    command.args(["-w", "sh", "-c", &line]).env_remove("VAULT_KEY_FILE").env("PATH", path);
    command
}

#[track_caller]
fn delivers(command: &mut Command, expected: &[u8]) {
    let got = Answer::of(command);
    assert_eq!((got.code, got.out.as_slice()), (0, expected), "{}", got.err);
    assert!(got.err.is_empty(), "{}", got.err);
}

#[test]
fn a_key_in_a_variable_or_a_file() {
    let sandbox = machine();
    let key = fs::read_to_string(sandbox.path("key")).unwrap();
    delivers(shell(&sandbox, CI, &[]).env("VAULT_KEY", &key), b"<hunter2>\n");
    // control: it is the key that does it
    assert_eq!(Answer::of(&mut shell(&sandbox, CI, &[])).code, 125);
    delivers(
        &mut shell(&sandbox, CONTAINER, &[("/run/secrets/vault.key", &sandbox.path("key"))]),
        b"<hunter2>\n",
    );
    // cron sets the variables that stand above the line, and gives the line to a shell
    let (variable, line) = CRON.split_once('\n').unwrap();
    let (name, value) = variable.split_once('=').unwrap();
    assert_eq!(value, "/home/backup/.config/vault/key");
    let line = line.strip_prefix("15 3 * * *  ").unwrap();
    delivers(shell(&sandbox, line, &[]).env(name, sandbox.path("key")), b"<hunter2>\n");
}

#[test]
fn a_passphrase_from_a_file_a_descriptor_or_a_command() {
    let sandbox = with_passphrase();
    let file = sandbox.path("vault.passphrase");
    delivers(&mut shell(&sandbox, FILE, &[("/run/secrets/vault.passphrase", &file)]), b"hunter2");
    delivers(&mut shell(&sandbox, DESCRIPTOR, &[]), b"hunter2");
    delivers(&mut shell(&sandbox, COMMAND, &[]), b"hunter2");
}

/// What systemd does with `LoadCredential=`: a directory of the unit's own, read-only, with a copy that
/// the user of the unit can read; `%d` and CREDENTIALS_DIRECTORY name it. Where systemd runs, `mounts.rs`
/// has how its files look.
#[test]
fn a_credential_of_systemd() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = machine();
    let dir = sandbox.path("credentials");
    fs::create_dir(&dir).unwrap();
    let key = dir.join("vault.key");
    fs::copy(sandbox.path("key"), &key).unwrap();
    fs::set_permissions(&key, PermissionsExt::from_mode(0o400)).unwrap();
    fs::set_permissions(&dir, PermissionsExt::from_mode(0o500)).unwrap();
    let setting = |name: &str| {
        let line = UNIT.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.replace("%d", dir.to_str().unwrap())
    };
    assert!(setting("LoadCredential=").starts_with("vault.key:"));
    let environment = setting("Environment=");
    let (name, value) = environment.split_once('=').unwrap();
    let mut service = shell(&sandbox, &setting("ExecStart="), &[]);
    delivers(service.env(name, value).env("CREDENTIALS_DIRECTORY", &dir), b"<hunter2>\n");
    fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).unwrap();
}

/// The sealed form goes through systemd's own tool and comes back as it was.
#[test]
fn a_credential_sealed_by_systemd() {
    let sandbox = machine();
    fs::rename(sandbox.path("key"), sandbox.path("backup.key")).unwrap();
    let sealed = sandbox.path("sealed");
    let place = [("/etc/credstore.encrypted/vault.key", sealed.as_path())];
    if !super::support::require("systemd-creds") {
        return;
    }
    let made = Answer::of(&mut shell(&sandbox, SEALED, &place));
    if made.code != 0 {
        // a container has neither a TPM nor, often, a place for the key of the host
        unable(&format!("systemd-creds: {}", made.err));
        return;
    }
    let open = "systemd-creds decrypt --name=vault.key sealed loaded && chmod 400 loaded";
    assert_eq!(Answer::of(&mut shell(&sandbox, open, &[])).code, 0);
    let loaded = sandbox.path("loaded");
    delivers(
        &mut shell(&sandbox, CONTAINER, &[("/run/secrets/vault.key", &loaded)]),
        b"<hunter2>\n",
    );
}

/// What is tested here is what people read.
#[test]
fn the_readme_has_these_recipes() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let Some((_, section)) = readme.split_once("## Unattended") else {
        missing("the README has no section on unattended use yet");
        return;
    };
    for line in ALL.iter().flat_map(|recipe| recipe.lines()) {
        assert!(section.contains(line), "the README has no `{line}`");
    }
    assert!(Path::new(VAULT).is_file());
}
