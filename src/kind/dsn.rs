//! Reads where a connection string leads, without ever copying what it keeps secret. It knows
//! nothing of credentials; whatever it hands out may be shown to anyone.
//!
//! Invariant: no part contains the password, and every part is either what the author meant or
//! missing. Passwords are often pasted in unescaped, so anything ambiguous is left out.

use super::address::{self, parse_port};
use zeroize::Zeroizing;

/// What may be known in clear.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Parts {
    /// A name out of [`SCHEMES`], never a copy.
    pub(super) scheme: Option<&'static str>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: Option<String>,
    pub(super) username: Option<String>,
}

/// The ways to write a connection string.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// `scheme://…`
    Url,
    /// `key=value key=value`, as libpq has it, or with `;`, as ADO.NET and ODBC have it.
    Keywords,
    /// `user:password@tcp(host:port)/database`, as drivers for Go have it.
    Go,
}

/// The parts of a connection string that are beyond doubt.
pub(super) fn read(value: &[u8]) -> Parts {
    let Some(text) = clean(value) else {
        return Parts::default();
    };
    match split_scheme(text) {
        Some((scheme, rest)) => read_url(scheme, rest),
        None => read_keywords(text).unwrap_or_default(),
    }
}

/// The form of a connection string, if it has one.
pub(super) fn form(text: &str) -> Option<Form> {
    let text = text.trim();
    if split_scheme(text).is_some() {
        return Some(Form::Url);
    }
    if text.contains("@tcp(") || text.contains("@unix(") {
        return Some(Form::Go);
    }
    let (key, _) = text.split_once('=')?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '-');
    (!key.is_empty() && key.chars().all(word)).then_some(Form::Keywords)
}

/// Whether there is a password in it, as far as can be told.
pub(super) fn has_password(text: &str) -> bool {
    let text = text.trim();
    let in_authority = split_scheme(text)
        .map_or(text, |(_, rest)| rest)
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty());
    in_authority || text.split(['?', '&', ';', ' ']).any(is_password_pair)
}

/// Schemes whose user, host and path are known to be no secrets. In many others (chat webhooks,
/// package registries) the secret stands where the user or the host would be.
const SCHEMES: &[&str] = &[
    "amqp",
    "amqps",
    "bolt",
    "bolt+s",
    "cassandra",
    "clickhouse",
    "clickhouses",
    "cockroachdb",
    "couchbase",
    "couchbases",
    "couchdb",
    "db2",
    "firebird",
    "hive",
    "influxdb",
    "jdbc:mariadb",
    "jdbc:mysql",
    "jdbc:postgresql",
    "ldap",
    "ldaps",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "mqtt",
    "mqtts",
    "mssql",
    "mysql",
    "nats",
    "neo4j",
    "neo4j+s",
    "oracle",
    "pgsql",
    "postgres",
    "postgresql",
    "presto",
    "redis",
    "rediss",
    "snowflake",
    "sqlserver",
    "trino",
    "valkey",
    "valkeys",
    "vertica",
];

/// The keywords of libpq. A text with any other word in it is not understood, so not read.
const KEYWORDS: &[&str] = &[
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "options",
    "passfile",
    "password",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "sslcert",
    "sslcompression",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Parameters that hold a secret.
const PASSWORD_KEYS: &[&str] = &[
    "accesskey",
    "accountkey",
    "authtoken",
    "pass",
    "passwd",
    "password",
    "pwd",
    "sharedaccesskey",
    "sharedaccesssignature",
    "token",
];

/// The longest connection string that is looked at.
const LONGEST: usize = 16 << 10;

pub(super) fn clean(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let fine = text.len() <= LONGEST && !text.chars().any(char::is_control);
    fine.then_some(text)
}

pub(super) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let fine = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | ':'));
    fine.then_some((scheme, rest))
}

/// `postgresql+psycopg2` is `postgresql`, but `mongodb+srv` is itself.
pub(super) fn known_scheme(scheme: &str) -> Option<&'static str> {
    let scheme = scheme.to_ascii_lowercase();
    let plain = scheme.split('+').next().unwrap_or_default();
    let known = |name: &str| SCHEMES.iter().find(|known| **known == name).copied();
    known(&scheme).or_else(|| known(plain))
}

fn read_url(scheme: &str, rest: &str) -> Parts {
    let Some(scheme) = known_scheme(scheme) else {
        return Parts::default();
    };
    let parts = read_place(rest).unwrap_or_default();
    Parts { scheme: Some(scheme), ..parts }
}

/// `user:password@host:port/database?options`. The last `@` ends the password: nothing behind it
/// can belong to the password then, unless a `?`, `#` or `;` came before, where a parameter may
/// have begun.
fn read_place(rest: &str) -> Option<Parts> {
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, _)) if user.contains(['?', '#', ';']) => return None,
        Some((user, place)) => (user, place),
        None => ("", rest),
    };
    let end = place.find(['?', '#']).unwrap_or(place.len());
    let (authority, path) = place[..end].split_once('/').unwrap_or((&place[..end], ""));
    let (host, port) = split_port(authority)?;
    let (name, password) = user.split_once(':').unwrap_or_default();
    let mut parts = Parts {
        scheme: None,
        host: Some(host.to_owned()),
        port,
        database: word(path),
        // without a password the name itself may be the secret (`redis://secret@host`)
        username: if password.is_empty() { None } else { word(name) },
    };
    parts.keep_clear_of(password);
    Some(parts)
}

impl Parts {
    /// Drops whatever holds the password, even by coincidence (`postgres:postgres@…`).
    fn keep_clear_of(&mut self, password: &str) {
        if password.is_empty() {
            return;
        }
        let decoded = percent_decode(password).unwrap_or_default();
        let holds = |text: &str| {
            text.contains(password) || (!decoded.is_empty() && text.contains(decoded.as_str()))
        };
        self.host.take_if(|text| holds(text));
        self.database.take_if(|text| holds(text));
        self.username.take_if(|text| holds(text));
        self.port.take_if(|port| holds(&port.to_string()));
    }
}

/// A host and perhaps a port; several hosts are no host.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = address::split_host(authority);
    let port = port.map(parse_port).transpose().ok()?;
    is_host(host).then_some((host, port))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=253).contains(&host.len()) && host.bytes().all(letter)
}

/// A name of a user or database, decoded; nothing if it holds anything unusual.
fn word(text: &str) -> Option<String> {
    let text = percent_decode(text)?;
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '$' | '@' | '\\');
    ((1..=128).contains(&text.len()) && text.chars().all(letter)).then(|| text.to_string())
}

/// Text with `%XX` for bytes, decoded; nothing when it is not UTF-8 then.
#[must_use]
pub fn percent_decode(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let code = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(code).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

fn read_keywords(text: &str) -> Option<Parts> {
    let mut parts = Parts::default();
    let mut password = Zeroizing::new(String::new());
    for (key, value) in keywords(text)? {
        match key {
            "host" => parts.host = Some(value.to_string()).filter(|host| is_host(host)),
            "port" => parts.port = parse_port(&value).ok(),
            "dbname" => parts.database = word(&value),
            "user" => parts.username = word(&value),
            "password" => password = value,
            _ => (),
        }
    }
    parts.keep_clear_of(&password);
    Some(parts)
}

/// The form of libpq: `host=db password='it\'s'`. One unknown or repeated word, and nothing is
/// read: it may be the tail of an unquoted password.
pub(super) fn keywords(text: &str) -> Option<Vec<(&'static str, Zeroizing<String>)>> {
    let mut found: Vec<(&'static str, Zeroizing<String>)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, tail) = rest.split_once('=')?;
        let key = KEYWORDS.iter().find(|known| **known == key.trim())?;
        if found.iter().any(|(seen, _)| seen == key) {
            return None;
        }
        let (value, tail) = keyword_value(tail.trim_start())?;
        found.push((key, value));
        rest = tail.trim_start();
    }
    Some(found)
}

/// One value, quoted or up to the next space, and what follows.
fn keyword_value(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let quoted = text.starts_with('\'');
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '\'' if quoted => return Some((value, &text[at + 1..])),
            '\'' => return None,
            c if !quoted && c.is_whitespace() => return Some((value, &text[at..])),
            c => value.push(c),
        }
    }
    (!quoted).then_some((value, ""))
}

fn is_password_pair(pair: &str) -> bool {
    let Some((key, value)) = pair.split_once('=') else {
        return false;
    };
    let key = key.trim().to_ascii_lowercase().replace(['_', '-'], "");
    PASSWORD_KEYS.contains(&key.as_str()) && !value.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(host: &str, port: u16, database: &str, username: &str) -> Parts {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Parts {
            scheme: None,
            host: some(host),
            port: Some(port).filter(|port| *port != 0),
            database: some(database),
            username: some(username),
        }
    }

    #[test]
    fn common_forms() {
        let rows = [
            ("postgres://app:pw-1@db:5432/shop", place("db", 5432, "shop", "app")),
            (
                "postgresql+psycopg2://app:pw-1@db/shop?sslmode=require",
                place("db", 0, "shop", "app"),
            ),
            ("mysql://app%40corp:pw-1@db/shop", place("db", 0, "shop", "app@corp")),
            ("redis://:pw-1@cache:6379/0", place("cache", 6379, "0", "")),
            ("rediss://cache", place("cache", 0, "", "")),
            (
                "mongodb+srv://app:pw-1@c.example.net/?w=majority",
                place("c.example.net", 0, "", "app"),
            ),
            ("mongodb://app:pw-1@a:1,b:2/shop", Parts::default()),
            ("postgres://app:pw-1@[::1]:5432/shop", place("[::1]", 5432, "shop", "app")),
            (
                "jdbc:postgresql://db:5432/shop?user=app&password=pw-1",
                place("db", 5432, "shop", ""),
            ),
            ("postgres://app:pw-1@%2Frun%2Fpg/shop", Parts::default()),
            (
                "host=db port=5432 dbname=shop user=app password=pw-1",
                place("db", 5432, "shop", "app"),
            ),
            ("host = 'db'  user='app' password='it\\'s x=y'", place("db", 0, "", "app")),
            ("POSTGRES://app:pw-1@db\n", place("db", 0, "", "app")),
        ];
        for (dsn, expected) in rows {
            let parts = read(dsn.as_bytes());
            assert_eq!(Parts { scheme: None, ..parts }, expected, "{dsn}");
        }
    }

    #[test]
    fn unescaped_passwords_stay_inside() {
        for password in ["p@ss", "p:ss", "p/ss", "@", "a@b:c/d", "://", "x@evil/y", "@@", "a/b@c:9"]
        {
            let dsn = format!("postgres://app:{password}@db.internal:5432/shop");
            let parts = Parts { scheme: None, ..read(dsn.as_bytes()) };
            assert_eq!(parts, place("db.internal", 5432, "shop", "app"), "{password}");
        }
    }

    #[test]
    fn doubt_copies_nothing() {
        for dsn in [
            "postgres://app:p?ss@db/shop",
            "postgres://app:pw@db/shop?password=p@ss",
            "jdbc:sqlserver://db:1433;user=sa;password=p@ss",
            "redis://db:s3cret",
            "slack://T0000/B0000/secret",
            "https://secret@sentry.example/1",
            "host=db password=my secret",
            "host=db password=my host=secret",
            "host=db password=it's",
            "host=db password='open",
            "Server=db;Password=secret",
            "hunter2",
        ] {
            let parts = Parts { scheme: None, ..read(dsn.as_bytes()) };
            assert_eq!(parts, Parts::default(), "{dsn}");
        }
    }

    #[test]
    fn coincidences_are_dropped() {
        let parts = read(b"postgres://app:app@db/app");
        assert_eq!(Parts { scheme: None, ..parts }, place("db", 0, "", ""));
        let parts = read(b"postgres://s%40p:s@p@db/x");
        assert_eq!(parts.username, None);
    }

    #[test]
    fn forms_and_passwords_are_recognised() {
        assert_eq!(form("postgres://db/x"), Some(Form::Url));
        assert_eq!(form("host=db"), Some(Form::Keywords));
        assert_eq!(form("User Id=sa;Password=x"), Some(Form::Keywords));
        assert_eq!(form("app:pw@tcp(db:3306)/shop"), Some(Form::Go));
        assert_eq!(form("hunter2"), None);
        for with in [
            "postgres://a:b@c",
            "redis://:b@c",
            "host=db password=x",
            "Server=d;Pwd=x",
            "a:b@tcp(c)/d",
            "jdbc:x://d?user=a&password=x",
            "AccountName=a;AccountKey=b",
        ] {
            assert!(has_password(with), "{with}");
        }
        for without in ["postgres://a@c", "postgres://c:5432/d", "host=db", "Server=d;Password="] {
            assert!(!has_password(without), "{without}");
        }
    }

    fn texts(parts: &Parts) -> Vec<String> {
        let port = parts.port.map(|port| port.to_string());
        [&parts.host, &parts.database, &parts.username, &port]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Passwords that look like the rest of a connection string.
    fn password() -> impl Strategy<Value = String> {
        prop_oneof![".{1,20}", "[a-d@:/?#=; '%&\\\\.0-9]{1,20}", "[a-z]{1,4}[@:/][a-z]{1,4}"]
    }

    proptest! {
        /// Invariant: no part contains the password, and every part is true or missing.
        #[test]
        fn urls_keep_their_password(password in password(), query in "(\\?[a-z=@:/&]{0,12})?") {
            let dsn = format!("postgres://user:{password}@host.example:5432/base{query}");
            let parts = read(dsn.as_bytes());
            for text in texts(&parts) {
                prop_assert!(!text.contains(&password), "{parts:?}");
                let truth = ["user", "host.example", "5432", "base"];
                prop_assert!(truth.contains(&text.as_str()), "{parts:?}");
            }
        }

        #[test]
        fn keywords_keep_their_password(password in password(), last: bool) {
            let dsn = match last {
                true => format!("host=host.example user=user dbname=base password={password}"),
                false => format!("password={password} host=host.example user=user dbname=base"),
            };
            let parts = read(dsn.as_bytes());
            for text in texts(&parts) {
                prop_assert!(["user", "host.example", "base"].contains(&text.as_str()), "{parts:?}");
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            read(&bytes);
        }

        #[test]
        fn any_text_is_survived(text in "(postgres://|host=|jdbc:x://)?[a-c@:/?#=; '%&\\\\.\\[\\]0-9é]{0,40}") {
            let parts = read(text.as_bytes());
            form(&text);
            has_password(&text);
            for part in texts(&parts) {
                prop_assert!(part.len() <= 253);
            }
        }
    }
}
