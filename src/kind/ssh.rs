//! SSH logins, by password, by key, or both. The public key is read from the private one, which need
//! not be opened for that.

use super::{Field, Kind, fill, value_of};
use super::{checks, signature};
use crate::model::{FieldName, Metadata, Secret};

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
    learn: Some(learn),
};

fn learn(secrets: &[(FieldName, Secret)], meta: &mut Metadata) {
    if let Some(key) = value_of(secrets, "private_key").and_then(public_key) {
        fill(meta, "public_key", &key);
    }
}

/// The public half of a key in OpenSSH's form. Not its comment: it is free text, and was sealed.
fn public_key(private: &[u8]) -> Option<String> {
    signature::public_half(private)?.to_openssh().ok().map(|line| line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `ssh-keygen -t ed25519 -N canary -C 'me@here'`.
    const SEALED: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABB0XewQ0X
cM0pwPz6AgTl3LAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAINFl2SUsgQUegmZ5
pmDjxqXngNmuGIrWaM/+PHTsLDMmAAAAkCWR1z28Tp98cVSlbem+/KeHR6crAeaGMob4Ao
9yJm48O7Kzs2qqZD8l03oXlxXGECzLkjwdSsrapMUZrpR30T4qJ76DIkpeR0SOW3JcK8Af
gt6dkylOv9citOKE0wEPWo0nsVtF7+7ROQYq0OuaIBoHCQ5tc8XIb+xpLo0LqArS3ZHcYo
tVVQxcEFFcHLIyTg==
-----END OPENSSH PRIVATE KEY-----
";
    const SEALED_PUBLIC: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINFl2SUsgQUegmZ5pmDjxqXngNmuGIrWaM/+PHTsLDMm";

    /// Made with `ssh-keygen -t ed25519 -N '' -C 'password: canary'`.
    const OPEN: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACCy8kS3V1HNXsNXaeWistS+kUbN1y+P3+GGD+6BKe7ouQAAAJg1d5r5NXea
+QAAAAtzc2gtZWQyNTUxOQAAACCy8kS3V1HNXsNXaeWistS+kUbN1y+P3+GGD+6BKe7ouQ
AAAEBCgq90kuD6sym9PS2nTvtvSBe9MOy/y3X8u6HGa9fycLLyRLdXUc1ew1dp5aKy1L6R
Rs3XL4/f4YYP7oEp7ui5AAAAEHBhc3N3b3JkOiBjYW5hcnkBAgMEBQ==
-----END OPENSSH PRIVATE KEY-----
";
    const OPEN_PUBLIC: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILLyRLdXUc1ew1dp5aKy1L6RRs3XL4/f4YYP7oEp7ui5";

    fn learned(private: &str, set: Option<&str>) -> Option<String> {
        let secrets = [("private_key".parse().unwrap(), Secret::from_bytes(private.as_bytes()))];
        let mut meta = Metadata::default();
        let name: FieldName = "public_key".parse().unwrap();
        if let Some(set) = set {
            meta.fields.insert(name.clone(), set.to_owned());
        }
        learn(&secrets, &mut meta);
        meta.fields.remove(&name)
    }

    #[test]
    fn the_public_key_is_read_from_the_private_one() {
        assert_eq!(learned(SEALED, None).as_deref(), Some(SEALED_PUBLIC));
        assert_eq!(learned(OPEN, None).as_deref(), Some(OPEN_PUBLIC));
        assert_eq!(learned(SEALED, Some("mine")).as_deref(), Some("mine"));
        assert_eq!(learned("-----BEGIN PRIVATE KEY-----\nAAAA\n", None), None);
        assert_eq!(learned(&SEALED[..100], None), None);
    }
}
