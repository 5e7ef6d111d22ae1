//! The fingerprint that a vault must have, as people copy it: `--pin`, or `VAULT_FINGERPRINT`.

use crate::cli::context::Context;
use crate::error::{Error, Result};
use std::ffi::OsStr;

/// So many characters of base32 make 160 bits.
const CHARACTERS: usize = 32;

/// The fingerprint in `text`, whatever separates its groups and however it is written.
///
/// # Errors
/// Usage (2) when it is none; what was typed may be something else, and is not quoted.
pub fn parse(text: &str) -> Result<String> {
    let is_gap = |c: char| c.is_whitespace() || "-:.".contains(c);
    let bare: String = text.chars().filter(|c| !is_gap(*c)).collect();
    let bare = bare.to_ascii_lowercase();
    let is_base32 = |byte: u8| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte);
    match bare.len() == CHARACTERS && bare.bytes().all(is_base32) {
        true => Ok(bare),
        false => Err(Error::usage("a fingerprint has 8 groups of 4 letters and digits")
            .hint("where the vault is known: vault status")),
    }
}

/// The fingerprint that was said to be the right one, if any was.
///
/// # Errors
/// Usage (2) when the variable holds none, nothing included: `$(cat missing)` must not mean that any vault will do.
pub(super) fn wanted(cx: &Context) -> Result<Option<String>> {
    if let Some(pin) = &cx.globals.pin {
        return parse(pin).map(Some);
    }
    if cx.world.is_empty_var("VAULT_FINGERPRINT") {
        return Err(Error::usage("VAULT_FINGERPRINT is set, but empty")
            .hint("where any vault will do: unset VAULT_FINGERPRINT"));
    }
    let given = cx.world.var("VAULT_FINGERPRINT").map(OsStr::to_string_lossy);
    let wanted = given.map(|text| parse(&text)).transpose();
    wanted.map_err(|e| e.hint("it is in VAULT_FINGERPRINT"))
}

/// Refuses a vault that has not the fingerprint `wanted`.
pub(super) fn compare(wanted: &str, found: &str) -> Result<()> {
    if parse(found).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    let groups: Vec<_> =
        (0..CHARACTERS).step_by(4).filter_map(|at| wanted.get(at..at + 4)).collect();
    let what = format!("the vault has the fingerprint {found}, and not {}", groups.join("-"));
    Err(Error::integrity(what).hint("find out where this file came from; do not use it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str = "abcd-efgh-ijkl-mnop-qrst-uvwx-yz23-4567";

    #[test]
    fn however_it_is_copied_it_is_the_same() {
        for text in [
            FOUND,
            "ABCD EFGH IJKL MNOP QRST UVWX YZ23 4567",
            "abcdefghijklmnopqrstuvwxyz234567",
            " abcd-efgh-ijkl-mnop\nqrst-uvwx-yz23-4567\n",
        ] {
            assert!(compare(&parse(text).unwrap(), FOUND).is_ok(), "{text}");
        }
        for text in
            ["", "abcd", "123456", &FOUND[1..], &format!("{FOUND}a"), &FOUND.replace('7', "8")]
        {
            let wrong = parse(text).unwrap_err();
            assert!(text.len() < 5 || !wrong.message().contains(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_fingerprint_is_not_taken_for_none() {
        use crate::world::World;
        use std::os::unix::ffi::OsStrExt;
        for text in [&b"\xff\xfe"[..], b"abcd", b" ", b""] {
            let world = World::fake(&[("VAULT_FINGERPRINT", OsStr::from_bytes(text))], None);
            let globals = crate::cli::context::Globals::default();
            let wrong = wanted(&Context::new(globals, std::rc::Rc::new(world))).unwrap_err();
            let hints = wrong.hints().join("\n");
            assert!(hints.contains("VAULT_FINGERPRINT"), "{wrong}");
        }
    }

    #[test]
    fn another_one_is_refused_naming_both() {
        let other = FOUND.replace('a', "b");
        let wrong = compare(&parse(&other).unwrap(), FOUND).unwrap_err();
        assert_eq!(wrong.kind().code(), 15);
        assert!(wrong.message().contains(FOUND) && wrong.message().contains(&other));
    }
}
