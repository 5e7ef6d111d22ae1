//! Every command of the tree with arguments that do: for what must hold of all of them.

use super::Sandbox;

/// A command.
#[derive(Clone, Copy)]
pub struct Leaf {
    /// Its words.
    pub path: &'static str,
    /// What it needs besides, in the vault of [`filled`].
    pub args: &'static [&'static str],
    /// Whether it reads standard input because that is what it is for.
    pub reads: bool,
    /// How it ends with no key, and nobody to ask for one.
    pub keyless: i32,
    /// Whether it unlocks the vault and then waits for its turn, so that it can be stopped with keys.
    pub holds: bool,
}

impl Leaf {
    const fn new(path: &'static str, args: &'static [&'static str], keyless: i32) -> Self {
        Self { path, args, reads: false, keyless, holds: false }
    }

    const fn reading(self) -> Self {
        Self { reads: true, ..self }
    }

    /// The command line.
    pub fn words(&self) -> Vec<&'static str> {
        self.path.split(' ').chain(self.args.iter().copied()).collect()
    }
}

/// One that ends without a key.
const fn open(path: &'static str, args: &'static [&'static str], code: i32) -> Leaf {
    Leaf::new(path, args, code)
}

/// One that needs a key.
const fn holding(path: &'static str, args: &'static [&'static str]) -> Leaf {
    Leaf { holds: true, ..Leaf::new(path, args, 12) }
}

const fn ending(leaf: Leaf, code: i32) -> Leaf {
    Leaf { keyless: code, ..leaf }
}

/// All of them. A command that is new is missed by a test.
pub const LEAVES: &[Leaf] = &[
    open("init", &["--vault", "new.db"], 12),
    open("status", &[], 0),
    open("doctor", &[], 0),
    holding("cred add", &["y", "--generate"]),
    holding("cred clone", &["x", "y", "--with-secrets"]),
    open("cred list", &[], 0),
    open("cred due", &[], 0),
    holding("cred check", &[]),
    holding("cred show", &["x", "--reveal"]),
    holding("cred get", &["x"]),
    open("cred copy", &["x"], 4),
    holding("cred totp", &["t"]),
    holding("cred set", &["x", "--url", "https://example.com"]),
    holding("cred rotate", &["x", "--generate"]),
    holding("cred history", &["x", "--verify"]),
    holding("cred rollback", &["x", "--to", "1"]),
    open("cred edit", &["x"], 12),
    holding("cred rename", &["x", "y"]),
    holding("cred rm", &["x"]),
    holding("cred restore", &["gone"]),
    holding("cred purge", &["gone", "--yes"]),
    open("audit show", &[], 0),
    open("audit stats", &[], 0),
    open("audit report", &["--html"], 0),
    open("audit alerts", &[], 0),
    open("audit verify", &[], 0),
    holding("audit checkpoint", &[]),
    open("audit export", &[], 0),
    open("audit sinks", &[], 0),
    open("audit prune", &["--before", "1d", "--yes"], 12),
    holding("incident open", &["another"]),
    open("incident list", &[], 0),
    holding("incident show", &["1", "--unlock"]),
    holding("incident edit", &["1", "--severity", "low"]),
    holding("incident note", &["1", "seen"]),
    holding("incident link", &["1", "x"]),
    holding("incident unlink", &["1", "t"]),
    holding("incident blast", &["1"]),
    holding("incident rotate", &["1"]),
    holding("incident report", &["1"]),
    holding("incident contain", &["1"]),
    holding("incident monitor", &["1"]),
    holding("incident resolve", &["1"]),
    holding("incident reopen", &["1"]),
    holding("incident rm", &["1"]),
    holding("incident restore", &["2"]),
    holding("whose", &["--file", "leaked"]),
    ending(holding("run", &["--cred", "x", "--", "true"]), 125),
    open("helper git", &["get"], 0).reading(),
    open("helper docker", &["get"], 1).reading(),
    holding("helper aws", &["aws"]),
    open("helper ssh-askpass", &["Password: "], 1),
    holding("helper ansible", &[]),
    holding("helper kubectl", &["k8s"]),
    open("helper terraform", &[], 2).reading(),
    holding("helper summon", &["x"]),
    open("helper install git", &["--dry-run"], 0),
    open("helper install docker", &["--dry-run"], 0),
    open("helper install aws", &["x", "--dry-run"], 0),
    open("inject", &[], 0).reading(),
    holding("export", &["--format", "json", "x"]),
    ending(holding("ssh-agent", &["--", "true"]), 125),
    open("import", &["--format", "jsonl"], 12).reading(),
    open("generate", &[], 0),
    open("completions", &["bash"], 0),
    open("man", &["pages"], 0),
    open("demo", &[], 0),
    open("selftest io", &[], 0),
    open("key list", &[], 0),
    holding("key add", &["new", "--new-key-file", "new.key"]),
    holding("key rm", &["spare", "--yes"]),
    holding("key passwd", &["words", "--new-passphrase-file", "words"]),
    open("key test", &[], 12),
    holding("key rekey", &["--untested", "spare", "--slot", "words=words", "--yes"]),
    holding("rekey", &["--untested", "spare", "--slot", "words=words", "--yes"]),
    open("unlock", &[], 12),
    open("lock", &[], 0),
    open("trust-state", &["--yes"], 13),
    open("help", &["environment"], 0),
];

/// A vault in which each of them finds what it wants.
pub fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.ok(&["cred", "set", "x", "--stdin"], b"hunter3");
    sandbox.add("t", b"hunter4");
    sandbox.ok(&["cred", "set", "t", "totp", "--stdin"], b"JBSWY3DPEHPK3PXP");
    sandbox.add("gone", b"hunter5");
    sandbox.ok(&["cred", "rm", "gone"], b"");
    for title in ["Laptop stolen", "Nothing"] {
        sandbox.ok(&["incident", "open", title, "--cred", "t"], b"");
    }
    sandbox.ok(&["incident", "rm", "2"], b"");
    sandbox.ok(&["cred", "add", "k", "--type", "ssh", "--generate=ed25519"], b"");
    let aws = ["cred", "add", "aws", "--type", "api_key", "--username", "AKIAEXAMPLE", "--stdin"];
    sandbox.ok(&aws, b"hunter6");
    sandbox.ok(&["cred", "add", "k8s", "--type", "bearer_token", "--stdin"], b"hunter7");
    sandbox.add("ansible/default", b"hunter8");
    sandbox.file("leaked", "hunter2");
    sandbox.ok(&["key", "add", "spare", "--new-key-file", "spare.key"], b"");
    sandbox.file("words", "gravel ostrich penknife lullaby");
    sandbox.ok(&["key", "add", "words", "--new-passphrase-file", "words"], b"");
    sandbox
}
