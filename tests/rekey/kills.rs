//! Killed at any moment, the vault has either its old keys or its new ones (T25). A few moments by
//! default; `VAULT_TEST_REKEY_KILLS=2000` for all of them. `tests/crash.rs` has the system calls.

use super::*;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Credentials in the vault that is killed.
const SECRETS: usize = 300;

fn full() -> Sandbox {
    let s = Sandbox::fast();
    s.ok(&["init"], b"");
    let line =
        |n| format!("{{\"name\":\"c{n}\",\"secrets\":{{\"password\":\"the-secret-{n}\"}}}}\n");
    let lines: String = (0..SECRETS).map(line).collect();
    s.ok(&["import", "--format", "jsonl"], lines.as_bytes());
    s
}

/// The epoch, once everything has been checked.
fn judge(s: &Sandbox) -> i64 {
    let doctor = String::from_utf8(s.ok(&["doctor"], b"")).unwrap();
    assert!(doctor.contains(&format!("{SECRETS} credentials, {SECRETS} values")), "{doctor}");
    sound(s);
    let value = s.ok(&["cred", "get", &format!("c{}", SECRETS / 2)], b"");
    assert_eq!(value, format!("the-secret-{}", SECRETS / 2).as_bytes());
    json(&s.ok(&["status", "--json"], b""))["epoch"].as_i64().unwrap()
}

#[test]
fn killed_at_any_moment_it_has_old_keys_or_new_ones() {
    let kills = std::env::var("VAULT_TEST_REKEY_KILLS").ok().and_then(|n| n.parse().ok());
    let kills: u32 = kills.unwrap_or(24);
    let base = full();
    let whole = base.copy();
    let start = Instant::now();
    rekey(&whole);
    let whole = start.elapsed();
    let mut seen = [0; 2];
    for n in 0..kills {
        let s = base.copy();
        let mut child = s.vault(&["rekey", "--yes"]).stderr(Stdio::null()).spawn().unwrap();
        // evenly over the whole run, and a little longer: another run may take longer than the first
        std::thread::sleep(
            whole.mul_f64(1.3) * n / kills + Duration::from_micros(u64::from(n % 7) * 90),
        );
        _ = child.kill();
        _ = child.wait();
        let epoch = judge(&s);
        assert!([1, 2].contains(&epoch), "kill {n}: epoch {epoch}");
        seen[usize::try_from(epoch - 1).unwrap()] += 1;
        // and it can simply be done again
        if n.is_multiple_of(5) {
            assert_eq!(rekey(&s)["epoch"], epoch + 1, "kill {n}");
            judge(&s);
        }
    }
    // it was never so fast again: later and later, until it is over
    let mut later = whole;
    while seen[1] == 0 {
        let s = base.copy();
        let mut child = s.vault(&["rekey", "--yes"]).stderr(Stdio::null()).spawn().unwrap();
        later = later.mul_f64(1.5);
        std::thread::sleep(later);
        _ = child.kill();
        _ = child.wait();
        seen[usize::try_from(judge(&s) - 1).unwrap()] += 1;
    }
    eprintln!("killed {kills} times: {} with old keys, {} with new ones", seen[0], seen[1]);
    assert!(seen.iter().all(|count| *count > 0), "not all of it was met: {seen:?}");
}
