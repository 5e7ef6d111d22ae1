//! Which variables a credential gets.

use super::*;

fn names(variables: &[Variable]) -> Vec<&str> {
    variables.iter().map(|variable| variable.name.as_str()).collect()
}

fn meta(kind: &str, attrs: &[(Attr, &str)], port: Option<u16>) -> Metadata {
    let mut meta = Metadata::default();
    meta.kind = kind.into();
    meta.port = port;
    for (attr, text) in attrs {
        meta.set(*attr, Some((*text).into()));
    }
    meta
}

/// The customary names, separated by spaces.
fn called(meta: &Metadata, secrets: &[&str]) -> String {
    let secrets: Vec<FieldName> = secrets.iter().map(|field| field.parse().unwrap()).collect();
    let secrets: Vec<&FieldName> = secrets.iter().collect();
    names(&customary(meta, &secrets)).join(" ")
}

#[test]
fn what_is_there_has_its_customary_name() {
    let mut meta = meta("ssh", &[(Attr::Username, "root")], Some(2222));
    assert_eq!(called(&meta, &["private_key", "notes"]), "SSH_PRIVATE_KEY SSH_USER SSH_PORT");
    meta.kind = "password".into();
    meta.port = None;
    assert_eq!(called(&meta, &["password", "totp"]), "PASSWORD LOGIN_USER");
    meta.kind = "http_basic".into();
    assert_eq!(called(&meta, &["password"]), "BASIC_AUTH_PASSWORD BASIC_AUTH_USER");
}

#[test]
fn a_login_to_a_database_has_the_names_of_its_programs() {
    let place = [(Attr::Host, "db"), (Attr::Username, "app"), (Attr::Database, "shop")];
    let postgres = "PGPASSWORD PGHOST PGPORT PGUSER PGDATABASE";
    assert_eq!(called(&meta("password", &place, Some(5432)), &["password"]), postgres);
    let service = |name| [&place[..], &[(Attr::Service, name)]].concat();
    let named = meta("password", &service("Postgres"), None);
    assert_eq!(called(&named, &["password"]), "PGPASSWORD PGHOST PGUSER PGDATABASE");
    let url = meta("password", &[(Attr::Url, "postgres://db:5433/shop")], None);
    assert_eq!(called(&url, &["password"]), "PGPASSWORD PGHOST PGPORT PGDATABASE");
    let named = meta("password", &service("mysql"), Some(3307));
    let mysql = "MYSQL_PWD MYSQL_HOST MYSQL_TCP_PORT MYSQL_USER MYSQL_DATABASE";
    assert_eq!(called(&named, &["password"]), mysql);
    let redis = meta("password", &[], Some(6379));
    assert_eq!(called(&redis, &["password"]), "REDISCLI_AUTH REDIS_PORT");
    // what the user says counts more than a port
    let other = meta("password", &service("shop"), Some(5432));
    assert_eq!(called(&other, &["password"]), "PASSWORD LOGIN_USER");
}

#[test]
fn the_parts_of_an_address_are_read_from_it() {
    let meta = meta("connection_string", &[(Attr::Host, "an-older-one")], None);
    let field: FieldName = "connection_string".parse().unwrap();
    let found = customary(&meta, &[&field]);
    let values = |dsn: &str| -> Vec<String> {
        let read = |one: &Variable| match &one.source {
            Source::Part(_, part) => {
                let value = part.read(dsn.as_bytes())?;
                let secret = if part.is_secret() { "*" } else { "" };
                Some(format!("{}={}{secret}", one.name, String::from_utf8_lossy(&value)))
            }
            Source::Secret(_) => Some(one.name.clone()),
            Source::Public(..) => panic!("{} is from the metadata", one.name),
        };
        found.iter().filter_map(read).collect()
    };
    let all = [
        "DATABASE_URL",
        "PGPASSWORD=p@s*",
        "PGHOST=db",
        "PGPORT=5433",
        "PGUSER=app",
        "PGDATABASE=shop",
        "PGSSLMODE=require",
    ];
    assert_eq!(values("postgres://app:p%40s@db:5433/shop?sslmode=require"), all);
    assert_eq!(values("host=db password=x"), ["DATABASE_URL", "PGPASSWORD=x*", "PGHOST=db"]);
    assert_eq!(values("mongodb://app:x@db/shop"), ["DATABASE_URL"]);
    assert_eq!(values("app:x@tcp(db)/shop"), ["DATABASE_URL"]);
}

#[test]
fn tokens_are_called_as_the_tools_of_their_service_call_them() {
    let at = |kind, attr, text| meta(kind, &[(attr, text)], None);
    let github = at("bearer_token", Attr::Url, "https://api.github.com/");
    assert_eq!(called(&github, &["token"]), "GITHUB_TOKEN");
    assert_eq!(called(&at("api_key", Attr::Service, "OpenAI"), &["api_key"]), "OPENAI_API_KEY");
    assert_eq!(called(&at("api_key", Attr::Host, "example.com"), &["api_key"]), "API_KEY");
    let oauth = at("oauth", Attr::Service, "slack");
    assert_eq!(
        called(&oauth, &["client_secret", "access_token"]),
        "SLACK_BOT_TOKEN OAUTH_CLIENT_SECRET"
    );
    // the password of the account is no token
    let login = at("password", Attr::Url, "https://github.com/login");
    assert_eq!(called(&login, &["password"]), "PASSWORD");
}

#[test]
fn keys_of_aws() {
    let mut key = meta("custom", &[(Attr::Service, "AWS"), (Attr::Username, "AKIAX")], None);
    key.fields.insert("region".parse().unwrap(), "eu-central-1".into());
    assert_eq!(
        called(&key, &["secret_access_key", "session_token"]),
        "AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION"
    );
    let id = meta("api_key", &[(Attr::Username, "AKIAIOSFODNN7EXAMPLE")], None);
    assert_eq!(called(&id, &["api_key"]), "AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID");
}

#[test]
fn every_primary_secret_has_a_name_and_none_that_means_something_else() {
    for kind in crate::kind::ALL {
        let primary = kind.primary().map_or("pin", |field| field.name);
        assert!(!called(&meta(kind.name, &[], None), &[primary]).is_empty(), "{}", kind.name);
    }
    let custom = meta("custom", &[], None);
    assert_eq!(called(&custom, &["pin", "puk", "notes"]), "PIN PUK");
    assert_eq!(called(&custom, &["notes"]), "NOTES");
    assert_eq!(called(&custom, &["notes", "totp"]), "TOTP");
    assert_eq!(called(&custom, &["path", "seconds"]), "SECRET_PATH SECRET_SECONDS");
    for name in ["gconv_path", "malloc_trace", "openssl_conf", "lua_init", "xdg_config_home"] {
        assert!(called(&custom, &[name]).starts_with("SECRET_"), "{name}");
    }
    for (what, names) in table() {
        for name in names {
            assert!(!is_reserved(name), "{what}: {name}");
        }
    }
    assert!(reserved::NAMES.is_sorted() && reserved::BEGINNINGS.is_sorted());
}

#[test]
fn full_names_tell_whose_they_are() {
    let meta = meta("password", &[(Attr::Host, "db.internal")], None);
    let (password, totp): (FieldName, FieldName) =
        ("password".parse().unwrap(), "totp".parse().unwrap());
    let of = |name: &str| full(&name.parse().unwrap(), &meta, &[&password, &totp]);
    assert_eq!(names(&of("9/db-main ü")), ["_9_DB_MAIN___PASSWORD", "_9_DB_MAIN___HOST"]);
    assert_eq!(names(&of("ld")), ["SECRET_LD_PASSWORD", "SECRET_LD_HOST"]);
    assert_eq!(names(&of("git/acme")), ["GIT_ACME_PASSWORD", "GIT_ACME_HOST"]);
}
