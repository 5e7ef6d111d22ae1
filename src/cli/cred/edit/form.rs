//! A credential as a text to edit: TOML, a remark above each key. Knows nothing of how it is read back.

use crate::cli::cred::meta::MetaArgs;
use crate::cli::cred::show::words;
use crate::cli::read::quote;
use crate::cli::toml_text::{quoted, remark};
use crate::kind::{Kind, NOTES};
use crate::model::{Attr, FieldName, Metadata, Secret, Timestamp};
use crate::vault::Credential;
use std::fmt::Write as _;

/// The longest value that is put into the text; an editor is no place for more.
const LONGEST: usize = 64 << 10;

/// The whole text. `secrets` are in it if there are any to show.
pub(super) fn write(
    credential: &Credential,
    kind: &Kind,
    secrets: Option<&[(FieldName, Secret)]>,
) -> Secret {
    let mut form = Form::default();
    form.head(credential);
    form.metadata(&credential.meta);
    form.fields(&credential.meta, kind);
    if let Some(secrets) = secrets {
        form.secrets(&credential.name, kind, secrets);
    }
    Secret::from_bytes(form.text.as_bytes())
}

#[derive(Default)]
struct Form {
    text: String,
    about: About,
}

impl Form {
    fn head(&mut self, credential: &Credential) {
        self.remark(HEAD);
        self.text.push('\n');
        self.key("name", Some(quoted(&credential.name)), "Changes with `vault cred rename` only");
        self.key("type", Some(quoted(&credential.meta.kind)), "Stays what it is");
    }

    fn metadata(&mut self, meta: &Metadata) {
        for attr in Attr::ALL {
            self.option(attr.name(), meta.get(attr).map(quoted), EMPTY);
        }
        self.option("port", meta.port.map(|port| port.to_string()), "443");
        let tags: Vec<_> = meta.tags.iter().map(|tag| quoted(tag.as_str())).collect();
        self.key("tags", Some(format!("[{}]", tags.join(", "))), "Tags");
        self.option("requires_vpn", Some(meta.requires_vpn.to_string()), EMPTY);
        self.option("requires_2fa", Some(meta.requires_2fa.to_string()), EMPTY);
        self.option("expires", meta.expires_at.map(|at| quoted(&moment(at))), SPAN);
        self.option("rotate_every", meta.rotate_every.map(|span| quoted(&words(span))), SPAN);
        let about = "How many versions of each secret to keep; all of them if it has no value";
        self.key_or("keep", meta.keep.map(|keep| keep.to_string()), "10", about);
    }

    fn fields(&mut self, meta: &Metadata, kind: &Kind) {
        self.table("Further public fields. They are stored in clear.", "fields");
        for (name, value) in &meta.fields {
            let of_kind = kind.public_fields().find(|field| field.name == name.as_str());
            let about = of_kind.map_or("", |field| field.about);
            self.key(name.as_str(), Some(quoted(value)), about);
        }
        let column = |name: &str| name == "port" || Attr::ALL.iter().any(|a| a.name() == name);
        let known = |name: &str| meta.fields.keys().any(|key| key.as_str() == name);
        for field in kind.public_fields().filter(|f| !column(f.name) && !known(f.name)) {
            self.key_or(field.name, None, &quoted(field.example), field.about);
        }
    }

    fn secrets(&mut self, name: &str, kind: &Kind, secrets: &[(FieldName, Secret)]) {
        self.table(
            "Secrets. One that changes gets a new version; one whose line is taken out stays.",
            "secrets",
        );
        let of_kind = || kind.secret_fields().chain([&NOTES]);
        for (field, value) in secrets {
            let Some(text) = shown(value) else {
                self.left_out(name, field, value);
                continue;
            };
            let known = of_kind().find(|known| known.name == field.as_str());
            self.key(field.as_str(), Some(quoted(text)), known.map_or("", |field| field.about));
        }
        let missing = |name: &str| secrets.iter().all(|(field, _)| field.as_str() != name);
        for field in of_kind().filter(|field| missing(field.name)) {
            self.key_or(field.name, None, EMPTY, field.about);
        }
    }

    fn left_out(&mut self, name: &str, field: &FieldName, value: &Secret) {
        self.remark(&format!("`{field}` is left out: {} bytes, not for an editor.", value.len()));
        self.remark(&format!("Change it: vault cred set {} {field} --file PATH", quote(name)));
    }

    /// A key that is an option of the command line too, with the words of its help.
    fn option(&mut self, key: &str, value: Option<String>, example: &str) {
        let about = self.about.of(key);
        self.key_or(key, value, example, &about);
    }

    fn key(&mut self, key: &str, value: Option<String>, about: &str) {
        self.key_or(key, value, EMPTY, about);
    }

    /// A key with its value, or one in a remark, with an example.
    fn key_or(&mut self, key: &str, value: Option<String>, example: &str, about: &str) {
        if !about.is_empty() {
            self.remark(about);
        }
        // writing to a string does not fail
        let _ = match value {
            Some(value) => writeln!(self.text, "{key} = {value}"),
            None => writeln!(self.text, "# {key} = {example}"),
        };
    }

    fn table(&mut self, about: &str, name: &str) {
        self.text.push('\n');
        self.remark(about);
        // writing to a string does not fail
        let _ = writeln!(self.text, "[{name}]");
    }

    fn remark(&mut self, text: &str) {
        self.text.push_str(&remark("# ", text));
    }
}

/// The helps of the options, by key.
struct About(clap::Command);

impl Default for About {
    fn default() -> Self {
        Self(<MetaArgs as clap::Args>::augment_args(clap::Command::new("form")))
    }
}

impl About {
    fn of(&self, key: &str) -> String {
        let mut all = self.0.get_arguments();
        let help = all.find(|arg| arg.get_id() == key).and_then(clap::Arg::get_help);
        help.map(ToString::to_string).unwrap_or_default()
    }
}

/// A value as text, if an editor can have it.
fn shown(value: &Secret) -> Option<&str> {
    let text = std::str::from_utf8(value.expose()).ok()?;
    (value.len() <= LONGEST && !text.contains('\0')).then_some(text)
}

/// A day if it is one, else the moment.
fn moment(at: Timestamp) -> String {
    match at.0.rem_euclid(86_400_000) {
        0 => at.day(),
        _ => at.to_string(),
    }
}

const EMPTY: &str = "\"\"";
const SPAN: &str = "\"90d\"";
const HEAD: &str = "Change what you like, save, and close the editor.
A key in a line that begins with `#` has no value. To give up, change nothing or empty the file.";
