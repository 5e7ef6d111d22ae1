//! Every way out of the vault, one line each, and the values that are sent through them. Knows nothing of
//! how they are run.

/// A way out of the vault.
pub struct Delivery {
    /// What it is called in the answer.
    pub name: &'static str,
    /// The command that it takes, and an option of it; none is none.
    pub needs: (&'static [&'static str], &'static str),
    /// The program that it takes at the other end, if that is not part of every system.
    pub program: &'static str,
    /// A line for the shell that writes to standard output what arrived. It ends with failure when the
    /// vault did. `$NAME` is the credential, `$REF` the reference to its field `value`, and `$VAR` the
    /// full name of the variable for it.
    pub line: &'static str,
    /// Which values it may refuse, because there is no way to hand them over so.
    pub may_refuse: fn(&[u8]) -> bool,
}

const fn delivery(
    name: &'static str,
    needs: (&'static [&'static str], &'static str),
    program: &'static str,
    line: &'static str,
    may_refuse: fn(&[u8]) -> bool,
) -> Delivery {
    Delivery { name, needs, program, line, may_refuse }
}

/// A new way out is one line here.
pub const DELIVERIES: &[Delivery] = &[
    delivery("get, to a pipe", (&["cred", "get"], ""), "", "vault cred get $NAME", never),
    delivery(
        "get, to a file",
        (&["cred", "get"], ""),
        "",
        "vault cred get $NAME value > got && cat got",
        never,
    ),
    delivery("get, by reference", (&["inject"], ""), "", "vault cred get $REF", never),
    delivery(
        "run --env",
        (&["run"], "env"),
        "",
        "vault run -e X=$REF -- sh -c 'printf %s \"$X\"'",
        variable,
    ),
    delivery("run --replace", (&["run"], "replace"), "", RUN_REPLACE, variable),
    delivery("run --cred", (&["run"], "cred"), "", RUN_CRED, variable),
    delivery("run --env-file", (&["run"], "env-file"), "", RUN_ENV_FILE, variable),
    delivery(
        "run --file",
        (&["run"], "file"),
        "",
        "vault run --file X=$REF -- sh -c 'cat \"$X\"'",
        never,
    ),
    delivery(
        "run --fifo",
        (&["run"], "fifo"),
        "",
        "vault run --fifo X=$REF -- sh -c 'cat \"$X\"'",
        never,
    ),
    delivery("run --fd", (&["run"], "fd"), "", "vault run --fd 5=$REF -- sh -c 'cat <&5'", never),
    delivery("run --stdin", (&["run"], "stdin"), "", "vault run --stdin $REF -- cat", never),
    delivery("inject, to a file", (&["inject"], "output"), "", INJECT_FILE, never),
    delivery(
        "inject, to a pipe",
        (&["inject"], ""),
        "",
        "printf %s \"{{ $REF }}\" | vault inject",
        never,
    ),
    delivery("inject | base64", (&["inject"], ""), "base64", INJECT_BASE64, never),
    delivery("inject | shell", (&["inject"], ""), "", INJECT_SHELL, variable_of_a_shell),
    delivery("inject | json", (&["inject"], ""), "python3", INJECT_JSON, no_text),
    delivery("export shell, sh", (&["export"], ""), "", EXPORT_SHELL, variable_of_a_shell),
    delivery("export shell, dash", (&["export"], ""), "dash", EXPORT_DASH, variable_of_a_shell),
    delivery("export shell, bash", (&["export"], ""), "bash", EXPORT_BASH, variable_of_a_shell),
    delivery("export shell, zsh", (&["export"], ""), "zsh", EXPORT_ZSH, variable_of_a_shell),
    delivery("export fish", (&["export"], ""), "fish", EXPORT_FISH, variable_of_a_shell),
    delivery("export dotenv, sourced", (&["export"], ""), "", EXPORT_DOTENV, line_of_dotenv),
    delivery("export json", (&["export"], ""), "python3", EXPORT_JSON, no_text),
    delivery("helper summon", (&["helper", "summon"], ""), "", "vault helper summon $REF", never),
];

const RUN_REPLACE: &str = "vault run --replace -e X=$REF -- sh -c 'printf %s \"$X\"'";
const RUN_CRED: &str =
    "vault run --cred $NAME --names full -- sh -c 'eval \"printf %s \\\"\\$$VAR\\\"\"'";
const RUN_ENV_FILE: &str =
    "echo X=$REF > env && vault run --env-file env -- sh -c 'printf %s \"$X\"'";
const INJECT_FILE: &str =
    "printf %s \"{{ $REF }}\" > in && rm -f got && vault -q inject -i in -o got && cat got";
const INJECT_BASE64: &str = "echo \"{{ $REF | base64 }}\" | vault inject > got && base64 -d got";
const INJECT_SHELL: &str =
    "echo \"X={{ $REF | shell }}\" | vault inject > got && . ./got && printf %s \"$X\"";
const INJECT_JSON: &str = "echo \"{{ $REF | json }}\" | vault inject > got && python3 -c '
import json, sys
sys.stdout.buffer.write(json.load(open(\"got\", encoding=\"utf-8\")).encode())'";
const EXPORT_SHELL: &str = "got=$(vault export --format shell --names full $NAME) && eval \"$got\" && eval \"printf %s \\\"\\$$VAR\\\"\"";
const EXPORT_DASH: &str = "vault export --format shell --names full $NAME > got && dash -c '. ./got; eval \"printf %s \\\"\\$$VAR\\\"\"'";
const EXPORT_BASH: &str = "vault export --format shell --names full $NAME > got && bash -c '. ./got; printf %s \"${!VAR}\"'";
const EXPORT_ZSH: &str = "vault export --format shell --names full $NAME > got && zsh -fc '. ./got; printf %s \"${(P)VAR}\"'";
const EXPORT_FISH: &str = "vault export --format fish --names full $NAME > got && fish --no-config -c 'source got; printf %s $$VAR'";
const EXPORT_DOTENV: &str = "vault export --format dotenv --names full $NAME > got && . ./got && eval \"printf %s \\\"\\$$VAR\\\"\"";
const EXPORT_JSON: &str = "vault export --format json --names full $NAME > got && python3 -c '
import json, os, sys
sys.stdout.buffer.write(json.load(open(\"got\", encoding=\"utf-8\"))[os.environ[\"VAR\"]].encode())'";

/// Takes everything.
#[must_use]
pub fn never(_: &[u8]) -> bool {
    false
}

/// What no environment variable of a new program can hold (execve(2)).
fn variable(value: &[u8]) -> bool {
    value.contains(&0) || value.len() > 128_000
}

/// What no variable of a shell can hold; one that is sourced may be long.
fn variable_of_a_shell(value: &[u8]) -> bool {
    value.contains(&0) || std::str::from_utf8(value).is_err()
}

/// What readers of `.env` files do not read alike.
fn line_of_dotenv(value: &[u8]) -> bool {
    variable_of_a_shell(value) || value.iter().any(|byte| b"\r'".contains(byte))
}

fn no_text(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_err()
}

/// A value that has been lost or bent on the way in some program.
pub struct Sample {
    /// What it is called in the answer.
    pub name: &'static str,
    make: fn() -> Vec<u8>,
}

impl Sample {
    /// The value.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        (self.make)()
    }
}

/// The values, in the order of the columns.
pub const SAMPLES: &[Sample] = &[
    Sample { name: "plain", make: || b"correct-horse-battery-staple".to_vec() },
    Sample { name: "pem", make: || PEM.to_vec() },
    Sample { name: "nul", make: || b"one\0two\0".to_vec() },
    Sample { name: "crlf", make: || b"one\r\ntwo\r\n\r".to_vec() },
    Sample { name: "utf8", make: || "Grüße, мир, 世界 🦀 e\u{301}\u{202e}".into() },
    Sample { name: "bytes", make: || (0..=255).collect() },
    Sample { name: "no_nul", make: || (1..=255).collect() },
    Sample { name: "mib", make: || LINE.iter().copied().cycle().take(1 << 20).collect() },
    Sample { name: "empty", make: Vec::new },
    Sample { name: "newlines", make: || b"\n\nx\n\n\n".to_vec() },
    Sample { name: "shell", make: || SHELL.to_vec() },
];

const PEM: &[u8] = b"-----BEGIN MADE UP KEY-----\nbm90IGEga2V5LCBidXQgb2YgaXRzIHNoYXBl\n-----END MADE UP KEY-----\n";
const LINE: &[u8] = b"a line of a long text, with 'quotes' and $signs in it;\n";
/// What shells take for something else.
const SHELL: &[u8] =
    b"-n ~ 'a' \"b\" `touch x` $(touch x) ${HOME} $HOME !! \\n \\\\ # * ? {{ y }} %s & | ; =\t'";
