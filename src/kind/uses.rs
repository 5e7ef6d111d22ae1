//! What a credential is for, as far as its metadata tells, and in which environment variables the programs for
//! that look.

use super::dsn_whole::Whole;
use super::variables::Part;
use super::{address, services};
use crate::model::{Attr, Metadata};

/// Something that credentials are for.
pub(super) struct Use {
    /// How it is called.
    pub(super) name: &'static str,
    /// What people call it in `service`, in small letters.
    words: &'static [&'static str],
    /// The schemes of its addresses.
    schemes: &'static [&'static str],
    /// Its TCP ports.
    ports: &'static [u16],
    /// The variables, and what belongs there.
    pub(super) variables: &'static [(&'static str, Content)],
}

/// What belongs into a variable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// The primary secret.
    Primary,
    /// The secret field of this name.
    Secret(&'static str),
    /// The public field of this name; of a connection string, the part with the keyword of libpq.
    Public(&'static str, &'static str),
    /// Of a connection string only: the password.
    Setting(&'static str),
}

use Content::{Primary, Public, Secret, Setting};

const HOST: Content = Public("host", "host");
const PORT: Content = Public("port", "port");
const USER: Content = Public("username", "user");
const DATABASE: Content = Public("database", "dbname");

/// All of them, in the order of the manual.
pub(super) const USES: &[Use] = &[
    Use {
        name: "PostgreSQL",
        words: &["postgres", "postgresql", "pg", "pgsql", "cockroachdb", "timescaledb"],
        schemes: &["postgres", "postgresql", "pgsql", "cockroachdb"],
        ports: &[5432],
        variables: &[
            ("PGPASSWORD", Primary),
            ("PGHOST", HOST),
            ("PGPORT", PORT),
            ("PGUSER", USER),
            ("PGDATABASE", DATABASE),
            ("PGSSLMODE", Setting("sslmode")),
            ("PGSSLROOTCERT", Setting("sslrootcert")),
            ("PGCHANNELBINDING", Setting("channel_binding")),
            ("PGOPTIONS", Setting("options")),
        ],
    },
    Use {
        name: "MySQL, MariaDB",
        words: &["mysql", "mariadb"],
        schemes: &["mysql", "mariadb"],
        ports: &[3306],
        variables: &[
            ("MYSQL_PWD", Primary),
            ("MYSQL_HOST", HOST),
            ("MYSQL_TCP_PORT", PORT),
            ("MYSQL_USER", USER),
            ("MYSQL_DATABASE", DATABASE),
        ],
    },
    Use {
        name: "Redis, Valkey",
        words: &["redis", "valkey"],
        schemes: &["redis", "rediss", "valkey", "valkeys"],
        ports: &[6379],
        variables: &[("REDISCLI_AUTH", Primary), ("REDIS_HOST", HOST), ("REDIS_PORT", PORT)],
    },
    Use {
        name: "AWS",
        words: &["aws", "amazonwebservices", "s3"],
        schemes: &[],
        ports: &[],
        variables: &[
            ("AWS_SECRET_ACCESS_KEY", Primary),
            ("AWS_ACCESS_KEY_ID", Public("username", "user")),
            ("AWS_SESSION_TOKEN", Secret("session_token")),
            ("AWS_REGION", Public("region", "region")),
            ("AWS_DEFAULT_REGION", Public("region", "region")),
        ],
    },
    Use {
        name: "SMTP",
        words: &["smtp"],
        schemes: &["smtp", "smtps"],
        ports: &[25, 465, 587],
        variables: &[
            ("SMTP_PASSWORD", Primary),
            ("SMTP_HOST", HOST),
            ("SMTP_PORT", PORT),
            ("SMTP_USER", USER),
        ],
    },
];

/// What a credential is for, if that can be told: by its service, its address, its port, or the user.
pub(super) fn of(meta: &Metadata) -> Option<&'static Use> {
    let service = meta.get(Attr::Service).map(plain);
    let by_word = |one: &&Use| service.as_deref().is_some_and(|word| one.words.contains(&word));
    let scheme = scheme(meta);
    let by_scheme = |one: &&Use| scheme.as_deref().is_some_and(|scheme| one.has_scheme(scheme));
    let by_port = |one: &&Use| meta.port.is_some_and(|port| one.ports.contains(&port));
    let is_aws = is_aws(meta);
    let by_aws = |one: &&Use| is_aws && one.name == "AWS";
    let find = |fits: &dyn Fn(&&Use) -> bool| USES.iter().find(fits);
    // an address says it for certain; a port is only a custom
    let port = || if scheme.is_none() && service.is_none() { find(&by_port) } else { None };
    find(&by_scheme).or_else(|| find(&by_word)).or_else(|| find(&by_aws)).or_else(port)
}

/// The variables of the service that a token is for.
pub(super) fn token_variables(meta: &Metadata) -> Option<&'static [&'static str]> {
    let host = meta.get(Attr::Url).and_then(address::host_of).or_else(|| meta.get(Attr::Host));
    let by_host = host.and_then(services::at).map(|(_, service)| service);
    let service = by_host.or_else(|| meta.get(Attr::Service).and_then(services::called));
    service.map(|service| service.variables)
}

impl Use {
    fn has_scheme(&self, scheme: &str) -> bool {
        self.schemes.contains(&scheme)
    }
}

impl Content {
    /// The part of a connection string for `used` that it is.
    pub(super) fn part(self, used: &'static Use) -> Option<Part> {
        let key = match self {
            Primary => "password",
            Public(_, key) | Setting(key) => key,
            Secret(_) => return None,
        };
        Some(Part { schemes: used.schemes, key })
    }
}

/// A part of an address in clear.
pub(super) fn public_part(meta: &Metadata, key: &str) -> Option<String> {
    let url = meta.get(Attr::Url)?;
    Whole::read(url.as_bytes())?.part(key).map(|text| text.to_string())
}

fn scheme(meta: &Metadata) -> Option<String> {
    let own = meta.fields.iter().find(|(name, _)| name.as_str() == "scheme");
    let url = || meta.get(Attr::Url)?.split_once("://").map(|(scheme, _)| scheme.to_owned());
    let scheme = own.map(|(_, scheme)| scheme.clone()).or_else(url)?.to_ascii_lowercase();
    let plain = scheme.split('+').next().unwrap_or_default().to_owned();
    (!matches!(&*plain, "http" | "https")).then_some(plain)
}

fn is_aws(meta: &Metadata) -> bool {
    let host = meta.get(Attr::Url).and_then(address::host_of).or_else(|| meta.get(Attr::Host));
    let host = host.unwrap_or_default().to_ascii_lowercase();
    let user = meta.get(Attr::Username).unwrap_or_default();
    host.ends_with(".amazonaws.com")
        || user.len() == 20 && (user.starts_with("AKIA") || user.starts_with("ASIA"))
}

fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}
