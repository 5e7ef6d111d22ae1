//! Exported documents in the programs that read them: hostile values come back byte for byte, and nothing
//! of them is carried out. Thousands of values in one process.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    reason = "a test fails by panicking, and has surroundings of its own"
)]

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use vault::formats::{Format, Pair, Title, quote};

const COUNT: usize = 3000;

/// What has hurt somebody's quoting before.
const NASTY: &[&[u8]] = &[
    b"",
    b"'",
    b"''",
    b"'''",
    b"\"",
    b"\\",
    b"\\\\",
    b"\\'",
    b"'\\''",
    b"$(touch CANARY)",
    b"`touch CANARY`",
    b"';touch CANARY;'",
    b"\";touch CANARY;\"",
    b"\\';touch CANARY;#",
    b"\ntouch CANARY\n",
    b"${PATH}",
    b"$PATH",
    b"$HOME",
    b"%PATH%",
    b"!!",
    b"!$",
    b"a!b",
    b"-n",
    b"-e",
    b"--",
    b"=",
    b"=ls",
    b"~",
    b"~root",
    b"*",
    b"[a-z]*",
    b"?",
    b"{a,b}",
    b"(a)",
    b"a b",
    b" a ",
    b"\ta\t",
    b"\n",
    b"a\n",
    b"a\n\n",
    b"\r",
    b"a\r\nb\r\n",
    b"#",
    b"a #b",
    b"$'\\n'",
    b"$\"x\"",
    b"<(ls)",
    b"a;b",
    b"a&b",
    b"a|b",
    b"\x1b[2J",
    b"\x01\x02\x7f",
    b"\x81\x82\x83\x84",
    b"\x85\x86\x87\x88",
    b"\xff\xfe",
    b"\xc3",
    "größe ✓ 🔑".as_bytes(),
    "\u{f600}\u{f6ff}".as_bytes(),
    "\u{fdd0}\u{fdef}".as_bytes(),
    "\u{2028}\u{85}\u{feff}".as_bytes(),
    b"a\\",
    b"\\n",
    b"\\x41",
    b"set -gx A b",
    b"export A=b",
    b"EOF",
    b"a'b\"c`d$e\\f",
    b"''\\''''",
    b"\\\n",
    b"'\n'",
    b"%s%n",
];

/// Values: all that is nasty, and what chance makes of the same letters.
fn values() -> Vec<Vec<u8>> {
    let mut runner = TestRunner::deterministic();
    let letters = proptest::sample::select(
        b"'\"\\$`!(){}[]<>;&|*?~#=-%^ \t\n\ra0T\x81\x88\xc3\xa9\xff".to_vec(),
    );
    let made = proptest::collection::vec(letters, 0..12);
    let mut all: Vec<Vec<u8>> = NASTY.iter().map(|value| value.to_vec()).collect();
    while all.len() < COUNT {
        all.push(made.new_tree(&mut runner).unwrap().current());
    }
    all
}

fn document(format: &str, values: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<String> = (0..values.len()).map(|number| format!("V{number}")).collect();
    let pair = |(name, value)| Pair { name, value, is_secret: true };
    let names = names.iter().map(String::as_str);
    let pairs: Vec<Pair<'_>> = names.zip(values.iter().map(Vec::as_slice)).map(pair).collect();
    let title = Title { name: "x", mark: "mark-0123456789" };
    Format::called(format).unwrap().document(&pairs, title).unwrap().to_vec()
}

/// The values that `format` can hold.
fn holdable(format: &str) -> Vec<Vec<u8>> {
    let can = |value: &Vec<u8>| {
        let pair = Pair { name: "V", value, is_secret: true };
        Format::called(format).unwrap().document(&[pair], Title { name: "x", mark: "m-0" }).is_ok()
    };
    values().into_iter().filter(can).collect()
}

/// The environment that `program` leaves to `env` after running `script` in `dir`.
fn environment(dir: &Path, program: &str, args: &[&str]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let path = std::env::var_os("PATH").unwrap();
    let home = dir.join("home");
    fs::create_dir_all(&home).unwrap();
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).env_clear().env("PATH", path).env("HOME", home);
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{program}: {said}");
    let pairs = output.stdout.split(|byte| *byte == 0).filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        Some((pair[..at].to_vec(), pair[at + 1..].to_vec()))
    });
    pairs.collect()
}

#[track_caller]
fn same(found: &BTreeMap<Vec<u8>, Vec<u8>>, values: &[Vec<u8>], program: &str) {
    for (number, value) in values.iter().enumerate() {
        let got = found.get(format!("V{number}").as_bytes());
        let shown = String::from_utf8_lossy(value);
        assert_eq!(got, Some(value), "{program}, V{number}: {shown:?}");
    }
}

fn is_there(program: &str) -> bool {
    let there = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|dir| dir.join(program).is_file());
    let required = std::env::var_os("VAULT_TEST_REQUIRE").is_some_and(|value| value == "1");
    assert!(there || !required, "required: {program} is not installed");
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

#[test]
fn shells_get_every_value_and_carry_out_none() {
    let (dir, values) = (tempfile::tempdir().unwrap(), values());
    fs::write(dir.path().join("doc"), document("shell", &values)).unwrap();
    let shells: &[(&str, &[&str])] = &[
        ("dash", &["-c"]),
        ("bash", &["--norc", "-c"]),
        ("bash", &["--posix", "-c"]),
        ("zsh", &["-f", "-c"]),
        ("zsh", &["-f", "-o", "rcquotes", "-o", "extendedglob", "-c"]),
    ];
    for (shell, args) in shells.iter().filter(|(shell, _)| is_there(shell)) {
        for script in [". ./doc; exec env -0", "eval \"$(cat doc)\"; exec env -0"] {
            let found = environment(dir.path(), shell, &[args, &[script][..]].concat());
            same(&found, &values, shell);
        }
        assert!(!dir.path().join("CANARY").exists(), "{shell} carried something out");
    }
}

#[test]
fn fish_gets_every_value_and_carries_out_none() {
    if !is_there("fish") {
        return;
    }
    let (dir, values) = (tempfile::tempdir().unwrap(), values());
    fs::write(dir.path().join("doc"), document("fish", &values)).unwrap();
    for script in ["source ./doc; exec env -0", "cat doc | source; exec env -0"] {
        let found = environment(dir.path(), "fish", &["--no-config", "-c", script]);
        same(&found, &values, "fish");
    }
    assert!(!dir.path().join("CANARY").exists(), "fish carried something out");
}

/// Control: with careless quotes the same values do harm, and it is noticed.
#[test]
fn careless_quotes_would_be_noticed() {
    for (shell, open) in [("dash", "\""), ("bash", "\""), ("bash", "'")] {
        let dir = tempfile::tempdir().unwrap();
        let evil = if open == "'" { "';touch CANARY;:'" } else { "$(touch CANARY)" };
        fs::write(dir.path().join("doc"), format!("export V0={open}{evil}{open}\n")).unwrap();
        let found = environment(dir.path(), shell, &["-c", ". ./doc; exec env -0"]);
        assert!(dir.path().join("CANARY").exists());
        assert_ne!(found.get(b"V0".as_slice()).map(Vec::as_slice), Some(evil.as_bytes()));
    }
}

#[test]
fn a_filter_makes_one_word_for_every_shell() {
    let (dir, values) = (tempfile::tempdir().unwrap(), values());
    let mut script = b"printf '%s\\0'".to_vec();
    for value in &values {
        script.push(b' ');
        script.extend_from_slice(&quote::shell(value).unwrap());
    }
    fs::write(dir.path().join("doc"), script).unwrap();
    for shell in ["dash", "bash", "zsh"].into_iter().filter(|shell| is_there(shell)) {
        let output = Command::new(shell).arg("doc").current_dir(dir.path()).output().unwrap();
        let mut got: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        assert_eq!(got.pop(), Some(b"".as_slice()));
        assert_eq!(got, values, "{shell}");
    }
    assert!(!dir.path().join("CANARY").exists());
}

#[test]
fn readers_of_dotenv_agree() {
    let (dir, values) = (tempfile::tempdir().unwrap(), holdable("dotenv"));
    assert!(values.len() > COUNT / 5, "{} can be held", values.len());
    fs::write(dir.path().join("doc"), document("dotenv", &values)).unwrap();
    for (shell, script) in [
        ("dash", "set -a; . ./doc; exec env -0"),
        ("bash", "set -a; . ./doc; exec env -0"),
        ("zsh", "set -a; . ./doc; exec env -0"),
    ] {
        if is_there(shell) {
            same(&environment(dir.path(), shell, &["-c", script]), &values, shell);
        }
    }
    assert!(!dir.path().join("CANARY").exists());
    let python = "import sys\nfrom dotenv import dotenv_values\n\
        for k, v in dotenv_values('doc', encoding='utf-8').items():\n \
        sys.stdout.buffer.write(f'{k}={v}\\0'.encode())";
    let has_dotenv = Command::new("python3").args(["-c", "import dotenv"]).output();
    if has_dotenv.is_ok_and(|output| output.status.success()) {
        same(&environment(dir.path(), "python3", &["-c", python]), &values, "python-dotenv");
    }
}

#[test]
fn node_reads_dotenv_alike() {
    let env_file = Command::new("node").args(["--env-file=/dev/null", "-e", ""]).output();
    if !env_file.is_ok_and(|output| output.status.success()) {
        return;
    }
    let (dir, values) = (tempfile::tempdir().unwrap(), holdable("dotenv"));
    fs::write(dir.path().join("doc"), document("dotenv", &values)).unwrap();
    let script =
        "for (const [k, v] of Object.entries(process.env)) process.stdout.write(`${k}=${v}\\0`)";
    let found = environment(dir.path(), "node", &["--env-file=doc", "-e", script]);
    same(&found, &values, "node");
}

#[test]
fn terraform_gets_every_value() {
    if !Command::new("terraform").arg("version").output().is_ok_and(|o| o.status.success()) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut values = holdable("tfvars");
    values.truncate(400);
    values.push("größe Größe é ключ 鍵 열쇠 かぎ € ✓ 🔑".into());
    // control: this would arrive as one letter
    assert!(quote::hcl("e\u{301}".as_bytes()).is_err() && quote::hcl(b"a\0b").is_err());
    fs::write(dir.path().join("terraform.tfvars"), document("tfvars", &values)).unwrap();
    let one = |number: usize| format!("variable \"v{number}\" {{\n  type = string\n}}\n");
    fs::write(dir.path().join("main.tf"), (0..values.len()).map(one).collect::<String>()).unwrap();
    let all = (0..values.len()).map(|number| format!("var.v{number}")).collect::<Vec<_>>();
    let question = format!("[for v in [{}] : base64encode(v)]", all.join(","));
    fs::write(dir.path().join("question"), format!("join(\" \", {question})")).unwrap();
    let output = Command::new("sh")
        .args(["-c", "terraform console < question"])
        .current_dir(dir.path())
        .env("HOME", dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let got: Vec<&str> = text.trim().trim_matches('"').split(' ').collect();
    let base64 = |value: &Vec<u8>| String::from_utf8(quote::base64(value).unwrap().to_vec());
    let expected: Vec<String> = values.iter().map(|value| base64(value).unwrap()).collect();
    for (number, (got, expected)) in got.iter().zip(&expected).enumerate() {
        assert_eq!(got, expected, "{:?}", String::from_utf8_lossy(&values[number]));
    }
    assert_eq!(got.len(), expected.len(), "{said}");
}

/// Shells compute what is put into some of their own variables, so no credential may have one.
#[test]
fn the_own_variables_of_shells_are_reserved() {
    let zsh = "zmodload zsh/parameter; print -l ${(k)parameters}";
    for (shell, args) in [("bash", ["--norc", "-c", "compgen -v"]), ("zsh", ["-f", "-c", zsh])] {
        if !is_there(shell) {
            continue;
        }
        let path = std::env::var_os("PATH").unwrap();
        let output = Command::new(shell).args(args).env_clear().env("PATH", path).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let own = text.lines().filter(|name| {
            name.starts_with(|c: char| c.is_ascii_uppercase()) && !name.contains(char::is_lowercase)
        });
        let free: Vec<&str> =
            own.filter(|name| !vault::kind::variables::is_reserved(name)).collect();
        assert!(text.contains("IFS") && free.is_empty(), "{shell}: {free:?}");
    }
    // control: this is what zsh would do
    let dir = tempfile::tempdir().unwrap();
    if is_there("zsh") {
        let evil = "export COLUMNS='path[$(touch CANARY; echo 1)]'";
        let status = Command::new("zsh").args(["-f", "-c", evil]).current_dir(dir.path()).output();
        assert!(status.is_ok() && dir.path().join("CANARY").exists());
    }
}

#[test]
fn readers_of_yaml_agree() {
    let has_yaml = Command::new("python3").args(["-c", "import yaml"]).output();
    if !has_yaml.is_ok_and(|output| output.status.success()) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut values = holdable("yaml");
    values.push(b"a\0b".to_vec());
    fs::write(dir.path().join("doc"), document("yaml", &values)).unwrap();
    let python = "import yaml\nd = yaml.safe_load(open('doc', 'rb'))\n\
        print(''.join(d[f'V{i}'].encode().hex() + ' ' for i in range(len(d))))";
    let output =
        Command::new("python3").args(["-c", python]).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hex = |value: &Vec<u8>| value.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let expected: Vec<String> = values.iter().map(hex).collect();
    let got = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        got.trim_end_matches('\n').split(' ').take(values.len()).collect::<Vec<_>>(),
        expected
    );
    fs::write(dir.path().join("doc"), document("k8s-secret", &values)).unwrap();
    let python = "import yaml, base64\nd = yaml.safe_load(open('doc', 'rb'))['data']\n\
        print(''.join(base64.b64decode(d[f'V{i}'], validate=True).hex() + ' ' for i in range(len(d))))";
    let output = Command::new("python3").args(["-c", python]).current_dir(dir.path()).output();
    let got = String::from_utf8(output.unwrap().stdout).unwrap();
    assert_eq!(
        got.trim_end_matches('\n').split(' ').take(values.len()).collect::<Vec<_>>(),
        expected
    );
}
