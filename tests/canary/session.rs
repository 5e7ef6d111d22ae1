//! The session: every command that can be run without a terminal, with known secrets in it.

use super::CANARY;

/// One step of the session.
pub struct Step<'s> {
    pub args: &'s [&'s str],
    pub input: Vec<u8>,
    pub code: i32,
    /// Whether its standard output is to hold the canary.
    pub hands_out: bool,
}

fn step<'s>(args: &'s [&'s str], code: i32) -> Step<'s> {
    Step { args, input: Vec::new(), code, hands_out: false }
}

impl Step<'_> {
    fn with(mut self, input: impl AsRef<[u8]>) -> Self {
        self.input = input.as_ref().to_vec();
        self
    }

    fn handing_out(mut self) -> Self {
        self.hands_out = true;
        self
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn session() -> Vec<Step<'static>> {
    let line = |name: &str, rest: &str| {
        let value = serde_json::to_string(CANARY).unwrap();
        format!(
            "{{\"name\":\"{name}\",\"type\":\"custom\",\"secrets\":{{\"pin\":{value}}}{rest}}}\n"
        )
    };
    let bad = |rest: &str| {
        line("bad", &format!(",{}", rest.replace("CANARY", "Kanarie-\\\"7f/é?\\\\+Vogel-Geheim")))
    };
    vec![
        step(&["init"], 0),
        step(&["init"], 13),
        step(&["cred", "add", "a", "--stdin"], 0).with(CANARY),
        step(&["cred", "add", "b", "--file", "value", "--notes-file", "value"], 0),
        step(&["cred", "add", "b", "--file", "value"], 13),
        step(&["cred", "add", "c", "--generate", "--username", "me"], 0),
        step(&["cred", "set", "c", "--generate=words:4"], 0),
        step(&["cred", "add", "k", "--type", "ssh", "--generate"], 0),
        step(&["cred", "add", "o", "--generate=office"], 2),
        step(&["generate", "--count", "3"], 0),
        step(&["cred", "add", "t", "--type", "token", "--stdin"], 0)
            .with(format!("Bearer {CANARY}\n\n")),
        step(&["cred", "add", "j", "--type", "jwt", "--stdin"], 0).with(CANARY),
        step(&["cred", "add", "s", "--type", "ssh", "--secret-field", "private_key", "--stdin"], 0)
            .with(CANARY),
        step(&["ssh-agent", "--", "true"], 0),
        step(&["ssh-agent", "s", "--", "true"], 125),
        step(&["cred", "add", "p", "--type", "cert", "--stdin"], 0).with(CANARY),
        step(&["cred", "add", "d", "--type", "dsn", "--stdin"], 0)
            .with(format!("postgres://app:{CANARY}@db.example.com/main")),
        step(&["cred", "add", "e", "--stdin"], 2),
        step(&["cred", "add", "f", "--file", "nowhere"], 10),
        step(&["cred", "set", "a", "--stdin", "--exact"], 0).with(CANARY),
        step(&["cred", "set", "a", "totp", "--file", "value"], 2),
        step(&["cred", "totp", "a"], 10),
        step(&["cred", "totp", "a", "password"], 4),
        step(&["cred", "copy", "a"], 4),
        step(&["cred", "set", "a", "--url", "https://example.com", "--tag", "x"], 0),
        step(&["cred", "set", "a", "pin", "--stdin"], 10).with(CANARY),
        step(&["cred", "get", "a"], 0).handing_out(),
        step(&["cred", "get", "a", "--json"], 0).handing_out(),
        step(&["cred", "get", "a", "nothing"], 10),
        step(&["cred", "get", "vault://a/password"], 0).handing_out(),
        step(&["inject"], 0).with("<{{ vault://a }}>").handing_out(),
        step(&["inject"], 2).with("{{ vault://a"),
        step(&["inject"], 10).with("{{ vault://a }} {{ vault://none }}"),
        step(&["export", "--format", "shell", "a"], 0).handing_out(),
        step(&["export", "--format", "dotenv", "a"], 0).handing_out(),
        step(&["export", "--format", "json", "a", "--only", "NONE"], 10),
        step(&["cred", "get", "none"], 10),
        step(&["cred", "show", "a"], 0),
        step(&["cred", "show", "a", "--json"], 0),
        step(&["cred", "show", "b", "--reveal"], 0).handing_out(),
        step(&["cred", "show", "b", "--reveal", "--json"], 0).handing_out(),
        step(&["cred", "show", "b", "--digest"], 0),
        step(&["cred", "clone", "b", "b2", "--with-secrets"], 0),
        step(&["cred", "clone", "b", "b3", "--file", "value", "--url", "https://x.example"], 0),
        step(&["cred", "clone", "b", "b3", "--stdin"], 13).with(CANARY),
        step(&["cred", "list"], 0),
        step(&["cred", "list", "--json", "--verify"], 0),
        step(&["cred", "rotate", "a", "--stdin", "--reason", "r"], 0).with(format!("{CANARY}2")),
        step(&["cred", "rotate", "a", "b", "j", "--json"], 17),
        step(&["cred", "rotate", "--tag", "x", "--yes"], 0),
        step(&["cred", "rotate", "j"], 4),
        step(&["cred", "history", "a"], 0),
        step(&["cred", "history", "a", "--json"], 0),
        step(&["cred", "get", "a", "--version", "1"], 0).handing_out(),
        step(&["cred", "get", "a", "--version", "99"], 10),
        step(&["cred", "rollback", "a", "--to", "1", "--if-version", "9"], 13),
        step(&["cred", "rollback", "a", "--to", "1"], 0),
        step(&["cred", "purge", "a", "--version", "2", "--yes"], 0),
        step(&["cred", "set", "a", "--keep", "1"], 0),
        step(&["cred", "purge", "--older-than", "30d", "--yes"], 0),
        step(&["cred", "list", "--columns", "name,fields,last_read", "--sort=-last_read"], 0),
        step(&["cred", "due"], 0),
        step(&["cred", "add", "y", "--stdin", "--canary"], 0).with(CANARY),
        step(&["cred", "get", "y"], 0).handing_out(),
        step(&["cred", "list", "--canary"], 0),
        step(&["audit", "alerts"], 16),
        step(&["audit", "alerts", "--open", "all", "--json"], 0),
        step(&["cred", "check"], 16),
        step(&["cred", "check", "--json", "--min-score", "4", "--hibp", "leaked"], 16),
        step(&["whose"], 0).with(CANARY),
        step(&["whose", "--json"], 0).with(format!("{CANARY}2")),
        step(&["whose", "--file", "value", "--cred", "b"], 0),
        step(&["whose"], 10).with(format!("x{CANARY}").chars().rev().collect::<String>()),
        step(&["whose", "--fd", "0"], 2).with(CANARY),
        step(&["status", "--check"], 0),
        step(&["cred", "rename", "a", "z"], 0),
        step(&["cred", "rm", "z"], 0),
        step(&["cred", "restore", "z"], 0),
        step(&["cred", "rm", "z"], 0),
        step(&["cred", "purge", "z", "--yes"], 0),
        step(&["import", "--dry-run"], 0).with(line("i", "")),
        step(&["import"], 0).with(line("i", ",\"notes\":\"n\"")),
        step(&["import"], 2).with(bad("\"port\":\"CANARY\"")),
        step(&["import"], 2).with(bad("\"CANARY\":1")),
        step(&["import"], 2).with(bad("\"expires\":\"CANARY\"")),
        step(&["import"], 2).with(bad("\"tags\":\"CANARY\"")),
        step(&["import"], 2).with(bad("\"secrets\":\"CANARY\"")),
        step(&["import"], 14).with(bad("\"fields\":{\"api_key\":\"CANARY\"}")),
        step(&["import"], 2).with(CANARY),
        step(&["import", "--json"], 2).with(format!("{{\"name\":{CANARY}")),
        step(&["incident", "open", "Odd logins", "--cred", "b", "--stdin"], 0).with(CANARY),
        step(&["incident", "open", "x", "--stdin", "--cred", "none"], 10).with(CANARY),
        step(&["incident", "note", "1", "--stdin"], 0).with(CANARY),
        step(&["incident", "note", "9", "--stdin"], 10).with(CANARY),
        step(&["incident", "edit", "1", "--stdin=findings", "--done", "gather"], 0).with(CANARY),
        step(&["incident", "edit", "1", "--stdin=findings", "--done", "none"], 10).with(CANARY),
        step(&["incident", "show", "1"], 0).handing_out(),
        step(&["incident", "show", "1", "--json"], 0).handing_out(),
        step(&["incident", "list"], 0),
        step(&["incident", "list", "--json", "--unlock", "--search", "odd"], 0),
        step(&["incident", "link", "1", "c", "--exposure", "exposed"], 0),
        step(&["incident", "unlink", "1", "c", "--note", "never there"], 0),
        step(&["incident", "blast", "1", "--since", "1d"], 0),
        step(&["incident", "blast", "1", "--json"], 0),
        step(&["incident", "rotate", "1", "--dry-run"], 0),
        step(&["incident", "rotate", "1", "none"], 10),
        step(&["incident", "report", "1", "--format", "html"], 0).handing_out(),
        step(&["incident", "report", "1", "--json"], 0).handing_out(),
        step(&["incident", "report", "9"], 10),
        step(&["incident", "contain", "1"], 0),
        step(&["incident", "resolve", "1"], 14),
        step(&["incident", "reopen", "1"], 0),
        step(&["incident", "rm", "1"], 0),
        step(&["incident", "restore", "1"], 0),
        step(&["incident", "rotate", "1"], 0),
        step(&["cred", "show", "b"], 0),
        step(&["audit", "show", "--limit", "0"], 0),
        step(&["audit", "show", "--limit", "0", "--json"], 0),
        step(&["audit", "show", "3"], 0),
        step(&["audit", "show", "--search", "canary"], 0),
        step(&["audit", "stats", "--by", "cred"], 0),
        step(&["audit", "report", "--html"], 0),
        step(&["audit", "report", "--html", "--output", "report.html"], 0),
        step(&["audit", "verify"], 0),
        step(&["audit", "checkpoint", "-o", "note"], 0),
        step(&["audit", "verify", "--anchor", "note"], 0),
        step(&["audit", "export"], 0),
        step(&["audit", "export", "--csv", "-o", "log.csv"], 0),
        step(&["audit", "export", "--cef"], 0),
        step(&["audit", "verify", "--anchor", "-"], 2).with(CANARY),
        step(&["audit", "verify", "--anchor", "note", "--public-key", "x"], 2),
        step(&["status"], 0),
        step(&["doctor"], 0),
        step(&["completions", "zsh"], 0),
        step(&["man", "pages"], 0),
        step(&["help", "environment"], 0),
        step(&["cred", "get", "b", "--key-file", "value"], 11),
        step(&["cred", "get", "b", "--key-file", "wrong-key"], 11),
        step(&["trust-state", "--yes"], 13),
    ]
}
