//! Where answers go: to standard output, by way of `render`.

use super::context::Context;
use super::render::{self, Format, Heard, Style};
use super::report::Report;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;

/// Shows the answer of a command.
pub(super) fn speak(cx: &Context, report: Report) -> Result<()> {
    let mut out: Box<dyn Write> = match stdout() {
        Ok(out) => Box::new(out),
        // what was done was done, and saying so does not need standard output
        Err(_) if is_remark(&report, cx.format()) => Box::new(std::io::sink()),
        Err(e) => return Err(Error::io("cannot write the answer", &e)),
    };
    speak_to(&mut out, cx, report)
}

/// Shows an answer before the command goes on, which must not if it did not arrive.
pub(super) fn speak_first(cx: &Context, report: Report) -> Result<()> {
    let out = stdout().map_err(|e| Error::io("cannot write the answer", &e))?;
    let mut out = Heard::new(out);
    speak_to(&mut out, cx, report)?;
    out.check()
}

/// A descriptor of our own: the buffer behind `std::io::stdout` is never freed, so never wiped.
fn stdout() -> std::io::Result<File> {
    std::io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

fn speak_to(out: &mut dyn Write, cx: &Context, report: Report) -> Result<()> {
    let terminal = cx.world.stdout_is_terminal;
    let style = Style {
        terminal,
        width: width(),
        color: is_colored(cx),
        quiet: cx.globals.quiet,
        raw: cx.shows_raw(),
    };
    render::report(report, cx.format(), out, &mut std::io::stderr(), &style)
}

/// Whether what is written to standard output may be coloured.
pub(super) fn is_colored(cx: &Context) -> bool {
    let is_dumb = cx.world.var("TERM").is_some_and(|term| term == "dumb");
    cx.world.stdout_is_terminal && !is_dumb && cx.world.var("NO_COLOR").is_none()
}

fn is_remark(report: &Report, format: Format) -> bool {
    matches!(report, Report::Done { .. }) && format != Format::Json
}

fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}
