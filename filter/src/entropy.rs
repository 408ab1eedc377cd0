//! Random bytes from the host, a pool at a time: a hostcall for each salt would cost more than the salt.

use crate::host::{Status, calls};
use countersign_core::time::UnixNanos;

const POOL: usize = 1024;

/// A pool of random bytes, each given out once.
#[derive(Debug)]
pub(crate) struct Entropy {
    pool: [u8; POOL],
    used: usize,
}

impl Entropy {
    pub(crate) fn new() -> Self {
        Self { pool: [0; POOL], used: POOL }
    }

    /// The next random bytes.
    ///
    /// # Errors
    /// The host's status when its source failed.
    pub(crate) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Status> {
        if self.used + N > POOL {
            calls::random(&mut self.pool)?;
            self.used = 0;
        }
        let mut out = [0; N];
        if let Some(source) = self.pool.get_mut(self.used..self.used + N) {
            out.copy_from_slice(source);
            source.fill(0);
        }
        self.used += N;
        Ok(out)
    }

    /// A UUID of version 7 (RFC 9562 §5.7) in its text form: sorts by time.
    pub(crate) fn uuid(&mut self, now: UnixNanos) -> Result<String, Status> {
        Ok(uuid_text(now.millis(), self.bytes()?))
    }
}

fn uuid_text(millis: u64, random: [u8; 10]) -> String {
    let [_, _, time @ ..] = millis.to_be_bytes();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(time.iter().chain(&random)).for_each(|(to, from)| *to = *from);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, digit) in countersign_core::hex::encode(&bytes).chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_carries_its_time_version_and_variant() {
        let millis = 0x0199_aabb_ccdd;
        assert_eq!(uuid_text(millis, [0xff; 10]), "0199aabb-ccdd-7fff-bfff-ffffffffffff");
        assert_eq!(uuid_text(millis, [0; 10]), "0199aabb-ccdd-7000-8000-000000000000");
    }

    #[test]
    fn a_host_without_a_source_is_told_apart() {
        assert!(Entropy::new().bytes::<4>().is_err(), "outside wasm there is no host");
    }
}
