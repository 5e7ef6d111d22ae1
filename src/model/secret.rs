//! `Secret`: bytes that cannot be printed, copied, compared or serialized by accident.

use zeroize::Zeroizing;

/// A secret value. Its only exit is [`Secret::expose`]; memory is wiped on drop.
///
/// It cannot be printed:
/// ```compile_fail
/// let s = vault::model::Secret::from_bytes(b"x");
/// println!("{s:?}");
/// ```
/// ```compile_fail
/// let s = vault::model::Secret::from_bytes(b"x");
/// println!("{s}");
/// ```
/// nor cloned:
/// ```compile_fail
/// fn copy<T: Clone>(_: T) {}
/// copy(vault::model::Secret::from_bytes(b"x"));
/// ```
/// nor serialized:
/// ```compile_fail
/// let s = vault::model::Secret::from_bytes(b"x");
/// let _ = serde_json::to_string(&s);
/// ```
/// nor compared in variable time:
/// ```compile_fail
/// let s = vault::model::Secret::from_bytes(b"x");
/// let _ = s == s;
/// ```
/// The same shapes compile when the one exit is used, so the refusals above are about the type:
/// ```
/// let s = vault::model::Secret::from_bytes(b"x");
/// println!("{:?}", s.expose());
/// let _ = serde_json::to_string(s.expose());
/// let _ = s.expose() == s.expose();
/// ```
pub struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    media: Option<String>,
}

impl Secret {
    /// The largest value that can be stored: 16 MiB.
    pub const MAX: usize = 16 << 20;

    /// Takes ownership of `bytes`.
    #[must_use]
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self { bytes, media: None }
    }

    /// Copies `bytes` into a buffer of exactly their size.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut own = Zeroizing::new(Vec::with_capacity(bytes.len()));
        own.extend_from_slice(bytes);
        Self::new(own)
    }

    /// The same, with the media type of the file it came from.
    #[must_use]
    pub fn with_media(mut self, media: Option<String>) -> Self {
        self.media = media;
        self
    }

    /// What sort of content it is, for one that came as a file: a media type (RFC 6838). Stored in
    /// clear.
    #[must_use]
    pub fn media(&self) -> Option<&str> {
        self.media.as_deref()
    }

    /// The value. Callers must not copy it into anything that outlives the command.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
