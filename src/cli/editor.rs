//! The user's editor: which one, with which options, and how it ended. Knows nothing of the text.

use crate::error::{Error, ErrorKind, Result};
use crate::sys::Signals;
use crate::world::World;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long an editor that was told to end may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often to look whether the editor has ended.
const PACE: Duration = Duration::from_millis(20);

/// In the order of preference.
const DEFAULTS: &[&str] = &["editor", "nano", "vim", "vi"];

/// An editor, as the user has it.
pub struct Editor {
    /// A line for the shell.
    line: String,
    family: Family,
}

/// Editors whose habits are known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Family {
    Vim,
    Emacs,
    Nano,
    Unknown,
}

impl Editor {
    /// The one in `VISUAL` or `EDITOR`, or else one that is there.
    ///
    /// # Errors
    /// Unsupported (4) when there is none.
    pub fn find(world: &World) -> Result<Self> {
        let named = ["VISUAL", "EDITOR"].into_iter().find_map(|name| world.var(name));
        let Some(line) = named.map_or_else(|| default(world), OsStr::to_str) else {
            return Err(no_editor("nano"));
        };
        let name = line.split_whitespace().next().unwrap_or_default();
        let found = program(world, name);
        if found.is_none() && is_plain(name) {
            return Err(no_editor(name));
        }
        let family = found.map_or(Family::Unknown, |path| family(&path));
        Ok(Self { family, line: line.to_owned() })
    }

    /// Whether it is known to leave no copy of the text behind, with the options it is given.
    #[must_use]
    pub fn leaves_nothing(&self) -> bool {
        self.family != Family::Unknown
    }

    /// Opens `path` in it and waits for its end. It gets the terminal, and nothing of ours from the
    /// environment.
    ///
    /// # Errors
    /// Unsupported (4) when it cannot be started; aborted (3) when it fails or was ended.
    pub fn open(&self, world: &World, path: &Path, signals: &Signals) -> Result<()> {
        let mut command = Command::new("/bin/sh");
        // one program in the place of the shell, so that a signal to it reaches the editor
        let exec = if is_plain(&self.line) { "exec " } else { "" };
        command.arg("-c").arg(format!("{exec}{} \"$@\"", self.line)).arg("sh");
        command.args(self.options()).arg(path);
        command.env_clear().envs(world.child_env());
        at_the_terminal(&mut command)?;
        let mut child = command.spawn().map_err(|e| Error::io("cannot start a shell", &e))?;
        let status = wait(&mut child, signals)?;
        match signals.told_to_end() {
            true => Ok(()), // whoever noted the signals knows what to do
            false => self.judge(status),
        }
    }

    /// What keeps it from writing the text anywhere else: swap, backup, undo, history. Settings of the
    /// user come before these.
    fn options(&self) -> &'static [&'static str] {
        match self.family {
            Family::Vim => VIM,
            Family::Emacs => EMACS,
            Family::Nano => NANO,
            Family::Unknown => &[],
        }
    }

    fn judge(&self, status: ExitStatus) -> Result<()> {
        let word = self.line.split_whitespace().next().unwrap_or_default();
        let aborted = |how: String| {
            Error::new(ErrorKind::Aborted, format!("the editor {how}; nothing was changed"))
        };
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(()),
            (Some(126 | 127), _) => Err(no_editor(word)),
            (Some(code), _) => Err(aborted(format!("`{word}` ended with code {code}"))
                .hint("try again, and end the editor without an error")),
            (None, signal) => {
                Err(aborted(format!("`{word}` was ended by signal {}", signal.unwrap_or_default())))
            }
        }
    }
}

/// Options that hold for this run alone. Vim's are set early, for what it does before it reads the
/// user's settings, and once more afterwards.
const VIM: &[&str] = &["-n", "-i", "NONE", "--cmd", VIM_SET, "-c", VIM_SET];
const VIM_SET: &str = "silent! set noswapfile nobackup nowritebackup viminfo= nomodeline \
                       | silent! set noundofile | silent! set patchmode=";
const EMACS: &[&str] = &[
    "--eval",
    "(setq make-backup-files nil backup-inhibited t auto-save-default nil \
     auto-save-list-file-prefix nil create-lockfiles nil enable-local-variables nil \
     savehist-mode nil kill-emacs-hook nil)",
];
const NANO: &[&str] = &["--ignorercfiles"];

/// Waits for the editor; ends it if the process was told to end.
fn wait(child: &mut Child, signals: &Signals) -> Result<ExitStatus> {
    let wrong = |e| Error::io("cannot wait for the editor", &e);
    let mut since = None;
    loop {
        if let Some(status) = child.try_wait().map_err(wrong)? {
            return Ok(status);
        }
        match since {
            None if signals.told_to_end() => {
                terminate(child);
                since = Some(Instant::now());
            }
            Some(since) if since.elapsed() > PATIENCE => {
                child.kill().map_err(wrong)?;
                return child.wait().map_err(wrong);
            }
            None | Some(_) => std::thread::sleep(PACE),
        }
    }
}

fn terminate(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // it may have ended by itself
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// Gives `command` the terminal if there is one. Standard output is for our answer, never for it.
fn at_the_terminal(command: &mut Command) -> Result<()> {
    let wrong = |e| Error::io("cannot use the terminal", &e);
    if let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") {
        command.stdin(Stdio::from(terminal.try_clone().map_err(wrong)?));
        command.stdout(Stdio::from(terminal));
        return Ok(());
    }
    let stderr = std::io::stderr().as_fd().try_clone_to_owned().map_err(wrong)?;
    command.stdout(Stdio::from(stderr));
    Ok(())
}

/// What to start when nobody has said.
fn default(world: &World) -> Option<&'static str> {
    DEFAULTS.iter().find(|name| program(world, name).is_some()).copied()
}

/// The file of the program `name`, if there is one.
fn program(world: &World, name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path = world.var("PATH").unwrap_or(OsStr::new("/usr/bin:/bin"));
    let mut places = std::env::split_paths(path).map(|dir| dir.join(name));
    places.find(|path| !name.is_empty() && path.is_file())
}

/// What sort of editor a program is, whatever links lead to it.
fn family(path: &Path) -> Family {
    let real = path.canonicalize();
    let name = real.as_deref().unwrap_or(path).file_name().and_then(OsStr::to_str);
    match name.unwrap_or_default() {
        "nvim" | "vim" => Family::Vim,
        name if name.starts_with("vim.") => Family::Vim,
        "nano" | "rnano" => Family::Nano,
        name if name.starts_with("emacs") && !name.starts_with("emacsclient") => Family::Emacs,
        _ => Family::Unknown,
    }
}

/// Whether the shell takes the line as words and nothing else.
fn is_plain(line: &str) -> bool {
    line.chars().all(|c| c.is_alphanumeric() || " /._-+:@%,".contains(c))
}

fn no_editor(word: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("there is no editor `{word}`"))
        .hint("name one that is there: export EDITOR=vi")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editors_are_known_by_their_files() {
        for (path, expected) in [
            ("/x/vim", Family::Vim),
            ("/x/vim.basic", Family::Vim),
            ("/x/nvim", Family::Vim),
            ("/x/emacs-30.1", Family::Emacs),
            ("/x/emacsclient", Family::Unknown),
            ("/x/nano", Family::Nano),
            ("/x/code", Family::Unknown),
        ] {
            assert_eq!(family(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn the_users_choice_comes_first_and_must_be_there() {
        let find = |env: &[(&str, &str)]| {
            let env: Vec<_> = env.iter().map(|(k, v)| (*k, OsStr::new(*v))).collect();
            Editor::find(&World::fake(&env, None))
        };
        let path = ("PATH", "/usr/bin:/bin");
        assert_eq!(find(&[path, ("VISUAL", "sh -x"), ("EDITOR", "no")]).unwrap().line, "sh -x");
        assert_eq!(find(&[path, ("EDITOR", "true")]).unwrap().line, "true");
        let gone = find(&[path, ("EDITOR", "no-such-editor --wait")]).err().unwrap();
        assert_eq!(gone.kind(), ErrorKind::Unsupported);
        assert_eq!(gone.message(), "there is no editor `no-such-editor`");
        assert_eq!(find(&[("PATH", "/nowhere")]).err().unwrap().kind(), ErrorKind::Unsupported);
    }
}
