//! SSH logins, by password, by key, or both.

use super::checks;
use super::{Field, Kind};

// No secret is required: a login needs one of them, and every credential has at least one.
pub(super) const KIND: Kind = Kind {
    name: "ssh",
    aliases: &["ssh_key"],
    about: "An SSH login by password or private key",
    fields: &[
        Field::secret("password", "Password of the login")
            .service("log in{at} and set the new password with `passwd`")
            .env("SSH_PASSWORD")
            .example("correct-horse-battery-staple")
            .check(checks::ssh_password)
            .optional(),
        Field::secret("private_key", "Private key, in PEM or OpenSSH form")
            .service("add the new public key to `~/.ssh/authorized_keys`{at}, and take the old one out once the new one works")
            .env("SSH_PRIVATE_KEY")
            .example("-----BEGIN OPENSSH PRIVATE KEY-----\n…\n-----END OPENSSH PRIVATE KEY-----\n")
            .check(checks::ssh_private_key)
            .optional(),
        Field::secret("passphrase", "Passphrase of the private key")
            .service("give the key file the new passphrase: `ssh-keygen -p -f KEY`")
            .env("SSH_PASSPHRASE")
            .example("correct-horse-battery-staple")
            .check(checks::one_line)
            .optional(),
        Field::public("username", "Name to log in with").env("SSH_USER").example("root"),
        Field::public("host", "Server name or address").env("SSH_HOST").example("web1.example.com"),
        Field::public("port", "Port, if not 22").env("SSH_PORT").example("2222"),
        Field::public("public_key", "Public half of the key")
            .env("SSH_PUBLIC_KEY")
            .example("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI… alice@example.com"),
        Field::public("host_key", "Public key of the server, as in known_hosts")
            .env("SSH_HOST_KEY")
            .example("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI…"),
    ],
    open: false,
    learn: None,
};
