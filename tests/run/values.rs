//! Every way in which a value gets there, for every sort of value.

use crate::sandbox;
use crate::support::{Answer, Sandbox};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn values() -> Vec<(&'static str, Vec<u8>)> {
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
    );
    let all: Vec<u8> =
        (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    vec![
        ("pem", pem.into_bytes()),
        ("nul", b"a\0b\0".to_vec()),
        ("crlf", b"a\r\nb\r\n".to_vec()),
        ("utf-8", "grün 🔑\u{301}".into()),
        ("not utf-8", b"\xff\xfe\x80".to_vec()),
        ("newlines", b"\n\nx\n\n".to_vec()),
        ("shell", b"$(id) `id` ${HOME} ' \" \\ !x *; rm -rf /".to_vec()),
        ("a mebibyte", all),
    ]
}

fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, value) in values() {
        sandbox.add(&name.replace(' ', "-"), &value);
    }
    sandbox
}

#[test]
fn values_arrive_byte_for_byte() {
    let sandbox = filled();
    for (name, value) in values() {
        let reference = format!("vault://{}", name.replace(' ', "-"));
        for (option, prefix, line) in [
            ("--file", "F=", "cat \"$F\""),
            ("--fifo", "F=", "cat \"$F\""),
            ("--fd", "3=", "cat <&3"),
            ("--fd", "255=", "cat /dev/fd/255"),
            ("--stdin", "", "cat"),
        ] {
            let reference = format!("{prefix}{reference}");
            let out = sandbox.ok(&["run", option, &reference, "--", "sh", "-c", line], b"");
            assert!(out == value, "{name} with {option}: {} bytes", out.len());
        }
        if value.len() < 1 << 17 && !value.contains(&0) {
            let reference = format!("F={reference}");
            let args = ["run", "-e", &reference, "--", "sh", "-c", "printf %s \"$F\""];
            assert!(sandbox.ok(&args, b"") == value, "{name} with -e");
        }
    }
}

#[test]
fn a_variable_cannot_hold_what_would_be_cut_off() {
    let sandbox = filled();
    for name in ["nul", "a-mebibyte"] {
        let reference = format!("F=vault://{name}");
        let answer = sandbox.run(&["run", "-e", &reference, "--", "touch", "started"]);
        assert_eq!(answer.code, 125, "{}", answer.err);
        assert!(answer.err.contains("--file VAR=REFERENCE"), "{}", answer.err);
        assert!(!sandbox.path("started").exists());
    }
}

#[test]
fn a_file_is_private_and_in_memory_and_gone_at_the_end() {
    let sandbox = sandbox();
    let line = "stat -c %a \"$F\" \"${F%/*}\"; df --output=fstype \"$F\" | tail -n 1; echo \"$F\"";
    let out = sandbox.ok(&["run", "--file", "F=vault://x", "--", "sh", "-c", line], b"");
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..3], ["600", "700", "tmpfs"]);
    let dir = std::path::Path::new(lines[3]).parent().unwrap();
    assert!(lines[3].ends_with("/F") && !dir.exists());
    // whatever becomes of the program, and whatever it has put there
    for end in ["exit 3", "kill -9 $$", "mkdir \"${F%/*}/more\"; touch \"${F%/*}/more/x\""] {
        let line = format!("echo \"$F\"; {end}");
        let answer = sandbox.run(&["run", "--file", "F=vault://x", "--", "sh", "-c", &line]);
        let dir = std::path::PathBuf::from(answer.text().trim()).parent().unwrap().to_owned();
        assert!(dir.starts_with("/dev/shm") && !dir.exists(), "{end}");
    }
    let answer = sandbox.run(&["run", "--file", "F=vault://x", "--", "/dev/null"]);
    assert_eq!(answer.code, 126, "{}", answer.err);
}

#[test]
fn a_pipe_can_be_read_once() {
    let sandbox = sandbox();
    let line = "cat \"$F\"; test -e \"$F\" && echo still there; echo; echo \"$F\"";
    let out = sandbox.ok(&["run", "--fifo", "F=vault://x", "--", "sh", "-c", line], b"");
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "hunter2-hunter2"));
    assert!(!std::path::Path::new(lines[1]).parent().unwrap().exists());
    // nobody has to read it
    sandbox.ok(&["run", "--fifo", "F=vault://x", "--", "true"], b"");
}

#[test]
fn what_is_on_a_descriptor_cannot_be_changed() {
    let sandbox = sandbox();
    let line = "echo y > /dev/fd/4; cat /dev/fd/4 /dev/fd/4 <&4";
    let answer = sandbox.run(&["run", "--fd", "4=vault://x", "--", "sh", "-c", line]);
    assert_eq!(answer.text(), "hunter2-hunter2".repeat(2), "{}", answer.err);
}

#[test]
fn descriptors_may_be_any_and_in_any_order() {
    let sandbox = sandbox();
    let mut args: Vec<String> = vec!["run".into()];
    let numbers = [9, 3, 4, 5, 8, 7, 6, 255, 10, 11];
    for number in numbers {
        sandbox.add(&format!("n{number}"), format!("<{number}>").as_bytes());
        args.extend(["--fd".into(), format!("{number}=vault://n{number}")]);
    }
    let line = numbers.map(|n| format!("cat /dev/fd/{n}")).join(";");
    args.extend(["--", "sh", "-c", &line].map(str::to_owned));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let all = numbers.map(|n| format!("<{n}>")).concat();
    assert_eq!(String::from_utf8(sandbox.ok(&args, b"")).unwrap(), all);
}

#[test]
fn standard_input_is_ours_if_nothing_is_said() {
    let sandbox = sandbox();
    assert_eq!(sandbox.ok(&["run", "-e", "A=vault://x", "--", "cat"], b"typed"), b"typed");
}

#[test]
fn versions_codes_and_public_fields_are_handed_over_too() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["cred", "add", "x", "--username", "root", "--stdin"], b"first");
    sandbox.ok(&["cred", "set", "x", "password", "--stdin"], b"second");
    let mut args = vec!["run"];
    for one in ["A=vault://x?version=1", "B=vault://x", "C=vault://x/username"] {
        args.extend(["-e", one]);
    }
    args.extend(["--", "sh", "-c", "echo $A $B $C"]);
    assert_eq!(sandbox.ok(&args, b""), b"first second root\n");
}

#[test]
fn a_file_of_variables_is_read_as_it_looks() {
    let sandbox = sandbox();
    let text = "# what the service needs\nexport A=vault://x # the key\nB='vault://db/main'\n\
                C=\"plain\\ttext $HOME\"\nD='$(touch started)'\n";
    let file = sandbox.file(".env", text);
    let line = "printf '%s|' \"$A\" \"$B\" \"$C\" \"$D\"";
    let out = sandbox.ok(&["run", "--env-file", &file, "--", "sh", "-c", line], b"");
    let expected = "hunter2-hunter2|first line\nsecond 'line'|plain\ttext $HOME|$(touch started)|";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert!(!sandbox.path("started").exists());
    // one that needs no vault needs no key
    fs::write(sandbox.path("plain"), "A=1").unwrap();
    fs::set_permissions(sandbox.path("plain"), fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = sandbox.vault(&["run", "--env-file", "plain", "--", "sh", "-c", "echo $A"]);
    assert_eq!(Answer::of(command.env_remove("VAULT_KEY_FILE")).text(), "1\n");
}

#[test]
fn a_value_may_have_references_in_it() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"it's a/b");
    let text = "A=postgres://app:{{ vault://x | url }}@db/{{ vault://x }}\nB='{{ vault://x | shell }}'\nC={{ other }}";
    let file = sandbox.file(".env", text);
    let line = "printf '%s|' \"$A\" \"$B\" \"$C\"";
    let out = sandbox.ok(&["run", "--env-file", &file, "--", "sh", "-c", line], b"");
    let expected = "postgres://app:it%27s%20a%2Fb@db/it's a/b|it's a/b|{{ other }}|";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    for (text, said) in [
        ("\nA=x{{ vault://x", ":2:4: "),
        ("A='{{ vault://x | nonsense }}'", ":1:4: "),
        ("A=1\nB={{ vault://no }}", ":2:3: "),
        ("A=1\nB=vault://no", ":2: "),
    ] {
        let file = sandbox.file(".env", text);
        let answer = sandbox.run(&["run", "--env-file", &file, "--", "touch", "started"]);
        assert_eq!(answer.code, 125, "{}", answer.err);
        assert!(answer.err.contains(said), "{}", answer.err);
        assert!(!sandbox.path("started").exists());
    }
}

#[test]
fn credentials_bring_their_variables() {
    let sandbox = Sandbox::new();
    for (name, tag) in [("web/1", "prod"), ("web/2", "prod"), ("web/3", "test")] {
        let args = ["cred", "add", name, "--type", "ssh", "--secret-field", "password", "--stdin"];
        let more = ["--username", "root", "--tag", tag, "--client", name];
        sandbox.ok(&[&args[..], &more].concat(), name.as_bytes());
    }
    let env = |args: &[&str]| {
        let out =
            sandbox.ok(&[&["run"], args, &["--clean", "--keep", "", "--", "env"]].concat(), b"");
        let mut lines: Vec<_> =
            String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let env = |args: &[&str]| {
        env(args).into_iter().filter(|l| !l.starts_with("PATH=")).collect::<Vec<_>>()
    };
    assert_eq!(env(&["--cred", "web/1"]), ["SSH_PASSWORD=web/1", "SSH_USER=root"]);
    assert_eq!(env(&["--client", "web/3"]), ["SSH_PASSWORD=web/3", "SSH_USER=root"]);
    assert_eq!(env(&["--cred", "web/1", "--only", "SSH_USER"]), ["SSH_USER=root"]);
    let full = [
        "WEB_1_PASSWORD=web/1",
        "WEB_1_USERNAME=root",
        "WEB_2_PASSWORD=web/2",
        "WEB_2_USERNAME=root",
    ];
    assert_eq!(env(&["--tag", "prod", "--names", "full"]), full);
    // what is not handed over is not in the log either
    sandbox.ok(&["run", "--cred", "web/1", "--only", "SSH_USER", "--", "true"], b"");
    let last = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&last["action"], &last["details"]["command"]), (&"view".into(), &"true".into()));
    assert!(last["fields"].is_null(), "{last}");
}
