//! RSA moduli of a generator whose primes can be found (ROCA, CVE-2017-15361).
//!
//! Its primes are `k * M + (65537^a mod M)`, where M is the product of the first primes. So the modulus, reduced by each
//! of these primes, lies in the subgroup that 65537 generates. For a modulus of another origin that happens about once in
//! 2^27 keys (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, §3).

use super::key_fault::KeyFaultReason;

/// The primes for which 65537 generates a proper subgroup, up to 167: the others tell nothing.
const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
const GENERATOR: u32 = 65_537;

/// Refuses a big-endian modulus that carries the fingerprint.
pub(super) fn check(modulus: &[u8]) -> Result<(), KeyFaultReason> {
    let marked = PRIMES.iter().all(|&prime| is_power_of_generator(remainder(modulus, prime), prime));
    if marked { Err(KeyFaultReason::WeakModulus) } else { Ok(()) }
}

fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime)
}

fn is_power_of_generator(value: u32, prime: u32) -> bool {
    std::iter::successors(Some(1), |&power| Some(power * (GENERATOR % prime) % prime))
        .take(prime as usize)
        .any(|power| power == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prime_of_the_table_tells_something() {
        for prime in PRIMES {
            assert!((1..prime).any(|value| !is_power_of_generator(value, prime)), "{prime}");
        }
    }

    #[test]
    fn a_power_of_the_generator_is_refused_and_its_double_is_not() {
        // 65537^3 as bytes: in the subgroup modulo every prime.
        let power = (65_537_u64.pow(3)).to_be_bytes();
        assert_eq!(check(&power), Err(KeyFaultReason::WeakModulus));
        assert_eq!(check(&(65_537_u64.pow(3) * 2).to_be_bytes()), Ok(()));
    }
}
