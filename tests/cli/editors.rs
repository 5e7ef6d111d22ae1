//! Real editors, of users who have them keep everything: with our options they keep nothing.

use super::edit::Desk;
use super::support::pty::Pty;
use super::support::{contains, files, require};
use std::path::PathBuf;

/// An editor, and how to change the secret in it.
struct Trial {
    program: &'static str,
    config: &'static str,
    settings: &'static str,
    /// What to wait for, and what to type then.
    keys: &'static [(&'static str, &'static str)],
}

const VIM: Trial = Trial {
    program: "vim",
    config: ".vimrc",
    settings: "set nocompatible undofile undodir=~/keep backup writebackup backupdir=~/keep
set swapfile directory=~/keep viminfo='50,<500,s100,n~/keep/viminfo updatecount=1 modeline\n",
    keys: &[("Change what", ":%s/canary/canary2/\r"), ("canary2", "yy:w\r"), ("written", ":wq\r")],
};

const NVIM: Trial = Trial { program: "nvim", config: ".config/nvim/init.vim", ..VIM };

const NANO: Trial = Trial {
    program: "nano",
    config: ".config/nano/nanorc",
    settings: "set backup\nset backupdir \"~/keep\"\nset historylog\nset positionlog\n",
    keys: &[
        ("Change what", "\u{1c}"),
        ("Search (to replace)", "hunter2-canary\r"),
        ("Replace with", "hunter2-canary2\r"),
        ("this instance?", "A"),
        ("Replaced 1", "\u{f}"),
        ("File Name to Write", "\r"),
        ("Wrote", "\u{18}"),
    ],
};

const EMACS: Trial = Trial {
    program: "emacs",
    config: ".emacs",
    settings: "(setq inhibit-startup-screen t make-backup-files t version-control t
      backup-directory-alist '((\".\" . \"~/keep\")) savehist-file \"~/keep/history\"
      savehist-additional-variables '(kill-ring))
(savehist-mode 1)\n",
    keys: &[
        ("Change what", "\u{1b}x"),
        ("M-x", "replace-string\r"),
        ("Replace string", "hunter2-canary\r"),
        ("with", "hunter2-canary2\r"),
        ("Replaced 1", "\u{18}\u{13}"),
        ("Wrote", "\u{18}\u{3}"),
    ],
};

impl Trial {
    /// Edits with it as `editor`. Tells in how many files below home the secret is: once all was
    /// typed but the end, and afterwards.
    fn run(&self, desk: &Desk, editor: &str) -> (usize, usize) {
        let home = desk.sandbox.path("home");
        let config = home.join(self.config);
        std::fs::create_dir_all(home.join("keep")).unwrap();
        std::fs::create_dir_all(config.parent().unwrap()).unwrap();
        // the superuser's nano looks for its home elsewhere
        let settings = self.settings.replace('~', home.to_str().unwrap());
        std::fs::write(config, settings).unwrap();
        let memory = desk.memory.path().to_str().unwrap();
        let configs = home.join(".config");
        let env = [
            ("EDITOR", editor),
            ("XDG_RUNTIME_DIR", memory),
            ("XDG_CONFIG_HOME", configs.to_str().unwrap()),
        ];
        let args = ["cred", "edit", "db/main", "--secrets"];
        let mut terminal = Pty::vault(&desk.sandbox, &args, &env);
        let kept = || {
            let found =
                |file: &PathBuf| contains(&std::fs::read(file).unwrap_or_default(), b"canary");
            files(&home).into_iter().filter(found).count()
        };
        let mut open = 0;
        for (wait, keys) in self.keys {
            terminal.expect(wait);
            open = kept();
            terminal.send(keys);
        }
        let (code, screen) = terminal.end();
        assert_eq!(code, 0, "{screen}");
        (open, kept())
    }
}

#[track_caller]
fn keeps_nothing(trial: &Trial) {
    let Some(desk) = Desk::new() else { return };
    if !require(trial.program) {
        return;
    }
    assert_eq!(trial.run(&desk, trial.program), (0, 0), "{} keeps a copy", trial.program);
    let value = desk.sandbox.ok(&["cred", "get", "db/main"], b"");
    assert_eq!(value, b"hunter2-canary2");
    assert!(desk.left().is_empty());
    // the control: without our options, as a program that is not known, it keeps the secret
    let desk = Desk::new().unwrap();
    let (_, kept) = trial.run(&desk, &format!("env {}", trial.program));
    assert!(kept > 0, "this user of {} keeps nothing", trial.program);
}

#[test]
fn vim() {
    keeps_nothing(&VIM);
}

#[test]
fn nvim() {
    keeps_nothing(&NVIM);
}

#[test]
fn nano() {
    keeps_nothing(&NANO);
}

#[test]
fn emacs() {
    keeps_nothing(&EMACS);
}
