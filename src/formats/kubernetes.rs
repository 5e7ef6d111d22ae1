//! Manifests of Kubernetes.

use super::{Document, Pair, Title, Wrong, each, quote};

pub(super) fn document(pairs: &[Pair<'_>], title: Title<'_>) -> Result<Document, Wrong> {
    let head = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"{}\"\ntype: Opaque\ndata:\n",
        title.name
    );
    let mut size = 0;
    each(&head, pairs, |pair, out| {
        size += pair.value.len();
        if size > LARGEST {
            return Err("makes it larger than 1 MiB");
        }
        for part in [b"  \"", pair.name.as_bytes(), b"\": \""] {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(&quote::base64(pair.value)?);
        out.extend_from_slice(b"\"\n");
        Ok(())
    })
}

/// Whether an object can be called so: a subdomain (RFC 1123).
#[must_use]
pub fn is_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        ends.into_iter().all(|end| end.is_some_and(|b| letter(*b)))
            && bytes.iter().all(|b| letter(*b) || *b == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// The data of one Secret.
const LARGEST: usize = 1 << 20;
