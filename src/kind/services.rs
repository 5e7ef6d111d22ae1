//! Well-known services: how their tokens begin, and the environment variables in which programs look for
//! them. How they begin only warns of a value pasted into the wrong place; it never decides anything.

/// The tokens of one service.
pub(super) struct Service {
    /// Its domains; sub-domains count too.
    hosts: &'static [&'static str],
    /// How its keys and tokens begin; empty where that is not fixed.
    pub(super) keys: &'static [&'static str],
    /// How its OAuth access tokens begin; empty where that is not fixed.
    pub(super) access_tokens: &'static [&'static str],
    /// Where programs look for its tokens.
    pub(super) variables: &'static [&'static str],
}

/// The service at `host`, if it is a known one.
pub(super) fn at(host: &str) -> Option<(&'static str, &'static Service)> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    SERVICES.iter().find_map(|service| {
        let domain = service.hosts.iter().find(|domain| host == **domain || below(domain))?;
        Some((*domain, service))
    })
}

/// The service that people call so, as `GitHub` or `Hugging Face`.
pub(super) fn called(name: &str) -> Option<&'static Service> {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let name = plain(name);
    let fits = |host: &str| {
        let stem = host.rsplit_once('.').map_or(host, |(stem, _)| stem);
        plain(host) == name || plain(stem) == name
    };
    SERVICES.iter().find(|service| service.hosts.iter().any(|host| fits(host)))
}

/// The first domain of each service, and its variables.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    SERVICES.iter().map(|service| (service.hosts[0], service.variables))
}

/// Whether `text` begins as a token of any known service does. For places where a token must not
/// be: short and common beginnings do not count.
pub(super) fn is_token(text: &str) -> bool {
    let prefixes = SERVICES.iter().flat_map(|service| service.keys);
    prefixes.filter(|prefix| prefix.len() > 3).any(|prefix| text.starts_with(prefix))
}

const SERVICES: &[Service] = &[
    Service {
        hosts: &["anthropic.com", "claude.com"],
        keys: &["sk-ant-"],
        access_tokens: &["sk-ant-"],
        variables: &["ANTHROPIC_API_KEY"],
    },
    Service {
        hosts: &["cloudflare.com"],
        keys: &[],
        access_tokens: &[],
        variables: &["CLOUDFLARE_API_TOKEN"],
    },
    Service {
        hosts: &["codecov.io"],
        keys: &[],
        access_tokens: &[],
        variables: &["CODECOV_TOKEN"],
    },
    Service { hosts: &["cohere.com"], keys: &[], access_tokens: &[], variables: &["CO_API_KEY"] },
    Service {
        hosts: &["crates.io"],
        keys: &["cio"],
        access_tokens: &[],
        variables: &["CARGO_REGISTRY_TOKEN"],
    },
    Service {
        hosts: &["datadoghq.com"],
        keys: &[],
        access_tokens: &[],
        variables: &["DD_API_KEY"],
    },
    Service {
        hosts: &["digitalocean.com"],
        keys: &["dop_v1_", "doo_v1_"],
        access_tokens: &["doo_v1_"],
        variables: &["DIGITALOCEAN_ACCESS_TOKEN"],
    },
    Service {
        hosts: &["docker.com", "docker.io"],
        keys: &["dckr_pat_", "dckr_oat_"],
        access_tokens: &[],
        variables: &["DOCKER_PASSWORD"],
    },
    Service { hosts: &["fly.io"], keys: &[], access_tokens: &[], variables: &["FLY_API_TOKEN"] },
    Service {
        hosts: &["github.com", "ghcr.io"],
        keys: &["ghp_", "github_pat_", "gho_", "ghu_", "ghs_"],
        access_tokens: &["gho_", "ghu_"],
        variables: &["GITHUB_TOKEN"],
    },
    Service {
        hosts: &["gitlab.com"],
        keys: &["glpat-"],
        access_tokens: &[],
        variables: &["GITLAB_TOKEN"],
    },
    Service {
        hosts: &["googleapis.com"],
        keys: &[],
        access_tokens: &[],
        variables: &["GOOGLE_API_KEY"],
    },
    Service {
        hosts: &["groq.com"],
        keys: &["gsk_"],
        access_tokens: &[],
        variables: &["GROQ_API_KEY"],
    },
    Service {
        hosts: &["heroku.com"],
        keys: &[],
        access_tokens: &[],
        variables: &["HEROKU_API_KEY"],
    },
    Service {
        hosts: &["hetzner.cloud"],
        keys: &[],
        access_tokens: &[],
        variables: &["HCLOUD_TOKEN"],
    },
    Service {
        hosts: &["huggingface.co"],
        keys: &["hf_"],
        access_tokens: &["hf_oauth_"],
        variables: &["HF_TOKEN"],
    },
    Service { hosts: &["linode.com"], keys: &[], access_tokens: &[], variables: &["LINODE_TOKEN"] },
    Service {
        hosts: &["mistral.ai"],
        keys: &[],
        access_tokens: &[],
        variables: &["MISTRAL_API_KEY"],
    },
    Service {
        hosts: &["netlify.com"],
        keys: &[],
        access_tokens: &[],
        variables: &["NETLIFY_AUTH_TOKEN"],
    },
    Service {
        hosts: &["npmjs.org", "npmjs.com"],
        keys: &["npm_"],
        access_tokens: &[],
        variables: &["NPM_TOKEN"],
    },
    Service {
        hosts: &["openai.com"],
        keys: &["sk-"],
        access_tokens: &[],
        variables: &["OPENAI_API_KEY"],
    },
    Service {
        hosts: &["postman.com", "getpostman.com"],
        keys: &["PMAK-"],
        access_tokens: &[],
        variables: &["POSTMAN_API_KEY"],
    },
    Service {
        hosts: &["pulumi.com"],
        keys: &[],
        access_tokens: &[],
        variables: &["PULUMI_ACCESS_TOKEN"],
    },
    Service {
        hosts: &["pypi.org"],
        keys: &["pypi-"],
        access_tokens: &[],
        variables: &["TWINE_PASSWORD", "UV_PUBLISH_TOKEN"],
    },
    Service {
        hosts: &["replicate.com"],
        keys: &["r8_"],
        access_tokens: &[],
        variables: &["REPLICATE_API_TOKEN"],
    },
    Service {
        hosts: &["sendgrid.com"],
        keys: &["SG."],
        access_tokens: &[],
        variables: &["SENDGRID_API_KEY"],
    },
    Service {
        hosts: &["sentry.io"],
        keys: &[],
        access_tokens: &[],
        variables: &["SENTRY_AUTH_TOKEN"],
    },
    Service {
        hosts: &["slack.com"],
        keys: &["xox", "xapp-"],
        access_tokens: &["xox"],
        variables: &["SLACK_BOT_TOKEN"],
    },
    Service {
        hosts: &["stripe.com"],
        keys: &["sk_", "rk_"],
        access_tokens: &["sk_"],
        variables: &["STRIPE_API_KEY"],
    },
    Service {
        hosts: &["terraform.io"],
        keys: &[],
        access_tokens: &[],
        variables: &["TF_TOKEN_app_terraform_io"],
    },
    Service { hosts: &["vercel.com"], keys: &[], access_tokens: &[], variables: &["VERCEL_TOKEN"] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(SERVICES.windows(2).all(|pair| pair[0].hosts[0] < pair[1].hosts[0]));
        assert!(SERVICES.iter().all(|service| !service.variables.is_empty()));
    }

    #[test]
    fn hosts_are_matched_by_whole_labels() {
        let found = |host| at(host).map(|(domain, _)| domain);
        assert_eq!(found("github.com"), Some("github.com"));
        assert_eq!(found("API.GitHub.com."), Some("github.com"));
        assert_eq!(found("notgithub.com"), None);
        assert_eq!(found("github.com.evil.example"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn services_go_by_their_names() {
        let found = |name| called(name).map(|service| service.variables[0]);
        assert_eq!(found("GitHub"), Some("GITHUB_TOKEN"));
        assert_eq!(found("Hugging Face"), Some("HF_TOKEN"));
        assert_eq!(found("pypi.org"), Some("TWINE_PASSWORD"));
        assert_eq!((found("git"), found("")), (None, None));
    }

    #[test]
    fn tokens_are_recognised() {
        assert!(is_token("ghp_abc") && is_token("sk-ant-x") && is_token("npm_x"));
        assert!(!is_token("git") && !is_token("sk-foo") && !is_token(""));
    }
}
