//! Programs that do what no plugin should: one clear line, in time, and nothing is lost or left running.

use super::support::waiting::PATIENCE;
use super::support::{Answer, Sandbox, json, require};
use super::{LONG, RECIPIENT, SECRET, SHORT, get, install, name_it, nothing_runs, toy, with_toy};
use std::process::Command;
use std::time::Instant;

/// What it does while it unwraps, the exit code, and what is said.
const ODD: &[(&str, &str, i32, &str)] = &[
    ("silent", "time.sleep(600)", 12, "did not answer within 5 s"),
    (
        "silent, whatever it is told",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\ntime.sleep(600)",
        12,
        "did not answer within 5 s",
    ),
    (
        "another language",
        "print('hello', flush=True)\ntime.sleep(600)",
        12,
        "no message of the protocol",
    ),
    (
        "no base64",
        "print('-> msg\\n!!!', flush=True)\ntime.sleep(600)",
        12,
        "a message is malformed",
    ),
    (
        "bytes",
        "sys.stdout.buffer.write(bytes(range(256)) * 4)\nsys.stdout.flush()",
        12,
        "no message",
    ),
    ("a line without end", "while True: sys.stdout.write('A' * 4096)", 12, "it sent too much"),
    (
        "a message without end",
        "sys.stdout.write('-> msg\\n')\nwhile True: sys.stdout.write('A' * 64 + '\\n')",
        12,
        "it sent too much",
    ),
    ("messages without end", "while True: said('msg', b'again')", 12, "it sent too much"),
    ("unknown words without end", "while True: said('x' * 9999)", 12, "it sent too much"),
    (
        "muttering without end",
        "while True: sys.stderr.write('mutter\\n' * 99)",
        12,
        "did not answer",
    ),
    ("one that ends early", "sys.exit(3)", 12, "ended before it was done, with code 3"),
    (
        "one that is killed",
        "os.kill(os.getpid(), 11)",
        12,
        "ended before it was done, by signal 11",
    ),
    ("one that hangs up", "sys.stdout.close(); os.close(1)\ntime.sleep(600)", 12, "hung up"),
    (
        "one that stops within a message",
        "sys.stdout.write('-> file-key 0')\nsys.exit()",
        12,
        "ended",
    ),
    (
        "a key that is not its own",
        "key = b'0' * 16",
        15,
        "the plugin gave a key that is not its own",
    ),
    ("a key that is too short", "key = key[:15]", 12, "a key has the wrong length"),
    ("a key for another file", "said('file-key 1', key)", 12, "a key is for no file of ours"),
    ("two keys", "said('file-key 0', key)", 12, "it sent a key twice"),
    (
        "no key",
        "said('error stanza 0 0', b'unknown')\nsay('done')\nsys.exit()",
        11,
        "does not open",
    ),
    (
        "an error",
        "said('error internal', b'no token')\nsay('done')\nsys.exit()",
        12,
        "failed: no token",
    ),
    (
        "an error that drives terminals",
        "said('error identity 0', b'\\x1b[2J\\x1b]0;x\\x07\\xe2\\x80\\xae\\xff')\nsay('done')\nsys.exit()",
        12,
        "failed: \\u{1b}[2J\\u{1b}]0;x\\u{7}\\u{202e}",
    ),
    (
        "muttering that drives terminals",
        "sys.stderr.write('\\x1b[2Jabc')\nsys.stderr.flush()\nsys.exit(1)",
        12,
        "with code 1",
    ),
    ("one that is stopped", "os.kill(os.getpid(), 19)", 12, "wants the terminal for itself"),
    (
        "a child that holds the pipe",
        "start('sleep', '600')\nsys.exit(4)",
        12,
        "ended before it was done, with code 4",
    ),
    (
        "a question without a terminal",
        "head, pin = said('request-secret', b'PIN')\nassert head == ['fail']\n\
         said('error internal', b'needs a PIN')\nsay('done')\nsys.exit()",
        12,
        "failed: needs a PIN",
    ),
];

#[test]
fn each_says_one_line_in_time_and_nothing_is_lost() {
    if !require("python3") || !require("setsid") {
        return;
    }
    let sandbox = with_toy(LONG);
    for (title, odd, code, what) in ODD {
        install(&sandbox, &toy(odd));
        name_it(&sandbox, if what.contains("did not answer") { SHORT } else { LONG });
        let content = sandbox.content();
        let begun = Instant::now();
        let answer = get(&sandbox);
        // none ends by itself in ten minutes, and LONG is two
        assert!(begun.elapsed() < PATIENCE, "{title}: {:?}", begun.elapsed());
        let errors: Vec<_> = answer.err.lines().filter(|l| l.starts_with("error: ")).collect();
        let [error] = errors[..] else { panic!("{title}: not one line: {}", answer.err) };
        assert_eq!(answer.code, *code, "{title}: {}", answer.err);
        assert!(error.contains(what), "{title}: {error}");
        assert!(answer.out.is_empty(), "{title}");
        assert!(!answer.all().contains(['\u{1b}', '\u{202e}', '\u{7}']), "{title}: {answer:?}");
        nothing_runs(&sandbox);
        assert_eq!(sandbox.content(), content, "{title}");
    }
    install(&sandbox, &toy(""));
    assert_eq!(get(&sandbox).out, SECRET);
    let failed = Answer::of(&mut keyed(&sandbox, &["audit", "show", "--json", "--limit", "0"]));
    let log = json(&failed.out)["items"].as_array().unwrap().clone();
    let unlocks = log.iter().filter(|entry| entry["action"] == "unlock_failed").count();
    assert!(unlocks > 0, "{log:?}");
    assert!(!failed.text().contains("no token"), "what a plugin says is in the log");
}

fn keyed(sandbox: &Sandbox, args: &[&str]) -> Command {
    sandbox.vault(&[&["--key-file", "id"], args].concat())
}

/// What is odd and allowed.
#[test]
fn each_of_these_opens_the_vault() {
    if !require("python3") || !require("setsid") {
        return;
    }
    let sandbox = with_toy(LONG);
    for odd in [
        "head, body = said('x-grease ! ~', b'?' * 100)\nassert head == ['unsupported']",
        "said('msg', b'\\x1b[2JTouch it\\n\\x1b]0;x\\x07')",
        "said('error stanza 0 0', b'not that one')",
        "sys.stderr.write('mutter\\n' * 9)",
        "start('sleep', '600')",
        // done, and does not end
        "said('file-key 0', key)\nsay('done')\ntime.sleep(600)",
    ] {
        install(&sandbox, &toy(odd));
        let answer = get(&sandbox);
        assert_eq!((answer.code, &answer.out[..]), (0, SECRET), "{odd}: {}", answer.err);
        assert!(!answer.all().contains(['\u{1b}', '\u{7}']), "{odd}: {answer:?}");
        nothing_runs(&sandbox);
    }
    install(&sandbox, &toy("said('msg', b'\\x1b[2JTouch it')"));
    assert!(get(&sandbox).err.contains("note: toy: \\u{1b}[2JTouch it\n"));
    let mut quiet = sandbox.detached(&["--key-file", "id", "-q", "cred", "get", "alpha"]);
    assert_eq!(Answer::of(&mut quiet).err, "");
}

#[test]
fn no_vault_is_made_with_one() {
    if !require("python3") {
        return;
    }
    let wrapping =
        "\nfor head, body in until_done():\n    if head[0] == 'wrap-file-key': key = body\n";
    for (odd, code, what) in [
        ("time.sleep(600)", 18, "did not answer within 5 s"),
        ("sys.exit(3)", 18, "ended before it was done, with code 3"),
        ("said('error recipient 0', b'\\x1b[2J no')\nsay('done')", 18, "failed: \\u{1b}[2J no"),
        ("say('done')", 18, "neither result nor error"),
        ("said('recipient-stanza 1 toy')\nsay('done')", 18, "for no file of ours"),
        // wraps, and unwraps nothing
        (
            "if key: said('recipient-stanza 0 toy', key)\nsay('done')",
            11,
            "does not open the new slot",
        ),
        (
            "said('recipient-stanza 0 toy', b'0' * 16)\nsay('done')",
            11,
            "does not open the new slot",
        ),
    ] {
        let sandbox = Sandbox::bare();
        sandbox.file("id", super::IDENTITY);
        install(&sandbox, &format!("{}{wrapping}{odd}\n", super::TOY));
        name_it(&sandbox, if what.contains("did not answer") { SHORT } else { LONG });
        let answer = sandbox.run(&["init", "--key-file", "id", "--recipient", RECIPIENT]);
        assert_eq!(answer.code, code, "{odd}: {}", answer.err);
        assert!(answer.err.contains(what), "{odd}: {}", answer.err);
        assert!(!answer.all().contains('\u{1b}'), "{odd}: {answer:?}");
        assert!(!sandbox.database().exists(), "{odd}");
        nothing_runs(&sandbox);
    }
}

/// The environment of a plugin, and what else it gets.
#[test]
fn it_gets_no_secret_of_ours_or_of_others() {
    if !require("python3") {
        return;
    }
    let sandbox = with_toy("");
    let look = "said('msg', repr((sorted(os.environ), sys.argv[1:], os.getcwd(),\n\
                \x20   sorted(os.listdir('/proc/self/fd')))).encode())";
    install(&sandbox, &toy(look));
    let mut shell = sandbox.command("sh");
    shell.args(["-c", "\"$VAULT\" --key-file id cred get alpha 7<id"]);
    shell.env("VAULT", super::support::VAULT).env("VAULT_PASSPHRASE_FD", "7");
    shell.env("AWS_SECRET_ACCESS_KEY", "x").env("VAULT_KEY", "y").env("LC_TEST", "z");
    let answer = Answer::of(&mut shell);
    assert_eq!(&answer.out[..], SECRET, "{}", answer.err);
    let seen = answer.err.lines().find(|line| line.contains("toy: ")).unwrap();
    for there in ["'HOME'", "'LC_TEST'", "'PATH'", "['--age-plugin=identity-v1'], '/'"] {
        assert!(seen.contains(there), "{there}: {seen}");
    }
    for absent in ["AWS", "VAULT", "'7'"] {
        assert!(!seen.contains(absent), "{absent}: {seen}");
    }
}

/// A passphrase that goes with its key is none of its business, wherever it is.
#[test]
fn it_does_not_get_the_other_factor() {
    if !require("python3") {
        return;
    }
    let sandbox = with_toy("");
    sandbox.file("pass", "gravel ostrich penknife lullaby");
    install(&sandbox, &toy("said('msg', repr(sorted(os.listdir('/proc/self/fd'))).encode())"));
    let add = format!("key add two --recipient {RECIPIENT} --identity id --with-passphrase");
    for (line, code) in [
        (format!("{add} --new-passphrase-fd 7 7<pass"), 0),
        ("key rm toy --yes 7<pass".into(), 10),
        ("key test two 7<pass".into(), 0),
    ] {
        let mut shell = sandbox.command("sh");
        shell.args(["-c", &format!("\"$VAULT\" --key-file id {line}")]);
        shell.env("VAULT", super::support::VAULT).env("VAULT_PASSPHRASE_FILE", "/dev/fd/7");
        let answer = Answer::of(&mut shell);
        assert_eq!(answer.code, code, "{line}: {}", answer.err);
        assert!(answer.err.contains("toy: ["), "{}", answer.err);
        assert!(!answer.err.contains("'7'"), "{line}: {}", answer.err);
    }
}

/// What a plugin sends, broken by chance: there is an end, and no value.
#[test]
fn noise_ends_in_an_error() {
    if !require("python3") || !require("setsid") {
        return;
    }
    let sandbox = with_toy(LONG);
    install(&sandbox, "#!/bin/sh\ncat \"${0%/*}/said\"\n");
    let whole = b"-> msg\nVG91Y2ggaXQ\n-> x-grease ! ~\n\n-> file-key 0\nAAAAAAAAAAAAAAAAAAAAAA\n-> done\n\n";
    let mut chance = 6_u32;
    let mut draw = |below: usize| {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(chance >> 8).unwrap() % below
    };
    for _ in 0..40 {
        let mut said = whole.to_vec();
        match draw(3) {
            0 => said.truncate(draw(whole.len())),
            1 => said[draw(whole.len())] ^= 1 << draw(8),
            _ => drop({
                let at = draw(whole.len());
                said.splice(at..at, vec![b'A'; draw(200)])
            }),
        }
        sandbox.file("said", &said);
        let answer = get(&sandbox);
        let shown = String::from_utf8_lossy(&said);
        assert!([11, 12, 15].contains(&answer.code), "{shown}: {answer:?}");
        assert!(answer.out.is_empty() && !answer.err.contains("fault"), "{shown}: {answer:?}");
    }
}
