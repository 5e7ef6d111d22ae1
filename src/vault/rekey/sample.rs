//! How long a rekey will take: measured on values that are made up, under keys that are thrown away.

use crate::error::{Error, Result};
use crate::vault::crypto;
use crate::vault::keys::Keys;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// So many values are sealed and opened, of an average size up to this.
const VALUES: u32 = 100;
const LARGEST: u64 = 1 << 20;

/// What is added for reading, checking and writing, as a share of the cryptography.
const BESIDES: f64 = 1.0;

/// The time for so many values with so many bytes in all.
pub(super) fn time(values: u64, bytes: u64) -> Result<Duration> {
    if values == 0 {
        return Ok(Duration::ZERO);
    }
    let average = bytes / values;
    let size = usize::try_from(average.min(LARGEST)).unwrap_or_default();
    let keys = Keys::new(Uuid::nil(), 1);
    keys.prepare_for_many();
    let value = vec![0; size];
    let rounds = if size < 1 << 16 { VALUES } else { 5 };
    let start = Instant::now();
    for _ in 0..rounds {
        let sealed = crypto::encrypt(keys.recipient(), &[&value])?;
        let opened = crypto::decrypt(&keys.identity, &sealed);
        opened.map_err(|_| Error::internal("a sample did not open"))?;
    }
    let each = start.elapsed().as_secs_f64() / f64::from(rounds);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = f64::from(u16::try_from(cores).unwrap_or(u16::MAX));
    let parts = average.max(1).div_ceil(LARGEST);
    let seconds = scale(values.saturating_mul(parts)) * each * (1.0 / cores + BESIDES / 2.0);
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 52 bits")]
fn scale(count: u64) -> f64 {
    count as f64
}
