//! How the tokens of well-known services begin. It warns of a value pasted into the wrong place; it
//! never decides anything.

/// The tokens of one service.
pub(super) struct Service {
    /// Its domains; sub-domains count too.
    hosts: &'static [&'static str],
    /// How its keys and tokens begin.
    pub(super) keys: &'static [&'static str],
    /// How its OAuth access tokens begin; empty where that is not fixed.
    pub(super) access_tokens: &'static [&'static str],
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
    },
    Service { hosts: &["crates.io"], keys: &["cio"], access_tokens: &[] },
    Service {
        hosts: &["digitalocean.com"],
        keys: &["dop_v1_", "doo_v1_"],
        access_tokens: &["doo_v1_"],
    },
    Service {
        hosts: &["docker.com", "docker.io"],
        keys: &["dckr_pat_", "dckr_oat_"],
        access_tokens: &[],
    },
    Service {
        hosts: &["github.com", "ghcr.io"],
        keys: &["ghp_", "github_pat_", "gho_", "ghu_", "ghs_"],
        access_tokens: &["gho_", "ghu_"],
    },
    Service { hosts: &["gitlab.com"], keys: &["glpat-"], access_tokens: &[] },
    Service { hosts: &["groq.com"], keys: &["gsk_"], access_tokens: &[] },
    Service { hosts: &["huggingface.co"], keys: &["hf_"], access_tokens: &["hf_oauth_"] },
    Service { hosts: &["npmjs.org", "npmjs.com"], keys: &["npm_"], access_tokens: &[] },
    Service { hosts: &["openai.com"], keys: &["sk-"], access_tokens: &[] },
    Service { hosts: &["postman.com", "getpostman.com"], keys: &["PMAK-"], access_tokens: &[] },
    Service { hosts: &["pypi.org"], keys: &["pypi-"], access_tokens: &[] },
    Service { hosts: &["replicate.com"], keys: &["r8_"], access_tokens: &[] },
    Service { hosts: &["sendgrid.com"], keys: &["SG."], access_tokens: &[] },
    Service { hosts: &["slack.com"], keys: &["xox", "xapp-"], access_tokens: &["xox"] },
    Service { hosts: &["stripe.com"], keys: &["sk_", "rk_"], access_tokens: &["sk_"] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(SERVICES.windows(2).all(|pair| pair[0].hosts[0] < pair[1].hosts[0]));
        assert!(SERVICES.iter().all(|service| !service.keys.is_empty()));
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
    fn tokens_are_recognised() {
        assert!(is_token("ghp_abc") && is_token("sk-ant-x") && is_token("npm_x"));
        assert!(!is_token("git") && !is_token("sk-foo") && !is_token(""));
    }
}
