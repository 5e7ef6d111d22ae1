//! What is started for a client has the client's surroundings, and the agent has none of them.

use crate::Desk;
use crate::support::pty::Pty;
use crate::support::waiting::soon;
use crate::support::{Answer, VAULT, contains, require};
use std::fs;

/// The hook for canaries sees the variables of whoever touched one, and none that leads to a key.
#[test]
fn the_hook_for_canaries_has_the_clients_environment() {
    let desk = Desk::locked();
    desk.sandbox.ok(&["cred", "add", "bait", "--stdin", "--canary"], b"hunter22");
    let hook = desk
        .sandbox
        .script("hook", "#!/bin/sh\nenv > ${0}.env\ncat > ${0}.got\nmv ${0}.got ${0}.done\n");
    let config = desk.sandbox.file("config.toml", format!("[canary]\nhook = [\"{hook}\"]\n"));
    desk.unlock(&[]);
    let mut get = desk.detached(&["cred", "get", "bait"]);
    get.env("VAULT_CONFIG_FILE", config).env("OF_THE_CLIENT", "yes").env("VAULT_KEY", "canary");
    assert_eq!(Answer::of(&mut get).out, b"hunter22");
    soon("the hook", || desk.sandbox.path("hook.done").exists());
    let env = fs::read_to_string(desk.sandbox.path("hook.env")).unwrap();
    assert!(env.contains("OF_THE_CLIENT=yes") && !env.contains("VAULT_KEY"), "{env}");
    assert!(fs::read_to_string(desk.sandbox.path("hook.done")).unwrap().contains("bait"));
}

#[test]
fn a_copy_goes_to_the_terminal_of_the_client() {
    if !require("setsid") {
        return;
    }
    let desk = Desk::unlocked();
    let mut command = desk.sandbox.command("setsid");
    command.args(["-c", "-w"]);
    let line = format!("{VAULT} cred copy db/main --osc52 --clear-after 1s; echo code $?; read x");
    let mut copy = Pty::start(desk.dress(command, &["sh", "-c", &line]));
    let encoded = data_encoding::BASE64.encode(b"the-value");
    copy.expect(&format!("\u{1b}]52;c;{encoded}\u{7}"));
    copy.expect("code 0");
    copy.expect("\u{1b}]52;c;\u{7}");
    copy.send("\r");
    copy.finish();
    let other = desk.run(&["cred", "copy", "db/main"]);
    assert_eq!(other.code, 4, "{}", other.err);
}

/// Neither variables nor arguments of the process have anything of whoever started it.
#[test]
fn the_agent_keeps_nothing_of_who_unlocked() {
    let desk = Desk::locked();
    let key = fs::read_to_string(desk.sandbox.path("key")).unwrap();
    let key = key.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).unwrap();
    let mut unlock = desk.detached(&["unlock"]);
    unlock.env("VAULT_KEY", key).env("PRIVATE", "canary-of-the-environment");
    assert_eq!(Answer::of(&mut unlock).code, 0);
    for part in ["environ", "cmdline"] {
        let seen = fs::read(format!("/proc/{}/{part}", desk.pid()));
        // only the superuser may look
        let Ok(seen) = seen else { continue };
        for secret in [key, "canary-of-the-environment"] {
            assert!(!contains(&seen, secret.as_bytes()), "{part}");
        }
    }
    let open = fs::read_dir(format!("/proc/{}/fd", desk.pid()));
    let open = open.map_or(0, Iterator::count);
    assert!(open < 15, "{open} descriptors");
    assert_eq!(desk.ok(&["cred", "get", "db/main"]), b"the-value");
}

/// A program that was replaced while the agent lives is found all the same.
#[test]
fn a_program_that_has_gone_still_serves() {
    let desk = Desk::locked();
    let program = desk.sandbox.program();
    let key = desk.sandbox.path("key");
    let mut unlock = desk.dress(desk.sandbox.command(&program), &["unlock"]);
    assert_eq!(Answer::of(unlock.env("VAULT_KEY_FILE", key)).code, 0);
    fs::remove_file(&program).unwrap();
    assert_eq!(desk.ok(&["cred", "get", "db/main"]), b"the-value");
    desk.ok(&["lock"]);
    assert_eq!(desk.cause_of_lock(), "asked");
}
