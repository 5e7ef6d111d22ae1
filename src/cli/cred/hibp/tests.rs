//! Lists of every form, whole and damaged.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn list(entries: impl IntoIterator<Item = (Digest, u64)>, end: &str) -> String {
    let lines = entries.into_iter().map(|(digest, n)| format!("{}:{n}{end}", hex(&digest)));
    lines.collect::<Vec<_>>().concat()
}

fn digest(first: u8, last: u8) -> Digest {
    let mut digest = [7; 20];
    (digest[0], digest[19]) = (first, last);
    digest
}

fn lines(path: &Path) -> Lines<'_> {
    let file = File::open(path).unwrap();
    let length = file.metadata().unwrap().len();
    Lines { file, length, path }
}

proptest! {
    #[test]
    fn searching_finds_what_scanning_finds(
        entries: BTreeMap<u8, u64>, wanted: Vec<u8>, crlf: bool, open_end: bool,
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = list(entries.iter().map(|(at, n)| (digest(*at, 1), *n)), end);
        if open_end {
            text.truncate(text.trim_end().len());
        }
        let (_dir, path) = written(&text);
        let lines = lines(&path);
        prop_assert!(lines.are_sorted().unwrap());
        let mut scanned = wanted.iter().map(|at| (digest(*at, 1), 0)).collect();
        scan(&path, "", &mut scanned).unwrap();
        for (wanted, count) in scanned {
            prop_assert_eq!(lines.find(&wanted).unwrap(), count);
            prop_assert_eq!(count, entries.get(&wanted[0]).copied().unwrap_or(0));
        }
        prop_assert_eq!(lines.find(&digest(9, 0)).unwrap(), 0);
    }

    #[test]
    fn any_file_is_survived(bytes: Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ABCDE");
        std::fs::write(&path, bytes).unwrap();
        if let Ok(list) = Leaked::open(&path) {
            let _ = list.counts(&[&digest(1, 1)]);
        }
        let _ = lines(&path).are_sorted();
        let _ = lines(&path).find(&digest(1, 1));
    }
}

#[test]
fn disorder_is_noticed_at_either_end_and_between() {
    let sorted: Vec<_> = (0..=255).map(|n| (digest(n, 1), 1)).collect();
    let order = |entries: &[(Digest, u64)]| {
        let (_dir, path) = written(&list(entries.iter().copied(), "\n"));
        lines(&path).are_sorted().unwrap()
    };
    assert!(order(&sorted));
    for at in [0, 100, 254] {
        let mut wrong = sorted.clone();
        wrong.swap(at, at + 1);
        assert!(!order(&wrong), "{at}");
    }
    // more than what is read of the ends
    let all = (0..=255).flat_map(|a| (0..=255).map(move |b| (digest(a, b), 1)));
    let mut long: Vec<_> = all.collect();
    assert!(order(&long));
    long[30_000..40_000].reverse();
    assert!(!order(&long));
}

#[test]
fn lower_case_missing_counts_and_padding() {
    let text = format!("{}\n\n{}:0\n", hex(&digest(1, 1)).to_lowercase(), hex(&digest(2, 1)));
    let (_dir, path) = written(&text);
    let list = Leaked::open(&path).unwrap();
    let counts = list.counts(&[&digest(1, 1), &digest(2, 1), &digest(3, 1)]).unwrap();
    assert_eq!(counts, [Some(1), Some(0), Some(0)]);
}

#[test]
fn ranges_know_their_own_digits_only() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, other) = (digest(0xab, 1), digest(0xcd, 1));
    let range = format!("{}:42\r\n", &hex(&ours)[5..]);
    let path = dir.path().join(format!("{}.txt", &hex(&ours)[..5]));
    std::fs::write(&path, range).unwrap();
    let found = |list: &Path| {
        let counts = Leaked::open(list).unwrap().counts(&[&ours, &other, &digest(0xab, 2)]);
        assert_eq!(counts.unwrap(), [Some(42), None, Some(0)], "{}", list.display());
    };
    found(&path);
    found(dir.path());
    // the digits may be written small
    let small = dir.path().join(format!("{}.txt", &hex(&ours)[..5].to_lowercase()));
    std::fs::rename(path, small).unwrap();
    found(dir.path());
}

#[test]
fn what_is_no_list_is_refused() {
    for (name, text, message) in [
        ("list", "", "no list of SHA-1"),
        ("list", "hunter2\n", "no list of SHA-1"),
        ("list", "8846F7EAEE8FB117AD06BDD830B7586C:3\n", "NTLM"),
        ("list", "1D9AF3D19E29E1C6ABA24CDAA8C1E0EE5E2:1\n", "five digits"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let e = Leaked::open(&path).err().unwrap();
        assert!(e.message().contains(message) && !e.message().contains("hunter2"), "{e}");
    }
    let (_dir, path) = written(&format!("{}\nnonsense\n", hex(&digest(1, 1))));
    assert!(Leaked::open(&path).unwrap().counts(&[&digest(1, 1)]).is_err());
}
