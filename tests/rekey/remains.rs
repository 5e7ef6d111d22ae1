//! What is left of the old epoch in the vault's files: nothing.

use super::*;
use std::collections::HashMap;

/// Pieces of so many bytes are looked for.
const PIECE: usize = 16;

/// Pieces from all over each ciphertext, but for its first line, which all age files have.
fn pieces(ciphertexts: &[Vec<u8>]) -> Vec<&[u8]> {
    let begin = b"age-encryption.org/v1\n-> X25519 ".len();
    let pieces = ciphertexts.iter().flat_map(|all| {
        let length = all.len();
        [begin, length / 3, length / 2, length - PIECE].map(|at| &all[at..at + PIECE])
    });
    pieces.collect()
}

/// How many of the pieces are somewhere in the database or in the files beside it.
fn found(s: &Sandbox, pieces: &[&[u8]]) -> usize {
    let mut wanted: HashMap<&[u8], bool> = pieces.iter().map(|piece| (*piece, false)).collect();
    for suffix in ["", "-wal", "-shm"] {
        let file = fs::read(s.path(&format!("data/vault/vault.db{suffix}"))).unwrap_or_default();
        for window in file.windows(PIECE) {
            if let Some(seen) = wanted.get_mut(window) {
                *seen = true;
            }
        }
    }
    wanted.values().filter(|seen| **seen).count()
}

/// Values of all sizes, some of them changed since, so that pages have been split and joined.
fn worn() -> Sandbox {
    let s = Sandbox::new();
    let lines = |range: std::ops::Range<usize>| -> String {
        let line = |n: usize| {
            let value = "v".repeat(n * 37 % 3_000 + 1);
            format!(
                "{{\"name\":\"c{:03}\",\"secrets\":{{\"password\":\"{value}\"}}}}\n",
                n * 71 % 500
            )
        };
        range.map(line).collect()
    };
    s.ok(&["import", "--format", "jsonl"], lines(0..300).as_bytes());
    for n in 0..12 {
        let name = format!("c{:03}", n * 71 % 500);
        s.ok(&["cred", "set", &name, "password", "--stdin"], &vec![b'w'; n * 800 + 1]);
    }
    s.ok(&["import", "--format", "jsonl"], lines(300..360).as_bytes());
    s.ok(&["incident", "open", "Odd", "--stdin"], b"what happened");
    s
}

#[test]
fn no_byte_of_the_old_ciphertexts_slots_or_recipients_is_left() {
    let s = worn();
    let old = sealed(&s);
    let looked_for = pieces(&old);
    assert!(old.len() > 370);
    let most = |pieces: &[&[u8]]| found(&s, pieces) * 100 > pieces.len() * 90;
    assert!(
        most(&looked_for),
        "the control: but for those across two pages, they are there before"
    );
    assert_eq!(rekey(&s)["clean"], true);
    assert_eq!(found(&s, &looked_for), 0);
    assert!(most(&pieces(&sealed(&s))), "the control: what is there is found");
    sound(&s);
}

/// Somebody who reads at that moment keeps the write-ahead log from being emptied: that is said, and the
/// next checkpoint makes up for it, which here is that of the next change.
#[test]
fn a_reader_in_the_way_is_told_of() {
    let s = worn();
    let old = sealed(&s);
    let looked_for = pieces(&old);
    let reader = rusqlite::Connection::open(s.database()).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count: i64 = reader.query_row("SELECT count(*) FROM secret", [], |row| row.get(0)).unwrap();
    assert!(count > 360);
    let answer = s.run(&["rekey", "--yes", "--json"]);
    assert_eq!((answer.code, &json(&answer.out)["clean"]), (0, &false.into()), "{}", answer.err);
    assert!(answer.err.contains("another process is reading"), "{}", answer.err);
    assert!(found(&s, &looked_for) > 0);
    reader.execute_batch("ROLLBACK").unwrap();
    drop(reader);
    s.add("later", b"x");
    assert_eq!(found(&s, &looked_for), 0);
    sound(&s);
}
