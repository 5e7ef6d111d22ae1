//! Progress bars: on stderr, when somebody looks at it.

use super::context::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar that counts `what`; invisible when stderr is no terminal or must be quiet.
#[must_use]
pub fn bar(cx: &Context, what: &'static str) -> ProgressBar {
    let seen = std::io::stderr().is_terminal() && !cx.globals.quiet;
    let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target).with_message(what);
    match ProgressStyle::with_template("{wide_bar} {pos} {msg}, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The same for a known number of things; few are done before anybody has seen a bar.
#[must_use]
pub fn bar_of(cx: &Context, what: &'static str, count: usize) -> ProgressBar {
    if count < FEW {
        return ProgressBar::hidden();
    }
    let bar = bar(cx, what);
    bar.set_length(u64::try_from(count).unwrap_or(u64::MAX));
    bar
}

/// A bar over `work`, which tells how many of how many things are done.
pub fn of_many<T>(
    cx: &Context,
    what: &'static str,
    work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> T,
) -> T {
    let bar = bar(cx, what);
    let done = work(&mut |done, all| {
        // fewer are done before a bar could be seen
        if all > MANY {
            bar.set_length(all);
            bar.set_position(done);
        }
    });
    bar.finish_and_clear();
    done
}

const FEW: usize = 20;
const MANY: u64 = 1000;
