//! One credential from one line of JSON. Strict, and silent about what the line says: the parser's own
//! messages quote values, so only those of this file are passed on.

mod leaf;

use super::cred::set_field;
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{self, Kind, checks, public};
use crate::model::{FieldName, Metadata, Secret, Timestamp, parse_when};
use crate::vault::NewCredential;
use leaf::{Bytes, Keep, Maybe, Object, Port, Span, Tags, Text};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;

/// Reads line `number` of a file.
///
/// # Errors
/// Usage (2), or refused (14) for a secret in clear: `line N, column M` and what is wrong there,
/// never what stands there.
pub fn parse(line: &[u8], number: u64, now: Timestamp) -> Result<NewCredential> {
    let draft: Draft = serde_json::from_slice(line).map_err(|e| explain(&e, number))?;
    draft.finish(now).map_err(|e| at(number, None, &e))
}

/// `error`, with where it happened.
#[must_use]
pub fn at(line: u64, column: Option<usize>, error: &Error) -> Error {
    let place = match column {
        Some(column) => format!("line {line}, column {column}"),
        None => format!("line {line}"),
    };
    let placed = Error::new(error.kind(), format!("{place}: {}", error.message()));
    error.hints().iter().fold(placed, |placed, hint| placed.hint(hint.as_str()))
}

/// Marks the messages that are ours: no value of a line can begin an error text with it, as the
/// parser writes its own words first.
const OURS: char = '\u{1}';

/// The same for what is refused by policy.
const OURS_REFUSED: char = '\u{2}';

fn ours<E: de::Error>(error: &Error) -> E {
    let mark = if error.kind() == ErrorKind::Refused { OURS_REFUSED } else { OURS };
    E::custom(format!("{mark}{}", error.message()))
}

fn wrong<E: de::Error>(what: &str) -> E {
    E::custom(format!("{OURS}{what}"))
}

fn explain(error: &serde_json::Error, number: u64) -> Error {
    let text = error.to_string();
    let said = text.strip_prefix([OURS, OURS_REFUSED]);
    let said = said.and_then(|text| text.rsplit_once(" at line ")).map(|parts| parts.0);
    let refused = text.starts_with(OURS_REFUSED);
    let what = match error.classify() {
        serde_json::error::Category::Data => said.unwrap_or("the wrong type of value"),
        serde_json::error::Category::Eof => "the JSON ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "no valid JSON",
    };
    let kind = if refused { ErrorKind::Refused } else { ErrorKind::Usage };
    at(number, Some(error.column()), &Error::new(kind, what))
}

#[derive(Default)]
struct Draft {
    name: Option<String>,
    kind: Option<&'static Kind>,
    meta: Metadata,
    expires: Option<String>,
    rotate_every: Option<i64>,
    secrets: Vec<(FieldName, Secret)>,
    seen: Vec<String>,
}

impl Draft {
    fn finish(mut self, now: Timestamp) -> Result<NewCredential> {
        let kind = self.kind.map_or_else(|| kind::find("password"), Ok)?;
        let name = self.name.ok_or_else(|| Error::usage("`name` is missing"))?.parse()?;
        self.meta.kind = kind.name.to_owned();
        let at = |text: String| parse_when(&text, now, true);
        self.meta.expires_at = self.expires.map(at).transpose()?;
        self.meta.rotate_every = self.rotate_every;
        if self.secrets.is_empty() {
            return Err(Error::usage("`secrets` is missing or empty"));
        }
        let known = |name: &str| kind.secret_field(name).is_some();
        if !kind.open && self.secrets.iter().any(|(field, _)| !known(field.as_str())) {
            let fields = kind.fields.iter().filter(|f| f.secret).map(|f| f.name);
            return Err(Error::usage(format!("a secret field that `{}` does not have", kind.name))
                .hint(format!("it has: {}", fields.collect::<Vec<_>>().join(", "))));
        }
        for (field, value) in &self.secrets {
            checks::refuse(field.as_str(), value.expose())?;
        }
        if let Some(learn) = kind.learn {
            learn(&self.secrets, &mut self.meta);
        }
        public::check_metadata(&self.meta)?;
        Ok(NewCredential { name, meta: self.meta, secrets: self.secrets })
    }

    fn take<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        map: &mut A,
    ) -> std::result::Result<(), A::Error> {
        match key {
            "name" => self.name = Some(map.next_value::<Text>()?.0),
            "type" => self.kind = Some(find_kind(&map.next_value::<Text>()?.0)?),
            "tags" => self.meta.tags = map.next_value::<Tags>()?.0.into_iter().collect(),
            "requires_vpn" => self.meta.requires_vpn = map.next_value()?,
            "requires_2fa" => self.meta.requires_2fa = map.next_value()?,
            "expires" => self.expires = map.next_value::<Maybe<Text>>()?.0.map(|text| text.0),
            "rotate_every" => self.rotate_every = map.next_value::<Maybe<Span>>()?.0.map(|s| s.0),
            "keep" => self.meta.keep = map.next_value::<Maybe<Keep>>()?.0.map(|keep| keep.0),
            "port" => self.meta.port = map.next_value::<Maybe<Port>>()?.0.map(|port| port.0),
            "fields" => {
                for (key, value) in map.next_value::<Object<Text>>()?.0 {
                    set_field(&mut self.meta, &key, &value.0).map_err(|e| ours(&e))?;
                }
            }
            "secrets" => {
                for (key, value) in map.next_value::<Object<Bytes>>()?.0 {
                    self.add_secret(key, value.0)?;
                }
            }
            "notes" => {
                if let Some(notes) = map.next_value::<Maybe<Bytes>>()?.0 {
                    self.add_secret("notes".parse().map_err(|e| ours(&e))?, notes.0)?;
                }
            }
            attr if crate::model::Attr::ALL.iter().any(|known| known.name() == attr) => {
                let key = attr.parse().map_err(|e| ours(&e))?;
                let text = map.next_value::<Maybe<Text>>()?.0.map(|text| text.0);
                set_field(&mut self.meta, &key, &text.unwrap_or_default()).map_err(|e| ours(&e))?;
            }
            _ => return Err(wrong("an unknown key")),
        }
        Ok(())
    }

    fn add_secret<E: de::Error>(
        &mut self,
        key: FieldName,
        value: Secret,
    ) -> std::result::Result<(), E> {
        if value.is_empty() {
            return Err(wrong("an empty secret"));
        }
        if value.len() > Secret::MAX {
            return Err(wrong("a secret of more than 16 MiB"));
        }
        if self.secrets.iter().any(|(other, _)| *other == key) {
            return Err(wrong("a secret field given twice"));
        }
        self.secrets.push((key, value));
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Draft;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Draft, A::Error> {
                let mut draft = Draft::default();
                while let Some(Text(key)) = map.next_key()? {
                    if draft.seen.contains(&key) {
                        return Err(wrong("a key given twice"));
                    }
                    draft.take(&key, &mut map)?;
                    draft.seen.push(key);
                }
                Ok(draft)
            }
        }
        from.deserialize_map(Keys)
    }
}

fn find_kind<E: de::Error>(name: &str) -> std::result::Result<&'static Kind, E> {
    kind::find(name).map_err(|_| {
        let names = kind::ALL.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        wrong(&format!("an unknown type; there are {names}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Attr;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn read(line: &str) -> Result<NewCredential> {
        parse(line.as_bytes(), 7, NOW)
    }

    #[test]
    fn a_whole_line() {
        let new = read(
            r#"{"name":"db/main","type":"password","username":"app","host":null,"port":5432,
                "tags":["a","b"],"requires_2fa":true,"expires":"90d","rotate_every":"30d","keep":5,
                "secrets":{"password":"hunter2"},"notes":{"base64":"AP8="}}"#,
        )
        .unwrap();
        assert_eq!((new.name.as_str(), new.meta.kind.as_str()), ("db/main", "password"));
        assert_eq!((new.meta.get(Attr::Username), new.meta.port), (Some("app"), Some(5432)));
        assert_eq!((new.meta.tags.len(), new.meta.rotate_every), (2, Some(30 * 86_400)));
        assert_eq!(new.meta.keep, Some(5));
        assert_eq!(new.meta.expires_at, Some(Timestamp(NOW.0 + 90 * 86_400_000)));
        assert_eq!(new.secrets[1].1.expose(), b"\x00\xff");
    }

    #[test]
    fn without_a_type_it_is_a_password() {
        let new = read(r#"{"name":"x","secrets":{"password":"hunter2"}}"#).unwrap();
        assert_eq!(new.meta.kind, "password");
        assert!(read(r#"{"name":"x","secrets":{"token":"hunter2"}}"#).is_err());
    }

    #[test]
    fn errors_say_where_and_never_what() {
        for line in [
            r#"{"name":"x","type":"password","secrets":{"password":"hunter2"}"#,
            r#"{"name":"x","type":"password","secrets":{"password":"hunter2"}} hunter2"#,
            r#"{"name":"x","type":"hunter2","secrets":{"password":"p"}}"#,
            r#"{"name":"x","type":"password","secrets":"hunter2"}"#,
            r#"{"name":"x","type":"password","port":"hunter2"}"#,
            r#"{"name":"x","type":"password","requires_vpn":"hunter2"}"#,
            r#"{"name":"x","type":"password","tags":"hunter2"}"#,
            r#"{"name":"x","type":"password","tags":["hunter2,"]}"#,
            r#"{"name":"x","type":"password","expires":"hunter2","secrets":{"password":"p"}}"#,
            r#"{"name":"x","type":"password","rotate_every":"hunter2"}"#,
            r#"{"name":"x","type":"password","keep":"hunter2"}"#,
            r#"{"name":"x","type":"password","keep":1001}"#,
            r#"{"name":"x","hunter2":1}"#,
            r#"{"name":"x","hunter2":1,"hunter2":1}"#,
            r#"{"name":"x","secrets":{"HUNTER2":"hunter2"}}"#,
            r#"{"name":"x","secrets":{"password":"a","password":"hunter2"}}"#,
            r#"{"name":"x","secrets":{"password":{"base64":"hunter2"}}}"#,
            r#"{"name":"x","secrets":{"password":{"hunter2":"x"}}}"#,
            r#"{"name":"x","secrets":{"password":["hunter2"]}}"#,
            r#"{"name":"x","secrets":{"password":""}}"#,
            r#"{"name":"hunter2\u0007","type":"password","secrets":{"password":"p"}}"#,
            r#"{"name":"x","type":"password","secrets":{"hunter2":"p"}}"#,
            r#"{"name":"x","type":"password","secrets":{}}"#,
            r#"{"name":"x","url":1,"type":"password"}"#,
            r#""\u0001hunter2""#,
            r#"["hunter2"]"#,
            "hunter2",
        ] {
            let error = read(line).err().unwrap_or_else(|| panic!("accepted: {line}"));
            assert!(!format!("{error:?}").to_lowercase().contains("hunter2"), "{line}: {error:?}");
            assert!(error.message().starts_with("line 7"), "{line}: {error:?}");
        }
    }

    #[test]
    fn the_column_is_said() {
        let error = read(r#"{"name":"x","colour":1}"#).err().unwrap();
        assert!(error.message().starts_with("line 7, column "), "{error:?}");
        assert!(error.message().ends_with("an unknown key"), "{error:?}");
    }
}
