//! Names of variables that no credential may set.

/// Whether a variable of this name means something to shells, the loader or interpreters. Some shells even
/// compute what is put into their own variables.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name) || BEGINNINGS.iter().any(|begin| name.starts_with(begin))
}

/// Beginnings of names that mean something.
pub(super) const BEGINNINGS: &[&str] = &[
    "BASH_", "COMP_", "DYLD_", "GIT_", "HIST", "LC_", "LD_", "NODE_", "PERL5", "PYTHON", "RUBY",
    "VAULT_", "ZSH_",
];

/// Names that mean something. Those of whole numbers in zsh are computed when they are set, commands in
/// them included.
#[rustfmt::skip] // a table to be looked up, not read
pub(super) const NAMES: &[&str] = &[
    "ARGC", "ARGV0", "BASHOPTS", "BASHPID", "BAUD", "CDPATH", "CLASSPATH", "COLUMNS", "DIRSTACK",
    "DIRSTACKSIZE", "DISPLAY", "EDITOR", "EGID", "EMACS", "ENV", "EPOCHREALTIME", "EPOCHSECONDS",
    "ERRNO", "EUID", "EXECIGNORE", "FCEDIT", "FIGNORE", "FPATH", "FUNCNAME", "FUNCNEST", "GID",
    "GLOBIGNORE", "GROUPS", "HOME", "HOSTFILE", "HOSTNAME", "HOSTTYPE", "IFS", "IGNOREEOF",
    "INPUTRC", "JAVA_TOOL_OPTIONS", "KEYTIMEOUT", "LANG", "LANGUAGE", "LINENO", "LINES", "LISTMAX",
    "LOGCHECK", "LOGNAME", "MACHTYPE", "MAIL", "MAILCHECK", "MAILPATH", "MANPATH", "MAPFILE",
    "MODULE_PATH", "NULLCMD", "OLDPWD", "OPTARG", "OPTERR", "OPTIND", "OSTYPE", "PAGER", "PATH",
    "PIPESTATUS", "POSIXLY_CORRECT", "POSTEDIT", "PPID", "PROMPT", "PROMPT2", "PROMPT3", "PROMPT4",
    "PROMPT_COMMAND", "PROMPT_DIRTRIM", "PS0", "PS1", "PS2", "PS3", "PS4", "PSVAR", "PWD", "RANDOM",
    "READLINE_LINE", "READNULLCMD", "REPLY", "REPORTMEMORY", "REPORTTIME", "RPROMPT", "RPROMPT2",
    "RPS1", "RPS2", "SAVEHIST", "SECONDS", "SHELL", "SHELLOPTS", "SHLVL", "SPROMPT", "SRANDOM",
    "SSH_ASKPASS", "SSH_AUTH_SOCK", "STTY", "TERM", "TERMINFO", "TERMINFO_DIRS", "TIMEFMT", "TMOUT",
    "TMPDIR", "TMPPREFIX", "TMPSUFFIX", "TRY_BLOCK_ERROR", "TRY_BLOCK_INTERRUPT", "TTY", "TTYIDLE",
    "TZ", "UID", "USER", "USERNAME", "VENDOR", "VISUAL", "WATCH", "WATCHFMT", "WORDCHARS",
    "ZDOTDIR", "ZLE_RPROMPT_INDENT", "ZLS_COLORS", "_",
];
