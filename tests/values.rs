//! Values of every size and content: what goes in comes out, byte for byte, or is refused clearly.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "helpers of tests may do what tests may, and clarity comes before speed"
)]

mod support;

use std::io::Write;
use std::process::Stdio;
use support::{Answer, Sandbox, json};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Bytes without a pattern that compression or padding could profit from.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Every sort of content, with a name.
fn contents() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = vec![
        ("one byte".into(), b"x".to_vec()),
        ("a newline".into(), b"\n".to_vec()),
        ("a NUL".into(), b"\0".to_vec()),
        ("NULs".into(), vec![0; 1000]),
        ("all values".into(), (0..=255).collect()),
        ("invalid UTF-8".into(), b"\xff\xfe\xc0\x80\xed\xa0\x80ok".to_vec()),
        ("trailing newlines".into(), b"x\n\n\n".to_vec()),
        ("a carriage return".into(), b"x\r\n".to_vec()),
        ("spaces".into(), b"  x \t ".to_vec()),
        ("a header of its own".into(), b"{\"v\":1,\"length\":3}\nabc".to_vec()),
        ("an age file".into(), b"age-encryption.org/v1\n-> X25519 abc\n".to_vec()),
    ];
    // around every step of the padding, and of the chunks that values are sealed in
    for length in [255, 256, 257, 1023, 1024, 4095, 4096, 4097, 8191, 8193] {
        all.push((format!("{length} bytes"), noise(length)));
    }
    for length in [64 * KIB - 1, 64 * KIB, 64 * KIB + 1, MIB] {
        all.push((format!("{length} bytes"), noise(length)));
    }
    all
}

#[test]
fn standard_input_byte_for_byte() {
    let sandbox = Sandbox::new();
    for (name, value) in contents() {
        sandbox.ok(&["cred", "add", &name, "--stdin", "--exact"], &value);
        let got = sandbox.ok(&["cred", "get", &name], b"");
        assert!(got == value, "{name}: {} bytes became {}", value.len(), got.len());
    }
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

#[test]
fn files_and_descriptors_byte_for_byte() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"start");
    for (name, value) in contents() {
        sandbox.file("value", &value);
        let set = ["cred", "set", "x", "--file", "value", "--exact"];
        sandbox.ok(&set, b"");
        assert!(sandbox.ok(&["cred", "get", "x"], b"") == value, "{name} from a file");
        let mut shell = sandbox.command("sh");
        shell.args(["-c", "\"$VAULT\" cred set x --fd 5 --exact 5<value"]);
        let answer = Answer::of(shell.env("VAULT", support::VAULT));
        assert_eq!(answer.code, 0, "{}", answer.err);
        assert!(sandbox.ok(&["cred", "get", "x"], b"") == value, "{name} from a descriptor");
    }
}

#[test]
fn json_keeps_every_byte() {
    let sandbox = Sandbox::new();
    for (name, value) in contents().into_iter().filter(|(_, value)| value.len() < 10_000) {
        sandbox.ok(&["cred", "add", &name, "--stdin", "--exact"], &value);
        let told = json(&sandbox.ok(&["cred", "get", &name, "--json"], b""));
        let text = |key: &str| told[key].as_str().map(str::as_bytes);
        let plain = text("value").map(<[u8]>::to_vec);
        let kept = plain.unwrap_or_else(|| {
            data_encoding::BASE64.decode(text("value_base64").unwrap()).unwrap()
        });
        assert!(kept == value, "{name}");
    }
}

#[test]
fn the_largest_value_and_one_byte_more() {
    let sandbox = Sandbox::new();
    let mut value = noise(16 * MIB);
    sandbox.ok(&["cred", "add", "large", "--stdin", "--exact"], &value);
    assert!(sandbox.ok(&["cred", "get", "large"], b"") == value);
    value.push(b'x');
    sandbox.file("value", &value);
    let content = sandbox.content();
    for (args, what) in [
        (&["cred", "add", "larger", "--stdin"][..], "standard input"),
        (&["cred", "add", "larger", "--file", "value"], "`value`"),
        (&["cred", "set", "large", "--stdin"], "standard input"),
    ] {
        let answer = sandbox.run_in(args, &value);
        assert_eq!(answer.code, 2, "{}", answer.err);
        assert!(answer.err.starts_with(&format!("error: {what} has more than 16 MiB\n")));
    }
    assert!(sandbox.content() == content, "something was stored");
}

#[test]
fn nothing_is_no_value() {
    let sandbox = Sandbox::new();
    for args in [&["--exact"][..], &[]] {
        let answer = sandbox.run_in(&[&["cred", "add", "x", "--stdin"], args].concat(), b"");
        assert_eq!(answer.code, 2);
        assert!(answer.err.starts_with("error: the value is empty\n"), "{}", answer.err);
    }
    assert_eq!(sandbox.ok(&["cred", "list"], b""), b"");
}

#[test]
fn a_slow_writer_is_waited_for() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.vault(&["cred", "add", "slow", "--stdin"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for part in ["hun", "ter", "2\n"] {
        std::thread::sleep(std::time::Duration::from_millis(50));
        stdin.write_all(part.as_bytes()).unwrap();
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(sandbox.ok(&["cred", "get", "slow"], b""), b"hunter2");
}
