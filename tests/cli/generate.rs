//! Made-up secrets: `vault generate`, `--generate=POLICY`, and the policies of the configuration file.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, files, json, require};
use super::{refused, says, tells};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Writes the configuration where it is looked for.
fn configured(sandbox: &Sandbox, text: &str) -> String {
    std::fs::create_dir_all(sandbox.path("home/.config/vault")).unwrap();
    sandbox.file("home/.config/vault/config.toml", text)
}

fn text(sandbox: &Sandbox, args: &[&str]) -> String {
    String::from_utf8(sandbox.ok(args, b"")).unwrap()
}

#[test]
fn every_shape_without_a_vault() {
    let sandbox = Sandbox::bare();
    let make = |args: &[&str]| text(&sandbox, &[&["generate"], args].concat());
    let all = |text: &str, fine: fn(char) -> bool| text.chars().all(fine);
    assert_eq!(make(&[]).len(), 24);
    let plain = make(&["--length", "40", "--symbols", "0"]);
    assert!(plain.len() == 40 && all(&plain, |c| c.is_ascii_alphanumeric()), "{plain}");
    let digits = make(&["--length=10", "--digits=10"]);
    assert!(digits.len() == 10 && all(&digits, |c| c.is_ascii_digit()), "{digits}");
    let own = make(&["--length", "30", "--alphabet", "-a-f0-9"]);
    assert!(own.len() == 30 && all(&own, |c| c.is_ascii_hexdigit() || c == '-'), "{own}");
    let least = make(&["--length=12", "--upper=5", "--digits=3", "--symbols=4"]);
    assert_eq!(least.chars().filter(char::is_ascii_uppercase).count(), 5, "{least}");
    assert_eq!(least.chars().filter(char::is_ascii_digit).count(), 3, "{least}");
    assert_eq!(make(&["--words=4", "--separator=. "]).split(". ").count(), 4);
    assert_eq!((make(&["--pin"]).len(), make(&["--pin", "8"]).len()), (6, 8));
    assert_eq!((make(&["--hex"]).len(), make(&["--hex", "16"]).len()), (64, 32));
    assert_eq!((make(&["--base64"]).len(), make(&["--base64=30"]).len()), (44, 40));
    assert_eq!(make(&["--uuid"]).len(), 36);
    assert_eq!(make(&["--policy", "words=3,separator=+"]).split('+').count(), 3);
    for directory in ["data", "state", "home", "tmp"] {
        assert!(files(&sandbox.path(directory)).is_empty(), "something was made");
    }
}

#[test]
fn a_vault_is_neither_opened_nor_told() {
    let sandbox = Sandbox::new();
    let (content, entries) = (sandbox.content(), sandbox.entries());
    let mut command = sandbox.vault(&["generate"]);
    // what would fail if anything was unlocked
    let answer = Answer::of(command.env("VAULT_KEY_FILE", "nowhere").env("VAULT_FILE", "nowhere"));
    assert_eq!((answer.code, answer.out.len(), answer.err.as_str()), (0, 24, ""));
    assert_eq!((sandbox.content(), sandbox.entries()), (content, entries));
    // nor is a home needed
    let mut homeless = sandbox.vault(&["generate"]);
    homeless.env_remove("HOME").env_remove("XDG_DATA_HOME").env_remove("XDG_STATE_HOME");
    assert_eq!(Answer::of(&mut homeless).code, 0);
}

#[test]
fn several_are_different_and_one_a_line() {
    let sandbox = Sandbox::bare();
    let lines = text(&sandbox, &["generate", "--count", "50", "--length", "8"]);
    let mut lines: Vec<_> = lines.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert!(lines.len() == 50 && lines.iter().all(|line| line.len() == 8), "{lines:?}");
    let many = json(&sandbox.ok(&["generate", "--count=3", "--pin", "--json"], b""));
    assert_eq!(many["items"].as_array().unwrap().len(), 3);
    assert_eq!(many["items"][0]["bits"], 19);
    assert_ne!(many["items"][0]["value"], many["items"][1]["value"]);
}

#[test]
fn programs_are_told_the_strength_and_the_policy() {
    let sandbox = Sandbox::bare();
    let made = json(&sandbox.ok(&["generate", "--json"], b""));
    assert_eq!((&made["bits"], &made["strength"]), (&148.into(), &"very strong".into()));
    let policy = made["policy"].as_str().unwrap();
    assert!(policy.starts_with("length=24,lower=1,upper=1,digits=1,symbols=1,alphabet="));
    let again = json(&sandbox.ok(&["generate", "--json", "--policy", policy], b""));
    assert_eq!(again["policy"], policy);
    assert_ne!(again["value"], made["value"]);
}

#[test]
fn people_are_told_the_strength() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::bare();
    for (args, line) in [
        (&["generate"][..], "note: 148 bits: very strong"),
        (&["generate", "--pin"], "note: 19 bits: very weak"),
        (&["generate", "--words", "6"], "note: 77 bits: very strong"),
    ] {
        let (code, screen) = Pty::vault(&sandbox, args, &[]).end();
        assert!(code == 0 && screen.contains(line), "{screen}");
    }
    let (_, quiet) = Pty::vault(&sandbox, &["generate", "--quiet"], &[]).end();
    assert_eq!(quiet.trim_end().len(), 24, "{quiet}");
}

#[test]
fn wrong_wishes_say_why() {
    let sandbox = Sandbox::bare();
    for (args, message) in [
        (&["--length", "0"][..], "a made-up secret has 8 to 1024 characters"),
        (&["--length", "-5"], "a made-up secret has 8 to 1024 characters"),
        (&["--length", "1025"], "a made-up secret has 8 to 1024 characters"),
        (&["--length", "99999999999999999999"], "`--length"),
        (&["--length", "ten"], "`--length"),
        (&["--length", "8", "--digits", "9"], "the minimums add up to 9, and the length is 8"),
        (&["--upper", "-1"], "`upper` is 0 to 1024 characters"),
        (&["--alphabet", "x"], "an alphabet has at least 2 different characters"),
        (&["--alphabet", ""], "an alphabet has at least 2 different characters"),
        (&["--alphabet", "a-z", "--digits", "1"], "`digits` is 1, and the alphabet has none"),
        (&["--alphabet", "z-a"], "a range is of small letters, capitals or digits, upwards"),
        (&["--words", "0"], "a passphrase has 3 to 64 words"),
        (&["--words", "65"], "a passphrase has 3 to 64 words"),
        (&["--separator", "_"], "a separator stands between words"),
        (&["--pin", "-1"], "a PIN has 4 to 64 digits"),
        (&["--hex", "0"], "hex is made of 8 to 1024 bytes"),
        (&["--base64", "9999"], "base64 is made of 8 to 1024 bytes"),
        (&["--pin", "--uuid"], "`pin` and `uuid` cannot be together"),
        (&["--length", "20", "--words", "3"], "`length` and `words` cannot be together"),
        (&["--policy", "24", "--pin"], "cannot be together"),
        (&["--policy", "nix"], "unknown policy `nix`"),
        (&["--ssh", "dsa"], "not a sort of key"),
        (&["--ssh", "rsa-1024"], "not a sort of key"),
        (&["--ssh", "ed25519", "--count", "2"], "one key pair at a time"),
        (&["--public-key", "x.pub"], "`--public-key` is for key pairs"),
        (&["--count", "0"], "`--count"),
    ] {
        let args = [&["generate"], args].concat();
        let answer = sandbox.run(&args);
        says(&answer, 2, message, "");
        assert!(answer.out.is_empty() && answer.err.contains("hint: "), "{}", answer.all());
        let answer = sandbox.run(&[&["--json"], &args[..]].concat());
        tells(&answer, 2, "usage", message);
    }
    assert!(!sandbox.path("x.pub").exists());
}

/// The public half that `ssh-keygen` finds in a private key.
fn public_half(sandbox: &Sandbox, private: &[u8]) -> String {
    let file = sandbox.file("private", private);
    let output = Command::new("ssh-keygen").args(["-y", "-f", &file]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn openssh_takes_the_key_pairs() {
    if !require("ssh-keygen") {
        return;
    }
    let sandbox = Sandbox::bare();
    for (sort, begins) in [("ed25519", "ssh-ed25519 "), ("rsa-2048", "ssh-rsa ")] {
        let answer = sandbox.run(&["generate", "--ssh", sort]);
        let public = public_half(&sandbox, &answer.out);
        assert!(public.starts_with(begins), "{public}");
        assert_eq!(answer.err, format!("note: the public key: {public}\n"));
    }
    let pair = json(&sandbox.ok(&["generate", "--ssh", "ed25519", "--json"], b""));
    let private = pair["value"].as_str().unwrap();
    assert_eq!(pair["public_key"], public_half(&sandbox, private.as_bytes()));
}

#[test]
fn a_public_key_goes_into_a_new_file_only() {
    let sandbox = Sandbox::bare();
    let args = ["generate", "--ssh", "ed25519", "--public-key", "web1.pub"];
    let answer = sandbox.run(&args);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""));
    let path = sandbox.path("web1.pub");
    let line = std::fs::read_to_string(&path).unwrap();
    assert!(line.starts_with("ssh-ed25519 ") && line.ends_with('\n'), "{line}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    let answer = sandbox.run(&args);
    says(&answer, 13, "there is a file already: `web1.pub`", "name another");
    assert!(answer.out.is_empty());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), line);
    // nor through a link that leads nowhere yet
    std::os::unix::fs::symlink(sandbox.path("target"), sandbox.path("link.pub")).unwrap();
    let through = ["generate", "--ssh", "ed25519", "--public-key", "link.pub"];
    assert_eq!(sandbox.run(&through).code, 13);
    assert!(!sandbox.path("target").exists());
}

#[test]
fn policies_wherever_a_secret_can_be_made() {
    let sandbox = Sandbox::new();
    let get = |name: &str| text(&sandbox, &["cred", "get", name]);
    sandbox.ok(&["cred", "add", "x", "--generate=words=4,separator=+"], b"");
    assert_eq!(get("x").split('+').count(), 4);
    sandbox.ok(&["cred", "set", "x", "--generate=pin:8"], b"");
    assert!(get("x").len() == 8 && get("x").bytes().all(|b| b.is_ascii_digit()));
    let answer = sandbox.run(&["cred", "set", "x", "--generate=length=20,alphabet=ab,="]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(get("x").chars().all(|c| "ab,=".contains(c)), "{}", get("x"));
    assert!(!answer.all().contains(&get("x")), "{}", answer.all());
    // the kind's own composition is where the wish is silent
    sandbox.ok(&["cred", "add", "key", "--type", "api_key", "--generate=30"], b"");
    assert!(get("key").len() == 30 && get("key").bytes().all(|b| b.is_ascii_alphanumeric()));
    for (wish, message) in [
        ("length=8,digits=9", "the minimums add up to 9"),
        ("-1", "a made-up secret has 8 to 1024 characters"),
        ("Office", "not a policy"),
        ("alphabet=a", "an alphabet has at least 2 different characters"),
        ("nix", "unknown policy `nix`"),
    ] {
        let wish = format!("--generate={wish}");
        refused(&sandbox, &["cred", "add", "new", &wish], b"", (2, message, ""), 0);
        refused(&sandbox, &["cred", "set", "x", &wish], b"", (2, message, ""), 0);
    }
    let pair = (2, "`password` of type `password` holds no key pair", "--type ssh");
    refused(&sandbox, &["cred", "add", "new", "--generate=ed25519"], b"", pair, 0);
}

#[test]
fn a_login_by_ssh_gets_a_key_pair_and_its_public_half() {
    if !require("ssh-keygen") {
        return;
    }
    let sandbox = Sandbox::new();
    let shown = |name: &str| json(&sandbox.ok(&["cred", "show", name, "--json"], b""));
    let private = |name: &str| sandbox.ok(&["cred", "get", name, "private_key"], b"");
    sandbox.ok(&["cred", "add", "web1", "--type", "ssh", "--generate"], b"");
    let first = public_half(&sandbox, &private("web1"));
    assert!(first.starts_with("ssh-ed25519 "), "{first}");
    assert_eq!(shown("web1")["fields"]["public_key"], first.as_str());
    assert!(shown("web1")["versions"]["password"].is_null());
    // a new pair, and the old public key is of no use any more
    sandbox.ok(&["cred", "set", "web1", "--generate=rsa:2048"], b"");
    let second = public_half(&sandbox, &private("web1"));
    assert!(second.starts_with("ssh-rsa "), "{second}");
    assert_eq!(shown("web1")["fields"]["public_key"], second.as_str());
    // what is said stays
    let said = ["cred", "set", "web1", "--generate", "--field", "public_key=mine"];
    sandbox.ok(&said, b"");
    assert_eq!(shown("web1")["fields"]["public_key"], "mine");
    sandbox.ok(&["cred", "set", "web1", "--description", "a web server"], b"");
    assert_eq!(shown("web1")["fields"]["public_key"], "mine");
    // a login by password is still to be had
    sandbox.ok(&["cred", "add", "web2", "--type", "ssh", "--generate=24"], b"");
    assert_eq!(sandbox.ok(&["cred", "get", "web2", "password"], b"").len(), 24);
    let named =
        ["cred", "add", "web3", "--type", "ssh", "--generate", "--secret-field", "password"];
    sandbox.ok(&named, b"");
    assert_eq!(sandbox.ok(&["cred", "get", "web3", "password"], b"").len(), 24);
}

#[test]
fn the_configuration_file_names_policies() {
    let sandbox = Sandbox::new();
    let file = configured(
        &sandbox,
        "# ours\n[policy.office]\nlength = 16\nsymbols = 0\n\n[policy.door]\npin = 4\n",
    );
    assert_eq!(text(&sandbox, &["generate", "--policy", "door"]).len(), 4);
    sandbox.ok(&["cred", "add", "x", "--generate=office"], b"");
    let value = sandbox.ok(&["cred", "get", "x"], b"");
    assert!(value.len() == 16 && value.iter().all(u8::is_ascii_alphanumeric));
    let unknown = (2, "unknown policy `ofice`", "policies: door, office");
    refused(&sandbox, &["cred", "set", "x", "--generate=ofice"], b"", unknown, 0);
    // another file, and another directory
    let other = sandbox.file("other.toml", "[policy.door]\npin = 12\n");
    let door = ["generate", "--policy", "door"];
    let made = Answer::of(sandbox.vault(&door).env("VAULT_CONFIG_FILE", &other));
    assert_eq!(made.out.len(), 12, "{}", made.err);
    let moved = Answer::of(sandbox.vault(&door).env("XDG_CONFIG_HOME", sandbox.path("home")));
    says(&moved, 2, "unknown policy `door`", "the configuration file has none");
    let absent = Answer::of(sandbox.vault(&door).env("VAULT_CONFIG_FILE", "nowhere.toml"));
    says(&absent, 10, "cannot read `nowhere.toml`", "");
    let help = sandbox.run(&["help", "config"]);
    assert!(help.text().contains("policy.NAME.length\t"), "{}", help.all());
    assert!(help.err.contains(&file), "{}", help.err);
}

#[test]
fn a_broken_configuration_file_says_where() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    for (text, message) in [
        ("[policy.a]\nlenght = 20\n", "config.toml`, line 2: unknown key `lenght`"),
        ("[polcy.a]\nlength = 20\n", "config.toml`, line 1: unknown key `polcy`"),
        ("\n[policy.a\n", "config.toml`, line 2: "),
        ("[policy.a]\nlength = 'x'\n", "config.toml`, line 2: "),
        ("[policy.a]\npin = 99\n", "config.toml`: policy `a`: a PIN has 4 to 64 digits"),
        ("[policy.a]\npin = 4\nuuid = true\n", "policy `a`: `pin` and `uuid` cannot be together"),
        ("[policy.\"\\u001b[2J\"]\npin = 4\n", "cannot be the name of a policy"),
    ] {
        configured(&sandbox, text);
        let wrong = (2, message, "vault help config");
        let answer = refused(&sandbox, &["cred", "set", "x", "--generate=a"], b"", wrong, 0);
        assert!(!answer.err.contains('\u{1b}'), "{}", answer.err);
        says(&sandbox.run(&["generate", "--policy", "a"]), 2, message, "vault help config");
        let looked = sandbox.run(&["doctor"]);
        assert_eq!(looked.code, 16, "{}", looked.all());
        assert!(looked.text().contains("problem\tconfig\t"), "{}", looked.all());
    }
    // nobody who needs nothing of it is kept from working
    assert_eq!(sandbox.ok(&["cred", "get", "x"], b""), b"hunter2");
    assert_eq!(text(&sandbox, &["generate", "--pin"]).len(), 6);
    configured(&sandbox, "");
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

#[test]
fn what_others_can_write_configures_nothing() {
    let sandbox = Sandbox::bare();
    let file = configured(&sandbox, "[policy.a]\npin = 4\n");
    let args = ["generate", "--policy", "a"];
    for (mode, code) in [(0o600, 0), (0o644, 0), (0o664, 14), (0o646, 14), (0o444, 0)] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let answer = sandbox.run(&args);
        assert_eq!(answer.code, code, "{mode:o}: {}", answer.err);
        assert_eq!(answer.out.len(), if code == 0 { 4 } else { 0 });
        if code != 0 {
            says(&answer, code, "others can write `", "chmod go-w");
        }
    }
}

#[test]
fn whoever_types_a_password_hears_how_strong_it_is() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let typed = |args: &[&str], value: &str| {
        let mut terminal = Pty::vault(&sandbox, args, &[]);
        for _ in 0..2 {
            terminal.expect("Value of ");
            terminal.send(format!("{value}\r"));
        }
        let (code, screen) = terminal.end();
        assert!(code == 0 && !screen.contains(value), "{screen}");
        screen
    };
    let weak = typed(&["cred", "add", "x"], "hunter2");
    assert!(
        weak.contains("warning: `password` has ") && weak.contains("bits: very weak;"),
        "{weak}"
    );
    assert!(weak.contains("`--generate` makes a strong one"), "{weak}");
    let strong = typed(&["cred", "set", "x", "password"], "k3Xq-9vTz~Lw2bRf");
    assert!(strong.contains("note: `password` has ") && strong.contains("bits: strong"));
    // a token is nobody's choice
    let token = typed(&["cred", "add", "t", "--type", "token"], "hunter2");
    assert!(!token.contains("bits"), "{token}");
    // nor is what a program hands in
    assert_eq!(sandbox.run_in(&["cred", "add", "y", "--stdin"], b"hunter2").err, "added `y`\n");
}

#[test]
fn the_shell_is_told_the_policies() {
    let sandbox = Sandbox::bare();
    configured(&sandbox, "[policy.office]\nlength = 16\n[policy.ocean]\npin = 4\n");
    let offered = |words: &[&str]| {
        let args = [&["__complete", "zsh", "--", "vault"], words].concat();
        text(&sandbox, &args).lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(offered(&["generate", "--policy", "o"]), ["ocean", "office"]);
    assert_eq!(offered(&["generate", "--policy", "wo"]), ["words:6"]);
    let generate = offered(&["cred", "add", "x", "--generate=of"]);
    assert_eq!(generate, ["--generate=office"]);
    configured(&sandbox, "broken");
    assert_eq!(offered(&["generate", "--policy", "o"]), Vec::<String>::new());
}
