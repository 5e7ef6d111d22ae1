//! Killed, or with failing calls, at any point: what was handed over is in the log, and what was left is
//! wiped at the next start.

use crate::sandbox;
use crate::support::{Answer, Sandbox, VAULT, files, require, unable};
use std::fs;
use std::path::Path;

/// The calls that are disturbed.
const CALLS: [&str; 9] =
    ["pwrite64", "fdatasync", "fsync", "rename", "mkdir", "openat", "write", "unlink", "clone3"];

/// One run with a value in a file and in a variable, disturbed at the nth such call: its code.
fn disturbed(sandbox: &Sandbox, memory: &Path, call: &str, fault: &str, nth: usize) -> i32 {
    let mut command = sandbox.command("strace");
    command.args(["-qq", "-o", "trace", "-e"]).arg(format!("trace={call}"));
    command.args(["-e", &format!("inject={call}:{fault}:when={nth}"), VAULT]);
    command.args(["run", "-e", "A=vault://x", "--file", "F=vault://x", "--", "sh", "-c"]);
    command.arg("printf %s \"$A\" > out; cat \"$F\" >> out").env("XDG_RUNTIME_DIR", memory);
    Answer::of(&mut command).code
}

fn entries(sandbox: &Sandbox) -> usize {
    sandbox.log(&["--action", "run", "--outcome", "ok", "--limit", "0"]).len()
}

#[test]
fn killed_anywhere_it_hands_over_nothing_unnoticed_and_leaves_nothing() {
    if !require("strace") {
        return;
    }
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        unable("there is no /dev/shm");
        return;
    };
    let sandbox = sandbox();
    let out = sandbox.path("out");
    let (mut killed, mut left, mut failed) = (0, 0, 0);
    for (call, fault) in
        CALLS.iter().flat_map(|call| ["signal=KILL", "error=EIO"].map(|fault| (*call, fault)))
    {
        for nth in 1.. {
            let _ = fs::remove_file(&out);
            let before = entries(&sandbox);
            let code = disturbed(&sandbox, memory.path(), call, fault, nth);
            let handed = out.exists();
            assert!(!handed || entries(&sandbox) == before + 1, "{call} {nth} {fault}: no entry");
            left += usize::from(!files(memory.path()).is_empty());
            killed += usize::from(code == 137);
            failed += usize::from(code == 125);
            let mut next = sandbox.vault(&["run", "--", "true"]);
            assert_eq!(Answer::of(next.env("XDG_RUNTIME_DIR", memory.path())).code, 0);
            assert_eq!(files(memory.path()).len(), 0, "{call} {nth} {fault}: something is left");
            if fs::read_to_string(sandbox.path("trace")).unwrap().lines().count() < nth {
                break;
            }
        }
    }
    // else nothing was tried
    assert!(killed > 30 && left > 0 && failed > 10, "{killed} {left} {failed}");
}
