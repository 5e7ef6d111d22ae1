//! The values a line is made of, and what each accepts.

use super::{ours, wrong};
use crate::kind::public;
use crate::model::{FieldName, Label, Secret, parse_duration};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A leaf of the line: what it accepts, and how. Whatever it does not accept becomes serde's own
/// message, which is never shown.
macro_rules! leaf {
    ($name:ident($type:ty), $($visit:ident($arg:ident: $from:ty) => $make:expr),+) => {
        pub(super) struct $name(pub(super) $type);
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
                struct Leaf;
                impl<'de> Visitor<'de> for Leaf {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("another value")
                    }
                    $(fn $visit<E: de::Error>(self, $arg: $from) -> std::result::Result<$name, E> {
                        $make
                    })+
                }
                from.deserialize_any(Leaf)
            }
        }
    };
}

leaf!(Text(String), visit_str(text: &str) => Ok(Text(text.to_owned())));
leaf!(Span(i64), visit_str(text: &str) => parse_duration(text).map(Span).map_err(|e| ours(&e)));
leaf!(Port(u16),
    visit_str(text: &str) => public::parse_port(text).map(Port).map_err(|e| ours(&e)),
    visit_u64(number: u64) => public::parse_port(&number.to_string()).map(Port).map_err(|e| ours(&e)));
leaf!(Keep(u32),
    visit_str(text: &str) => public::parse_keep(text).map(Keep).map_err(|e| ours(&e)),
    visit_u64(number: u64) => public::parse_keep(&number.to_string()).map(Keep).map_err(|e| ours(&e)));

/// A value, or `null`.
pub(super) struct Maybe<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Option::deserialize(from).map(Self)
    }
}

pub(super) struct Tags(pub(super) Vec<Label>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Tags;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of strings")
            }
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut all: A,
            ) -> std::result::Result<Tags, A::Error> {
                let mut tags = Vec::new();
                while let Some(Text(tag)) = all.next_element()? {
                    tags.push(tag.parse().map_err(|e| ours(&e))?);
                }
                Ok(Tags(tags))
            }
        }
        from.deserialize_seq(Each)
    }
}

pub(super) struct Object<T>(pub(super) Vec<(FieldName, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Each<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Object<T>, A::Error> {
                let mut pairs: Vec<(FieldName, T)> = Vec::new();
                while let Some(Text(key)) = map.next_key()? {
                    let key: FieldName = key.parse().map_err(|e| ours(&e))?;
                    if pairs.iter().any(|(other, _)| *other == key) {
                        return Err(wrong("a key given twice"));
                    }
                    pairs.push((key, map.next_value()?));
                }
                Ok(Object(pairs))
            }
        }
        from.deserialize_map(Each(std::marker::PhantomData))
    }
}

/// A secret: a string, or `{"base64": "…"}` for bytes that are no text.
pub(super) struct Bytes(pub(super) Secret);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or {\"base64\": …}")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Bytes, E> {
                Ok(Bytes(Secret::from_bytes(text.as_bytes())))
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Bytes, A::Error> {
                let Some(Text(key)) = map.next_key()? else {
                    return Err(wrong("an empty object"));
                };
                if key != "base64" {
                    return Err(wrong("a secret is a string or {\"base64\": …}"));
                }
                let Text(text) = map.next_value()?;
                let bytes = data_encoding::BASE64.decode(text.as_bytes());
                let bytes = bytes.map_err(|_| wrong("no valid base64"))?;
                match map.next_key::<Text>()? {
                    Some(_) => Err(wrong("more than `base64` in a secret")),
                    None => Ok(Bytes(Secret::new(bytes.into()))),
                }
            }
        }
        from.deserialize_any(Either)
    }
}
