//! Passwords for people.

use super::checks;
use super::{Field, Kind};

pub(super) const KIND: Kind = Kind {
    name: "password",
    aliases: &[],
    about: "A user name and password, as typed into a login form",
    fields: &[
        Field::secret("password", "The password")
            .service("log in{at} and change the password there")
            .example("correct-horse-battery-staple")
            .check(checks::one_line),
        Field::secret("totp", "Seed of the one-time codes, base32 or otpauth://")
            .service("set up the second factor{at} anew")
            .example("JBSWY3DPEHPK3PXP")
            .check(checks::totp)
            .optional(),
        Field::public("username", "Name to log in with").example("alice@example.com"),
        Field::public("url", "Where to log in").example("https://example.com/login"),
    ],
    open: false,
    learn: None,
};
