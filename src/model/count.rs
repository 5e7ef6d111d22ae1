//! Numbers of things, in words.

use std::fmt::Display;

/// `n` things of which `one` is the name: "1 value", "2 values", "3 entries".
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(n: N, one: &str) -> String {
    match one.strip_suffix('y') {
        _ if n == N::from(1) => format!("{n} {one}"),
        Some(begin) => format!("{n} {begin}ies"),
        None => format!("{n} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_and_others() {
        assert_eq!([counted(0_u64, "value"), counted(1_i64, "value")], ["0 values", "1 value"]);
        assert_eq!(
            [counted(1_usize, "entry"), counted(2_usize, "entry")],
            ["1 entry", "2 entries"]
        );
    }
}
