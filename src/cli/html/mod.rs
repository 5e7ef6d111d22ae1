//! Pages that stand alone: one HTML file without scripts, that fetches nothing and prints well. It knows
//! markup, not vaults.
//!
//! Stored text gets in through [`Markup::text`], escaped; whatever else is written is a literal of this
//! program. The pages are well-formed XML too, so that tests can read them.

mod chart;
mod table;

pub use chart::{Column, columns, heat};
pub use table::{shown, table};

use super::escape;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

/// Markup in the making.
#[derive(Default)]
pub struct Markup(String);

/// What stands in a tag. Values are escaped.
pub type Attrs<'a> = &'a [(&'static str, &'a str)];

impl Markup {
    /// An element and what is in it.
    pub fn element(
        &mut self,
        tag: &'static str,
        attrs: Attrs<'_>,
        inside: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.start(tag, attrs);
        self.0.push('>');
        inside(self);
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
        if is_block(tag) {
            self.0.push('\n');
        }
        self
    }

    /// An element with nothing in it but text.
    pub fn leaf(&mut self, tag: &'static str, attrs: Attrs<'_>, text: &str) -> &mut Self {
        self.element(tag, attrs, |m| _ = m.text(text))
    }

    /// An element that has no content: a shape, a line.
    pub fn empty(&mut self, tag: &'static str, attrs: Attrs<'_>) -> &mut Self {
        self.start(tag, attrs);
        self.0.push_str("/>");
        self
    }

    /// Text, whatever is in it: markup becomes harmless, and so do characters that control or deceive.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in escape::shown(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // of these XML has none
                '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                _ => self.0.push(c),
            }
        }
        self
    }

    /// A text of several lines: a paragraph for each that is not empty.
    pub fn paragraphs(&mut self, text: &str) -> &mut Self {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            self.leaf("p", &[], line);
        }
        self
    }

    /// A text whose lines stay what they are.
    pub fn lines(&mut self, text: &str) -> &mut Self {
        self.element("pre", &[], |m| {
            for line in text.lines() {
                m.text(line).0.push('\n');
            }
        })
    }

    /// A part of the page with a heading.
    pub fn section(&mut self, heading: &str, inside: impl FnOnce(&mut Self)) -> &mut Self {
        self.element("section", &[], |m| {
            m.leaf("h2", &[], heading);
            inside(m);
        })
    }

    /// Numbers that come first: what each is, and the number.
    pub fn figures(&mut self, figures: &[(&str, String)]) -> &mut Self {
        self.element("dl", &[("class", "figures")], |m| {
            for (what, number) in figures {
                m.element("div", &[], |m| {
                    m.leaf("dt", &[], what);
                    m.leaf("dd", &[], number);
                });
            }
        })
    }

    /// Facts, one below the other.
    pub fn facts(&mut self, facts: &[(&str, String)]) -> &mut Self {
        self.element("dl", &[("class", "facts")], |m| {
            for (what, fact) in facts {
                m.leaf("dt", &[], what);
                m.leaf("dd", &[], fact);
            }
        })
    }

    fn start(&mut self, tag: &'static str, attrs: Attrs<'_>) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attrs {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.text(value);
            self.0.push('"');
        }
    }
}

/// A whole page.
#[must_use]
pub fn page(title: &str, inside: impl FnOnce(&mut Markup)) -> String {
    let mut m = Markup("<!DOCTYPE html>\n".into());
    m.element("html", &[("lang", "en")], |m| {
        m.element("head", &[], |m| head(m, title));
        m.element("body", &[], |m| {
            m.element("main", &[], |m| {
                m.leaf("h1", &[], title);
                inside(m);
            });
        });
    });
    m.0
}

fn head(m: &mut Markup, title: &str) {
    m.empty("meta", &[("charset", "utf-8")]);
    let policy = [("http-equiv", "Content-Security-Policy"), ("content", &policy())];
    m.empty("meta", &policy);
    m.empty("meta", &[("name", "referrer"), ("content", "no-referrer")]);
    m.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
    m.empty("meta", &[("name", "color-scheme"), ("content", "light dark")]);
    m.leaf("title", &[], title);
    // no text of others, and nothing in it that would have to be escaped
    m.0.push_str("<style>");
    m.0.push_str(STYLE);
    m.0.push_str("</style>\n");
}

/// Nothing is run and nothing fetched, whatever gets into the page; only this style holds.
fn policy() -> String {
    let style = BASE64.encode(&Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

fn is_block(tag: &str) -> bool {
    !matches!(tag, "td" | "th" | "dt" | "dd" | "span" | "text" | "code" | "title" | "rect")
}

/// How pages look: on paper, by day and by night.
const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_policy_fits_the_style() {
        let page = page("x", |_| ());
        let (_, rest) = page.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let digest = BASE64.encode(&Sha256::digest(style));
        assert!(page.contains(&format!("style-src &#39;sha256-{digest}&#39;;")), "{page}");
        assert!(!STYLE.contains(['<', '>', '&']) && !STYLE.contains("url("));
    }

    #[test]
    fn lines_become_paragraphs() {
        let mut m = Markup::default();
        m.paragraphs("a\r\n\n<b>\u{1b}");
        assert_eq!(m.0, "<p>a</p>\n<p>&lt;b&gt;\\u{1b}</p>\n");
    }

    #[test]
    fn markup_in_text_is_text() {
        let mut m = Markup::default();
        m.leaf("p", &[("class", "\"><script>")], "<script>alert('x')</script>&amp;");
        assert_eq!(
            m.0,
            "<p class=\"&quot;&gt;&lt;script&gt;\">&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\
             &amp;amp;</p>\n"
        );
    }

    proptest! {
        #[test]
        fn no_text_opens_or_closes_anything(text in any::<String>()) {
            let mut m = Markup::default();
            m.text(&text);
            prop_assert!(!m.0.contains(['<', '>', '"', '\'']));
            prop_assert!(!m.0.chars().any(escape::is_harmful));
        }
    }
}
